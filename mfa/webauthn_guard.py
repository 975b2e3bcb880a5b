"""A strict parser of what a browser sends back from a WebAuthn ceremony, in front of py_webauthn.

The library takes doubled members, any base64, reserved flags, foreign frames and lets many kinds of exception out
(S-289, S-292, S-293). Here everything has one spelling and a size. Knows no keys and verifies no signature.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

_LARGEST_JSON = 32_768
"""An attestation with a chain of certificates takes about 8 KB."""
_LARGEST_CLIENT_DATA = 4_096
_LONGEST_CREDENTIAL_ID = 1_023
"""WebAuthn Level 3 §7.1."""
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)

_PRESENT, _VERIFIED, _ELIGIBLE, _BACKED_UP, _RESERVED = 0x01, 0x04, 0x08, 0x10, 0x22
"""Bits of the flags byte, WebAuthn Level 3 §6.1."""


class MalformedCredential(Exception):
    """Not the JSON of a WebAuthn credential. The message is for the log and holds none of the input."""


@dataclass(frozen=True, slots=True)
class Flags:
    """What the authenticator says of itself and of the person before it."""

    user_verified: bool
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True, slots=True)
class Credential:
    """The answer to a ceremony, parsed; `as_json` is the only form that the library gets to see."""

    credential_id: bytes
    client_data: bytes
    response: dict[str, bytes]
    user_handle: bytes | None

    def as_json(self) -> dict[str, Any]:
        identifier = encode(self.credential_id)
        members = {name: encode(value) for name, value in self.response.items()}
        members["clientDataJSON"] = encode(self.client_data)
        return {"id": identifier, "rawId": identifier, "type": "public-key", "response": members}


def parse_credential(text: str, *, members: tuple[str, ...]) -> Credential:
    """The credential with these members in its `response`, all of them base64url.

    Raises:
        MalformedCredential
    """
    if len(text) > _LARGEST_JSON:
        raise MalformedCredential("the credential is too large")
    outer = _object(text)
    response = outer.get("response")
    if outer.get("type") != "public-key" or not isinstance(response, dict):
        raise MalformedCredential("the credential is not a public-key credential")
    credential_id = decode(outer.get("rawId"))
    if decode(outer.get("id")) != credential_id or not 1 <= len(credential_id) <= _LONGEST_CREDENTIAL_ID:
        raise MalformedCredential("the credential id is missing, too long or not one")  # S-276
    handle = response.get("userHandle")
    client_data = decode(response.get("clientDataJSON"))
    if len(client_data) > _LARGEST_CLIENT_DATA:
        raise MalformedCredential("the client data is too large")
    return Credential(
        credential_id,
        client_data,
        {name: decode(response.get(name)) for name in members},
        None if handle is None else decode(handle),
    )


def challenge_of(text: str) -> bytes:
    """The challenge that an answer claims to be for: which ceremony to take back. Nothing of it is believed yet.

    Raises:
        MalformedCredential
    """
    answer = parse_credential(text, members=())
    try:
        data = _object(answer.client_data.decode("utf-8"))
    except UnicodeDecodeError:
        raise MalformedCredential("the client data is not UTF-8") from None
    return decode(data.get("challenge"))


def check_client_data(client_data: bytes, *, kind: str, challenge: bytes, origins: tuple[str, ...]) -> None:
    """WebAuthn Level 3 §7.1 (7-11), §7.2 (10-14): this ceremony, this challenge, our origin, not in a frame.

    Raises:
        MalformedCredential
    """
    try:
        data = _object(client_data.decode("utf-8"))
    except UnicodeDecodeError:
        raise MalformedCredential("the client data is not UTF-8") from None
    if data.get("type") != kind:
        raise MalformedCredential("the client data belong to another ceremony")
    if decode(data.get("challenge")) != challenge:
        raise MalformedCredential("the challenge is not the one that was given out")
    if data.get("origin") not in origins:
        raise MalformedCredential("the origin is not ours")  # compared whole: S-267
    if data.get("crossOrigin", False) is not False or "topOrigin" in data or "tokenBinding" in data:
        raise MalformedCredential("the ceremony ran in a foreign frame, or with a withdrawn extension")


def parse_flags(authenticator_data: bytes) -> Flags:
    """WebAuthn Level 3 §6.1.

    Raises:
        MalformedCredential: nobody was present, reserved bits are set, or backed up without being able to (S-283).
    """
    if len(authenticator_data) < 37:
        raise MalformedCredential("the authenticator data are too short")
    flags = authenticator_data[32]
    if flags & _RESERVED or not flags & _PRESENT:
        raise MalformedCredential("the flags claim nobody was present, or use reserved bits")
    if flags & _BACKED_UP and not flags & _ELIGIBLE:
        raise MalformedCredential("a key that cannot be backed up claims to be")
    return Flags(bool(flags & _VERIFIED), bool(flags & _ELIGIBLE), bool(flags & _BACKED_UP))


def encode(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def decode(text: object) -> bytes:
    """Base64url in its one canonical spelling.

    Raises:
        MalformedCredential
    """
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text):
        raise MalformedCredential("a member is not base64url")
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise MalformedCredential("a member is not base64url") from None
    if encode(raw) != text:
        raise MalformedCredential("a member is not in canonical base64url")
    return raw


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=_without_doubles, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise MalformedCredential("a part is not JSON") from None
    if not isinstance(found, dict):
        raise MalformedCredential("a part is not a JSON object")
    return found


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise MalformedCredential("a member stands twice")
    return found


def _no_constant(_: str) -> None:
    raise MalformedCredential("NaN and Infinity are not JSON")
