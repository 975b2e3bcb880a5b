"""What forbids something forbids it everywhere: each end of a right × each use of it, each limit × each way in."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests

from keys.own_tokens import issue_token
from tests.support import machines
from tests.support.citizen_browser import CitizenBrowser
from tests.support.deployment import Deployment
from tests.support.devices import Device, approved_by, device_party, start
from tests.support.exchanging import ACCESS_TOKEN, EXCHANGE, SCOPE, Authorities, authorities
from tests.support.journey import USER, Journey, begin, cookie, party
from tests.support.refreshing import refresh, refreshing_party
from tests.support.relying_party import AuthorizationAsked, RelyingParty, claims_of
from tests.support.request_objects import request_object
from tests.support.resource_server import let_use, word_of
from tests.support.signed_in import code_for, session_of

# --- S-035: who is stopped is stopped everywhere ---------------------------------------------------------------


@dataclass
class Pending:
    """One of everything that was given before the end."""

    deployment: Deployment
    service: RelyingParty
    among: Authorities
    half_way: Journey
    at_consent: Journey
    asked: AuthorizationAsked
    code: str
    verifier: str
    access_token: str
    refresh_token: str
    device: Device

    @property
    def browser(self) -> CitizenBrowser:
        return self.at_consent.browser


def prepare(deployment: Deployment) -> Pending:
    among = authorities(deployment)
    grant_types = ["authorization_code", "refresh_token", "client_credentials", EXCHANGE]
    service = refreshing_party(deployment, grant_types=grant_types)
    for word in (SCOPE, word_of(among.own_api.identifier)):
        let_use(deployment, service, word)
    machines.api(deployment)
    machines.grant(deployment, service, machines.READ)
    half_way, at_consent = begin(deployment, service=service), begin(deployment, service=service)
    half_way.password()
    at_consent.sign_in()
    deployment.clock.forward(seconds=30)
    secret = cookie(at_consent.browser, "session")
    session = deployment.wiring.services.browser_sessions.find(secret or "")
    assert session is not None
    first, second = service.ask(), service.ask()
    tokens = service.redeem(code_for(service, first, session), first.verifier).json()
    code = code_for(service, second, session)
    return Pending(
        deployment,
        service,
        among,
        half_way,
        at_consent,
        service.ask(),
        code,
        second.verifier,
        tokens["access_token"],
        tokens["refresh_token"],
        approved_by(start(device_party(deployment)), session),
    )


def disable_client(pending: Pending) -> None:
    registry = pending.deployment.wiring.registry_services
    for service in (pending.service, pending.device.service):
        client_id = service.client.client_id
        registry.transact(
            lambda tx, which=client_id: registry.registrations.disable(tx, which, actor="operator:test")
        )


def block_citizen(pending: Pending) -> None:
    citizen = pending.deployment.citizens[USER].citizen
    pending.deployment.wiring.citizens.block(citizen, actor="operator:test", reason="a test")


def close_citizen(pending: Pending) -> None:
    citizen = pending.deployment.citizens[USER].citizen
    pending.deployment.wiring.citizens.close(citizen, actor="operator:test", reason="a test")


def end_sessions(pending: Pending) -> None:
    citizen = pending.deployment.citizens[USER].citizen
    pending.deployment.wiring.citizens.end_sessions(citizen, actor="operator:test", reason="a test")


def push(pending: Pending) -> object:
    fields = pending.service.parameters("v" * 43, "s", "n")
    return pending.service.post("/par", fields).status_code


def open_pushed(pending: Pending) -> object:
    page = CitizenBrowser(pending.deployment.issuer).get(pending.asked.url)
    return page.status, "user-id" in page.ids


def second_factor(pending: Pending) -> object:
    page = pending.half_way.code()
    return page.status, cookie(pending.half_way.browser, "session") is not None


def consent(pending: Pending) -> object:
    journey = pending.at_consent
    page = journey.post("consent", csrf_token=journey.token, decision="accept")
    return page.status, (page.answer or {}).get("code") is not None


def session(pending: Pending) -> object:
    return "sign-out" in pending.browser.get("/").ids


def single_sign_on(pending: Pending) -> object:
    page = begin(pending.deployment, pending.browser, party(pending.deployment, "Sundhedstider")).page
    return "user-id" in page.ids


def code(pending: Pending) -> object:
    answer = pending.service.redeem(pending.code, pending.verifier)
    return answer.status_code, answer.json().get("error")


def userinfo(pending: Pending) -> object:
    return pending.service.userinfo(pending.access_token).status_code


def refreshed(pending: Pending) -> object:
    answer = refresh(pending.service, pending.refresh_token)
    return answer.status_code, answer.json().get("error")


def device(pending: Pending) -> object:
    answer = pending.device.poll()
    return answer.status_code, answer.json().get("error")


def given_back(pending: Pending) -> object:
    return pending.service.post("/revoke", {"token": pending.access_token}).status_code


def introspected(pending: Pending) -> object:
    api = pending.among.own_api
    claims = claims_of(pending.access_token) | {"aud": api.identifier, "scope": word_of(api.identifier)}
    ring = pending.deployment.wiring.key_ring
    return api.told(issue_token(ring, "ES256", "at+jwt", claims))["active"]


def exchanged(pending: Pending) -> object:
    fields = {
        "grant_type": EXCHANGE,
        "subject_token": pending.access_token,
        "subject_token_type": ACCESS_TOKEN,
        "resource": pending.among.asked.identifier,
    }
    answer = pending.service.post("/token", fields)
    return answer.status_code, answer.json().get("error")


def in_its_own_name(pending: Pending) -> object:
    answer = machines.ask(pending.service, resource=machines.API)
    return answer.status_code, answer.json().get("error")


USES: tuple[Callable[[Pending], object], ...] = (
    push, open_pushed, second_factor, consent, session, single_sign_on, code, userinfo, refreshed, exchanged, introspected, given_back, device, in_its_own_name,
)  # fmt: skip
INVALID = (400, "invalid_grant")
UNFIT = (400, "invalid_request")
CLIENT = (401, "invalid_client")
OK = (200, None)

#                  push  open_pushed    second_factor  consent        session  asks again  code     userinfo  refreshed exchanged introspected given back device own name
ENDS: list[tuple[Callable[[Pending], None], tuple[object, ...]]] = [
    (disable_client, (401, (400, False), (403, False), (403, False), True, False, CLIENT, 401, CLIENT, CLIENT, False, 401, CLIENT, CLIENT)),
    (block_citizen,  (201, (200, True),  (403, False), (200, False), False, True, INVALID, 401, INVALID, UNFIT, False, 200, INVALID, OK)),
    (close_citizen,  (201, (200, True),  (403, False), (200, False), False, True, INVALID, 401, INVALID, UNFIT, False, 200, INVALID, OK)),
    (end_sessions,   (201, (200, True),  (200, True),  (200, False), False, True, INVALID, 401, INVALID, UNFIT, False, 200, INVALID, OK)),
]  # fmt: skip


@pytest.mark.parametrize(("end", "expected"), ENDS, ids=[end.__name__ for end, _ in ENDS])
def test_whoever_is_stopped_is_stopped_at_every_use(
    deployment: Deployment, end: Callable[[Pending], None], expected: tuple[object, ...]
) -> None:
    """S-035: within a second, whatever was begun before."""
    pending = prepare(deployment)
    end(pending)
    deployment.clock.forward(seconds=1)
    assert dict(zip([use.__name__ for use in USES], expected, strict=True)) == {
        use.__name__: use(pending) for use in USES
    }


def test_what_the_matrix_holds_against_them_works_for_others(deployment: Deployment) -> None:
    """S-035: with nobody stopped, each use works, so that the matrix above shows something."""
    pending = prepare(deployment)
    worked = [use(pending) for use in USES if use is not consent]
    assert worked == [
        201,
        (200, True),
        (200, True),
        True,
        False,
        (200, None),
        200,
        (200, None),
        (200, None),
        True,
        200,
        (200, None),
        (200, None),
    ]


def test_the_sessions_of_others_go_on(deployment: Deployment) -> None:
    """S-035: blocking one citizen ends nobody else's."""
    deployment.add_citizen("karl.berg", "8802701235", "Karl", "Berg")
    pending = prepare(deployment)
    service, asked = pending.service, pending.service.ask()
    other = code_for(service, asked, session_of(deployment, "karl.berg"))
    block_citizen(pending)
    assert service.redeem(other, asked.verifier).status_code == 200


