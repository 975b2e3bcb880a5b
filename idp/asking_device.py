"""The device of a device authorization, as the citizen is shown it (RFC 8628 §3.3, §5.4)."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AskingDevice:
    """What device and page both show, and what only we know."""

    name: str
    """Two words that we chose: nothing that a stranger wrote stands on our page."""
    name_language: str
    """`da`, `en` or `nb`; the same words on both sides, whatever the reader's language."""
    user_code: str
    """As the device shows it."""
    asked_at: datetime
    city: str = ""
    """Where the device asked from, where that is known."""
    country_code: str = ""
