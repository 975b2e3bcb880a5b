"""Services of three authorities that ask one another on a citizen's behalf (RFC 8693)."""

from dataclasses import dataclass
from typing import Any

import requests

from tests.support.deployment import Deployment
from tests.support.relying_party import RelyingParty
from tests.support.resource_server import ResourceServer, let_use, resource_server, scope_of, token_for

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
SCOPE = "bolig:case.read"


def organisation(deployment: Deployment, cvr_number: str) -> str:
    found = deployment.wiring.registry.find_organisation(cvr_number)
    assert found is not None
    return found.organisation_id


def exchanging_party(
    deployment: Deployment, cvr_number: str = "99000001", name: str = "Byggeregistret", **metadata: Any
) -> RelyingParty:
    """A client that may exchange tokens."""
    registered = {"grant_types": ["authorization_code", EXCHANGE], **metadata}
    client = deployment.add_client(name, organisation(deployment, cvr_number), **registered)
    return RelyingParty(deployment, client)


@dataclass
class Authorities:
    """Where the citizen signed in, the API that was asked there, the service behind it, and the API that it asks."""

    deployment: Deployment
    began: RelyingParty
    own_api: ResourceServer
    service: RelyingParty
    asked: ResourceServer

    def held(self, **changes: Any) -> str:
        """What `began` sent to `own_api`: a token of the citizen, meant for it."""
        return token_for(self.began, self.own_api, **changes)

    def exchange(
        self, subject_token: str, party: RelyingParty | None = None, **changes: Any
    ) -> requests.Response:
        """By `service`, for `asked`; a None in `changes` leaves a parameter out."""
        fields = {
            "grant_type": EXCHANGE,
            "subject_token": subject_token,
            "subject_token_type": ACCESS_TOKEN,
            "resource": self.asked.identifier,
            **changes,
        }
        sent = {name: value for name, value in fields.items() if value is not None}
        return (party or self.service).post("/token", sent)

    def exchanged(self, **changes: Any) -> str:
        answer = self.exchange(self.held(), **changes)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


def authorities(deployment: Deployment, **metadata: Any) -> Authorities:
    """A region's service sent the citizen's token to a municipality's API, which asks a state's."""
    asked = resource_server(
        deployment,
        "https://api.bolig.example/",
        name="Boligregistret",
        organisation=organisation(deployment, "99000002"),
        scopes=[scope_of(SCOPE), scope_of("bolig:case.list"), scope_of("bolig:statistics", "machines")],
        **metadata,
    )
    service = exchanging_party(deployment)
    let_use(deployment, service, SCOPE)
    began = RelyingParty(deployment, deployment.clients["Sundhedstider"])
    own_api = resource_server(deployment, organisation=organisation(deployment, "99000001"))
    return Authorities(deployment, began, own_api, service, asked)
