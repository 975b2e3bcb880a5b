"""A resource server's side of the protocol: what an API checks of a token before it answers. Made to be copied.

It needs `joserfc`, `requests` and comparing.py beside it, knows nothing of the provider but its issuer, and asks it nothing
while it works: keys are fetched once and again when they are old or an unknown one is met. Any WSGI application can be
put behind `protect`; demo/api.py does so with Flask.

Checked of each request: the signature, `typ`, `iss`, `aud` and life of a JWT access token (RFC 9068); the proof of
possession that its `cnf` asks for (RFC 9449), once; the scope that an operation needs (RFC 6750); and a level or a recent
sign-in where one is wanted, with a challenge that lets the client get it (RFC 9470). Not here: opaque tokens, which are
introspected (RFC 7662), and tokens that are bound to a certificate, which are refused.
"""

import hashlib
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import requests
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet

from demo.comparing import address_of, is_enough, normal, seconds_of

ALGORITHMS = ("ES256", "PS256", "EdDSA", "Ed25519")
PROOF_SECONDS = 60
_SKEW_SECONDS = 10
_HEADER_AT_MOST = 4_096
"""An RSA key in the header of a proof takes some 800 of them; joserfc by itself stops at 512."""
_TOKEN_AT_MOST = 8_192
_KEYS_FETCHED_AT_MOST_EVERY = 60
_KEYS_OLD_AFTER = 300
_TIMEOUT_SECONDS = 5
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class Refused(Exception):
    """The request is not let in. `status` and `challenge` are its answer."""

    def __init__(
        self,
        scheme: str,
        error: str | None,
        description: str,
        *,
        status: int = 401,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(description)
        told = {"error": error, "error_description": description, **more} if error else {}
        if scheme == "DPoP":
            told["algs"] = " ".join(ALGORITHMS)
        listed = ", ".join(f'{name}="{value}"' for name, value in told.items())
        self.status = status
        self.challenge = f"{scheme} {listed}".rstrip()


@dataclass(frozen=True, slots=True)
class Token:
    """An access token that was checked, and that its sender may use."""

    subject: str
    client_id: str
    scope: frozenset[str]
    claims: Mapping[str, Any] = field(repr=False)

    @property
    def on_behalf(self) -> bool:
        """Whether a citizen stands behind it; a client's own token names the client as its subject."""
        return self.subject != self.client_id


class PublishedKeys:
    """The provider's keys. Remembered; an unknown `kid` fetches them again, at most once a minute."""

    def __init__(self, issuer: str, now: Callable[[], float] = time.time) -> None:
        self._issuer, self._now, self._lock = issuer, now, threading.Lock()
        self._keys = KeySet([])
        self._fetched_at = float("-inf")

    def find(self, kid: str) -> Any:
        """The key of this name. Raises: KeyError; requests.RequestException where none was ever fetched."""
        with self._lock:
            age = self._now() - self._fetched_at
            known = {key.kid: key for key in self._keys}
            if age > _KEYS_OLD_AFTER or (kid not in known and age > _KEYS_FETCHED_AT_MOST_EVERY):
                known = self._fetch(known)
            return known[kid]

    def _fetch(self, known: dict[Any, Any]) -> dict[Any, Any]:
        try:
            metadata = self._get(f"{self._issuer}/.well-known/openid-configuration")
            if metadata.get("issuer") != self._issuer:  # RFC 8414 §3.3
                raise requests.RequestException("the metadata are of another issuer")
            self._keys = KeySet.import_key_set(self._get(metadata["jwks_uri"]))
        except (requests.RequestException, ValueError, KeyError):
            if not known:
                raise
            # The provider is away: what was known still holds, and is asked for again in a minute.
            self._fetched_at = self._now() - _KEYS_OLD_AFTER + _KEYS_FETCHED_AT_MOST_EVERY
            return known
        self._fetched_at = self._now()
        return {key.kid: key for key in self._keys}

    @staticmethod
    def _get(url: str) -> Any:
        answer = requests.get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False)
        answer.raise_for_status()
        return answer.json()


