"""A device without a browser (RFC 8628): it shows a code, the citizen answers at a page, it gets what a code would give."""

from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session

from tests.support.deployment import Deployment
from tests.support.devices import GRANT_TYPE, Device, DeviceCitizen, ask, device_party, start
from tests.support.dpop import DpopKey
from tests.support.refreshing import refresh, refused
from tests.support.relying_party import RelyingParty, claims_of


def approved(citizen: DeviceCitizen, device: Device, decision: str = "accept") -> dict[str, Any]:
    """The tokens that the device gets when the citizen says yes."""
    page = citizen.answer(citizen.type_code(device.user_code), decision)
    assert "device-answered" in page.ids, page.words
    answer = device.poll()
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize("kind", ["public", "confidential"])
def test_a_device_gets_what_a_code_would_give(deployment: Deployment, kind: str) -> None:
    service = device_party(deployment, kind)
    device, citizen = start(service), DeviceCitizen(deployment)
    told = device.told
    assert told["verification_uri"] == f"{deployment.issuer}/device"
    assert (told["expires_in"], told["interval"]) == (600, 5)
    assert "verification_uri_complete" not in told
    assert device.outcome() == "authorization_pending"
    given = approved(citizen, device)
    assert (given["scope"], given["expires_in"]) == ("openid profile", 300)
    claims = claims_of(given["id_token"])
    assert claims["aud"] == service.client.client_id
    assert (claims["acr"], claims["amr"]) == ("urn:adgang:loa:substantial", ["pwd", "otp", "mfa"])
    assert claims["sub"] == claims_of(given["access_token"])["sub"]
    assert "nonce" not in claims
    assert service.userinfo(given["access_token"]).json()["name"] == "Freja Holm"


def test_the_page_and_the_device_say_the_same_about_it(deployment: Deployment) -> None:
    """S-028, RFC 8628 §5.4: the name is of our choice, in the device's language, and the citizen sees who asks for what."""
    device = start(device_party(deployment), ui_locales="nb en", device_name="Nordhavn Kommune", name="x")
    page = DeviceCitizen(deployment).type_code(device.user_code)
    assert device.told["device_name"] in page.words and device.user_code in page.words
    assert f'id="device-name" lang="nb">{device.told["device_name"]}<' in page.html
    for words in ("Nordhavn Kommune · Måler public", "se byggesaken din", "Freja Holm", "Fødselsdatoen"):
        assert words in page.words
    assert {"accept", "decline", "released"} <= page.ids and "once" not in page.ids


def test_a_code_is_read_as_people_write_it(deployment: Deployment) -> None:
    """RFC 8628 §6.1."""
    citizen, service = DeviceCitizen(deployment), device_party(deployment)
    for written in ("{0}", "{1}", " {0} ", "{0} – ", "{2} {3}"):
        device = start(service)
        code = device.user_code.lower()
        typed = written.format(code, code.replace("-", ""), code[:4].upper(), code[5:])
        assert "accept" in citizen.type_code(typed).ids, written
    for wrong in ("", "ABCDEFGH", "x" * 64, "BCDF-GHJ", "BCDF-GHJKL", "１２３４５６７８"):
        page = citizen.type_code(wrong)
        assert page.status == 400 and "error-user-code" in page.ids, wrong


def test_who_says_no_gives_nothing(deployment: Deployment) -> None:
    device, citizen = start(device_party(deployment)), DeviceCitizen(deployment)
    page = citizen.answer(citizen.type_code(device.user_code), "decline")
    assert "device-answered" in page.ids and "ikke" in page.words
    assert device.outcome() == "access_denied"
    assert device.outcome(700) == "access_denied"
    assert citizen.events()[-1] == "declined"
    assert "error-user-code" in citizen.type_code(device.user_code).ids


@pytest.mark.parametrize("decision", ["", "yes", "accept once", "Accept"])
def test_an_answer_that_is_none_decides_nothing(deployment: Deployment, decision: str) -> None:
    device, citizen = start(device_party(deployment)), DeviceCitizen(deployment)
    page = citizen.answer(citizen.type_code(device.user_code), decision)
    assert "accept" in page.ids
    assert device.outcome() == "authorization_pending"


