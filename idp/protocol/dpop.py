"""DPoP (RFC 9449): a client proves with each request that it has a key, and its tokens work with that key alone.

Taken: proofs by ES256, Ed25519 (or EdDSA) and PS256, RSA keys of 2048 to 4096 bits; a nonce of ours, which is offered
with every good answer to a proof and demanded where the deployment says so. Refused: RS256, HS* and `none`; private and weak
keys; any header member beside `typ`, `alg` and `jwk`; a proof that is older than a minute, that was seen before, or that
the store of those seen may have forgotten. Not here: what a proof's key must be (confirmation), whether a client needs
one (profile), and how a nonce is made (dpop_nonce).

    the header ─▶ a proof, well-formed ─▶ signed by its own key ─▶ for this request ─▶ fresh ─▶ the first time
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Protocol

from joserfc.jwk import JWKRegistry, Key

from clients_registry.key_policy import PRIVATE_MEMBERS, key_faults
from clients_registry.profiles import FAPI2
from idp.errors import InvalidDpopProof, InvalidRequest, UseDpopNonce
from idp.protocol.confirmation import Confirmation
from idp.protocol.dpop_nonce import DpopNonces
from idp.protocol.http_uri import normalised
from idp.protocol.jws import JwtRefused
from idp.protocol.jwt import UnverifiedJwt, VerifiedJwt, check_begun, parse_jwt, verify_jwt
from idp.protocol.policy import ProtocolPolicy
from idp.records import AuthorizationRequest

ALGORITHMS = FAPI2.signing_algorithms
METADATA: Mapping[str, object] = MappingProxyType({"dpop_signing_alg_values_supported": list(ALGORITHMS)})
CHALLENGE = f'DPoP realm="adgang", algs="{" ".join(ALGORITHMS)}"'
"""RFC 9449 §7.1."""

LIFETIME = timedelta(seconds=60)
"""From `iat` (protocol.md, Sender constraint)."""

_TYPES = frozenset({"dpop+jwt"})
_HEADER = frozenset({"typ", "alg", "jwk"})
_NUMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
"""The members that make the key, which are also those of its thumbprint (RFC 7638 §3.2, RFC 8037 §2)."""
_KEY_TYPES = {"ES256": "EC", "PS256": "RSA", "Ed25519": "OKP", "EdDSA": "OKP"}
_KEY_ELSEWHERE = frozenset({"x5c", "x5u", "x5t", "x5t#S256", "jku"})
_SEEN_KIND = "dpop-proof"
_MAX_JTI = 256


class Seen(Protocol):
    """See idp.storage.ports.Seen."""

    def first_time(self, kind: str, key: str, *, issued_at: datetime, until: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that was verified; whether it comes for the first time is another question."""

    jkt: str
    """RFC 7638 thumbprint of its key."""
    jti: str
    issued_at: datetime
    next_nonce: str
    """To be offered with the answer (§8.2)."""


@dataclass(frozen=True, slots=True)
class DpopProofs:
    """Verifies proofs, for every endpoint that takes them."""

    policy: ProtocolPolicy
    seen: Seen
    nonces: DpopNonces

    def verify(
        self, header: str, *, method: str, url: str, now: datetime, access_token: str | None = None
    ) -> Proof:
        """The proof in a `DPoP` header, by the checks of RFC 9449 §4.3; `access_token` is what comes with it.

        Spends nothing: a client that was told a nonce may come again with all that it sent.

        Raises: InvalidDpopProof, UseDpopNonce.
        """
        try:
            # (1) to (7)
            jwt, jkt = verify_proof(header)
            # (8), (9)
            _check_request(jwt, method, self.policy.addresses_of(url))
            # (10)
            self._check_nonce(jwt, jkt, now)
            # (11)
            issued_at = self._check_times(jwt, now)
            # (12); that its key is the token's is for whoever knows the token.
            if access_token is not None:
                _check_access_token(jwt, access_token)
        except JwtRefused as refusal:
            raise InvalidDpopProof(f"The DPoP proof was refused: {refusal}.") from None
        return Proof(jkt, jwt.text("jti"), issued_at, self.nonces.give(jkt, now))

    def take(self, proof: Proof) -> None:
        """Let it count, once (§11.1).

        Raises: InvalidDpopProof.
        """
        # As long as it could be taken again, also by a node whose clock is behind (S-117).
        until = proof.issued_at + LIFETIME + self.policy.skew
        key = f"{proof.jkt} {proof.jti}"
        if not self.seen.first_time(_SEEN_KIND, key, issued_at=proof.issued_at, until=until):
            raise InvalidDpopProof(
                "The DPoP proof was used before, or is older than our memory of used ones; make a new one for each request."
            )

    def _check_nonce(self, jwt: VerifiedJwt, jkt: str, now: datetime) -> None:
        """§8, §9: one that is there must be ours, and the key's own."""
        if "nonce" not in jwt.claims and not self.policy.dpop_nonce_required:
            return
        if "nonce" not in jwt.claims or not self.nonces.knows(jwt.text("nonce"), jkt, now):
            raise UseDpopNonce(
                "The DPoP proof must carry the nonce of the DPoP-Nonce header.",
                nonce=self.nonces.give(jkt, now),
            )

    def _check_times(self, jwt: VerifiedJwt, now: datetime) -> datetime:
        issued_at = jwt.time("iat")
        if issued_at < now - LIFETIME:
            raise JwtRefused("it is older than 60 seconds, check your clock")
        check_begun(jwt, now=now, skew=self.policy.skew)
        expires_at = jwt.time_if_present("exp")
        if expires_at is not None and expires_at <= now:
            raise JwtRefused("it has expired")
        return issued_at


