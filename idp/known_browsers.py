"""Whether a browser has signed in as a citizen before, so that a stranger's guesses cannot slow the citizen down.

A cookie says it, made anew at each sign-in: a random part, the day, and a keyed digest over both and the citizen.
Nothing is kept. It never replaces a factor (S-225); it only chooses which failures are counted together.
"""

import hashlib
import hmac
from datetime import datetime, timedelta

from idp.ids import new_id

LIFETIME = timedelta(days=180)
_PARTS = 3


class KnownBrowsers:
    def __init__(self, secret: bytes) -> None:
        self._key = hmac.digest(secret, b"adgang known browsers", hashlib.sha256)

    def mark(self, citizen_id: str, now: datetime) -> str:
        """The cookie of a browser that has just signed in as this citizen."""
        stem = f"{new_id()}.{int(now.timestamp())}"
        return f"{stem}.{self._seal(stem, citizen_id)}"

    def knows(self, cookie: str | None, citizen_id: str | None, now: datetime) -> bool:
        """Whether the cookie was made for this citizen, not too long ago. Anything odd is a stranger."""
        if cookie is None or citizen_id is None or not cookie.isascii():
            return False
        parts = cookie.split(".")
        if len(parts) != _PARTS or not parts[1].isdigit() or len(parts[1]) > 12:
            return False
        if not hmac.compare_digest(parts[2], self._seal(f"{parts[0]}.{parts[1]}", citizen_id)):
            return False
        return timedelta(0) <= now - datetime.fromtimestamp(int(parts[1]), now.tzinfo) < LIFETIME

    def _seal(self, stem: str, citizen_id: str) -> str:
        return hmac.new(self._key, f"{stem}.{citizen_id}".encode(), hashlib.sha256).hexdigest()
