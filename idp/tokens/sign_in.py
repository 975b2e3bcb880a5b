"""What tokens tell of the sign-in behind them: that of a code, or the one from which a refresh token goes on."""

from datetime import datetime
from typing import Protocol


class SignIn(Protocol):
    """`AuthorizationCode` and `RefreshToken` are such."""

    @property
    def client_id(self) -> str: ...
    @property
    def acr(self) -> str: ...
    @property
    def amr(self) -> tuple[str, ...]: ...
    @property
    def authenticated_at(self) -> datetime: ...
    @property
    def nonce(self) -> str | None: ...
    @property
    def authenticator_age_seconds(self) -> int | None: ...
