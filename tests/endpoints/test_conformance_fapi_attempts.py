"""What the FAPI 2.0 plans try at single endpoints (conformance.md), by openid-client where it is willing.

What a certified library would never send it makes by itself, and one thing of it is changed on its way: a header, a member
of the form, the verb, or how often it comes (`alter` of tests/support/node/client.mjs).
"""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.deployment import Deployment
from tests.support.openid_client import OpenidClient, openid_client
from tests.support.openid_service import SERVICE, OpenidService


@pytest.fixture
def service(live_deployment: Deployment, library: OpenidClient) -> OpenidService:
    return OpenidService(live_deployment, library)


def push(service: OpenidService) -> str:
    """`taken`, or the error."""
    return service.outcome("ask", push=True, parameters={"redirect_uri": SERVICE})


# --- pushed authorization requests -----------------------------------------------------------------------------


def test_a_pushed_request_may_be_opened_twice_before_the_sign_in_and_not_after(
    service: OpenidService,
) -> None:
    asked = service.ask()
    for _ in range(2):
        assert "user-id" in service.browser.get(asked["url"]).ids
    service.library("finish", url=service.answer(asked["url"]))
    again = service.browser.get(asked["url"])
    assert (again.status, again.answer) == (409, None)


def test_a_pushed_request_lives_a_minute(service: OpenidService) -> None:
    asked = service.ask()
    service.deployment.clock.forward(seconds=61)
    late = service.browser.get(asked["url"])
    assert (late.status, late.answer) == (400, None)


def test_a_pushed_request_is_its_clients_own(service: OpenidService) -> None:
    """S-048: another client's name beside it leads nowhere."""
    with openid_client() as other:
        thief = OpenidService(service.deployment, other)
        url = service.ask()["url"].replace(service.client_id, thief.client_id)
        page = service.browser.get(url)
    assert (page.status, page.answer) == (400, None)


def test_what_stands_beside_a_request_uri_changes_nothing(service: OpenidService) -> None:
    """RFC 9101 §6.3: a state that is only there is none, and the one that was pushed comes back."""
    asked = service.ask()
    url = service.answer(asked["url"] + "&state=beside&nonce=beside&scope=openid&prompt=none")
    assert service.library("finish", url=url)["claims"]["nonce"] == asked["nonce"]
    asked = service.ask(parameters={"state": None})
    url = service.answer(asked["url"] + "&state=beside")
    assert "state=" not in url and service.library("finish", url=url)["tokens"]


def test_no_request_uri_is_pushed_and_no_other_verb_pushes(service: OpenidService) -> None:
    request_uri = parse_qs(urlsplit(service.ask()["url"]).query)["request_uri"][0]
    service.library("alter", path="/par", form={"request_uri": request_uri})
    assert push(service) == "invalid_request"
    service.library("heard")
    for method in ("GET", "PUT"):
        service.library("alter", path="/par", method=method)
        assert push(service) != "taken"
        (heard,) = [heard for heard in service.library("heard") if heard["url"].endswith("/par")]
        assert (heard["status"], heard["headers"]["allow"]) == (405, "POST")
    service.library("alter")
    assert push(service) == "taken"


def test_nothing_is_asked_for_but_through_par(service: OpenidService) -> None:
    """FAPI 2.0 §5.3.2.2: the client is told, since its address is registered; nobody is asked for a password."""
    page = service.browser.get(service.ask(push=False)["url"])
    assert service.library.refused("finish", url=page.url).error == "invalid_request"


# --- the client's authentication -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/par", "/token"])
@pytest.mark.parametrize(
    "form",
    [
        {"client_assertion": None, "client_assertion_type": None},
        {"client_assertion": None},
        {"client_assertion_type": None},
        {"client_assertion": "x"},
        {"client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
    ],
)
def test_without_its_assertion_a_client_is_nobody(
    service: OpenidService, path: str, form: dict[str, Any]
) -> None:
    """S-095: at both endpoints, and no code is spent by it."""
    url = service.answer(service.ask()["url"])
    service.library("alter", path=path, form=form)
    outcome = push(service) if path == "/par" else service.outcome("finish", url=url)
    assert outcome == "invalid_client"
    service.library("alter")
    if path == "/token":
        assert service.outcome("finish", url=url) == "taken"


# --- proofs ----------------------------------------------------------------------------------------------------


def test_the_scheme_has_no_case(service: OpenidService) -> None:
    """RFC 9110 §11.1."""
    token = service.sign_in()["tokens"]["access_token"]
    for scheme in ("dpop", "DPOP", "DpOp"):
        service.library("alter", path="/userinfo", headers={"authorization": ["^DPoP ", f"{scheme} "]})
        assert service.library("userinfo", token=token)["name"] == "Freja Holm"
    service.library("alter", path="/userinfo", headers={"authorization": ["^DPoP ", "Bearer "]})
    assert service.outcome("userinfo", token=token) == "invalid_token"


@pytest.mark.parametrize(
    ("name", "pattern", "text"),
    [
        ("two headers", "^(.*)$", "$1, $1"),
        ("two headers, one of them empty", "$", ", "),
        ("not a JWT", "^.*$", "not-a-jwt"),
        ("nothing", "^.*$", ""),
        ("a signature that is not its own", "[^.]{20}$", "A" * 20),
        ("no signature", "[^.]*$", ""),
    ],
)
def test_a_proof_is_one_signed_jwt(service: OpenidService, name: str, pattern: str, text: str) -> None:
    """S-115: wherever it is shown, and nothing is spent by it."""
    token = service.sign_in()["tokens"]["access_token"]
    changed = {"dpop": [pattern, text]}
    service.library("alter", path="/userinfo", headers=changed)
    assert service.outcome("userinfo", token=token) == "invalid_dpop_proof", name
    service.library("alter", path="/par", headers=changed)
    assert push(service) == "invalid_dpop_proof", name
    url = service.answer(_unaltered(service).ask()["url"])
    service.library("alter", path="/token", headers=changed)
    assert service.outcome("finish", url=url) == "invalid_dpop_proof", name
    assert _unaltered(service).outcome("finish", url=url) == "taken"


def _unaltered(service: OpenidService) -> OpenidService:
    service.library("alter")
    return service


def test_a_proof_counts_once(service: OpenidService) -> None:
    """S-117: all of the request again, with the same `jti`."""
    token = service.sign_in()["tokens"]["access_token"]
    service.deployment.clock.forward(seconds=12)  # so that the store's memory reaches back a while
    service.library("alter", path="/userinfo", twice=True)
    assert service.outcome("userinfo", token=token) == "invalid_dpop_proof"
    service.library("alter")
    assert service.outcome("userinfo", token=token) == "taken"


def test_a_proof_with_a_private_key_or_by_rs256_is_refused(service: OpenidService) -> None:
    """S-116, S-121: the very key that signs it; and a key that fits the algorithm."""
    own = service.library("key", name="possession", alg="ES256")
    public = {name: own[name] for name in ("kty", "crv", "x", "y")}
    service.configure(dpop={"changes": {"header": {"jwk": public}}})
    assert push(service) == "taken"
    service.configure(dpop={"changes": {"header": {"jwk": public | {"d": "x" * 43}}}})
    assert push(service) == "invalid_dpop_proof"
    for alg, outcome in (("RS256", "invalid_dpop_proof"), ("PS256", "taken")):
        service.library("key", name="rsa", alg=alg)
        service.configure(dpop={"key": "rsa"})
        assert push(service) == outcome
