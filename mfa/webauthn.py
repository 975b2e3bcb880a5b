"""Passkeys and security keys: WebAuthn Level 3, registration (§7.1) and authentication (§7.2).

py_webauthn verifies; a guard of our own stands before it and a key policy behind it, and whatever the library
throws becomes `WebauthnRejected`. Challenges are given out and taken back by the caller, once each (S-265); whose
key it is, and its counter, are `mfa.webauthn_verification`'s matter.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import parse_authenticator_data, parse_cbor
from webauthn.helpers.structs import AttestationFormat

from mfa import webauthn_guard as guard
from mfa.factors import USER_VERIFIED
from mfa.webauthn_keys import ALGORITHMS, UnacceptableKey, check_public_key

_SHORTEST_CHALLENGE = 16
_PACKED = AttestationFormat.PACKED.value
_FORMATS = frozenset({AttestationFormat.NONE.value, _PACKED})
"""What browsers send when they are asked for no attestation, and the one format that we anchor."""
_AAGUID_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.45724.1.1.4")
"""WebAuthn Level 3 §8.2.1: the certificate names the model it attests."""


class WebauthnRejected(Exception):
    """The ceremony proves nothing. The message is for the log and holds none of the input."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who we are to an authenticator."""

    rp_id: str
    name: str
    origins: tuple[str, ...]

    def __post_init__(self) -> None:
        for origin in self.origins:
            host = urlsplit(origin).hostname or ""
            if host != self.rp_id and not host.endswith(f".{self.rp_id}"):
                raise ValueError(f"the origin {origin} does not lie within the rpId {self.rp_id}")  # S-290


