"""Services in their own name, the APIs that they call, and who granted what to whom."""

from datetime import timedelta
from typing import Any

import requests

from tests.support.deployment import Deployment
from tests.support.relying_party import RelyingParty
from tests.support.resource_server import ResourceServer, resource_server

API = "https://api.midtsund.example/journal"
READ, WRITE = "midtsund:journal.read", "midtsund:journal.write"
TEXT = {"da": "Læse journaler.", "en": "Read journals.", "nb": "Lese journaler."}
KINDS: dict[str, dict[str, Any]] = {
    "key": {},
    "secret": {"profile": "oidc", "token_endpoint_auth_method": "client_secret_basic"},
}
_NO_SIGN_IN = {"redirect_uris": None, "purposes": None, "scope": None}


def scope(word: str, *used_by: str) -> dict[str, Any]:
    return {"scope": word, "text": TEXT, "used_by": list(used_by or ("machines",))}


def api(deployment: Deployment, identifier: str = API, *words: str, **metadata: Any) -> ResourceServer:
    """An API of Region Midtsund with these scopes for machines."""
    (midtsund,) = (o for o in deployment.wiring.registry.organisations() if o.name == "Region Midtsund")
    scopes = metadata.pop("scopes", [scope(word) for word in words or (READ, WRITE)])
    return resource_server(
        deployment, identifier, organisation=midtsund.organisation_id, scopes=scopes, **metadata
    )


def machine(deployment: Deployment, kind: str = "secret", **metadata: Any) -> RelyingParty:
    """A service of Nordhavn that nobody signs in to."""
    (nordhavn,) = (o for o in deployment.wiring.registry.organisations() if o.name == "Nordhavn Kommune")
    registered = {**_NO_SIGN_IN, "grant_types": ["client_credentials"], **KINDS[kind], **metadata}
    client = deployment.add_client(f"Maskine {kind}", nordhavn.organisation_id, **registered)
    return RelyingParty(deployment, client)


def grant(deployment: Deployment, party: RelyingParty, *words: str, days: int = 90) -> None:
    """Let the service use these scopes."""
    services, ends_at = deployment.wiring.registry_services, deployment.clock() + timedelta(days=days)
    for word in words:
        services.transact(
            lambda tx, word=word: services.scope_registrations.grant(  # type: ignore[misc]
                tx,
                word,
                party.client.client_id,
                purpose="Agreement 7",
                ends_at=ends_at,
                actor="operator:test",
            )
        )
    deployment.clock.forward(seconds=2)  # past the registry's remembered version


def revoke(deployment: Deployment, party: RelyingParty, word: str) -> None:
    services = deployment.wiring.registry_services
    write = services.scope_registrations.revoke
    services.transact(lambda tx: write(tx, word, party.client.client_id, actor="operator:test"))


def ask(party: RelyingParty, **fields: str) -> requests.Response:
    """A token for itself."""
    return party.post("/token", {"grant_type": "client_credentials", **fields})


def token(party: RelyingParty, **fields: str) -> dict[str, Any]:
    """The answer, which is a token."""
    answer = ask(party, **fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refused(answer: requests.Response, error: str, status: int = 400) -> None:
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
