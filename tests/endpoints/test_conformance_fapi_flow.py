"""What the FAPI 2.0 plans try of a whole sign-in (conformance.md), by openid-client in each of the plans' variants.

The four variants are those of tests/support/fapi_variants.py, through the proxy that certificates come by. The library
checks `state`, `iss`, `nonce` and every signature.
"""

import string

from tests.support.fapi_variants import Make, certificate, issued
from tests.support.mutual_tls import BehindHaproxy
from tests.support.openid_client import openid_client
from tests.support.openid_service import SERVICE


def test_two_clients_sign_a_citizen_in_and_refresh_again_and_again(make: Make) -> None:
    """The happy flow; FAPI 2.0 §5.3.2.1: a confidential client's refresh token is not rotated."""
    first = make()
    signed_in = first.sign_in()
    with openid_client() as other:
        second = make(other, "Byfornyelse", browser=None)
        second.browser = first.browser
        assert second.sign_in()["claims"]["sub"] == signed_in["claims"]["sub"], "of one organisation"
    for _ in range(2):
        again = first.library("refresh", token=signed_in["tokens"]["refresh_token"])
        told = first.library(
            "userinfo", token=again["tokens"]["access_token"], subject=signed_in["claims"]["sub"]
        )
        assert told["name"] == "Freja Holm"


def test_a_citizen_who_says_no_is_told_to_the_client(make: Make) -> None:
    service = make()
    asked = service.ask()
    page = service.browser.submit(service.browser.get(asked["url"]), "/cancel")
    assert service.library.refused("finish", url=page.url).error == "access_denied"
    assert page.answer is not None
    told = page.answer["state"], page.answer["iss"]
    assert told == (asked["state"], service.deployment.issuer)


def test_state_and_nonce_come_back_as_they_were_sent_or_not_at_all(make: Make) -> None:
    """Neither is invented; one of 384 characters, of 64, of signs that an address escapes."""
    service = make()
    long, signs = (string.ascii_letters * 8)[:384], "a b&c=d+%?#/é"[:11]
    for state, nonce in ((None, None), (long, long), ("s", long[:64]), (signs, signs), (long * 3, "n")):
        asked = service.ask(parameters={"state": state, "nonce": nonce})
        url = service.answer(asked["url"])
        assert service.library("finish", url=url)["claims"].get("nonce") == nonce
        assert ("state=" in url) is (state is not None)


def test_scopes_in_another_order_and_the_claims_parameter(make: Make) -> None:
    service = make()
    for parameters in (
        {"scope": "profile openid"},
        {"claims": '{"userinfo": {"name": {"essential": true}}, "id_token": {"acr": null}}'},
        {"acr_values": "urn:adgang:loa:substantial"},
    ):
        token = service.sign_in(parameters=parameters)["tokens"]["access_token"]
        assert service.library("userinfo", token=token)["name"] == "Freja Holm"


def test_a_token_is_for_whoever_holds_its_key(world: BehindHaproxy, make: Make) -> None:
    """S-109, S-110, S-123: holder of key required, at the token endpoint and at userinfo."""
    service = make()
    token = service.sign_in()["tokens"]["access_token"]
    url = service.answer(service.ask()["url"])
    if service.proves:
        assert service.outcome("finish", url=url, dpop=False) == "invalid_request"
        service.library("key", name="another", alg="ES256")
        service.configure(dpop={"key": "another"})
        assert service.outcome("userinfo", token=token) == "invalid_token"
    for holder in (None, issued("CN=En anden,C=DK")):
        service.configure(certificate=certificate(world, holder))
        if service.method == "tls_client_auth":
            assert service.outcome("refresh", token="x") == "invalid_client"
        elif not service.proves and holder is None:
            assert service.outcome("refresh", token="x") == "invalid_request"
        if not service.proves:
            assert service.outcome("userinfo", token=token) == "invalid_token"
    service.configure()
    assert service.outcome("userinfo", token=token) == "taken"


def test_a_code_and_a_refresh_token_are_their_clients_own(make: Make) -> None:
    """S-071, S-084, S-101: another client's gets nothing, and the first use of a refresh token by another ends it."""
    service = make()
    signed_in = service.sign_in()
    url = service.answer(service.ask()["url"])
    with openid_client() as other:
        thief = make(other, "Tyveri")
        thief.ask()
        state = {"expectedState": url.partition("state=")[2].partition("&")[0]}
        checks = {**state, "pkceCodeVerifier": "v" * 43}
        assert thief.outcome("finish", url=url, checks=checks) == "invalid_grant"
        other("alter", path="/token", form={"client_id": service.client_id})
        assert thief.outcome("finish", url=url, checks=checks) == "invalid_client"
        other("alter")
        refresh_token = signed_in["tokens"]["refresh_token"]
        assert service.outcome("refresh", token=refresh_token) == "taken"
        assert thief.outcome("refresh", token=refresh_token) == "invalid_grant"
    assert service.outcome("refresh", token=refresh_token) == "invalid_grant"


def test_a_code_comes_again_and_what_it_gave_is_over(make: Make) -> None:
    """S-068, S-069: after a second; and none is good after a minute."""
    service = make()
    url = service.answer(service.ask()["url"])
    held = service.library("finish", url=url)["tokens"]
    service.deployment.clock.forward(seconds=1)
    assert service.outcome("finish", url=url) == "invalid_grant"
    assert service.outcome("userinfo", token=held["access_token"]) == "invalid_token"
    assert service.outcome("refresh", token=held["refresh_token"]) == "invalid_grant"
    late = service.answer(service.ask()["url"])
    service.deployment.clock.forward(seconds=61)
    assert service.outcome("finish", url=late) == "invalid_grant"


def test_a_request_is_refused_that_the_profile_does_not_know(make: Make) -> None:
    """S-001, S-013, S-037, S-064: each with its registered error, where it is pushed."""
    service = make()
    for parameters, error in (
        ({"redirect_uri": f"{SERVICE}?a=b"}, "invalid_request"),
        ({"redirect_uri": "https://elsewhere.example/cb"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
    ):
        asked = {"redirect_uri": SERVICE, "scope": "openid profile", **parameters}
        assert service.outcome("ask", push=True, parameters=asked) == error, parameters


def test_a_code_needs_its_verifier(make: Make) -> None:
    """RFC 7636 §4.6: missing, and wrong."""
    service = make()
    for form in ({"code_verifier": None}, {"code_verifier": "w" * 43}):
        url = service.answer(service.ask()["url"])
        service.library("alter", path="/token", form=form)
        assert service.outcome("finish", url=url) == "invalid_grant"
        service.library("alter")
