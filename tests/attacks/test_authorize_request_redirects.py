"""Nothing is ever sent to a redirect URI that was not verified, and no parameter has two meanings."""

from typing import Any
from urllib.parse import quote, urlencode

import pytest

from idp.errors import OAuthError, RedirectedError
from idp.protocol.authorization_request import authorization_parameters
from tests.support.deployment import Deployment
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import code_for, opened


def _plain(deployment: Deployment, **changes: str | None) -> dict[str, str]:
    """A good request of the `oidc` client, with changes; None leaves a parameter out."""
    party = RelyingParty(deployment, deployment.clients["Sundhedstider"])
    changed: dict[str, Any] = party.parameters("v" * 43, "s", "n") | changes
    return {name: value for name, value in changed.items() if value is not None}


def test_a_redirect_uri_that_differs_in_anything_is_refused_on_a_page(deployment: Deployment) -> None:
    """S-001, S-002, S-003, S-004, S-006: compared as one string, before any decoding."""
    good = deployment.clients["Sundhedstider"].redirect_uri
    host = good.removeprefix("http://")
    assert opened(deployment, _plain(deployment)).request.redirect_uri == good
    for uri in (
        good + "/",
        good.upper(),
        good.replace("callback", "Callback"),
        good + "?a=b",
        good + "#f",
        good.replace("callback", "c%61llback"),
        good.replace("localhost", "user@localhost"),
        good.replace("localhost", "LOCALHOST"),
        good.replace("http:", "https:"),
        good.replace("localhost", "localhost.evil.test"),
        f"http://{host}@evil.test/callback",
        f"https://evil.test/{good}",
        "http://localhost%40evil.test/callback",
        "http://[not-an-ip]/callback",
        "http://a@b@localhost/callback",
        good.replace("/callback", "/..;/callback"),
        good.replace("/callback", "/./callback"),
        good.replace("/callback", "//callback"),
        good.replace("/callback", "\\callback"),
        good + "\t",
        good + "\r\nX: y",
        good.replace("localhost", "ｌocalhost"),
        good + "\u2028",
        "javascript:alert(1)",
        "",
        "x" * 5_000,
    ):
        with pytest.raises(OAuthError) as refused:
            opened(deployment, _plain(deployment, redirect_uri=uri))
        assert refused.value.code == "invalid_request", uri


def test_no_error_is_redirected_before_client_and_redirect_uri_are_verified(deployment: Deployment) -> None:
    """S-012: every kind of error, each with a redirect URI that is not the client's."""
    faults: list[dict[str, str | None]] = [
        {"response_type": "token"},
        {"response_type": None},
        {"scope": "nothing"},
        {"prompt": "bad"},
        {"request": "x.y.z"},
        {"request_uri": "https://evil.test/r"},
        {"response_mode": "fragment"},
        {"code_challenge_method": "plain"},
        {"claims": "{"},
        {"max_age": "-1"},
        {"id_token_hint": "x"},
        {"purpose": "other"},
        {"state": "x" * 3_000},
    ]
    for fault in faults:
        with pytest.raises(OAuthError):
            opened(deployment, _plain(deployment, redirect_uri="https://evil.test/cb", **fault))
        with pytest.raises(OAuthError):
            opened(deployment, _plain(deployment, client_id="unknown", **fault))
        with pytest.raises(RedirectedError) as told:
            opened(deployment, _plain(deployment, **fault))
        assert told.value.redirect_uri == deployment.clients["Sundhedstider"].redirect_uri


def test_no_response_type_but_code_is_answered(deployment: Deployment) -> None:
    """S-013."""
    for value in ("token", "id_token", "code token", "code id_token", "code code", "none", "CODE"):
        with pytest.raises(RedirectedError) as told:
            opened(deployment, _plain(deployment, response_type=value))
        assert told.value.error.code == "unsupported_response_type", value


