"""Clients as a drill simulates them: each checks tokens with the JWKS that it holds, and never fetches on an unknown kid.

Between each client and us stands a shared cache that keeps the JWKS for its full `max-age`, so that the slowest path
of rule 1 is the one that is tried.
"""

import base64
from datetime import datetime, timedelta

import msgspec

from keys.algorithms import SIGNING_ALGORITHMS, BadSignature, Verify, parse_public
from keys.evidence import JwksClient
from keys.key_ring import KeyRing


class DrillClient:
    """`caches_for` None is the client that breaks the rules: it fetches once, and never again."""

    def __init__(self, registered: JwksClient, caches_for: timedelta | None) -> None:
        self.registered = registered
        self.caches_for = caches_for
        self._held: dict[str, Verify] = {}
        self._held_since: datetime | None = None
        self._proxy = b""
        self._proxy_since: datetime | None = None
        self._parsed_from = b""

    def refresh(self, now: datetime, max_age: timedelta, node: KeyRing) -> bool:
        """Fetch the JWKS anew where the client's own cache is over; True where the provider saw the fetch."""
        if self._held_since is not None and (
            self.caches_for is None or now - self._held_since < self.caches_for
        ):
            return False
        seen = self._proxy_since is None or now - self._proxy_since >= max_age
        if seen:
            self._proxy, self._proxy_since = node.public_jwks().body, now
        if self._parsed_from != self._proxy:
            self._held, self._parsed_from = _parse(self._proxy), self._proxy
        self._held_since = now
        return seen

    def verifies(self, token: str) -> bool:
        """A relying party's own check; a bool is what the drill counts."""
        header, payload, signature = token.split(".")
        verify = self._held.get(msgspec.json.decode(_decode(header))["kid"])
        if verify is None:
            return False
        try:
            verify(_decode(signature), f"{header}.{payload}".encode())
        except BadSignature:
            return False
        return True


def standard_clients() -> list[DrillClient]:
    """The caches that are met in the field, from none to for ever."""
    caches = {
        "no-cache": timedelta(0),
        "five-minutes": timedelta(minutes=5),
        "twelve-hours": timedelta(hours=12),
        "a-day": timedelta(hours=24),
        "for-ever": None,
    }
    return [
        DrillClient(JwksClient(name, name, (f"192.0.2.{number}",)), cache)
        for number, (name, cache) in enumerate(caches.items(), 1)
    ]


def _parse(jwks: bytes) -> dict[str, Verify]:
    return {
        jwk["kid"]: SIGNING_ALGORITHMS[jwk["alg"]].verifier(parse_public(jwk))
        for jwk in msgspec.json.decode(jwks)["keys"]
    }


def _decode(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
