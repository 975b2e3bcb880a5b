"""Foreign JWS, compact serialization only (RFC 7515 §7.1): taken apart strictly, then verified by joserfc.

A token has one spelling: three segments of canonical base64url, and a header with a few members that we know, each of
its own type. `jku`, `jwk`, `x5u`, `x5c`, `crit`, `b64` and everything else unknown is refused, since nothing in a token
decides how it is verified; only a proof of possession, whose point that is, may bring its key (dpop). The algorithm must be allowed by the caller's purpose and fit the key. JWE, JSON
serialization and detached payloads are not taken. Nothing of a token ever stands in an exception.
"""

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry

from clients_registry.errors import MalformedJson
from clients_registry.strict_json import parse_object

MAX_HEADER = 4_096
"""Room for an RSA-3072 key in a DPoP proof; joserfc's own limit of 512 is too small for one (S-122)."""
MAX_PAYLOAD = 16_384
MAX_SIGNATURE = 1_024

_SEGMENT = re.compile(r"[A-Za-z0-9_-]*\Z")
_KID = re.compile(r"[\x21-\x7e]{1,256}\Z")
_TYP = re.compile(r"[\x21-\x7e]{1,64}\Z")
HEADER_MEMBERS = frozenset({"alg", "kid", "typ", "cty"})

# RFC 9864: `EdDSA` and `Ed25519` are one algorithm on this curve, and no key of another curve is registered.
_ALGORITHMS = MappingProxyType(
    {
        "ES256": JWSRegistry.algorithms["ES256"],
        "PS256": JWSRegistry.algorithms["PS256"],
        "RS256": JWSRegistry.algorithms["RS256"],
        "Ed25519": JWSRegistry.algorithms["Ed25519"],
        "EdDSA": JWSRegistry.algorithms["Ed25519"],
    }
)


class JwtRefused(Exception):
    """A foreign token that we do not take. The message is constant and holds nothing of the token."""


@dataclass(frozen=True, slots=True)
class UnverifiedJws:
    """A token that is well formed. Nothing in it is true yet."""

    alg: str
    kid: str | None
    typ: str | None
    payload: bytes = field(repr=False)
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    jwk: object = field(default=None, repr=False)
    """As it came, where the caller lets a token bring one."""


def parse_jws(
    token: str, *, algorithms: Collection[str], header_members: Collection[str] = HEADER_MEMBERS
) -> UnverifiedJws:
    """Take a compact JWS apart; nothing but `header_members` may stand in its header.

    Raises: JwtRefused, and nothing else whatever the text is.
    """
    segments = token.split(".") if len(token) <= MAX_HEADER + MAX_PAYLOAD + MAX_SIGNATURE else []
    if len(segments) != 3:
        raise JwtRefused("not a compact JWS, or too long")
    header, payload, signature = (
        _decode(segment, limit)
        for segment, limit in zip(segments, (MAX_HEADER, MAX_PAYLOAD, MAX_SIGNATURE), strict=True)
    )
    if not header or not payload or not signature:
        raise JwtRefused("a segment is empty")
    members = _parse_header(header)
    if not members.keys() <= set(header_members):
        raise JwtRefused("a header member that is not taken here")
    alg = members.get("alg")
    if not isinstance(alg, str) or alg not in algorithms or alg not in _ALGORITHMS:
        raise JwtRefused("an algorithm that is not allowed here")
    return UnverifiedJws(
        alg=alg,
        kid=_text(members, "kid", _KID),
        typ=_text(members, "typ", _TYP),
        payload=payload,
        signing_input=f"{segments[0]}.{segments[1]}".encode("ascii"),
        signature=signature,
        jwk=members.get("jwk"),
    )


def verify_jws(jws: UnverifiedJws, key: Key) -> bytes:
    """The payload, once the signature by `key` has been verified.

    Raises: JwtRefused.
    """
    algorithm = _ALGORITHMS[jws.alg]
    try:
        algorithm.check_key(key)
        verified = algorithm.verify(jws.signing_input, jws.signature, key)
    except (JoseError, ValueError) as fault:
        raise JwtRefused("the key does not fit the algorithm") from fault
    if not verified:
        raise JwtRefused("the signature does not verify")
    return jws.payload


def _decode(segment: str, limit: int) -> bytes:
    if len(segment) > limit or not _SEGMENT.match(segment):
        raise JwtRefused("a segment is too long or not base64url")
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (binascii.Error, ValueError):
        raise JwtRefused("a segment is not base64url") from None
    # Trailing bits that are not zero would give one token several spellings (S-163).
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != segment:
        raise JwtRefused("a segment is not canonical base64url")
    return raw


def _parse_header(raw: bytes) -> Mapping[str, object]:
    try:
        members = parse_object(raw)
    except MalformedJson as fault:
        raise JwtRefused("the header is not one clean JSON object") from fault
    if not isinstance(members.get("cty", ""), str):
        raise JwtRefused("a header member of the wrong type")
    return members


def _text(members: Mapping[str, object], name: str, pattern: re.Pattern[str]) -> str | None:
    value = members.get(name)
    if value is None and name not in members:
        return None
    if not isinstance(value, str) or not pattern.match(value):
        raise JwtRefused("a header member of the wrong type")
    return value
