"""How the fields of a registration fit together: one rule for each thing that two fields could contradict.

Each rule is asked only where the fields that it reads could be read. What one field may hold is in metadata_fields.
"""

from collections.abc import Callable, Iterator
from typing import Any

from clients_registry import encryption
from clients_registry.certificate_subjects import SUBJECT_FIELDS
from clients_registry.claims import claims_of
from clients_registry.client_keys import ClientKeys
from clients_registry.errors import MetadataFault
from clients_registry.field_readers import any_of
from clients_registry.profiles import (
    DEVICE_CODE,
    MACHINE_GRANTS,
    PROFILES,
    SECRET_METHODS,
    SIGN_IN_GRANTS,
    only_machine,
)
from clients_registry.uris import site_of

Fields = dict[str, Any]
"""Members of `Client` by name, with `organisation` as it was given and localized ones by their wire names."""

Rule = Callable[[Fields], Iterator[MetadataFault]]


def _method_faults(fields: Fields) -> Iterator[MetadataFault]:
    if fields["application_type"] == "native" and fields["token_endpoint_auth_method"] in SECRET_METHODS:
        # RFC 8252 §8.5
        yield MetadataFault("token_endpoint_auth_method", "must be none: a native app cannot keep a secret")


def _pkce_faults(fields: Fields) -> Iterator[MetadataFault]:
    """RFC 9700 §2.1.1."""
    may_waive = PROFILES[fields["profile"]].pkce_may_be_waived
    if not fields["require_pkce"] and not (may_waive and fields["token_endpoint_auth_method"] != "none"):
        yield MetadataFault("require_pkce", "may be false only for a confidential client of the oidc profile")


def _assertion_faults(fields: Fields) -> Iterator[MetadataFault]:
    """RFC 7523 §2.2, OIDC Registration §2."""
    if fields["token_endpoint_auth_method"] != "private_key_jwt":
        if fields["token_endpoint_auth_signing_alg"] is not None:
            yield MetadataFault(
                "token_endpoint_auth_signing_alg", "is only for private_key_jwt; leave it out"
            )
        return
    if fields["jwks_uri"] is not None:
        return
    if fields["jwks"] is None:
        yield MetadataFault(
            "jwks",
            "is missing, and so is jwks_uri; private_key_jwt needs the client's public keys (RFC 7523)",
        )
        return
    named = fields["token_endpoint_auth_signing_alg"]
    algorithms = (named,) if named is not None else PROFILES[fields["profile"]].signing_algorithms
    if not ClientKeys.parse(fields["jwks"]).fits(algorithms):
        yield MetadataFault("jwks", f"has no key that can verify {' or '.join(algorithms)}; add one")


def _key_faults(fields: Fields) -> Iterator[MetadataFault]:
    """RFC 7591 §2: two sources of keys could say different things."""
    if fields["jwks"] is not None and fields["jwks_uri"] is not None:
        yield MetadataFault("jwks_uri", "must not stand beside jwks; keep one of them")


def _certificate_faults(fields: Fields) -> Iterator[MetadataFault]:
    """RFC 8705 §2.1.2: exactly one name; §2.2.2: the certificate of a key."""
    method, named = fields["token_endpoint_auth_method"], [n for n in SUBJECT_FIELDS if fields[n] is not None]
    if method != "tls_client_auth":
        for name in named:
            yield MetadataFault(name, "is only for tls_client_auth; leave it out")
    elif len(named) != 1:
        yield MetadataFault(
            SUBJECT_FIELDS[0],
            f"tls_client_auth needs exactly one of {any_of(SUBJECT_FIELDS)} (RFC 8705 §2.1.2)",
        )
    if method == "self_signed_tls_client_auth" and fields["jwks_uri"] is None:
        jwks = fields["jwks"]
        if jwks is None or not ClientKeys.parse(jwks).has_certificate:
            yield MetadataFault("jwks", "has no key with its certificate in x5c; add it (RFC 8705 §2.2.2)")


def _request_faults(fields: Fields) -> Iterator[MetadataFault]:
    """RFC 9101 §10.5, RFC 9126 §6."""
    rules, named = PROFILES[fields["profile"]], fields["request_object_signing_alg"]
    if rules.requires_par and not fields["require_pushed_authorization_requests"]:
        yield MetadataFault("require_pushed_authorization_requests", f"may not be false in {rules.name}")
    if (named is None and not fields["require_signed_request_object"]) or fields["jwks_uri"] is not None:
        return
    algorithms = (named,) if named is not None else rules.signing_algorithms
    if fields["jwks"] is None or not ClientKeys.parse(fields["jwks"]).fits(algorithms):
        yield MetadataFault("jwks", f"has no key that can verify request objects by {any_of(algorithms)}")


def _signature_faults(fields: Fields) -> Iterator[MetadataFault]:
    """One algorithm per client for everything that we sign for it (protocol.md, Signing algorithms)."""
    for name in ("userinfo_signed_response_alg", "authorization_signed_response_alg"):
        if fields[name] not in (None, fields["id_token_signed_response_alg"]):
            yield MetadataFault(name, "must be the same as id_token_signed_response_alg")