class ProofsSeen:
    """Which proofs were used. One process remembers for itself; several must share a store (`SET NX` with a life).

    As long as any proof may be good: one from a minute ahead is so for two. Where more come than are remembered, none is
    forgotten before its time; those that come then are told to come again.
    """

    def __init__(self, now: Callable[[], float] = time.time, *, at_most: int = 200_000) -> None:
        self._now, self._lock, self._at_most = now, threading.Lock(), at_most
        self._until: OrderedDict[bytes, float] = OrderedDict()  # the oldest first

    def first_time(self, name: str) -> bool:
        """True for one caller. Raises: Refused where there is no room."""
        short = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            now = self._now()
            while self._until and next(iter(self._until.values())) <= now:
                self._until.popitem(last=False)
            if short in self._until:
                return False
            if len(self._until) >= self._at_most:
                raise Refused("DPoP", None, "too many proofs; come again", status=503)
            self._until[short] = now + 2 * PROOF_SECONDS + _SKEW_SECONDS
            return True


class ResourceServer:
    """One API: its identifier is the audience of the tokens that open it."""

    def __init__(self, *, issuer: str, audience: str, now: Callable[[], float] = time.time) -> None:
        self._issuer, self._audience, self._now = issuer, audience, now
        self._keys, self._seen = PublishedKeys(issuer, now), ProofsSeen(now)

    def check(self, authorization: str | None, proof: str | None, method: str, url: str) -> Token:
        """The token of a request to `url`, as the client wrote that address (`address_of`).

        Raises: Refused; requests.RequestException where the provider's keys were never reached.
        """
        scheme, _, text = (authorization or "").partition(" ")
        if scheme.lower() not in ("bearer", "dpop") or not text:
            raise Refused("DPoP", None, "there is no access token")
        scheme = "DPoP" if scheme.lower() == "dpop" else "Bearer"
        claims = self._claims(text, scheme)
        self._check_possession(claims.get("cnf"), text, scheme, proof, method, url)
        words = frozenset(str(claims.get("scope", "")).split())
        return Token(str(claims["sub"]), str(claims["client_id"]), words, claims)

    def need(self, token: Token, *, scope: str, acr: str | None = None, max_age: int | None = None) -> None:
        """What an operation needs beyond a token. Raises: Refused."""
        scheme = "DPoP" if "cnf" in token.claims else "Bearer"
        if scope not in token.scope:
            raise Refused(
                scheme, "insufficient_scope", "the token lacks a scope", status=403, more={"scope": scope}
            )
        old = max_age is not None and not self._is_recent(token.claims.get("auth_time"), max_age)
        if old or (acr is not None and not is_enough(token.claims.get("acr"), acr)):
            wanted = {"acr_values": acr, "max_age": None if max_age is None else str(max_age)}
            more = {name: value for name, value in wanted.items() if value is not None}
            # RFC 9470 §3: the client asks the citizen for this, and comes again.
            raise Refused(
                scheme, "insufficient_user_authentication", "the sign-in is too weak or too old", more=more
            )

    def _is_recent(self, auth_time: Any, max_age: int) -> bool:
        try:
            return self._now() - seconds_of(auth_time) <= max_age
        except ValueError:
            return False

    def _claims(self, text: str, scheme: str) -> Mapping[str, Any]:
        """RFC 9068 §4."""
        try:
            token = _verified(text, lambda header: self._keys.find(str(header.get("kid"))), "at+jwt")
            now, claims = self._now(), token
            if claims["iss"] != self._issuer or claims["aud"] != self._audience:
                raise ValueError("of another issuer, or for another API")
            if (
                not now - _SKEW_SECONDS < seconds_of(claims["exp"])
                or seconds_of(claims["iat"]) > now + PROOF_SECONDS
            ):
                raise ValueError("expired, or from the future")
        except (JoseError, ValueError, KeyError, TypeError, RecursionError):
            raise Refused(scheme, "invalid_token", "the access token is not valid here") from None
        return claims

    def _check_possession(
        self, bound: Any, text: str, scheme: str, proof: str | None, method: str, url: str
    ) -> None:
        """RFC 9449 §7.1: a bound token comes with a proof by its key, and an unbound one as Bearer."""
        if bound is None and scheme == "Bearer":
            return
        wanted = bound.get("jkt") if isinstance(bound, dict) and set(bound) == {"jkt"} else None
        if wanted is None or scheme != "DPoP":
            raise Refused(scheme, "invalid_token", "the scheme is not that of the token")
        try:
            key, claims = _verified_proof(proof or "")
            fresh = abs(self._now() - seconds_of(claims["iat"])) <= PROOF_SECONDS
            meant = claims["htm"] == method and normal(claims["htu"]) == normal(url)
            own = claims["ath"] == _hash(text) and key == wanted
            if not (fresh and meant and own and isinstance(claims["jti"], str)):
                raise ValueError("for another request, token or key, or too old")
            if not self._seen.first_time(f"{key} {claims['jti']}"):
                raise ValueError("used before")
        except (JoseError, ValueError, KeyError, TypeError, RecursionError):
            raise Refused(scheme, "invalid_dpop_proof", "the DPoP proof is not valid here") from None


