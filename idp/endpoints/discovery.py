"""Provider metadata (OpenID Connect Discovery §3, RFC 8414 §2): the same document at both well-known paths.

Each rule contributes its own lines, so that a feature that is not there is not announced. The bytes are made once, and
again only when the algorithms that can sign have changed; no store is asked (S-358).
"""

import hashlib
from collections.abc import Callable, Mapping

import msgspec

from clients_registry.profiles import OIDC
from clients_registry.resource import TOKEN_ALGORITHMS
from idp.endpoints import revocation
from idp.endpoints.machine import MachineFunction, MachineRequest, MachineResponse, published_response
from idp.protocol import (
    authorization_request,
    claims,
    client_auth,
    client_certificate,
    encryption,
    locales,
    logout_request,
    pkce,
    profile,
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
    encryption.METADATA,
    locales.METADATA,
    logout_request.METADATA,
    pkce.METADATA,
    profile.METADATA,
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


def provider_metadata(policy: ProtocolPolicy, algorithms: tuple[str, ...]) -> dict[str, object]:
    """The members of the document; `algorithms` are those that can sign now."""
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
    for lines in (*_RULES, *(of(policy) for of in _OF_DEPLOYMENT)):
        if not members.keys().isdisjoint(lines):
            raise AssertionError("two rules announce the same member")
        members |= lines
    return members


def discovery(policy: ProtocolPolicy, algorithms: Callable[[], tuple[str, ...]]) -> MachineFunction:
    """The endpoint."""
    max_age = int(policy.published_max_age.total_seconds())
    made: dict[tuple[str, ...], tuple[bytes, str]] = {}

    def respond(request: MachineRequest) -> MachineResponse:
        able = algorithms()
        if able not in made:
            body = msgspec.json.encode(provider_metadata(policy, able))
            made.clear()
            made[able] = body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        body, etag = made[able]
        return published_response(
            request, body, content_type="application/json", etag=etag, max_age_seconds=max_age
        )

    return respond