def test_a_device_is_asked_about_each_time(deployment: Deployment) -> None:
    """RFC 8628 §5.4: an earlier yes never speaks for another device."""
    service, citizen = device_party(deployment), DeviceCitizen(deployment)
    approved(citizen, start(service))
    second = start(service)
    assert "accept" in citizen.type_code(second.user_code).ids
    assert second.outcome() == "authorization_pending"


def test_a_poll_that_comes_too_soon_must_wait_longer_from_then_on(deployment: Deployment) -> None:
    """RFC 8628 §3.5: five seconds more each time, kept, also for the poll that would have given tokens."""
    device, citizen = start(device_party(deployment)), DeviceCitizen(deployment)
    assert device.outcome(0) == "authorization_pending", "the first may come at once"
    assert device.outcome(3.9) == "slow_down"
    assert device.outcome(5) == "slow_down", "ten seconds now, and fifteen after this"
    assert device.outcome(13.9) == "slow_down"
    assert device.outcome(20) == "authorization_pending"
    citizen.answer(citizen.type_code(device.user_code), "accept")
    assert device.outcome(20) == "tokens"


def test_the_interval_has_an_end(deployment: Deployment) -> None:
    device = start(device_party(deployment))
    assert {device.outcome(1) for _ in range(30)} == {"authorization_pending", "slow_down"}
    assert device.outcome(59) == "authorization_pending"


def test_a_device_code_ends_after_ten_minutes(deployment: Deployment) -> None:
    """RFC 8628 §3.5; and the page knows its user code no longer."""
    device, citizen = start(device_party(deployment)), DeviceCitizen(deployment)
    page = citizen.type_code(device.user_code)
    deployment.clock.forward(seconds=600)
    assert citizen.answer(page, "accept").status == 410
    assert device.outcome() == "expired_token"
    assert "error-user-code" in citizen.type_code(device.user_code).ids


def test_what_was_given_and_not_fetched_expires(deployment: Deployment) -> None:
    device, citizen = start(device_party(deployment)), DeviceCitizen(deployment)
    citizen.answer(citizen.type_code(device.user_code), "accept")
    assert device.outcome(600) == "expired_token"


def test_a_level_that_the_device_asks_for_is_reached_first(deployment: Deployment) -> None:
    """S-078: acr_values are the same requirement here as in a browser."""
    service = device_party(deployment)
    device, citizen = start(service, acr_values="phr"), DeviceCitizen(deployment)
    page = citizen.type_code(device.user_code)
    assert "unmet" in page.ids and "accept" not in page.ids
    citizen.key = citizen.add_key()
    page = citizen.prove(citizen.type_code(device.user_code))
    assert "accept" in page.ids, page.words
    citizen.answer(page, "accept")
    assert claims_of(device.poll().json()["id_token"])["acr"] == "phr"


def test_who_goes_back_without_the_level_refuses(deployment: Deployment) -> None:
    device, citizen = start(device_party(deployment), acr_values="phr"), DeviceCitizen(deployment)
    page = citizen.browser.submit(citizen.type_code(device.user_code), "/unmet")
    assert "device-answered" in page.ids
    assert device.outcome() == "access_denied"


def test_a_device_can_ask_for_a_fresh_sign_in(deployment: Deployment) -> None:
    """OIDC Core §3.1.2.1: max_age."""
    service, citizen = device_party(deployment), DeviceCitizen(deployment)
    citizen.open()
    deployment.clock.forward(seconds=120)
    device = start(service, max_age="60")
    page = citizen.type_code(device.user_code)
    assert "user-id" in page.ids
    assert "accept" in citizen.prove(page).ids


def test_lasting_access_is_asked_for_and_outlives_the_session(deployment: Deployment) -> None:
    """OIDC Core §11."""
    service = device_party(
        deployment, grant_types=[GRANT_TYPE, "refresh_token"], scope="openid profile offline_access"
    )
    service.scope = "openid offline_access"
    device, citizen = start(service), DeviceCitizen(deployment)
    page = citizen.type_code(device.user_code)
    assert {"lasting", "once"} <= page.ids
    citizen.answer(page, "accept")
    lasting = device.poll().json()
    without = approved(citizen, start(service), "once")
    assert without["scope"] == "openid"
    sign_out(citizen)
    deployment.clock.forward(seconds=1)
    refused(refresh(service, without["refresh_token"]))
    assert refresh(service, lasting["refresh_token"]).status_code == 200


