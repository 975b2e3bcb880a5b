"""Scopes and the `claims` parameter as outsiders will check them (conformance.md, Basic), over HTTP."""

import json
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from clients_registry.claims import CLAIMS
from idp.citizens import NewCitizen
from idp.ledger import events
from idp.new_citizens import Contact
from idp.records import Address, ProfileClaims
from idp.self_service import ContactData
from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import begin
from tests.support.relying_party import RelyingParty

USER = "alle.felter"
STANDARD = {
    "openid": {"sub"},
    "profile": {
        "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
        "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
    },
    "email": {"email", "email_verified"},
    "phone": {"phone_number", "phone_number_verified"},
    "address": {"address"},
}  # fmt: skip
"""OpenID Connect Core §5.4."""


@pytest.fixture
def service(deployment: Deployment) -> RelyingParty:
    """A Basic client that may ask for everything, and a citizen who has everything."""
    page = "https://alma.example/"
    deployment.citizens[USER] = deployment.wiring.new_citizens.add(
        NewCitizen(USER, "8802701243", "Alma", "Dahl", "1970-02-28"),
        actor="operator:test",
        reason="a test",
        contact=Contact(
            "alma@mail.example", "+4500000001", Address("Strandvejen 8", "9990", "Nordhavn", "DK")
        ),
        profile=ProfileClaims("Bech", "Al", page, page + "a.jpg", page, "female", "Europe/Copenhagen"),
        password=PASSWORD,
    )
    purpose = {
        "id": "alt",
        "text": {"da": "prøve alt", "en": "try everything", "nb": "prøve alt"},
        "legal_ground": "law",
        "claims": list(CLAIMS),
    }
    organisation = deployment.add_organisation("Prøvestaten", "99000009", "state")
    client = deployment.add_client(
        "Prøver",
        organisation,
        profile="oidc",
        token_endpoint_auth_method="client_secret_basic",
        scope="openid profile email phone address cpr",
        purposes=[purpose],
    )
    return RelyingParty(deployment, client, scope="openid")


def answered(service: RelyingParty, **extra: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What userinfo and the ID token say after a sign-in, the token verified."""
    deployment = service.deployment
    journey = begin(deployment, service=service, **extra)
    page = journey.sign_in(USER)
    if page.answer is None:
        page = journey.answer()
    assert page.answer is not None
    tokens = service.redeem(page.answer["code"], journey.asked.verifier).json()
    keys = KeySet.import_key_set(requests.get(deployment.issuer + "/jwks", timeout=20).json())
    identity = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims
    told = service.userinfo(tokens["access_token"]).json()
    assert told["sub"] == identity["sub"]
    return told, identity


def asking(**members: Any) -> str:
    return json.dumps(members)


def test_every_standard_scope_gives_all_its_claims(service: RelyingParty) -> None:
    for scope in ("profile", "email", "phone", "address", "profile email phone address"):
        told, _ = answered(service, scope=f"openid {scope}")
        wanted = set.union(STANDARD["openid"], *(STANDARD[word] for word in scope.split()))
        assert set(told) == wanted, scope
        service.deployment.clock.forward(seconds=60)
    assert told["name"] == "Alma Bech Dahl" and told["preferred_username"] == USER
    assert isinstance(told["updated_at"], int) and told["email_verified"] is False
    assert told["address"]["formatted"].startswith("Strandvejen 8\n9990 Nordhavn")


def test_claims_are_given_where_they_were_asked_for(service: RelyingParty) -> None:
    """Essential or not, with a value or without; userinfo has everything that was granted."""
    claims = asking(
        userinfo={"name": {"essential": True}, "nickname": None, "gender": {"value": "male"}},
        id_token={
            "email": {"essential": True},
            "family_name": {"value": "Dahl"},
            "birthdate": {"value": "1900-01-01"},
        },
    )
    told, identity = answered(service, claims=claims)
    assert set(told) == {"sub", "name", "nickname", "email", "family_name"}
    assert (identity["email"], identity["family_name"]) == ("alma@mail.example", "Dahl")
    assert not {"name", "nickname", "gender", "birthdate", "picture"} & identity.keys()


def test_the_cpr_number_is_never_in_an_id_token(service: RelyingParty) -> None:
    """An ID token comes back through browsers as a hint, so userinfo alone tells the number."""
    told, identity = answered(service, claims=asking(id_token={"cpr": {"essential": True}}))
    assert told["cpr"] == "8802701243"
    assert "cpr" not in identity and "8802701243" not in json.dumps(identity)


def test_an_id_token_holds_no_personal_data_that_was_not_asked_for_there(service: RelyingParty) -> None:
    _, identity = answered(service, scope="openid profile email phone address cpr")
    assert identity.keys().isdisjoint(CLAIMS)


def test_no_claim_takes_the_place_of_the_protocols_own(service: RelyingParty) -> None:
    claims = asking(
        id_token={"aud": {"value": "x"}, "iss": None, "exp": {"value": "0"}, "nonce": {"value": "n"}}
    )
    _, identity = answered(service, claims=claims)
    assert identity["aud"] == service.client.client_id and identity["nonce"] != "n"


def test_the_ledger_tells_the_citizen_what_was_really_released(service: RelyingParty) -> None:
    claims = asking(userinfo={"name": None, "gender": {"value": "male"}})
    answered(service, claims=claims)
    services = service.deployment.wiring.services
    citizen = services.citizens.find_by_user_id(USER)
    assert citizen is not None
    kinds = (events.AUTHORIZED, events.TOKEN_ISSUED)
    issued = [e for e in services.ledger.of_citizen(citizen.citizen_id) if e.event in kinds]
    assert len(issued) == 2 and all(entry.facts["claims"] == ["name"] for entry in issued)


def test_updated_at_is_when_the_citizens_data_last_changed(service: RelyingParty) -> None:
    deployment = service.deployment
    services = deployment.wiring.services
    citizen = services.citizens.find_by_user_id(USER)
    assert citizen is not None
    told, _ = answered(service, scope="openid profile")
    assert told["updated_at"] == int(citizen.created_at.timestamp())
    deployment.clock.forward(seconds=60)
    services.self_service.change_contact(citizen.citizen_id, ContactData("ny@mail.example", None))
    changed = deployment.clock()
    deployment.clock.forward(seconds=60)
    told, _ = answered(service, scope="openid profile email phone")
    assert told["updated_at"] == int(changed.timestamp())
    assert told["email"] == "ny@mail.example" and "phone_number" not in told