def _scope_faults(fields: Fields) -> Iterator[MetadataFault]:
    released = {claim for purpose in fields["purposes"] for claim in purpose.claims}
    for scope in fields["scope"]:
        asked = claims_of([scope])
        if asked and not released.intersection(asked):
            yield MetadataFault(
                "scope", f"{scope} is in no purpose: add its claims to one, or leave {scope} out"
            )


def _grant_type_faults(fields: Fields) -> Iterator[MetadataFault]:
    """RFC 7591 §2.1, OIDC Core §11."""
    grant_types = fields["grant_types"]
    if "refresh_token" in grant_types and SIGN_IN_GRANTS.isdisjoint(grant_types):
        yield MetadataFault(
            "grant_types", "must have a grant by which the others begin, such as authorization_code"
        )
    if fields["token_endpoint_auth_method"] == "none":
        for name in MACHINE_GRANTS.intersection(grant_types):  # RFC 6749 §4.4 (S-189)
            yield MetadataFault("grant_types", f"may have {name} only for a client that authenticates")
    if "offline_access" in fields["scope"] and "refresh_token" not in grant_types:
        yield MetadataFault("grant_types", "must have refresh_token where the scope has offline_access")


def _of_sign_ins(name: str) -> Rule:
    """A field that every sign-in needs, and that means nothing where nobody signs in (RFC 7591 §2.1)."""

    def rule(fields: Fields) -> Iterator[MetadataFault]:
        is_machine = only_machine(fields["grant_types"])
        if is_machine and fields[name]:
            yield MetadataFault(name, "is only for clients at which citizens sign in; leave it out")
        elif not is_machine and not fields[name]:
            yield MetadataFault(name, "is missing; a client cannot be registered without it")

    return rule


def _logout_faults(fields: Fields) -> Iterator[MetadataFault]:
    """Front-Channel Logout §2: with the scheme, host and port of a redirect URI. Back-Channel Logout §2.2."""
    address = fields.get("frontchannel_logout_uri")
    if address is not None and site_of(address) not in {site_of(uri) for uri in fields["redirect_uris"]}:
        yield MetadataFault(
            "frontchannel_logout_uri", "must have the scheme, host and port of one of the redirect_uris"
        )
    for channel in ("frontchannel", "backchannel"):
        if fields.get(f"{channel}_logout_session_required") and not fields.get(f"{channel}_logout_uri"):
            yield MetadataFault(
                f"{channel}_logout_session_required", f"is only for a {channel}_logout_uri; add one"
            )


def _redirect_faults(fields: Fields) -> Iterator[MetadataFault]:
    """RFC 7591 §2: whoever sends a browser must say where it may come back to."""
    if "authorization_code" in fields["grant_types"] and not fields["redirect_uris"]:
        yield MetadataFault("redirect_uris", "is missing; a client cannot be registered without it")
    if only_machine(fields["grant_types"]) and fields["redirect_uris"]:
        yield MetadataFault("redirect_uris", "is only for clients at which citizens sign in; leave it out")


def _device_faults(fields: Fields) -> Iterator[MetadataFault]:
    """RFC 8628 §3.1 takes no request object, so a client that must sign its requests could not be held to it (S-078)."""
    if DEVICE_CODE in fields["grant_types"] and fields["require_signed_request_object"]:
        yield MetadataFault("grant_types", "may not have the device grant where requests must be signed")


RULES: tuple[tuple[tuple[str, ...], Rule], ...] = (
    (("profile", "token_endpoint_auth_method", "application_type"), _method_faults),
    (
        ("profile", "token_endpoint_auth_method", "token_endpoint_auth_signing_alg", "jwks", "jwks_uri"),
        _assertion_faults,
    ),
    (("jwks", "jwks_uri"), _key_faults),
    (("token_endpoint_auth_method", "jwks", "jwks_uri", *SUBJECT_FIELDS), _certificate_faults),
    (("profile", "token_endpoint_auth_method", "require_pkce"), _pkce_faults),
    (
        (
            "profile",
            "jwks",
            "jwks_uri",
            "require_pushed_authorization_requests",
            "require_signed_request_object",
            "request_object_signing_alg",
        ),
        _request_faults,
    ),
    (
        (
            "profile",
            "id_token_signed_response_alg",
            "userinfo_signed_response_alg",
            "authorization_signed_response_alg",
        ),
        _signature_faults,
    ),
    (encryption.READS, encryption.faults),
    (("scope", "purposes"), _scope_faults),
    (("scope", "grant_types", "token_endpoint_auth_method"), _grant_type_faults),
    *(((name, "grant_types"), _of_sign_ins(name)) for name in ("response_types", "purposes", "scope")),
    (
        (
            "redirect_uris",
            "frontchannel_logout_uri",
            "frontchannel_logout_session_required",
            "backchannel_logout_uri",
            "backchannel_logout_session_required",
        ),
        _logout_faults,
    ),
    (("grant_types", "redirect_uris"), _redirect_faults),
    (("grant_types", "require_signed_request_object"), _device_faults),
)
"""Each rule with the fields it reads: it is asked only where these could be read."""
