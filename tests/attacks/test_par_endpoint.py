"""Pushed authorization requests: bound to their client, short-lived, complete, and decided once."""

from typing import Any

import pytest
import requests

from idp.errors import OAuthError, RedirectedError
from idp.grants.authorization_code import issue_code
from idp.grants.decision import AlreadyDecided
from idp.protocol.authorization_request import OpenedRequest
from tests.support.deployment import Deployment
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import attempt_for, code_for, opened, session_of


def _party(deployment: Deployment, name: str = "Byggesager") -> RelyingParty:
    return RelyingParty(deployment, deployment.clients[name])


def _push(party: RelyingParty, **changes: Any) -> requests.Response:
    fields: dict[str, Any] = party.parameters("v" * 43, "s", "n") | changes
    return party.post("/par", {name: value for name, value in fields.items() if value is not None})


def _open(deployment: Deployment, **parameters: str) -> OpenedRequest:
    return opened(deployment, parameters)


def test_a_pushed_request_is_answered_with_its_address(deployment: Deployment) -> None:
    answer = _push(_party(deployment))
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json()["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert answer.json()["expires_in"] == 60


def test_a_fapi2_client_must_push(deployment: Deployment) -> None:
    """S-044."""
    party = _party(deployment)
    with pytest.raises(RedirectedError) as told:
        _open(deployment, **party.parameters("v" * 43, "s", "n"))
    assert told.value.error.code == "invalid_request"


FAULTY: list[tuple[dict[str, Any], str]] = [
    ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
    ({"request": "a.b.c"}, "invalid_request_object"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"redirect_uri": "https://evil.test/cb"}, "invalid_request"),
    ({"redirect_uri": None}, "invalid_request"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_mode": "form_post"}, "invalid_request"),
    ({"scope": "openid cpr"}, "invalid_scope"),
    ({"scope": "openid " + "x" * 60_000}, "invalid_scope"),
    ({"claims": '{"userinfo":{"email":null}}'}, "invalid_request"),
    ({"nonce": "n" * 4_096}, "invalid_request"),
    ({"prompt": "none login"}, "invalid_request"),
]


def test_a_faulty_request_is_refused_when_it_is_pushed(deployment: Deployment) -> None:
    """S-013, S-015, S-018, S-034, S-036, S-037, S-046."""
    for changes, error in FAULTY:
        answer = _push(_party(deployment), **changes)
        assert (answer.status_code, answer.json()["error"]) == (400, error), changes
        assert answer.json()["error_uri"] == f"{deployment.issuer}/help/errors#{error}"


def test_a_push_without_an_authenticated_client_is_refused(deployment: Deployment) -> None:
    """S-045."""
    party = _party(deployment)
    fields = party.parameters("v" * 43, "s", "n")
    url = deployment.issuer + "/par"
    nobody = requests.post(url, data=fields, timeout=20)
    assert (nobody.status_code, nobody.json()["error"]) == (401, "invalid_client")
    secret = requests.post(url, data=fields, auth=(party.client.client_id, "x"), timeout=20)
    assert (secret.status_code, secret.json()["error"]) == (401, "invalid_client")
    both = requests.post(
        url, data=fields | party.authentication()["data"], auth=(party.client.client_id, "x"), timeout=20
    )
    assert (both.status_code, both.json()["error"]) == (400, "invalid_request")


def test_a_request_uri_is_its_clients_alone_and_anothers_try_spends_nothing(deployment: Deployment) -> None:
    """S-048."""
    request_uri = _push(_party(deployment)).json()["request_uri"]
    for name in ("Boligstøtte", "Sundhedstider"):
        with pytest.raises(OAuthError) as refused:
            _open(deployment, client_id=deployment.clients[name].client_id, request_uri=request_uri)
        assert refused.value.code == "invalid_request_uri"
    found = _open(deployment, client_id=deployment.clients["Byggesager"].client_id, request_uri=request_uri)
    assert found.request.state == "s"


def test_a_request_uri_that_is_almost_right_is_refused(deployment: Deployment) -> None:
    """S-049, S-050."""
    client_id = deployment.clients["Byggesager"].client_id
    request_uri = _push(_party(deployment)).json()["request_uri"]
    flipped = request_uri[:-1] + ("A" if request_uri[-1] != "A" else "B")
    for wrong in (request_uri[:-1], request_uri + "A", flipped, request_uri.upper(), request_uri + " "):
        with pytest.raises(OAuthError):
            _open(deployment, client_id=client_id, request_uri=wrong)
    deployment.clock.forward(seconds=61)
    with pytest.raises(OAuthError):
        _open(deployment, client_id=client_id, request_uri=request_uri)


def test_parameters_beside_a_request_uri_change_nothing(deployment: Deployment) -> None:
    """S-014, S-052."""
    client_id = deployment.clients["Byggesager"].client_id
    request_uri = _push(_party(deployment)).json()["request_uri"]
    plain = _open(deployment, client_id=client_id, request_uri=request_uri)
    changed = _open(
        deployment,
        client_id=client_id,
        request_uri=request_uri,
        scope="openid",
        redirect_uri="https://evil.test/cb",
        state="other",
        prompt="none",
        response_type="token",
        response_mode="fragment",
    )
    assert changed == plain


def test_a_request_may_be_opened_again_but_is_decided_once(deployment: Deployment) -> None:
    """S-051: a link preview spends nothing; after the first decision no other attempt gets a code."""
    party = _party(deployment)
    asked = party.ask()
    first, second = attempt_for(deployment, asked), attempt_for(deployment, asked)
    services, session = deployment.wiring.services, session_of(deployment)
    code = issue_code(services, first, session)
    with pytest.raises(AlreadyDecided):
        issue_code(services, second, session)
    with pytest.raises(AlreadyDecided):
        code_for(party, asked)
    assert party.redeem(code, asked.verifier).status_code == 200


def test_an_assertion_for_another_audience_is_refused_in_fapi2(deployment: Deployment) -> None:
    """S-055, S-095, S-096."""
    issuer, party = deployment.issuer, _party(deployment)
    wrong = (
        issuer + "/token",
        issuer + "/par",
        [issuer],
        [issuer, "https://x.test"],
        issuer + "/",
        issuer[:-1],
        None,
    )
    for audience in wrong:
        fields = party.parameters("v" * 43, "s", "n") | party.authentication()["data"]
        fields["client_assertion"] = party.assertion(aud=audience)
        answer = requests.post(issuer + "/par", data=fields, timeout=20)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), audience
