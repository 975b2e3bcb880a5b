"""What is kept of refresh tokens, as frozen dataclasses beside those of records.py."""

from dataclasses import dataclass
from datetime import datetime

from idp.records import Grant


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """What a refresh token stands for, in SQL. Found by the token's digest."""

    grant: Grant
    acr: str
    amr: tuple[str, ...]
    authenticated_at: datetime
    last_used_at: datetime
    """When it was issued or, where it is not rotated, last used."""
    spent_at: datetime | None = None
    """When another took its place."""
    obstacle: str | None = None
    """What ended it although its time is not over: `grant`, `citizen`, `session`, `consent`."""
    jkt: str | None = None
    """Thumbprint of the DPoP key for which it was issued (RFC 9449 §5); None where there was none."""
    x5t_s256: str | None = None
    """The same of the client certificate (RFC 8705 §4)."""

    @property
    def client_id(self) -> str:
        return self.grant.client_id

    @property
    def nonce(self) -> None:
        """OIDC Core §12.2: an ID token from a refresh carries none."""

    @property
    def authenticator_age_seconds(self) -> None:
        """It was true of the moment of the sign-in."""


@dataclass(frozen=True, slots=True)
class LastingAccess:
    """A live grant that outlives its session, for the citizen who gave it."""

    grant: Grant
    last_used_at: datetime
