"""Userinfo (OpenID Connect Core §5.3): the claims of a grant, to whoever holds its access token.

How a token is presented and what makes it good is access's matter. A release is covered by the ledger row that was
written when the token was issued: it lists these claims.
"""

from collections.abc import Mapping
from datetime import datetime

from clients_registry.claims import claims_of
from clients_registry.registry import RegisteredClient
from idp.endpoints.access import access_of
from idp.endpoints.machine import (
    Headers,
    MachineFunction,
    MachineRequest,
    MachineResponse,
    json_response,
    text_response,
)
from idp.endpoints.sender import Senders
from idp.protocol.claims import claim_values
from idp.protocol.encryption import envelope_for
from idp.records import Grant
from idp.services import Services
from idp.tokens import userinfo_token
from idp.tokens.access_token import AccessToken


def userinfo(services: Services, senders: Senders) -> MachineFunction:
    """The endpoint."""
    url, wanted = services.policy.userinfo_endpoint, services.policy.userinfo_sign_in

    def respond(request: MachineRequest) -> MachineResponse:
        now = services.clock()
        # 1. The token, its sender and its grant.
        access = access_of(services, senders, request, url=url, now=now, wanted=wanted)
        # 2. The claims.
        members = {
            "sub": services.subjects.for_client(access.registered.client, access.citizen.citizen_id),
            **claim_values(access.citizen, _released(access.grant, access.token), services.citizens.load_cpr),
        }
        return _render(services, access.registered, members, access.headers, now)

    return respond


def _released(grant: Grant, token: AccessToken) -> tuple[str, ...]:
    """What the grant gives; a token that was refreshed with less scope opens no more than that (RFC 6749 §6)."""
    if set(token.scope) >= set(grant.scope):
        return grant.claims
    within = claims_of(token.scope)
    return tuple(name for name in grant.claims if name in within)


def _render(
    services: Services,
    registered: RegisteredClient,
    members: Mapping[str, object],
    headers: Headers,
    now: datetime,
) -> MachineResponse:
    """Plain, or signed, or signed and encrypted, as the client registered (OpenID Connect Core §5.3.2)."""
    client = registered.client
    algorithm, encryption = client.userinfo_signed_response_alg, client.userinfo_encryption
    if algorithm is None:
        if encryption is not None:
            raise AssertionError("a registration encrypts only what is signed")
        return json_response(members, headers=headers)
    envelope = envelope_for(registered, encryption)
    signed = userinfo_token.sign(
        services.key_ring, services.policy, client.client_id, algorithm, members, now=now
    )
    return text_response(envelope.seal(signed), content_type="application/jwt", headers=headers)
