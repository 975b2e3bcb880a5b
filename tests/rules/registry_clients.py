"""A client to hold URIs, purposes and secrets against, without a store; and what the URI rules say of a text."""

from dataclasses import replace
from typing import Any

from clients_registry.client import Client
from clients_registry.policy import RegistrationPolicy
from clients_registry.purposes import Purpose
from clients_registry.redirect_uris import check_registrable
from clients_registry.uris import UnfitUri, check_public_url
from tests.storage.registry_world import BUILDING_PERMIT
from tests.support.clock import START

STRICT = RegistrationPolicy(issuer="https://login.adgang.example")
DEMO = RegistrationPolicy(insecure_allow_loopback_http=True)

_CLIENT = Client(
    client_id="c1",
    client_name="Byggesager",
    organisation_id="o1",
    sector="o1",
    profile="fapi2",
    redirect_uris=("https://rp.test/cb",),
    purposes=(Purpose.from_json(BUILDING_PERMIT),),
    created_at=START,
    changed_at=START,
    scope=("openid",),
    token_endpoint_auth_method="private_key_jwt",
    id_token_signed_response_alg="ES256",
)


def client(*redirect_uris: str, **changes: Any) -> Client:
    return replace(_CLIENT, redirect_uris=redirect_uris or _CLIENT.redirect_uris, **changes)


def native(*redirect_uris: str) -> Client:
    return client(*redirect_uris, application_type="native")


def is_registrable(uri: Any, application_type: str = "web", policy: RegistrationPolicy = STRICT) -> bool:
    try:
        return check_registrable(uri, application_type, policy) == uri
    except UnfitUri:
        return False


def is_public_url(url: Any, policy: RegistrationPolicy = STRICT) -> bool:
    try:
        return check_public_url(url, policy) == url
    except UnfitUri:
        return False
