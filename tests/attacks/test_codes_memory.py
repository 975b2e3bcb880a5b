"""What was spent stays spent, as long as it matters and over every sweep; what was narrowed since gives less."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from clients_registry.documents import metadata_of
from idp.errors import InvalidGrant
from idp.grants.authorization_code import issue_code, redeem_code
from idp.grants.decision import AlreadyDecided
from keys.errors import KeysError
from tests.support.deployment import Deployment
from tests.support.journey import begin, party
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import attempt_for, code_for, session_of


def change(deployment: Deployment, service: RelyingParty, **changes: Any) -> None:
    """Alter what the client is registered for."""
    services, client_id = deployment.wiring.registry_services, service.client.client_id
    registered = deployment.wiring.registry.find_client(client_id)
    assert registered is not None
    metadata = metadata_of(registered.client) | changes
    services.transact(
        lambda tx: services.registrations.change(tx, client_id, metadata, actor="operator:test")
    )
    deployment.clock.forward(seconds=2)


@pytest.mark.parametrize("later", [60, 200, 290])
def test_a_second_use_after_a_sweep_still_revokes(deployment: Deployment, later: float) -> None:
    """S-068: the memory of a code lives as long as what the code gave."""
    service = party(deployment)
    asked = service.ask()
    code = code_for(service, asked)
    tokens = service.redeem(code, asked.verifier).json()
    deployment.clock.forward(seconds=later)
    deployment.wiring.sweep()
    assert service.userinfo(tokens["access_token"]).status_code == 200
    assert service.redeem(code, asked.verifier).status_code == 400
    assert service.userinfo(tokens["access_token"]).status_code == 401


def test_a_decided_request_stays_decided_for_every_attempt_at_it(deployment: Deployment) -> None:
    """S-051: an attempt that began before the decision may come nine minutes after it, and after a sweep."""
    service = party(deployment)
    asked = service.ask()
    first, second = attempt_for(deployment, asked), attempt_for(deployment, asked)
    services, session = deployment.wiring.services, session_of(deployment)
    issue_code(services, first, session)
    deployment.clock.forward(seconds=599)
    deployment.wiring.sweep()
    with pytest.raises(AlreadyDecided):
        issue_code(services, second, session)


def test_a_code_that_another_client_presents_costs_its_own_client_nothing(deployment: Deployment) -> None:
    """S-070, S-145: before it is redeemed and after; nor can a client end another's access by it."""
    service, other = party(deployment), party(deployment, "Sundhedstider")
    asked = service.ask()
    code = code_for(service, asked)
    assert other.redeem(code, asked.verifier).status_code == 400
    tokens = service.redeem(code, asked.verifier).json()
    for later in (0, 40):
        deployment.clock.forward(seconds=later)
        assert other.redeem(code, asked.verifier).status_code == 400
        assert service.userinfo(tokens["access_token"]).status_code == 200


def test_a_code_is_late_by_its_own_record_too(deployment: Deployment) -> None:
    """S-072: the moment of the request counts, whatever the store still finds."""
    service = party(deployment)
    asked = service.ask()
    code = code_for(service, asked)
    registered = deployment.wiring.registry.find_client(service.client.client_id)
    assert registered is not None
    parameters = {
        "code": code,
        "redirect_uri": service.client.redirect_uri,
        "code_verifier": asked.verifier,
    }
    late = deployment.clock() + deployment.wiring.policy.code_lifetime
    with pytest.raises(InvalidGrant):
        redeem_code(
            deployment.wiring.services,
            registered.client,
            parameters,
            confirmation=None,
            address="x",
            now=late,
        )


def test_a_client_that_may_have_less_since_its_request_gets_less(deployment: Deployment) -> None:
    """S-034, S-152: the purpose was narrowed between code and redemption."""
    service = party(deployment)
    asked = service.ask()
    code = code_for(service, asked)
    registered = deployment.wiring.registry.find_client(service.client.client_id)
    assert registered is not None
    (purpose,) = [each.as_json() for each in registered.client.purposes]
    change(deployment, service, purposes=[purpose | {"claims": ["birthdate"]}])
    tokens = service.redeem(code, asked.verifier)
    assert tokens.status_code == 200, tokens.text
    assert set(service.userinfo(tokens.json()["access_token"]).json()) == {"sub", "birthdate"}


