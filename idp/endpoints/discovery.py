"""Provider metadata (OpenID Connect Discovery §3, RFC 8414 §2): the same document at both well-known paths.

Each rule contributes its own lines, so that a feature that is not there is not announced. The bytes are made once, and
again only when the algorithms that can sign or the kinds of details have changed; no store is asked for it but once a
minute, and without an answer from there it goes on (S-358).
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec

from clients_registry.profiles import OIDC
from clients_registry.registry import Registry
from clients_registry.resource import TOKEN_ALGORITHMS
from idp.clock import Clock
from idp.endpoints import revocation
from idp.endpoints.machine import MachineFunction, MachineRequest, MachineResponse, published_response
from idp.protocol import (
    authorization_request,
    claims,
    client_auth,
    client_certificate,
    dpop,
    encryption,
    locales,
    logout_request,
    pkce,
    prompt,
    request_object,
    resource_auth,
    response_mode,
    scope,
)
from idp.protocol.acr import acr_names
from idp.protocol.policy import ProtocolPolicy

_RULES: tuple[Mapping[str, object], ...] = (
    authorization_request.METADATA,
    claims.METADATA,
    dpop.METADATA,
    encryption.METADATA,
    locales.METADATA,
    logout_request.METADATA,
    pkce.METADATA,
    prompt.METADATA,
    request_object.METADATA,
    response_mode.METADATA,
    resource_auth.METADATA,
    scope.METADATA,
)
_OF_DEPLOYMENT: tuple[Callable[[ProtocolPolicy], Mapping[str, object]], ...] = (
    client_auth.metadata,
    client_certificate.metadata,
    revocation.metadata,
)


Names = tuple[str, ...]

_LOOKED_UP_EVERY = timedelta(minutes=1)


def announced_types(registry: Registry, clock: Clock) -> Callable[[], Names]:
    """The kinds of authorization details that are in use (RFC 9396 §10), read once a minute at most.

    What was known last stays while the store is away: discovery asks it for nothing that it cannot do without.
    """
    known: Names = ()
    looked_up_at: datetime | None = None

    def names() -> Names:
        nonlocal known, looked_up_at
        now = clock()
        if looked_up_at is None or not timedelta(0) <= now - looked_up_at < _LOOKED_UP_EVERY:
            looked_up_at = now
            with suppress(Exception):  # whatever the store raises
                known = tuple(
                    found.detail_type.type for found in registry.detail_types() if not found.disabled
                )
        return known

    return names


def provider_metadata(
    policy: ProtocolPolicy, algorithms: Names, detail_types: Names = ()
) -> dict[str, object]:
    """The members of the document; `algorithms` are those that can sign now, `detail_types` those of RFC 9396 §10."""
    members: dict[str, object] = {
        "issuer": policy.issuer,
        "authorization_endpoint": policy.authorization_endpoint,
        "pushed_authorization_request_endpoint": policy.pushed_authorization_request_endpoint,
        "token_endpoint": policy.token_endpoint,
        "introspection_endpoint": policy.introspection_endpoint,
        "revocation_endpoint": policy.revocation_endpoint,
        "device_authorization_endpoint": policy.device_authorization_endpoint,
        "userinfo_endpoint": policy.userinfo_endpoint,
        "end_session_endpoint": policy.end_session_endpoint,
        "jwks_uri": policy.jwks_uri,
        "grant_types_supported": list(OIDC.grant_types),
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": list(algorithms),
        "userinfo_signing_alg_values_supported": list(algorithms),
        "authorization_signing_alg_values_supported": list(algorithms),
        "introspection_signing_alg_values_supported": [a for a in algorithms if a in TOKEN_ALGORITHMS],
        "acr_values_supported": acr_names(policy),
    }
    if detail_types:
        members["authorization_details_types_supported"] = list(detail_types)
    for lines in (*_RULES, *(of(policy) for of in _OF_DEPLOYMENT)):
        if not members.keys().isdisjoint(lines):
            raise AssertionError("two rules announce the same member")
        members |= lines
    return members


def discovery(
    policy: ProtocolPolicy, algorithms: Callable[[], Names], detail_types: Callable[[], Names]
) -> MachineFunction:
    """The endpoint."""
    max_age = int(policy.published_max_age.total_seconds())
    made: dict[tuple[Names, Names], tuple[bytes, str]] = {}

    def respond(request: MachineRequest) -> MachineResponse:
        known = algorithms(), detail_types()
        body, etag = made.get(known) or (b"", "")
        if not etag:
            body = msgspec.json.encode(provider_metadata(policy, *known))
            etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
            made.clear()
            made[known] = body, etag
        return published_response(
            request, body, content_type="application/json", etag=etag, max_age_seconds=max_age
        )

    return respond
