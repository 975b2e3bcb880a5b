"""What tokens need kept, as promises; tests/storage proves them on every store."""

from datetime import datetime
from typing import Any, Protocol

Tx = Any
"""An open transaction. Opaque (idp.storage.ports)."""


class RevokedTokenStore(Protocol):
    """Access tokens that ended before their time, each by itself."""

    def add(self, tx: Tx, token_id: str, expires_at: datetime) -> bool:
        """Keep the `jti` at least until `expires_at`; False, changing nothing that is seen, where it is kept already."""

    def since(self, number: int, now: datetime) -> list[tuple[int, str, datetime]]:
        """Number, `jti` and end of what was revoked after `number` and has not expired, in the order of the commits.

        Whatever commits later has a higher number: a reader who goes on from the last one misses nothing.
        """
