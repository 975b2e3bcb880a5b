"""What a registration may contain (RFC 7591 §2, OIDC Registration §2, and our purposes).

All faults are told at once. Unknown fields and fields that are ours to set are refused by name. An absent field gets
the policy's default, which is never wider than what a client would have to ask for; in a change, an absent field that
restricts keeps what it was (S-186). What one field may hold is in metadata_fields; how fields
fit together, in metadata_rules; what differs by profile, in profiles.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from clients_registry import encryption
from clients_registry.certificate_subjects import SUBJECT_FIELDS
from clients_registry.client import Client
from clients_registry.documents import metadata_of
from clients_registry.errors import InvalidClientMetadata, MetadataFault
from clients_registry.field_readers import Reading, Unfit, any_of
from clients_registry.metadata_fields import FIELDS, LOCALIZED
from clients_registry.metadata_rules import RULES, Fields
from clients_registry.policy import RegistrationPolicy
from clients_registry.profiles import FAPI2, PROFILES, only_machine

_OURS = frozenset(
    {
        "client_id", "client_secret", "client_secret_expires_at", "client_id_issued_at", "secret_digest",
        "registration_access_token", "registration_client_uri", "organisation_id", "sector",
        "created_at", "changed_at", "disabled_at", "localized",
    }
)  # fmt: skip

_NOT_TAKEN = {
    "sector_identifier_uri": "is not taken; the sector is the organisation",
    "software_statement": "is not taken; register the values themselves",
    "request_uris": "is not taken; push the request (RFC 9126) instead",
}

_NOT_OFFERED = frozenset(
    {
        "software_id", "software_version",
        "request_object_encryption_alg", "request_object_encryption_enc",
        "introspection_signed_response_alg",
    }
)  # fmt: skip
"""Registered fields of features that this version does not have; taking them would promise what is not kept."""

_KEPT_WHEN_ABSENT = (
    "organisation",
    "token_endpoint_auth_method",
    "token_endpoint_auth_signing_alg",
    "tls_client_certificate_bound_access_tokens",
    "dpop_bound_access_tokens",
    "default_max_age",
    "require_auth_time",
    "default_acr_values",
    "require_pushed_authorization_requests",
    "require_signed_request_object",
    "request_object_signing_alg",
    *encryption.READERS,
    "jwks_cache_seconds",
    "jwks_uri_handle",
)
"""Fields whose default is wider than a value that a client may have; null lifts them on purpose."""

_SIGNED_BY_US = (
    "id_token_signed_response_alg",
    "userinfo_signed_response_alg",
    "authorization_signed_response_alg",
)

_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}")
_PRINTABLE_NAME = re.compile(r"[!-~]{1,64}")
_REQUIRED = ("client_name", "organisation")


def check_metadata(
    given: Mapping[str, Any], policy: RegistrationPolicy, present: Client | None = None
) -> Fields:
    """Every field of the client, defaults filled in; `present` is the client that is being changed.

    Raises:
        InvalidClientMetadata: with every fault.
    """
    if present is not None:
        given = _kept(given, present) | dict(given)
    faults = [*_name_faults(given), *_absence_faults(given)]
    fields, field_faults = _read(given, Reading(policy, _profile_of(given), _application_type_of(given)))
    faults += field_faults
    fields = _defaults(fields) | fields
    broken = {re.split(r"[.\[#]", fault.field)[0] for fault in faults}
    for needed, rule in RULES:
        if not broken.intersection(needed):
            faults += rule(fields)
    faults += [fault for fault in _unsignable(fields, policy) if fault.field not in broken]
    if faults:
        raise InvalidClientMetadata(faults)
    return fields


def _unsignable(fields: Fields, policy: RegistrationPolicy) -> Iterator[MetadataFault]:
    """What is to be signed for the client, by its own choice or by default, with a key that we do not keep."""
    for name in _SIGNED_BY_US:
        if fields[name] is not None and fields[name] not in policy.signing_algorithms:
            offered = any_of(policy.signing_algorithms)
            yield MetadataFault(
                name, f"would be {fields[name]}, and this provider has keys for {offered} only"
            )


def _read(given: Mapping[str, Any], reading: Reading) -> tuple[Fields, list[MetadataFault]]:
    fields: Fields = {}
    faults: list[MetadataFault] = []
    for name, value in given.items():
        base, hash_sign, _ = name.partition("#")
        read = FIELDS.get(base)
        if read is None or value is None or (hash_sign and base not in LOCALIZED):
            continue
        try:
            fields[name] = read(value, reading)
        except Unfit as unfit:
            faults += [MetadataFault(f"{name}{inside}", sentence) for inside, sentence in unfit.faults]
    return fields, faults


def _absence_faults(given: Mapping[str, Any]) -> Iterator[MetadataFault]:
    for name in _REQUIRED:
        if given.get(name) is None:
            yield MetadataFault(name, "is missing; a client cannot be registered without it")


def _profile_of(given: Mapping[str, Any]) -> Any:
    name = given.get("profile")
    return PROFILES.get(name, FAPI2) if isinstance(name, str) else FAPI2


def _application_type_of(given: Mapping[str, Any]) -> str:
    return "native" if given.get("application_type") == "native" else "web"


def _name_faults(given: Mapping[str, Any]) -> Iterator[MetadataFault]:
    for name in given:
        base, hash_sign, tag = name.partition("#")
        shown = name if _PRINTABLE_NAME.fullmatch(name) else "(a field)"
        if name in _OURS:
            yield MetadataFault(name, "is set by the provider; leave it out")
        elif name in _NOT_TAKEN:
            yield MetadataFault(name, _NOT_TAKEN[name])
        elif name in _NOT_OFFERED:
            yield MetadataFault(name, "belongs to a feature that this version does not have; leave it out")
        elif base not in FIELDS:
            yield MetadataFault(
                shown, "is not a field that this provider knows; leave it out or mend its spelling"
            )
        elif hash_sign and (base not in LOCALIZED or _TAG.fullmatch(tag) is None):
            yield MetadataFault(
                shown, f"may not carry a language; only {', '.join(LOCALIZED)} may, as client_name#en"
            )


def _kept(given: Mapping[str, Any], present: Client) -> Fields:
    """As it would stand in a registration, so that it is checked again with the rest."""
    registered = metadata_of(present) | {"organisation": present.organisation_id}
    kept = {name: registered[name] for name in _KEPT_WHEN_ABSENT if name in registered and name not in given}
    if given.get("token_endpoint_auth_method", "private_key_jwt") != "private_key_jwt":
        kept.pop("token_endpoint_auth_signing_alg", None)  # it would restrict nothing any more
    if not given.keys() & {"token_endpoint_auth_method", *SUBJECT_FIELDS}:
        kept |= {name: registered[name] for name in SUBJECT_FIELDS if name in registered}
    for answer in encryption.ANSWERS:
        if given.get(encryption.algorithm_of(answer), "") is None:
            kept.pop(encryption.content_algorithm_of(answer), None)
    return kept


def _defaults(fields: Fields) -> Fields:
    rules = PROFILES[fields.get("profile", FAPI2.name)]
    grant_types = fields.get("grant_types", ("authorization_code",))
    is_machine = only_machine(grant_types)
    return {
        "profile": rules.name,
        "application_type": "web",
        "grant_types": grant_types,
        "response_types": () if is_machine else ("code",),
        "redirect_uris": (),
        "purposes": (),
        "scope": () if is_machine else ("openid",),
        "token_endpoint_auth_method": rules.default_token_endpoint_auth_method,
        "id_token_signed_response_alg": rules.default_signing_algorithm,
        "require_pkce": True,
        "require_pushed_authorization_requests": rules.requires_par,
        "require_signed_request_object": False,
        "request_object_signing_alg": None,
        "jwks": None,
        "jwks_uri": None,
        **dict.fromkeys(SUBJECT_FIELDS),
        "token_endpoint_auth_signing_alg": None,
        "userinfo_signed_response_alg": None,
        "authorization_signed_response_alg": None,
        **encryption.defaults(fields),
    }