def test_a_purpose_that_was_withdrawn_since_the_request_ends_the_code(deployment: Deployment) -> None:
    """S-076."""
    service = party(deployment)
    asked = service.ask()
    code = code_for(service, asked)
    text = {"da": "andet", "en": "other", "nb": "annet"}
    change(
        deployment,
        service,
        purposes=[{"id": "another", "text": text, "legal_ground": "law", "claims": ["name"]}],
    )
    assert service.redeem(code, asked.verifier).json()["error"] == "invalid_grant"


def test_a_pushed_request_whose_redirect_uri_was_withdrawn_is_refused_on_a_page(
    deployment: Deployment,
) -> None:
    """S-001: nothing is sent to an address that is no longer registered."""
    service = party(deployment)
    asked = service.ask()
    change(deployment, service, redirect_uris=["http://localhost:12/callback"])
    page = begin(deployment, service=replace_ask(service, asked.url)).page
    assert page.status == 400 and page.answer is None and "reference" in page.ids


def replace_ask(service: RelyingParty, url: str) -> RelyingParty:
    """A service that comes with an address it has already."""

    class Again(RelyingParty):
        def ask(self, *, push: bool | None = None, **extra: str) -> Any:
            return replace(super().ask(push=False, **extra), url=url)

    return Again(service.deployment, service.client)


def test_consent_to_less_is_no_consent_to_more(deployment: Deployment) -> None:
    """S-034: the citizen agreed to a name; the next request asks for a birth date too, and is asked about."""
    service = party(deployment, "Boligstøtte", "openid")
    service.extra = {"claims": '{"userinfo":{"name":null}}'}
    first = begin(deployment, service=service)
    first.sign_in()
    assert first.answer().answer is not None
    again = begin(deployment, first.browser, service)
    assert again.page.answer is not None, "the same is not asked twice"
    service.extra = {"claims": '{"userinfo":{"name":null,"birthdate":null}}'}
    more = begin(deployment, first.browser, service)
    assert more.page.answer is None and "released" in more.page.ids


def test_a_hint_and_a_claim_that_name_two_people_are_refused(deployment: Deployment) -> None:
    """S-026."""
    service = party(deployment, "Sundhedstider")
    asked = service.ask()
    tokens = service.redeem(code_for(service, asked), asked.verifier).json()
    named = '{"id_token":{"sub":{"value":"c.somebody-else"}}}'
    service.extra = {"id_token_hint": tokens["id_token"], "claims": named}
    answer = begin(deployment, service=service).page.answer
    assert answer is not None and answer["error"] == "invalid_request"


def test_a_key_that_cannot_sign_now_costs_no_code(deployment: Deployment) -> None:
    """S-092: the client's key is gone from the database for a moment; then the same code is redeemed."""
    service, database = party(deployment, "Sundhedstider"), deployment.wiring.database.writing
    asked = service.ask()
    code = code_for(service, asked)
    ours = "WHERE algorithm = 'RS256'"
    with database.begin() as tx:
        tx.exec_driver_sql(f"CREATE TABLE aside AS SELECT * FROM signing_keys {ours}")
        tx.exec_driver_sql(f"DELETE FROM signing_keys {ours}")
    with suppress(KeysError):
        deployment.wiring.key_ring.load()
    assert service.redeem(code, asked.verifier).status_code >= 500
    with database.begin() as tx:
        tx.exec_driver_sql("INSERT INTO signing_keys SELECT * FROM aside")
    deployment.wiring.key_ring.load()
    answer = service.redeem(code, asked.verifier)
    assert answer.status_code == 200, answer.text


def test_a_sign_in_whose_data_may_no_longer_be_given_goes_no_further(deployment: Deployment) -> None:
    """S-034, S-035: the purpose was narrowed between two steps; the page leads back to the service."""
    journey = begin(deployment)
    journey.password()
    registered = deployment.wiring.registry.find_client(journey.service.client.client_id)
    assert registered is not None
    (purpose,) = [each.as_json() for each in registered.client.purposes]
    change(deployment, journey.service, purposes=[purpose | {"claims": ["birthdate"]}])
    page = journey.code()
    assert page.status == 403 and "notice" in page.ids and page.answer is None
