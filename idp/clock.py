"""The only reader of the wall clock.

Everything else takes a `Clock` and calls it, so that one frozen clock in a test moves the whole house.
"""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present as an aware datetime in UTC."""


def system_clock() -> datetime:
    """The present, in UTC."""
    return datetime.now(UTC)
