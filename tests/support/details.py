"""An API with a kind of authorization details, and a service that may ask for it (RFC 9396)."""

import json
from typing import Any

from tests.storage.registry_world import detail_type
from tests.support.deployment import Deployment
from tests.support.exchanging import scope_of
from tests.support.relying_party import RelyingParty

API = "https://api.nordhavn.example/building"
SCOPE = "nordhavn:case.read"
CASE: dict[str, Any] = {"type": "nordhavn:case", "action": "rette", "case": "2026-17", "years": [2025, 2026]}
OTHER = CASE | {"action": "se", "case": "2026-18"}


def declare(deployment: Deployment, **changes: Any) -> None:
    """The API of the first organisation, and its kind of details."""
    services = deployment.wiring.registry_services
    organisation = services.registry.organisations()[0].organisation_id
    if services.registry.find_resource(API) is None:
        scopes = [scope_of(SCOPE)]
        given = {"identifier": API, "name": "Byggesags-API", "organisation": organisation, "scopes": scopes}
        services.transact(lambda tx: services.resource_registrations.add(tx, given, actor="operator:test"))
    declared = detail_type(resource=API, **changes)
    services.transact(lambda tx: services.detail_registrations.add(tx, declared, actor="operator:test"))
    deployment.clock.forward(seconds=2)


def withdraw(deployment: Deployment, name: str = "nordhavn:case") -> None:
    services = deployment.wiring.registry_services
    services.transact(lambda tx: services.detail_registrations.disable(tx, name, actor="operator:test"))
    deployment.clock.forward(seconds=1)


def asking_party(deployment: Deployment, name: str = "Sagsbehandling", **metadata: Any) -> RelyingParty:
    """A client that may ask for the kind."""
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    registered = {"authorization_details_types": ["nordhavn:case"], **metadata}
    return RelyingParty(deployment, deployment.add_client(name, organisation, **registered))


def as_parameter(*details: Any) -> str:
    return json.dumps(list(details), ensure_ascii=False)
