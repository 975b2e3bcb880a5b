"""A key of a client's with which it proves that it sends a request (RFC 9449), good proofs and bad ones. joserfc signs."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry


@dataclass
class DpopKey:
    """Makes proofs."""

    key: Key = field(default_factory=lambda: ECKey.generate_key("P-256"))
    alg: str = "ES256"

    @property
    def jkt(self) -> str:
        return str(self.key.thumbprint())

    @property
    def jwk(self) -> dict[str, Any]:
        public = self.key.as_dict(private=False)
        return {name: public[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in public}

    def proof(
        self,
        method: str,
        url: str,
        now: datetime,
        *,
        access_token: str | None = None,
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A proof for this request; `header` and `changes` replace members, and a None removes one."""
        claims = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": url,
            "iat": int(now.timestamp()),
        }
        if access_token is not None:
            claims["ath"] = ath(access_token)
        head = {"typ": "dpop+jwt", "alg": self.alg, "jwk": self.jwk}
        return self.signed(_changed(head, header or {}), _changed(claims, changes))

    def signed(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """Whatever the header says, by this key's algorithm."""
        parts = ".".join(_encoded(json.dumps(members).encode()) for members in (header, claims))
        algorithm = JWSRegistry.algorithms[self.alg]
        return f"{parts}.{_encoded(algorithm.sign(parts.encode(), self.key))}"


def ed25519_key(alg: str = "Ed25519") -> DpopKey:
    return DpopKey(OKPKey.generate_key("Ed25519"), alg)


def rsa_key(bits: int = 2048, alg: str = "PS256") -> DpopKey:
    return DpopKey(RSAKey.generate_key(bits), alg)


def ath(access_token: str) -> str:
    return _encoded(hashlib.sha256(access_token.encode()).digest())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _changed(members: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (members | changes).items() if value is not None}
