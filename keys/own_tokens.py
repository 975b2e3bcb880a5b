"""Our own tokens, signed and checked: JWS compact serialization (RFC 7515 §7.1). The one file that does it.

The header has exactly `alg`, `kid` and `typ`, in one form that we made ourselves, so a token's header is compared
with the headers that can exist and never parsed: no `crit`, `jku`, `jwk`, doubled member or foreign `alg` gets as
far as being looked at (S-153 to S-163).

Does not check any claim: not `iss`, `aud`, `exp` or any other. The caller does.
"""

import base64
import binascii
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from keys.algorithms import BadSignature
from keys.errors import InvalidToken
from keys.key_ring import KeyRing
from keys.known_keys import PublicKey

_LONGEST = 16_384
"""Characters. Ours have under 4,000; a header field may have 8,192 (protocol.md)."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def issue_token(ring: KeyRing, algorithm: str, typ: str, payload: Mapping[str, Any]) -> str:
    """A signed token, with the active key of the algorithm. `typ` is one of our own words, never input.

    Raises:
        NoActiveKey, KnowledgeTooOld: as `KeyRing.signer`.
    """
    signer = ring.signer(algorithm)
    signing_input = signer.header(typ) + b"." + _to_base64url(_encode(payload))
    return (signing_input + b"." + _to_base64url(signer.sign(signing_input))).decode("ascii")


def verify_token(ring: KeyRing, token: str, *, typ: str, algorithms: Collection[str]) -> dict[str, Any]:
    """The payload of a token that we signed with one of these algorithms. No claim has been checked.

    Raises:
        InvalidToken: anything else, whatever it is.
    """
    header, payload, signature = _segments(token)
    key = _key_of(ring, header, typ, algorithms)
    claims, value = _from_base64url(payload), _from_base64url(signature)
    try:
        key.verify(value, header + b"." + payload)
    except BadSignature as fault:
        raise InvalidToken("the signature does not fit") from fault
    try:
        return _decode(claims)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise InvalidToken("the payload is no JSON object") from fault


def _segments(token: str) -> list[bytes]:
    if len(token) > _LONGEST:
        raise InvalidToken("too long")
    try:
        segments = token.encode("ascii").split(b".")
    except UnicodeEncodeError as fault:
        raise InvalidToken("not ASCII") from fault
    if len(segments) != 3:
        raise InvalidToken("not three segments")
    return segments


def _key_of(ring: KeyRing, header: bytes, typ: str, algorithms: Collection[str]) -> PublicKey:
    key = ring.known().by_header(typ).get(header)
    if key is None:
        raise InvalidToken("no key of ours makes this header")
    if key.compromised:
        raise InvalidToken(f"the key {key.kid} was compromised")
    if key.algorithm not in algorithms:
        raise InvalidToken(f"signed with {key.algorithm}, which is not accepted here")
    return key


def _to_base64url(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def _from_base64url(segment: bytes) -> bytes:
    """Canonical base64url only: one byte string has one spelling (S-163)."""
    try:
        value = base64.urlsafe_b64decode(segment + b"=" * (-len(segment) % 4))
    except (binascii.Error, ValueError) as fault:
        raise InvalidToken("not base64url") from fault
    if _to_base64url(value) != segment:
        raise InvalidToken("not canonical base64url")
    return value