def bound_to_sender(request: AuthorizationRequest, sender: Confirmation | None) -> AuthorizationRequest:
    """The request with the key that its client proved to have as it pushed it (RFC 9449 §10.1; S-126).

    Raises: InvalidRequest.
    """
    jkt = None if sender is None else sender.jkt
    if jkt is None:
        return request
    if request.dpop_jkt not in (None, jkt):
        raise InvalidRequest("The dpop_jkt is not the thumbprint of the key of the DPoP proof.")
    return replace(request, dpop_jkt=jkt)


def verify_proof(header: str) -> tuple[VerifiedJwt, str]:
    """A proof that its own key signed, whatever it is for, with the key's thumbprint.

    Raises: JwtRefused.
    """
    # (1) A server joins the values of a header that comes twice; a JWT has no comma.
    if "," in header:
        raise JwtRefused("there must be exactly one DPoP header")
    # (2), (4), (5)
    token = parse_jwt(header, algorithms=ALGORITHMS, types=_TYPES, header_members=_HEADER)
    # (3)
    for name in ("jti", "htm", "htu"):
        token.text(name)
    if len(token.text("jti")) > _MAX_JTI:
        raise JwtRefused("the jti is too long")
    # (7) before (6), since a key is looked at before it is used.
    key, jkt = _own_key(token)
    # (6)
    return verify_jwt(token, key), jkt


def _own_key(token: UnverifiedJwt) -> tuple[Key, str]:
    """The key in the header with its thumbprint, as the policy for all foreign keys wants it (S-121, S-169)."""
    jwk = token.jws.jwk
    if not isinstance(jwk, Mapping):
        raise JwtRefused("jwk is missing in its header")
    if jwk.keys() & PRIVATE_MEMBERS:
        raise JwtRefused("jwk holds a private key, which must not be used any more")
    if jwk.keys() & _KEY_ELSEWHERE:
        raise JwtRefused("jwk must hold the key itself, and no certificate or address of one")
    key_type = _KEY_TYPES[token.jws.alg]
    if jwk.get("kty") != key_type:
        raise JwtRefused("the key does not fit the algorithm")
    values = tuple(jwk.get(name) for name in _NUMBERS[key_type])
    if not all(isinstance(value, str) for value in values):
        raise JwtRefused("jwk is not a public key")
    return _key_of(key_type, values)


@lru_cache(maxsize=1024)
def _key_of(key_type: str, values: tuple[str, ...]) -> tuple[Key, str]:
    """Judged and parsed once, since a client comes again with the same key."""
    jwk: dict[str, Any] = dict(zip(_NUMBERS[key_type], values, strict=True))
    if key_faults(jwk):
        raise JwtRefused("jwk is a key that is too weak, too large or of another curve")
    # RFC 7638 §3: these members, in this order, are what a thumbprint is made of.
    members = json.dumps(jwk, separators=(",", ":"), sort_keys=True)
    return JWKRegistry.import_key(jwk), _base64url(hashlib.sha256(members.encode()).digest())


_ours = lru_cache(maxsize=64)(normalised)
"""Of our own addresses, which are few."""


def _check_request(jwt: VerifiedJwt, method: str, addresses: Collection[str]) -> None:
    if jwt.text("htm") != method:
        raise JwtRefused("htm is not the method of the request")
    stated = normalised(jwt.text("htu"))
    if stated is None or stated not in map(_ours, addresses):
        raise JwtRefused("htu is not the address of the request")


def _check_access_token(jwt: VerifiedJwt, access_token: str) -> None:
    wanted = _base64url(hashlib.sha256(access_token.encode()).digest())
    if not hmac.compare_digest(jwt.text("ath").encode(), wanted.encode()):
        raise JwtRefused("ath is not the SHA-256 of the access token in base64url")


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