# --- S-078, S-034: a client's limits, by every way in -------------------------------------------------------------

LIMITS: list[tuple[str, dict[str, str], str]] = [
    ("scope", {"scope": "openid cpr"}, "invalid_scope"),
    ("no openid", {"scope": "profile"}, "invalid_scope"),
    ("response type", {"response_type": "code id_token"}, "unsupported_response_type"),
    ("response mode", {"response_mode": "fragment"}, "invalid_request"),
    ("purpose", {"purpose": "another"}, "invalid_request"),
    ("claims", {"claims": '{"userinfo":{"cpr":null}}'}, "invalid_request"),
    ("challenge method", {"code_challenge_method": "plain"}, "invalid_request"),
    ("challenge", {"code_challenge": "x"}, "invalid_request"),
    ("prompt", {"prompt": "none login"}, "invalid_request"),
    ("max age", {"max_age": "-1"}, "invalid_request"),
    ("hint", {"id_token_hint": "x.y.z"}, "invalid_request"),
    ("request object", {"request": "x.y.z"}, "invalid_request_object"),
    ("redirect URI", {"redirect_uri": "https://evil.test/cb"}, "invalid_request"),
]


def pushed(service: RelyingParty, parameters: dict[str, str]) -> str:
    answer = service.post("/par", parameters)
    return str(answer.json().get("error", "accepted"))