@dataclass(frozen=True, slots=True)
class Attestation:
    """Which models of authenticator count as attested. Empty: none is asked for, and none is believed."""

    aaguids: frozenset[str] = frozenset()
    roots_pem: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.aaguids) != bool(self.roots_pem):
            raise ValueError("an allow-list of models needs trust roots, and trust roots an allow-list")


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What the server asked for, and therefore insists on (S-272)."""

    challenge: bytes = field(repr=False)
    user_verification_required: bool

    def __post_init__(self) -> None:
        if len(self.challenge) < _SHORTEST_CHALLENGE:
            raise ValueError("a challenge has 16 bytes at least")


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A key that an authenticator has just made for a citizen."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: str
    user_verified: bool
    backup_eligible: bool
    backed_up: bool
    attested: bool
    """Its model is on the allow-list, and a trust root says so (S-282)."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """A signature that is right for the key it was checked with."""

    sign_count: int
    user_verified: bool
    backup_eligible: bool
    backed_up: bool


def verify_registration(
    credential_json: str, *, relying_party: RelyingParty, ceremony: Ceremony, attestation: Attestation
) -> NewCredential:
    """The key that a ceremony made.

    Raises:
        WebauthnRejected
    """
    try:
        return _verify_registration(credential_json, relying_party, ceremony, attestation)
    except (guard.MalformedCredential, UnacceptableKey) as fault:
        raise WebauthnRejected(str(fault)) from fault
    except WebauthnRejected:
        raise
    except Exception as fault:  # seven kinds escape from the library (S-292)
        raise WebauthnRejected(f"the library refused it: {type(fault).__name__}") from fault


def verify_assertion(
    answer: guard.Credential, *, public_key: bytes, relying_party: RelyingParty, ceremony: Ceremony
) -> Assertion:
    """The signature over this challenge, by the holder of this key.

    Raises:
        WebauthnRejected
    """
    try:
        return _verify_assertion(answer, public_key, relying_party, ceremony)
    except (guard.MalformedCredential, UnacceptableKey) as fault:
        raise WebauthnRejected(str(fault)) from fault
    except WebauthnRejected:
        raise
    except Exception as fault:  # seven kinds escape from the library (S-292)
        raise WebauthnRejected(f"the library refused it: {type(fault).__name__}") from fault


def parse_assertion(credential_json: str) -> guard.Credential:
    """
    Raises:
        WebauthnRejected
    """
    try:
        return guard.parse_credential(credential_json, members=("authenticatorData", "signature"))
    except guard.MalformedCredential as fault:
        raise WebauthnRejected(str(fault)) from fault


def amr_of(*, attested: bool, backup_eligible: bool, user_verified: bool) -> tuple[str, ...]:
    """RFC 8176 §2: `hwk` only where hardware is attested, `swk` for a key that travels, else only that it is a key."""
    key = "swk" if backup_eligible else "hwk" if attested else "pop"
    return (key, "user", USER_VERIFIED) if user_verified else (key, "user")


def _verify_registration(
    text: str, relying_party: RelyingParty, ceremony: Ceremony, attestation: Attestation
) -> NewCredential:
    answer = guard.parse_credential(text, members=("attestationObject",))
    guard.check_client_data(
        answer.client_data,
        kind="webauthn.create",
        challenge=ceremony.challenge,
        origins=relying_party.origins,
    )
    attested_object = parse_cbor(answer.response["attestationObject"])
    statement, authenticator_data = _parts_of(attested_object)
    flags = guard.parse_flags(authenticator_data)
    verified = verify_registration_response(
        credential=answer.as_json(),
        expected_challenge=ceremony.challenge,
        expected_rp_id=relying_party.rp_id,
        expected_origin=list(relying_party.origins),
        require_user_verification=ceremony.user_verification_required,
        supported_pub_key_algs=list(ALGORITHMS),
        pem_root_certs_bytes_by_fmt={AttestationFormat.PACKED: list(attestation.roots_pem)},
    )
    check_public_key(verified.credential_public_key)
    if verified.credential_id != answer.credential_id:
        raise WebauthnRejected("two credential ids")
    if attestation.aaguids:
        _check_attested(statement, authenticator_data, verified.aaguid, attestation)
    return NewCredential(
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        aaguid=verified.aaguid,
        user_verified=flags.user_verified,
        backup_eligible=flags.backup_eligible,
        backed_up=flags.backed_up,
        attested=bool(attestation.aaguids),
    )


def _parts_of(attestation_object: Any) -> tuple[dict[str, Any], bytes]:
    """The statement and the authenticator data of an attestation object of a format we read (Level 3 §6.5.4)."""
    if not isinstance(attestation_object, dict) or set(attestation_object) != {"fmt", "attStmt", "authData"}:
        raise WebauthnRejected("not an attestation object")
    statement, data = attestation_object["attStmt"], attestation_object["authData"]
    form = attestation_object["fmt"]
    if form not in _FORMATS or not isinstance(statement, dict) or not isinstance(data, bytes):
        raise WebauthnRejected("an attestation format that is not read here")
    if form == AttestationFormat.NONE.value and statement:
        raise WebauthnRejected("no attestation, and a statement")  # Level 3 §8.7
    if "x5c" in statement and not statement["x5c"]:
        raise WebauthnRejected("a chain without a certificate")  # Level 3 §8.2: it has one at least
    return statement, data


def _check_attested(
    statement: dict[str, Any], authenticator_data: bytes, aaguid: str, attestation: Attestation
) -> None:
    """Level 3 §7.1 (22-24), §8.2.1: a chain to a pinned root, for this very model, and the model is allowed.

    The library has verified signature and chain, since it was given roots.
    """
    chain = statement.get("x5c")
    if not isinstance(chain, list) or not chain:
        raise WebauthnRejected("the model is not attested")
    if aaguid not in attestation.aaguids:
        raise WebauthnRejected("the model is not on the list")
    certificate = x509.load_der_x509_certificate(chain[0])
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    if certificate.version is not x509.Version.v3 or constraints.ca:
        raise WebauthnRejected("the attestation certificate is not one")
    data = parse_authenticator_data(authenticator_data).attested_credential_data
    for extension in certificate.extensions:
        if extension.oid == _AAGUID_EXTENSION:
            named = extension.value
            if (
                data is None
                or not isinstance(named, x509.UnrecognizedExtension)
                or named.value[2:] != data.aaguid
            ):
                raise WebauthnRejected("the attestation certificate is for another model")


def _verify_assertion(
    answer: guard.Credential, public_key: bytes, relying_party: RelyingParty, ceremony: Ceremony
) -> Assertion:
    guard.check_client_data(
        answer.client_data, kind="webauthn.get", challenge=ceremony.challenge, origins=relying_party.origins
    )
    flags = guard.parse_flags(answer.response["authenticatorData"])
    check_public_key(public_key)
    verified = verify_authentication_response(
        credential=answer.as_json(),
        expected_challenge=ceremony.challenge,
        expected_rp_id=relying_party.rp_id,
        expected_origin=list(relying_party.origins),
        credential_public_key=public_key,
        # The library looks at the counter before the signature. Ours is looked at after it, where it is kept,
        # so that only the key's holder can make a key suspect (S-273).
        credential_current_sign_count=0,
        require_user_verification=ceremony.user_verification_required,
    )
    return Assertion(verified.new_sign_count, flags.user_verified, flags.backup_eligible, flags.backed_up)
