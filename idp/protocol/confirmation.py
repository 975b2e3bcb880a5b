"""To whose key a token is bound (RFC 7800 `cnf`): by DPoP (RFC 9449 §6.1), by a client certificate (RFC 8705 §3.1), or both.

How a request proves that it has the key is dpop's and mutual TLS' matter; here stands what was proven, what a token
says of it, and that the two must be the same.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from idp.errors import InvalidToken


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What a request proved to hold, or what a token is bound to; at least one of the two is there."""

    jkt: str | None = None
    """RFC 7638 thumbprint of the key of a DPoP proof."""
    x5t_s256: str | None = None
    """SHA-256 of the client certificate (DER), in base64url."""

    def __post_init__(self) -> None:
        if self.jkt is None and self.x5t_s256 is None:
            raise ValueError("a confirmation confirms something")

    def as_claim(self) -> dict[str, str]:
        """The value of `cnf`."""
        members = {"jkt": self.jkt, "x5t#S256": self.x5t_s256}
        return {name: value for name, value in members.items() if value is not None}


def confirmation_of(*, jkt: str | None, x5t_s256: str | None) -> Confirmation | None:
    """The confirmation of these, or None where there is neither."""
    return None if jkt is None and x5t_s256 is None else Confirmation(jkt, x5t_s256)


def parse_cnf(claim: object) -> Confirmation:
    """The confirmation of a `cnf` that we wrote.

    Raises: InvalidToken for anything that we would not write: a binding that is not understood never counts as none.
    """
    if not isinstance(claim, Mapping) or not claim or not claim.keys() <= {"jkt", "x5t#S256"}:
        raise InvalidToken("The access token is bound in a way that is not known here.")
    if not all(isinstance(value, str) for value in claim.values()):
        raise InvalidToken("The access token is bound in a way that is not known here.")
    return Confirmation(claim.get("jkt"), claim.get("x5t#S256"))


def holds(presented: Confirmation | None, bound: Confirmation) -> bool:
    """Whether what a request proved covers everything that a token is bound to."""
    if presented is None:
        return False
    pairs = ((bound.jkt, presented.jkt), (bound.x5t_s256, presented.x5t_s256))
    return all(_covers(wanted, shown) for wanted, shown in pairs)


def _covers(wanted: str | None, shown: str | None) -> bool:
    return wanted is None or (shown is not None and hmac.compare_digest(wanted.encode(), shown.encode()))


def token_type(bound: Confirmation | None) -> str:
    """RFC 9449 §5; a token that is bound to a certificate alone keeps the type Bearer (RFC 8705 §3)."""
    return "DPoP" if bound is not None and bound.jkt is not None else "Bearer"
