"""Our own pages as a client: what stands in the place of a service where nobody but the citizen asks.

It is in no registry: nothing can be asked with its id, and no code is ever issued to it.
"""

from datetime import UTC, datetime
from types import MappingProxyType

from clients_registry.client import Client
from clients_registry.client_keys import ClientKeys
from clients_registry.organisation import Organisation
from clients_registry.purposes import Purpose
from clients_registry.registry import RegisteredClient
from idp.records import AuthorizationRequest

CLIENT_ID = "adgang"
_PURPOSE = "own-pages"
_ALWAYS = datetime(2026, 1, 1, tzinfo=UTC)
_NAME = "Adgang"

OWN_PAGES = RegisteredClient(
    client=Client(
        client_id=CLIENT_ID,
        client_name=_NAME,
        organisation_id=CLIENT_ID,
        sector=CLIENT_ID,
        profile="fapi2",
        redirect_uris=("/",),
        purposes=(Purpose(_PURPOSE, MappingProxyType({}), "law", ()),),
        created_at=_ALWAYS,
        changed_at=_ALWAYS,
        scope=("openid",),
        token_endpoint_auth_method="none",
        id_token_signed_response_alg="ES256",
        client_uri="/",
    ),
    organisation=Organisation(
        organisation_id=CLIENT_ID,
        cvr_number="",
        kind="state",
        name=_NAME,
        contacts=(),
        created_at=_ALWAYS,
    ),
    keys=ClientKeys(),
)


def own_request(path: str) -> AuthorizationRequest:
    """The request that leads to a page of ours."""
    return AuthorizationRequest(CLIENT_ID, path, ("openid",), _PURPOSE, ())
