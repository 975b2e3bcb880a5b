"""Pushed authorization requests (RFC 9126): a client leaves its request with us and gets a `request_uri` for the browser.

The request is checked here in full, by the same function as a plain one, so nothing is left to fail later but the
citizen's decision. It may be opened any number of times while it lives, and is decided once (grants/).
"""

from idp.endpoints.client import authenticated_client
from idp.endpoints.machine import MachineFunction, MachineRequest, MachineResponse, json_response
from idp.endpoints.sender import Senders
from idp.errors import InvalidRequest
from idp.ids import new_secret
from idp.protocol.authorization_request import (
    REQUEST_URI_PREFIX,
    check_redirect,
    check_request,
)
from idp.protocol.begun_sign_ins import check_begun
from idp.protocol.client_auth import ClientAuthentication
from idp.protocol.dpop import bound_to_sender
from idp.protocol.id_token_hint import HintVerifier
from idp.protocol.request_object import RequestObjects
from idp.protocol.resource_indicators import Apis
from idp.records import PushedRequest
from idp.services import Services


def par(services: Services, authentication: ClientAuthentication, senders: Senders) -> MachineFunction:
    """The endpoint."""
    url = services.policy.pushed_authorization_request_endpoint
    hints = HintVerifier(services.policy, services.key_ring)
    objects = RequestObjects(services.policy, services.seen)
    apis = Apis(services.registry, services.policy.issuer)
    lifetime = services.policy.request_uri_lifetime

    def respond(request: MachineRequest) -> MachineResponse:
        now = services.clock()
        # 1. The form.
        parameters = request.form()
        proof = senders.verify(request, url=url, now=now)
        # 2. The client.
        registered = authenticated_client(authentication, request, parameters, now, services)
        if registered.client.is_public:  # its name is anybody's
            check_begun(services.rates, services.policy, "pushed-request", request.peer_address)
        # 3. RFC 9126 §2.1: no request inside a request.
        if "request_uri" in parameters:
            raise InvalidRequest("A request_uri must not be pushed.")
        # 4. The request itself, for the client that authenticated (RFC 9126 §2.1, §3).
        stated = objects.stated(parameters, registered, now=now, once=True)
        redirect_uri = check_redirect(stated, registered)
        checked = check_request(stated, registered, redirect_uri, apis=apis, hints=hints, now=now)
        services.repeated_values.note(checked)
        # 5. The key that its code is to be bound to (RFC 9449 §10.1).
        sender = senders.take(request, proof, now)
        checked = bound_to_sender(checked, sender.confirmation)
        # 6. Kept.
        request_uri = REQUEST_URI_PREFIX + new_secret()
        services.pushed_requests.put(request_uri, PushedRequest(checked, expires_at=now + lifetime))
        return json_response(
            {"request_uri": request_uri, "expires_in": int(lifetime.total_seconds())},
            status=201,
            headers=sender.headers,
        )

    return respond
