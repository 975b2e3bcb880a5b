"""The authenticated client of a request: the one step that every client endpoint begins with."""

from collections.abc import Mapping
from datetime import datetime

from clients_registry.registry import RegisteredClient
from idp.addresses import neighbourhood
from idp.endpoints.machine import MachineRequest
from idp.errors import OAuthError
from idp.protocol.client_auth import ClientAuthentication
from idp.protocol.client_certificate import ClientCertificate, parse_client_certificate
from idp.services import Services


def client_certificate(request: MachineRequest) -> ClientCertificate | None:
    """The certificate of the client's TLS connection; None where it showed none.

    Raises: InvalidRequest.
    """
    told = request.client_certificate
    return None if told is None else parse_client_certificate(told)


def authenticated_client(
    authentication: ClientAuthentication,
    request: MachineRequest,
    parameters: Mapping[str, str],
    now: datetime,
    services: Services,
) -> RegisteredClient:
    """The client that has proven who it is.

    Raises: InvalidClient, InvalidRequest, TooManyRequests.
    """
    try:
        registered = authentication.authenticate(
            parameters,
            request.header("authorization"),
            client_certificate(request),
            address=neighbourhood(request.peer_address),
            now=now,
        )
    except OAuthError as error:
        services.count("client_authentications", {"outcome": error.code})
        raise
    services.count("client_authentications", {"outcome": "verified"})
    services.traffic.client_used(registered.client.client_id, now)
    return registered