def _verified(text: str, find: Callable[[Mapping[str, Any]], Any], typ: str) -> dict[str, Any]:
    """The claims of a JWT whose signature and type are right. joserfc checks no claim by itself."""
    if len(text) > _TOKEN_AT_MOST:
        raise ValueError("too long")
    registry = jws.JWSRegistry(algorithms=ALGORITHMS)
    registry.max_header_length = _HEADER_AT_MOST
    parts = jws.extract_compact(text.encode("ascii"), registry=registry)
    header = parts.headers()
    if str(header.get("typ", "")).lower().removeprefix("application/") != typ:
        raise ValueError("a token of another type")
    found = jws.deserialize_compact(text, find(header), algorithms=ALGORITHMS, registry=registry)
    claims = json.loads(found.payload)
    if not isinstance(claims, dict):
        raise ValueError("not an object")
    return claims


def _verified_proof(text: str) -> tuple[str, dict[str, Any]]:
    """The thumbprint of its own key, and what it says (RFC 9449 §4.3)."""
    thumbprint = ""

    def own_key(header: Mapping[str, Any]) -> Any:
        nonlocal thumbprint
        jwk = header["jwk"]
        if not isinstance(jwk, dict) or _PRIVATE & jwk.keys():
            raise ValueError("not a public key")
        key = JWKRegistry.import_key(jwk)
        if key.key_type == "RSA" and len(str(jwk["n"])) < 342:  # 2048 bits
            raise ValueError("too weak")
        thumbprint = key.thumbprint()
        return key

    claims = _verified(text, own_key, "dpop+jwt")
    return thumbprint, claims


def _hash(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(text.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


# --- any WSGI application --------------------------------------------------------------------------------------

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
TOKEN = "adgang.token"
"""Where the application behind `protect` finds the `Token` of a request."""


def protect(application: Application, server: ResourceServer, *, root: str) -> Application:
    """Lets in only requests with a good token; `root` is the address at which clients find the application."""

    def guarded(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        url, method = address_of(environ, root), environ["REQUEST_METHOD"]
        try:
            environ[TOKEN] = server.check(
                environ.get("HTTP_AUTHORIZATION"), environ.get("HTTP_DPOP"), method, url
            )
            return application(environ, start_response)
        except Refused as refused:
            return _answer(
                start_response, f"{refused.status} Refused", ("WWW-Authenticate", refused.challenge)
            )
        except requests.RequestException:
            return _answer(start_response, "503 Service Unavailable", ("Retry-After", "5"))

    return guarded


def _answer(start_response: Callable[..., Any], status: str, header: tuple[str, str]) -> Iterable[bytes]:
    start_response(status, [header, ("Content-Length", "0"), ("Cache-Control", "no-store")])
    return []