def test_a_devices_access_ends_with_the_session_that_gave_it(deployment: Deployment) -> None:
    """S-207: and what was not fetched yet is fetched no more."""
    service, citizen = device_party(deployment), DeviceCitizen(deployment)
    given = approved(citizen, start(service))
    device = start(service)
    citizen.answer(citizen.type_code(device.user_code), "accept")
    sign_out(citizen)
    assert service.userinfo(given["access_token"]).status_code == 401
    assert device.outcome() == "invalid_grant"


def test_the_citizen_sees_what_happened_and_takes_it_back(deployment: Deployment) -> None:
    """Ledger, recent activity, a message; and "it was not me" ends the device's access."""
    service, citizen = device_party(deployment), DeviceCitizen(deployment)
    device = start(service)
    given = approved(citizen, device)
    assert citizen.events()[-3:] == ["informed", "device-authorized", "token-issued"]
    page = citizen.open("/activity")
    assert f"Du gav en enhed adgang som dig · Måler public · {device.told['device_name']}" in page.words
    assert "En enhed har fået adgang som dig" in citizen.open("/messages").words
    dispute = next(form.action for form in page.forms if form.action.endswith("/dispute"))
    citizen.post(page, dispute.removeprefix(deployment.issuer))
    assert service.userinfo(given["access_token"]).status_code == 401


def sign_out(citizen: DeviceCitizen) -> None:
    assert "signed-out" in citizen.browser.submit(citizen.browser.get("/"), "/sign-out").ids


# --- what a device may ask ---------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, str], str]] = [
    ({"scope": "openid cpr"}, "invalid_scope"),
    ({"scope": "profile"}, "invalid_scope"),
    ({"purpose": "another"}, "invalid_request"),
    ({"claims": '{"userinfo":{"cpr":null}}'}, "invalid_request"),
    ({"claims": '{"id_token":{"sub":{"value":"c.x"}}}'}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"acr_values": "urn:adgang:loa:high"}, "unmet_authentication_requirements"),
    ({"request": "x.y.z"}, "invalid_request"),
    ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
]


def test_a_devices_limits_are_those_of_every_request(deployment: Deployment) -> None:
    """S-078, S-034."""
    service = device_party(deployment)
    assert ask(service).status_code == 200
    for parameters, error in WRONG:
        answer = ask(service, **parameters)
        assert (answer.status_code, answer.json()["error"]) == (400, error), parameters


def test_only_a_registered_client_asks_for_codes(deployment: Deployment) -> None:
    """S-078: the grant at both endpoints, and its client at the others."""
    other = RelyingParty(deployment, deployment.clients["Sundhedstider"])
    for path in ("/device_authorization", "/token"):
        answer = other.post(path, {"grant_type": GRANT_TYPE, "scope": "openid", "device_code": "x" * 43})
        assert answer.json()["error"] == "unauthorized_client", path
    service = device_party(deployment, redirect_uris=["http://localhost:9/callback"], application_type="web")
    answer = service.post("/par", service.parameters("v" * 43, "s", "n"))
    assert answer.json()["error"] == "unauthorized_client"


def test_authlib_is_given_tokens_by_the_device_grant(deployment: Deployment) -> None:
    """A foreign client library, as its documentation has it."""
    service, citizen = device_party(deployment), DeviceCitizen(deployment)
    device = start(service)
    citizen.answer(citizen.type_code(device.user_code), "accept")
    client = OAuth2Session(service.client.client_id, token_endpoint_auth_method="none")
    token = client.fetch_token(
        f"{deployment.issuer}/token", grant_type=GRANT_TYPE, device_code=device.told["device_code"]
    )
    assert token["token_type"] == "Bearer" and "id_token" in token


def test_what_a_device_gets_is_bound_to_the_key_that_it_proved(deployment: Deployment) -> None:
    """RFC 9449 §5: by the poll that is answered; the token opens nothing without the key."""
    service, citizen = device_party(deployment), DeviceCitizen(deployment)
    service.dpop = DpopKey()
    given = approved(citizen, start(service))
    assert given["token_type"] == "DPoP"
    assert claims_of(given["access_token"])["cnf"] == {"jkt": service.dpop.jkt}
    assert service.userinfo(given["access_token"]).json()["name"] == "Freja Holm"
    service.dpop = DpopKey()
    assert service.userinfo(given["access_token"]).status_code == 401
