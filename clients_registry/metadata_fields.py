"""What each single field of a registration may hold (RFC 7591 §2, OIDC Registration §2), by topic.

How fields fit together is metadata_rules' matter, and what an absent one means metadata's. The kinds of value are read
by field_readers.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from clients_registry import encryption
from clients_registry.certificate_subjects import (
    san_dns,
    san_email,
    san_ip,
    san_uri,
    subject_dn,
)
from clients_registry.claims import CLAIMS, SCOPE_CLAIMS
from clients_registry.client_keys import ClientKeys, public_jwks
from clients_registry.detail_type import DETAIL_TYPE
from clients_registry.errors import InvalidKeys
from clients_registry.field_readers import (
    MAX_NAME_LETTERS,
    MAX_URIS,
    Reader,
    Reading,
    Unfit,
    any_of,
    boolean,
    by_profile,
    email,
    list_of,
    matching,
    members_of,
    network,
    one_of,
    public_url,
    redirect_uri,
    seconds,
    text,
)
from clients_registry.profiles import PROFILES
from clients_registry.purposes import LANGUAGES, LEGAL_GROUNDS, Purpose

RESPONSE_MODES = ("query", "form_post", "jwt", "query.jwt", "form_post.jwt")
MAX_PURPOSES = 20
MAX_TEXT_LETTERS = 500
"""A sentence or two: the citizen reads it before signing in."""

_PURPOSE_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
_ACR = re.compile(r"[!#-\[\]-~]{1,200}")
_ORGANISATION = re.compile(r"[A-Za-z0-9]{1,64}")
_NO_CERTIFICATES = "the provider is not set up for such certificates (ADGANG_MTLS_… in its settings)"
_HANDLE = re.compile(r"[0-9a-f]{32}")


def scope(value: Any, _reading: Reading) -> tuple[str, ...]:
    """RFC 7591 §2: one string with spaces."""
    words = value.split(" ") if isinstance(value, str) else [""]
    if len(set(words)) < len(words) or not set(words) <= SCOPE_CLAIMS.keys() or "openid" not in words:
        raise Unfit(
            f"must be openid and any of {any_of(SCOPE_CLAIMS)}, each once, in one string with single spaces"
        )
    return tuple(words)


def jwks(value: Any, _reading: Reading) -> dict[str, Any]:
    """Checked by ClientKeys; what we do not understand in it is dropped."""
    try:
        ClientKeys.parse(value)
    except InvalidKeys as invalid:
        faults = [(fault.field.removeprefix("jwks"), fault.sentence) for fault in invalid.faults]
        raise Unfit.in_parts(faults) from None
    return public_jwks(value)


def purpose(value: Any, reading: Reading) -> Purpose:
    """`{id, text: {da, en, nb}, legal_ground, claims}`, nothing else and nothing less (protocol.md, Purposes)."""
    if not isinstance(value, Mapping) or value.keys() != {"id", "text", "legal_ground", "claims"}:
        raise Unfit("must be an object with id, text, legal_ground and claims, and nothing else")
    readers: dict[str, Reader] = {
        "id": matching(_PURPOSE_ID, "must be 1 to 64 of a-z, 0-9, - and _"),
        "text": texts,
        "legal_ground": one_of(LEGAL_GROUNDS),
        "claims": list_of(one_of(CLAIMS), at_least=0, at_most=len(CLAIMS)),
    }
    return Purpose.from_json(members_of(value, readers, reading))


def texts(value: Any, reading: Reading) -> dict[str, Any]:
    """A sentence in each language."""
    if not isinstance(value, Mapping) or value.keys() != set(LANGUAGES):
        raise Unfit(
            f"must have a sentence for the citizen in each of {', '.join(LANGUAGES)}, and nothing else"
        )
    return members_of(value, dict.fromkeys(LANGUAGES, text(MAX_TEXT_LETTERS)), reading)


def jwks_uri_handle(value: Any, _reading: Reading) -> str:
    """A handle that we make where "new" is asked for; one that we made is kept."""
    if value == "new":
        return secrets.token_hex(16)
    if not isinstance(value, str) or _HANDLE.fullmatch(value) is None:
        raise Unfit('must be "new", for a handle that the provider makes, or the one that it made')
    return value


organisation = matching(_ORGANISATION, "must be a CVR number or an organisation's id")
_by_method = by_profile(lambda profile: profile.token_endpoint_auth_methods)


def authentication_method(value: Any, reading: Reading) -> str:
    """By profile, and what this deployment offers."""
    method = str(_by_method(value, reading))
    if not reading.policy.offers(method):
        raise Unfit(f"{method} is not offered here: {_NO_CERTIFICATES}")
    return method


def bound_to_certificate(value: Any, reading: Reading) -> bool:
    """RFC 8705 §3.4."""
    bound = boolean(value, reading)
    if bound and not reading.policy.mutual_tls:
        raise Unfit(f"may not be true here: {_NO_CERTIFICATES}")
    return bound


_WHO: dict[str, Reader] = {
    "profile": one_of(PROFILES),
    "organisation": organisation,
    "client_name": text(MAX_NAME_LETTERS),
    "application_type": one_of(("web", "native")),
    "client_uri": public_url,
    "logo_uri": public_url,
    "policy_uri": public_url,
    "tos_uri": public_url,
    "contacts": list_of(email, at_least=0, at_most=10),
}

_AUTHENTICATION: dict[str, Reader] = {
    "token_endpoint_auth_method": authentication_method,
    "token_endpoint_auth_signing_alg": by_profile(lambda profile: profile.signing_algorithms),
    "jwks": jwks,
    "jwks_uri": public_url,
    "tls_client_auth_subject_dn": subject_dn,
    "tls_client_auth_san_dns": san_dns,
    "tls_client_auth_san_uri": san_uri,
    "tls_client_auth_san_ip": san_ip,
    "tls_client_auth_san_email": san_email,
    "tls_client_certificate_bound_access_tokens": bound_to_certificate,
    "dpop_bound_access_tokens": boolean,
    "jwks_cache_seconds": seconds,
    "jwks_fetch_addresses": list_of(network, at_least=0, at_most=MAX_URIS),
    "jwks_uri_handle": jwks_uri_handle,
}

_REQUESTS: dict[str, Reader] = {
    "redirect_uris": list_of(redirect_uri, at_least=0, at_most=MAX_URIS),
    "response_types": list_of(one_of(("code",)), at_least=1, at_most=1),
    "response_modes": list_of(one_of(RESPONSE_MODES), at_least=1, at_most=len(RESPONSE_MODES)),
    "grant_types": list_of(by_profile(lambda profile: profile.grant_types), at_least=1, at_most=5),
    "scope": scope,
    "purposes": list_of(purpose, at_least=1, at_most=MAX_PURPOSES),
    "default_max_age": seconds,
    "require_auth_time": boolean,
    "default_acr_values": list_of(matching(_ACR, "must be the name of a level"), at_least=0, at_most=10),
    "require_pkce": boolean,
    "require_pushed_authorization_requests": boolean,
    "require_signed_request_object": boolean,
    "request_object_signing_alg": by_profile(lambda profile: profile.signing_algorithms),
    "initiate_login_uri": public_url,
    "authorization_details_types": list_of(
        matching(DETAIL_TYPE, "must be a type that `adgang details list` shows"), at_least=0, at_most=50
    ),
}

_ANSWERS: dict[str, Reader] = {
    "subject_type": one_of(("pairwise", "public")),
    "id_token_signed_response_alg": by_profile(lambda profile: profile.signing_algorithms),
    "authorization_signed_response_alg": by_profile(lambda profile: profile.signing_algorithms),
    "userinfo_signed_response_alg": by_profile(lambda profile: profile.signing_algorithms),
}

_LOGOUT: dict[str, Reader] = {
    "post_logout_redirect_uris": list_of(redirect_uri, at_least=0, at_most=MAX_URIS),
    "backchannel_logout_uri": public_url,
    "backchannel_logout_session_required": boolean,
    "frontchannel_logout_uri": public_url,
    "frontchannel_logout_session_required": boolean,
}

FIELDS: dict[str, Reader] = {
    **_WHO,
    **_AUTHENTICATION,
    **_REQUESTS,
    **_ANSWERS,
    **encryption.READERS,
    **_LOGOUT,
}

LOCALIZED = ("client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri")
"""The fields that may come in several languages, as `client_name#en` (RFC 7591 §2.2)."""
