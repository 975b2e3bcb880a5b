"""openid-client, a certified FAPI 2.0 client library, signs a citizen in: pushed, proven, signed both ways."""

from pathlib import Path

from tests.support.citizen_browser import CitizenBrowser
from tests.support.clock import MovingClock
from tests.support.deployment import Deployment, running_deployment
from tests.support.openid_client import OpenidClient
from tests.support.openid_service import OpenidService


def test_a_fapi_client_signs_in_reads_userinfo_and_refreshes(
    every_algorithm: Deployment, library: OpenidClient
) -> None:
    browser = CitizenBrowser(every_algorithm.issuer)
    for alg in ("ES256", "PS256", "EdDSA"):
        service = OpenidService(every_algorithm, library, alg=alg, browser=browser)
        signed_in = service.sign_in()
        subject = signed_in["claims"]["sub"]
        told = library("userinfo", token=signed_in["tokens"]["access_token"], subject=subject)
        assert told["name"] == "Freja Holm"
        for _ in range(2):  # FAPI 2.0 §5.3.2.1: not rotated
            again = library("refresh", token=signed_in["tokens"]["refresh_token"])
            assert again["claims"]["sub"] == subject


def test_an_answer_that_was_altered_is_not_believed(
    live_deployment: Deployment, library: OpenidClient
) -> None:
    """RFC 9207: the answer of another server is not taken for ours, and a foreign state for nobody's."""
    service = OpenidService(live_deployment, library)
    url = service.answer(service.ask()["url"])
    for altered in (url.replace("iss=http", "iss=https"), url.replace("state=", "state=x")):
        assert altered != url
        assert library.refused("finish", url=altered).told["code"]
    assert library("finish", url=url)["claims"]["iss"] == live_deployment.issuer


def test_a_citizen_who_says_no_is_told_to_the_client(
    live_deployment: Deployment, library: OpenidClient
) -> None:
    service = OpenidService(live_deployment, library)
    asked = service.ask()
    page = service.browser.get(asked["url"])
    page = service.browser.submit(page, "/cancel")
    fault = library.refused("finish", url=page.url)
    assert fault.error == "access_denied"
    assert page.answer is not None
    assert (page.answer["state"], page.answer["iss"]) == (asked["state"], live_deployment.issuer)


def test_the_library_follows_where_nonces_are_demanded(
    tmp_path: Path, sqlite_url: str, valkey_url: str, library: OpenidClient
) -> None:
    """RFC 9449 §8, §9: at PAR, token endpoint and userinfo, told once and carried from then on."""
    demanded = {"ADGANG_DPOP_NONCE_REQUIRED": "true"}
    with running_deployment(tmp_path, sqlite_url, valkey_url, MovingClock(), **demanded) as running:
        service = OpenidService(running, library)
        signed_in = service.sign_in()
        for _ in range(2):
            token = library("refresh", token=signed_in["tokens"]["refresh_token"])["tokens"]["access_token"]
            assert library("userinfo", token=token)["name"] == "Freja Holm"
        heard = [each for each in library("heard") if "dpop" in each["sent"]]
    statuses = [each["status"] for each in heard if each["url"].endswith("/par")]
    assert statuses == [400, 201]
    assert {each["status"] for each in heard[1:]} == {200, 201}, "nobody had to be told again"
