"""The tokens that a service got, taken apart for a developer who looks. Nothing is verified here: that was done before."""

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass

from demo.visitors import Visitor


@dataclass(frozen=True, slots=True)
class Decoded:
    """One token. Its signature is left out: with it the token would be worth something to whoever reads the page."""

    name: str
    what_for: str
    header: str
    claims: str


def decoded(visitor: Visitor) -> tuple[Decoded, ...]:
    """The ID token, the access token and, once the other authority was asked, the token for its API."""
    received, answered = visitor.received, visitor.answered
    tokens = [
        ("ID token", "fortæller tjenesten, hvem der loggede ind, hvornår og hvor sikkert", received.id_token),
        ("Access token", "åbner userinfo, og kun med tjenestens nøgle (cnf)", received.access_token),
    ]
    if answered is not None:
        told = "åbner den anden myndigheds API på borgerens vegne (act)"
        tokens.append(("Vekslet access token", told, answered.access_token))
    return tuple(
        Decoded(name, what_for, *map(_shown, token.split(".")[:2])) for name, what_for, token in tokens
    )


def _shown(part: str) -> str:
    members = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return json.dumps(members, indent=2, ensure_ascii=False)
