"""The software authenticator of tests/support as a citizen's registered key."""

from dataclasses import dataclass

from mfa.factors import Factor
from mfa.webauthn import RelyingParty
from tests.support.authenticator import BE, BS, UP, UV, Authenticator, b64, unb64

__all__ = ["BE", "BS", "RELYING_PARTY", "UP", "UV", "SoftwareKey", "b64", "unb64"]

RELYING_PARTY = RelyingParty("adgang.example", "Adgang", ("https://adgang.example",))


@dataclass
class SoftwareKey(Authenticator):
    """One key pair for one citizen."""

    factor: Factor | None = None

    @property
    def factor_id(self) -> str:
        assert self.factor is not None
        return self.factor.factor_id
