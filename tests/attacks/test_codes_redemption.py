"""A code is redeemed once, by its client, in time, with everything right; else it gives nothing."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.support.deployment import Deployment
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import code_for, session_of


def _party(deployment: Deployment, name: str = "Byggesager") -> RelyingParty:
    return RelyingParty(deployment, deployment.clients[name])


def _refused(answer: requests.Response) -> None:
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), answer.text


@pytest.mark.parametrize("name", ["Byggesager", "Sundhedstider"])
@pytest.mark.parametrize("later", [0, 1, 31, 200])
def test_a_second_use_is_refused_and_revokes_what_the_first_gave(
    deployment: Deployment, name: str, later: float
) -> None:
    """S-068: also after the code itself has expired."""
    party = _party(deployment, name)
    asked, session = party.ask(), session_of(deployment)
    code = code_for(party, asked, session)
    tokens = party.redeem(code, asked.verifier).json()
    assert party.userinfo(tokens["access_token"]).status_code == 200
    deployment.clock.forward(seconds=later)
    _refused(party.redeem(code, asked.verifier))
    ended = party.userinfo(tokens["access_token"])
    assert (ended.status_code, ended.json()["error"]) == (401, "invalid_token")
    events = [row.event for row in deployment.wiring.services.ledger.of_citizen(session.citizen_id)]
    assert events.count("code-reused") == 1


def test_of_many_who_redeem_a_code_at_once_one_succeeds(deployment: Deployment) -> None:
    """S-069."""
    party = _party(deployment, "Sundhedstider")
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            asked = party.ask()
            code = code_for(party, asked)
            answers = list(pool.map(lambda _: party.redeem(code, asked.verifier).status_code, range(8)))  # noqa: B023
            assert sorted(answers) == [200] + [400] * 7


def test_every_condition_must_hold_and_a_wrong_one_spends_nothing(deployment: Deployment) -> None:
    """S-070, S-071, S-073: the truth table, then the row in which all is right."""
    party, other = _party(deployment), _party(deployment, "Boligstøtte")
    asked = party.ask()
    code = code_for(party, asked)
    uri = party.client.redirect_uri
    _refused(other.redeem(code, asked.verifier))
    _refused(other.redeem(code, asked.verifier, redirect_uri=uri))
    for wrong in (uri + "/", uri.upper(), "", other.client.redirect_uri):
        _refused(party.redeem(code, asked.verifier, redirect_uri=wrong))
        _refused(other.redeem(code, asked.verifier, redirect_uri=wrong))
    assert party.redeem(code, asked.verifier).status_code == 200


def test_a_code_is_bound_to_its_client_though_all_else_is_the_same(deployment: Deployment) -> None:
    """S-070: a client with the same redirect URI and the same purpose, and its own good credentials."""
    party = _party(deployment)
    organisation = deployment.wiring.registry.organisations()[1].organisation_id
    twin = RelyingParty(deployment, deployment.add_client("Tvilling", organisation))
    assert twin.client.redirect_uri == party.client.redirect_uri
    asked = party.ask()
    code = code_for(party, asked)
    _refused(twin.redeem(code, asked.verifier))
    assert party.redeem(code, asked.verifier).status_code == 200
    _refused(twin.redeem(code, asked.verifier))


def test_a_code_is_refused_when_its_time_is_over(deployment: Deployment) -> None:
    """S-072."""
    party = _party(deployment)
    asked = party.ask()
    code = code_for(party, asked)
    deployment.clock.forward(seconds=30)
    _refused(party.redeem(code, asked.verifier))


@pytest.mark.parametrize("verifier", ["", "v" * 42, "v" * 129, "v" * 42 + "!", "v" * 43])
def test_a_wrong_verifier_burns_the_code(deployment: Deployment, verifier: str) -> None:
    """S-038, S-040, S-042: one try, missing or wrong."""
    party = _party(deployment)
    asked = party.ask()
    code = code_for(party, asked)
    _refused(party.redeem(code, verifier))
    _refused(party.redeem(code, asked.verifier))


def test_a_code_of_a_client_without_pkce_takes_no_verifier(deployment: Deployment) -> None:
    """S-039."""
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    client = deployment.add_client(
        "Ældre",
        organisation,
        profile="oidc",
        token_endpoint_auth_method="client_secret_basic",
        require_pkce=False,
    )
    party = RelyingParty(deployment, client)
    fields = {"code_challenge": "", "code_challenge_method": ""}
    asked = party.ask(**fields)
    assert party.redeem(code_for(party, asked), "").status_code == 200
    asked = party.ask(**fields)
    _refused(party.redeem(code_for(party, asked), asked.verifier))


def test_an_edited_code_is_unknown(deployment: Deployment) -> None:
    """S-074."""
    party = _party(deployment)
    asked = party.ask()
    code = code_for(party, asked)
    last = "A" if code[-1] != "A" else "B"
    for wrong in (
        code[:-1],
        code + "A",
        code + "=",
        code[:-1] + last,
        code[::-1],
        code.swapcase(),
        "æ",
        "a b",
        "x" * 9_000,
    ):
        _refused(party.redeem(wrong, asked.verifier))
    assert party.redeem(code, asked.verifier).status_code == 200


def test_invented_codes_are_throttled_and_an_honest_one_still_works(deployment: Deployment) -> None:
    """S-075."""
    party = _party(deployment, "Sundhedstider")
    answers = [party.redeem("A" * 43, "v" * 43) for _ in range(35)]
    assert [answer.status_code for answer in answers] == [400] * 30 + [429] * 5
    assert int(answers[-1].headers["Retry-After"]) > 0
    asked = party.ask()
    assert party.redeem(code_for(party, asked), asked.verifier).status_code == 200


def test_what_ends_between_a_code_and_its_redemption_ends_the_code(deployment: Deployment) -> None:
    """S-035, S-076: sign-out, a blocked citizen, a disabled client."""
    services, now = deployment.wiring.services, deployment.clock()
    party = _party(deployment)
    asked, session = party.ask(), session_of(deployment)
    code = code_for(party, asked, session)
    services.transact(
        lambda tx: services.ended_sessions.end(tx, session.session_id, at=now, expires_at=session.expires_at)
    )
    _refused(party.redeem(code, asked.verifier))

    asked, session = party.ask(), session_of(deployment)
    code = code_for(party, asked, session)
    services.transact(lambda tx: services.citizens.set_status(tx, session.citizen_id, "blocked"))
    _refused(party.redeem(code, asked.verifier))
    services.transact(lambda tx: services.citizens.set_status(tx, session.citizen_id, "active"))

    asked = party.ask()
    code = code_for(party, asked)
    registry = deployment.wiring.registry_services
    registry.transact(
        lambda tx: registry.registrations.disable(
            tx, party.client.client_id, actor="operator:test", reason="a test"
        )
    )
    deployment.clock.forward(seconds=2)
    answer = party.redeem(code, asked.verifier)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_consent_that_was_revoked_ends_the_code(deployment: Deployment) -> None:
    """S-076."""
    from idp.records import Consent

    services, now = deployment.wiring.services, deployment.clock()
    party, session = _party(deployment, "Boligstøtte"), session_of(deployment)
    given = Consent(session.citizen_id, party.client.client_id, "boligstoette", "1", ("name",), now)
    services.transact(lambda tx: services.consents.give(tx, given))
    asked = party.ask()
    code = code_for(party, asked, session)
    services.transact(
        lambda tx: services.consents.revoke(
            tx, session.citizen_id, party.client.client_id, "boligstoette", now
        )
    )
    _refused(party.redeem(code, asked.verifier))


def test_a_request_that_is_malformed_spends_nothing(deployment: Deployment) -> None:
    """S-090, S-361: and then the code is redeemed as ever."""
    party = _party(deployment, "Sundhedstider")
    asked = party.ask()
    code = code_for(party, asked)
    url, auth = deployment.issuer + "/token", (party.client.client_id, str(party.client.secret))
    fields = f"grant_type=authorization_code&code={code}&code_verifier={asked.verifier}&redirect_uri="
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    good = fields + "http%3A%2F%2Flocalhost%3A11%2Fcallback"
    for body, headers, query in (
        (good + "&code=" + code, form, ""),
        (good + "&x=%FF", form, ""),
        (good + "&x=%00", form, ""),
        (good, {}, ""),
        (good, {"Content-Type": "application/json"}, ""),
        (good, {"Content-Type": "application/x-www-form-urlencoded; charset=utf-16"}, ""),
        ("grant_type=authorization_code", form, "?" + good),
        (good, form, "?code=" + code),
        (good.replace("grant_type=authorization_code&", ""), form, ""),
    ):
        answer = requests.post(url + query, data=body.encode(), headers=headers, auth=auth, timeout=20)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request"), (body, answer.text)
    assert requests.post(url, data=good.encode(), headers=form, auth=auth, timeout=20).status_code == 200


def test_other_grants_are_not_offered(deployment: Deployment) -> None:
    """S-078."""
    party = _party(deployment, "Sundhedstider")
    for grant in ("password", "implicit", "x"):
        answer = party.post("/token", {"grant_type": grant})
        assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    for grant in ("refresh_token", "client_credentials"):
        answer = party.post("/token", {"grant_type": grant})
        assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")
