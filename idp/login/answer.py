"""An answer on its way to the client, signed where the client asked for that (protocol/jarm.py), and encrypted where it
registered so.

Keys that cannot be used now are told like any store that is away.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from clients_registry.registry import RegisteredClient
from idp.errors import StoreUnavailable
from idp.protocol import jarm
from idp.protocol.encryption import Envelope, envelope_for
from idp.protocol.response_mode import AuthorizationResponse
from idp.records import AuthorizationRequest
from idp.services import Services
from keys.errors import NothingSigned

_log = logging.getLogger(__name__)


def sealed_for(services: Services, client_id: str, answer: AuthorizationResponse) -> AuthorizationResponse:
    """The answer as it travels to this client.

    Raises: StoreUnavailable; InvalidRequest, where no key of the client's fits its encryption, to be told on a page.
    """
    if not jarm.is_secured(answer.mode):
        return answer
    registered, now = _registered(services, client_id), services.clock()
    envelope = _envelope_of(registered)
    with _keys():
        return jarm.secure(
            answer,
            registered.client,
            envelope,
            key_ring=services.key_ring,
            policy=services.policy,
            now=now,
        )


def check_can_answer(services: Services, request: AuthorizationRequest) -> None:
    """Before anything is decided: a key that cannot sign or be encrypted to now must not cost the citizen the sign-in.

    Raises: StoreUnavailable, InvalidRequest.
    """
    if jarm.is_secured(request.response_mode):
        registered = _registered(services, request.client_id)
        _envelope_of(registered)
        with _keys():
            services.key_ring.signer(registered.client.authorization_response_algorithm)


def _envelope_of(registered: RegisteredClient) -> Envelope:
    return envelope_for(registered, registered.client.authorization_response_encryption)


@contextmanager
def _keys() -> Iterator[None]:
    try:
        yield
    except NothingSigned as fault:
        _log.error("nothing signed", extra={"why": str(fault)})
        raise StoreUnavailable("the keys cannot sign now") from fault


def _registered(services: Services, client_id: str) -> RegisteredClient:
    registered = services.registry.find_client(client_id)
    if registered is None:
        raise AssertionError("a client is disabled, never deleted")
    return registered