def by_get(service: RelyingParty, parameters: dict[str, str]) -> str:
    url = f"{service.deployment.issuer}/authorize?{urlencode(parameters)}"
    return _error(requests.get(url, allow_redirects=False, timeout=20))


def by_post(service: RelyingParty, parameters: dict[str, str]) -> str:
    url = f"{service.deployment.issuer}/authorize"
    return _error(requests.post(url, data=parameters, allow_redirects=False, timeout=20))


def _error(answer: requests.Response) -> str:
    if answer.status_code == 303:
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query)).get("error", "accepted")
    assert answer.status_code == 400 and "Location" not in answer.headers
    return next(word for word in ("invalid_request", "unauthorized_client") if word in answer.text)


@pytest.mark.parametrize("way", [pushed, by_get, by_post])
def test_a_clients_limits_are_the_same_by_every_way_in(
    deployment: Deployment, way: Callable[[RelyingParty, dict[str, str]], str]
) -> None:
    """S-078, S-034, S-037."""
    service = party(deployment, "Sundhedstider")
    good = service.parameters("v" * 43, "s", "n")
    assert way(service, good) == "accepted"
    for name, changes, error in LIMITS:
        assert way(service, good | changes) == error, name
    strict = party(deployment)
    assert pushed(strict, strict.parameters("v" * 43, "s", "n")) == "accepted"
    for plain in (by_get, by_post):
        assert plain(strict, strict.parameters("v" * 43, "s", "n")) == "invalid_request", "fapi2 must push"


def pushed_signed(service: RelyingParty, parameters: dict[str, str]) -> str:
    return pushed(service, {"request": request_object(service, parameters)})


def signed_by_get(service: RelyingParty, parameters: dict[str, str]) -> str:
    beside = {"client_id": service.client.client_id, "redirect_uri": service.client.redirect_uri}
    return by_get(service, beside | {"request": request_object(service, parameters)})


@pytest.mark.parametrize("way", [pushed_signed, signed_by_get])
def test_a_signature_widens_no_limit(
    deployment: Deployment, way: Callable[[RelyingParty, dict[str, str]], str]
) -> None:
    """S-078, S-034: the same inside a request object."""
    organisation = deployment.add_organisation("Prøvestaten", "99000009", "state")
    metadata = {"profile": "oidc", "token_endpoint_auth_method": "private_key_jwt"}
    service = RelyingParty(deployment, deployment.add_client("Signerer", organisation, **metadata))
    good = service.parameters("v" * 43, "s", "n")
    assert way(service, good) == "accepted"
    for name, changes, error in LIMITS:
        assert way(service, good | changes) == error, name
