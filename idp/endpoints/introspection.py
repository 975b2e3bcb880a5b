"""Introspection (RFC 7662), plain and signed (RFC 9701): a resource server asks what a token is that it was shown.

It is told about live access tokens whose audience it is. Whatever else it asks about, a token for somebody else, one
that ended for whatever reason, a refresh token, garbage, is answered in one way: it is not active (§2.2, §4; S-141).
Tokens for our own userinfo are nobody's to ask about. What is told is what stands in the token, its `sub` too; a token
that we never issued is counted, and beyond a limit answered with 429 (S-144).
"""

from collections.abc import Mapping
from datetime import datetime

from clients_registry.registry import RegisteredResource
from clients_registry.resource import Resource
from idp.addresses import neighbourhood
from idp.endpoints.machine import (
    MachineFunction,
    MachineRequest,
    MachineResponse,
    json_response,
    text_response,
)
from idp.errors import InvalidRequest, InvalidToken, OAuthError, TooManyRequests
from idp.grants.live_tokens import live_grant, verify_access_token
from idp.protocol.confirmation import token_type
from idp.protocol.resource_auth import ResourceAuthentication
from idp.services import Services
from idp.tokens import introspection_token
from keys.errors import InvalidToken as NotOurToken

_SIGNED = f"application/{introspection_token.TYP}"
_TOLD = (
    "iss", "sub", "aud", "client_id", "iat", "nbf", "exp", "jti", "scope", "cnf", "acr", "auth_time", "act",
    "authorization_details",
)  # fmt: skip
"""Members of an answer that are the token's claims: RFC 7662 §2.2, RFC 8705 §3.2, RFC 9470 §6.2, RFC 8693 §4.1, RFC 9396 §9.2."""
_INACTIVE: Mapping[str, object] = {"active": False}


def introspection(services: Services, authentication: ResourceAuthentication) -> MachineFunction:
    """The endpoint."""

    def respond(request: MachineRequest) -> MachineResponse:
        now = services.clock()
        # 1. The form.
        parameters = request.form()
        # 2. The resource server.
        resource = _authenticated(services, authentication, request, parameters, now).resource
        # 3. The token; a hint is not needed.
        token = parameters.get("token")
        if not token:
            raise InvalidRequest("The token is missing.")
        # 4. What it is to this resource.
        members = _members(services, resource, token, now)
        services.count("introspections", {"outcome": "active" if members["active"] else "inactive"})
        # 5. The answer.
        return _render(services, resource, request, members, now)

    return respond


def _authenticated(
    services: Services,
    authentication: ResourceAuthentication,
    request: MachineRequest,
    parameters: Mapping[str, str],
    now: datetime,
) -> RegisteredResource:
    """Raises: InvalidClient, InvalidRequest, TooManyRequests."""
    address, authorization = neighbourhood(request.peer_address), request.header("authorization")
    try:
        resource = authentication.authenticate(parameters, authorization, address=address, now=now)
    except OAuthError as error:
        services.count("client_authentications", {"outcome": error.code})
        raise
    services.count("client_authentications", {"outcome": "verified"})
    return resource


def _members(services: Services, resource: Resource, presented: str, now: datetime) -> Mapping[str, object]:
    """Raises: TooManyRequests."""
    try:
        signed = verify_access_token(services, presented, now)
        if signed.token.audience != resource.identifier:
            return _INACTIVE
        live_grant(services, signed, now)
    except NotOurToken:
        _count_unknown(services, resource)
        return _INACTIVE
    except InvalidToken:
        return _INACTIVE
    told = {name: signed.claims[name] for name in _TOLD if name in signed.claims}
    return {"active": True, "token_type": token_type(signed.token.confirmation), **told}


def _count_unknown(services: Services, resource: Resource) -> None:
    policy = services.policy
    count = services.rates.count("introspection-miss", resource.resource_id, policy.failure_window)
    if count > policy.unknown_tokens_per_window:
        raise TooManyRequests("Too many tokens that were never issued; wait a minute.")


def _render(
    services: Services,
    resource: Resource,
    request: MachineRequest,
    members: Mapping[str, object],
    now: datetime,
) -> MachineResponse:
    """Signed where the resource is registered for it (RFC 9701 §6) or asks for it (§4); else plain."""
    algorithm = resource.introspection_signed_response_alg
    if algorithm is None and not _accepts_signed(request.header("accept")):
        return json_response(members)
    signed = introspection_token.sign(
        services.key_ring,
        services.policy,
        (resource.identifier, resource.resource_id),
        algorithm or resource.token_algorithm,
        members,
        now=now,
    )
    return text_response(signed, content_type=_SIGNED)


def _accepts_signed(accept: str | None) -> bool:
    """Named by itself: a wildcard asks for nothing in particular (RFC 9110 §12.5.1)."""
    ranges = (accept or "").lower().split(",")
    return any(media.split(";")[0].strip() == _SIGNED for media in ranges)
