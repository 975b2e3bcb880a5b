"""An answer on its way to the client, signed where the client asked for that (protocol/jarm.py).

Keys that cannot be used now are told like any store that is away.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from clients_registry.client import Client
from idp.errors import StoreUnavailable
from idp.protocol import jarm
from idp.protocol.response_mode import AuthorizationResponse
from idp.records import AuthorizationRequest
from idp.services import Services
from keys.errors import KeysBehind, KeysUnavailable


def sealed_for(services: Services, client_id: str, answer: AuthorizationResponse) -> AuthorizationResponse:
    """The answer as it travels to this client.

    Raises: StoreUnavailable.
    """
    if not jarm.is_secured(answer.mode):
        return answer
    client, now = _client_of(services, client_id), services.clock()
    with _keys():
        return jarm.secure(answer, client, key_ring=services.key_ring, policy=services.policy, now=now)


def check_can_answer(services: Services, request: AuthorizationRequest) -> None:
    """Before anything is decided: a key that cannot sign now must not cost the citizen the sign-in.

    Raises: StoreUnavailable.
    """
    if jarm.is_secured(request.response_mode):
        algorithm = _client_of(services, request.client_id).authorization_response_algorithm
        with _keys():
            services.key_ring.signer(algorithm)


@contextmanager
def _keys() -> Iterator[None]:
    try:
        yield
    except (KeysUnavailable, KeysBehind) as fault:
        raise StoreUnavailable("the keys cannot sign now") from fault


def _client_of(services: Services, client_id: str) -> Client:
    registered = services.registry.find_client(client_id)
    if registered is None:
        raise AssertionError("a client is disabled, never deleted")
    return registered.client