def test_a_parameter_sent_twice_is_refused_wherever_it_stands(deployment: Deployment) -> None:
    """S-017: in the query, in the body, and once in each."""
    form = "application/x-www-form-urlencoded"
    good = urlencode(_plain(deployment))
    for name in (
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "response_type",
        "nonce",
        "code_challenge",
        "prompt",
    ):
        again = f"{name}={quote(_plain(deployment).get(name, 'none'))}"
        doubled = f"{good}&{again}&{again}" if name == "prompt" else f"{good}&{again}"
        for query, body in ((doubled, ""), ("", doubled), (again, f"{good}&{again}")):
            with pytest.raises(OAuthError) as refused:
                authorization_parameters("POST", query.encode(), body.encode(), form)
            assert refused.value.code == "invalid_request"


def test_limits_leave_room_for_what_clients_really_send(deployment: Deployment) -> None:
    """S-021: a nonce of 64 and of 384 characters and a state of 1,000 work; far more is a clean refusal."""
    for nonce, state in (("n" * 64, "s" * 1_000), ("n" * 384, "s" * 2_048)):
        assert opened(deployment, _plain(deployment, nonce=nonce, state=state)).request.nonce == nonce
    for fault in (
        {"nonce": "n" * 385},
        {"nonce": "n" * 4_096},
        {"state": "s" * 2_049},
        {"login_hint": "l" * 257},
    ):
        with pytest.raises(RedirectedError) as told:
            opened(deployment, _plain(deployment, **fault))
        assert told.value.error.code == "invalid_request"


def test_nothing_is_invented_where_state_and_nonce_are_missing(deployment: Deployment) -> None:
    request = opened(deployment, _plain(deployment, state=None, nonce=None)).request
    assert request.state is None
    assert request.nonce is None


def test_unknown_parameters_are_ignored(deployment: Deployment) -> None:
    assert opened(deployment, _plain(deployment, extra="foobar")).request.state == "s"


def test_foreign_request_objects_are_refused_with_their_registered_errors(deployment: Deployment) -> None:
    """S-056, S-064: by value and by reference; nothing is fetched."""
    for parameter, error in (
        ("request", "invalid_request_object"),
        ("request_uri", "request_uri_not_supported"),
    ):
        with pytest.raises(RedirectedError) as told:
            opened(deployment, _plain(deployment, **{parameter: "https://rp.test/r"}))
        assert told.value.error.code == error
        assert told.value.state == "s"


def test_only_an_id_token_of_this_client_is_a_hint(deployment: Deployment) -> None:
    """S-026: another client's, a changed one, another type and an unsigned one are refused; an old one is taken."""
    tokens = {}
    for name in ("Sundhedstider", "Byggesager"):
        party = RelyingParty(deployment, deployment.clients[name])
        asked = party.ask()
        tokens[name] = party.redeem(code_for(party, asked), asked.verifier).json()
    own = tokens["Sundhedstider"]["id_token"]
    deployment.clock.forward(seconds=3_600)
    assert opened(deployment, _plain(deployment, id_token_hint=own)).request.id_token_hint_subject
    head, body, _ = own.split(".")
    for hint in (
        tokens["Byggesager"]["id_token"],
        tokens["Sundhedstider"]["access_token"],
        own[:-5] + "AAAAA",
        f"eyJhbGciOiJub25lIn0.{body}.",
        f"{head}.{body}",
        "x",
    ):
        with pytest.raises(RedirectedError) as told:
            opened(deployment, _plain(deployment, id_token_hint=hint))
        assert told.value.error.code == "invalid_request"


def test_a_disabled_client_gets_a_page(deployment: Deployment) -> None:
    """S-035."""
    registry, client = deployment.wiring.registry_services, deployment.clients["Sundhedstider"]
    registry.transact(
        lambda tx: registry.registrations.disable(
            tx, client.client_id, actor="operator:test", reason="a test"
        )
    )
    deployment.clock.forward(seconds=2)
    with pytest.raises(OAuthError) as refused:
        opened(deployment, _plain(deployment))
    assert refused.value.code == "unauthorized_client"
