"""The token endpoint (RFC 6749 §3.2): one pipeline for every grant, so that no grant forgets a shared step.

parse once ─▶ authenticate the client ─▶ its grant ─▶ sender proof ─▶ recorded ─▶ minted ─▶ answered

A proof is verified before the client is, so that whoever is told to use a nonce has spent neither assertion nor code.
"""

import logging
from collections.abc import Callable, Mapping

from clients_registry.client import Client
from idp.addresses import neighbourhood
from idp.endpoints.client import authenticated_client
from idp.endpoints.machine import MachineFunction, MachineRequest, MachineResponse, json_response
from idp.endpoints.sender import Senders
from idp.errors import InvalidRequest, UnauthorizedClient, UnsupportedGrantType
from idp.grants import authorization_code, client_credentials, device_code, refresh_token, token_exchange
from idp.protocol.client_auth import ClientAuthentication
from idp.protocol.device_authorization import GRANT_TYPE as DEVICE_CODE
from idp.protocol.encryption import Envelope, envelope_for
from idp.protocol.profile import sender_constraint
from idp.services import Services
from idp.tokens.issuer import IssuedTokens

Redeem = Callable[..., IssuedTokens]
"""A grant: `(services, client, parameters, *, confirmation, address, now)`; see grants/."""

GRANTS: Mapping[str, Redeem] = {
    authorization_code.GRANT_TYPE: authorization_code.redeem_code,
    DEVICE_CODE: device_code.poll,
    client_credentials.GRANT_TYPE: client_credentials.issue,
    refresh_token.GRANT_TYPE: refresh_token.refresh,
    token_exchange.GRANT_TYPE: token_exchange.exchange,
}

_log = logging.getLogger("idp.machine")


def token(services: Services, authentication: ClientAuthentication, senders: Senders) -> MachineFunction:
    """The endpoint."""
    url = services.policy.token_endpoint

    def respond(request: MachineRequest) -> MachineResponse:
        now = services.clock()
        # 1. The form.
        parameters = request.form()
        proof = senders.verify(request, url=url, now=now)
        # 2. The client.
        registered = authenticated_client(authentication, request, parameters, now, services)
        client = registered.client
        # 3. Its grant, and a key to encrypt to, before anything is spent.
        redeem = _grant_of(parameters, client)
        envelope = envelope_for(registered, client.id_token_encryption)
        # 4. What the tokens are to be bound to.
        sender = senders.take(request, proof, now)
        confirmation = sender_constraint(client, sender.confirmation)
        # 5. Recorded, then minted.
        address = neighbourhood(request.peer_address)
        issued = redeem(services, client, parameters, confirmation=confirmation, address=address, now=now)
        if issued.logged:
            _log.info("token issued", extra={**issued.logged, "reference": request.reference})
        # 6. The answer (RFC 6749 §5.1).
        return json_response(_members(issued, envelope), headers=sender.headers)

    return respond


def _members(issued: IssuedTokens, envelope: Envelope) -> dict[str, object]:
    members: dict[str, object] = {
        "access_token": issued.access_token,
        "token_type": issued.token_type,
        "expires_in": issued.expires_in_seconds,
        "scope": " ".join(issued.scope),
    }
    optional = {
        "id_token": None if issued.id_token is None else envelope.seal(issued.id_token),
        "refresh_token": issued.refresh_token,
        "authorization_details": list(issued.authorization_details) or None,  # RFC 9396 §7
        "issued_token_type": issued.issued_token_type,
    }
    return members | {name: value for name, value in optional.items() if value is not None}


def _grant_of(parameters: Mapping[str, str], client: Client) -> Redeem:
    """Raises: InvalidRequest, UnsupportedGrantType, UnauthorizedClient."""
    name = parameters.get("grant_type")
    if name is None:
        raise InvalidRequest("The grant_type is missing.")
    if name not in GRANTS:
        raise UnsupportedGrantType("The grant_type is not supported.")
    if name not in client.grant_types:
        raise UnauthorizedClient("The client is not registered for this grant_type.")
    return GRANTS[name]
