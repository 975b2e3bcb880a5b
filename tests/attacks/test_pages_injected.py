"""Text that somebody else chose, on our pages and in our redirects: shown as text, and nothing leaves with it."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
import requests

from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import CALLBACK, PASSWORD, Deployment
from tests.support.journey import Journey, begin, party
from tests.support.logged import logged_as_in_service
from tests.support.relying_party import RelyingParty

PROBE = "\"'><xss-probe onload=alert(1)>{{7*7}}</form></title>"
USER_ID = "probe.holm"


class Elements(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))


def check_inert(html: str) -> None:
    """Nothing on the page was made by a probe, and nothing runs that is not our own file."""
    for tag, attributes in Elements(html).found:
        assert tag != "xss-probe"
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        if tag == "script":
            assert str(attributes.get("src", "")).startswith("/static/"), attributes
        for name in ("href", "action", "src"):
            assert not str(attributes.get(name) or "").lower().startswith(("javascript:", "data:", "//"))
    assert ">49<" not in html and "49&" not in html, "a template was run"


def check_own_files(html: str, issuer: str) -> None:
    """What the page loads comes from us."""
    loading = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src", "use": "href"}
    for tag, attributes in Elements(html).found:
        address = attributes.get(loading.get(tag, ""))
        if address is not None and not address.startswith("#"):
            assert urljoin(issuer + "/", address).startswith(issuer + "/"), (tag, address)


@pytest.fixture
def hostile(deployment: Deployment) -> RelyingParty:
    """An organisation, a service and a citizen whose every text is a probe."""
    purpose = {
        "id": "p",
        "text": {"da": f"se {PROBE}", "en": f"see {PROBE}", "nb": f"se {PROBE}"},
        "legal_ground": "consent",
        "claims": ["name", "given_name", "family_name", "birthdate"],
    }
    client = deployment.add_client(
        f"Fælde {PROBE}",
        deployment.add_organisation(f"Kommune {PROBE}", "99000007"),
        purposes=[purpose],
        profile="oidc",
        token_endpoint_auth_method="client_secret_basic",
        redirect_uris=[CALLBACK.format(port=12)],
        response_modes=["query", "form_post"],
    )
    deployment.add_citizen(USER_ID, "8802701237", f"Frej {PROBE}", f"Holm {PROBE}")
    return RelyingParty(deployment, client)


def walk(deployment: Deployment, service: RelyingParty) -> list[Page]:
    """Every page of a sign-in, of mistakes in it, and of its end."""
    browser = CitizenBrowser(deployment.issuer)
    browser.session.headers["User-Agent"] = f"Firefox/1 (Windows {PROBE})"
    browser.session.headers["Accept-Language"] = PROBE
    journey = begin(deployment, browser, service)
    pages = [journey.page, journey.password(f"nobody{PROBE}", PROBE)]
    pages += [journey.password(USER_ID, PASSWORD), journey.code(PROBE[:30])]
    pages += [journey.code(user_id=USER_ID), browser.get("/"), journey.answer()]
    pages.append(browser.get(f"/authorize?client_id={PROBE}&redirect_uri={PROBE}"))
    pages.append(browser.get(f"/login/{PROBE}"))
    pages.append(browser.get(f"/help/errors?{PROBE}"))
    return pages


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_every_text_that_others_chose_is_text(
    deployment: Deployment, hostile: RelyingParty, mode: str
) -> None:
    """S-228, S-183: names, purposes, hints, states and headers, on every page of a sign-in."""
    hostile.extra = {"response_mode": mode, "login_hint": PROBE, "state": PROBE}
    pages = walk(deployment, hostile)
    for page in pages:
        check_inert(page.html)
        check_own_files(page.html, deployment.issuer)
    told = " ".join(page.words for page in pages)
    for text in (f"Fælde {PROBE}", f"Kommune {PROBE}", f"se {PROBE}", f"Frej {PROBE}"):
        assert text in told, "it was shown, as it is"
    assert pages[0].form("/password").fields["user_id"] == PROBE


@pytest.mark.parametrize(
    "state", ['"><script>alert(1)</script>', "'\"></form><form action=//evil.test>", "a&b=c"]
)
def test_a_posted_answer_holds_its_values_and_no_markup(
    deployment: Deployment, hostile: RelyingParty, state: str
) -> None:
    """S-016: one form, to the registered address, with our fields alone; its script is our own file."""
    hostile.extra = {"response_mode": "form_post", "state": state}
    journey = begin(deployment, service=hostile)
    journey.sign_in(USER_ID)
    page = journey.answer()
    check_inert(page.html)
    assert page.answer is not None and page.answer["state"] == state
    assert set(page.answer) == {"code", "state", "iss"}
    (form,) = [form for form in page.forms if not form.action.startswith("/")]
    assert form.action == hostile.client.redirect_uri
    policy = page.headers["Content-Security-Policy"]
    directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";") if part.strip())
    assert directives["script-src"] == "'self'" and "unsafe" not in policy
    targets = directives["form-action"].split()
    assert targets[:2] == ["'self'", "http://localhost:12"]
    assert set(targets[2:]) == {"http://localhost:*", "http://127.0.0.1:*"}, (
        "a callback may lead on, here and nowhere else"
    )


def test_an_error_that_is_posted_back_is_as_inert(deployment: Deployment, hostile: RelyingParty) -> None:
    """S-016, S-228: a refused request tells the client with its own state."""
    state = '"><xss-probe>'
    hostile.extra = {"response_mode": "form_post", "state": state, "scope": "openid cpr"}
    page = begin(deployment, service=hostile).page
    check_inert(page.html)
    assert page.answer is not None
    assert (page.answer["error"], page.answer["state"]) == ("invalid_scope", state)


def test_whatever_leads_on_does_so_by_get_and_tells_no_referrer(deployment: Deployment) -> None:
    """S-031, S-032: 303 alone; no page tells another site where the citizen was, nor loads anything from one."""
    answers: list[requests.Response] = []
    browser = CitizenBrowser(deployment.issuer)
    browser.session.hooks["response"].append(lambda response, **_: answers.append(response))
    for service in (party(deployment), party(deployment, "Sundhedstider")):
        journey = begin(deployment, browser, service, prompt="login")
        journey.sign_in()
        journey.answer()
        deployment.clock.forward(seconds=30)
        browser.get(service.ask().url)
    waiting = begin(deployment, browser, party(deployment, "Boligstøtte"))
    browser.post(f"{waiting.address}/cancel", {"csrf_token": "wrong"})
    browser.submit(browser.get("/"), "/sign-out")
    browser.get("/authorize?client_id=none")
    redirects = [answer for answer in answers if answer.is_redirect]
    assert len(redirects) > 10 and {answer.status_code for answer in redirects} == {303}
    for answer in answers:
        assert answer.headers["Referrer-Policy"] in ("same-origin", "no-referrer"), answer.url
        if "code=" in answer.headers.get("Location", ""):
            assert answer.headers["Referrer-Policy"] == "no-referrer"
        if not answer.is_redirect:
            check_own_files(answer.text, deployment.issuer)


def everything_shown(journey: Journey, answers: list[requests.Response]) -> str:
    return "\n".join(
        [answer.url + answer.text + str(answer.headers) + str(answer.request.headers) for answer in answers]
        + [str(journey.browser.session.cookies)]
    )


def test_what_was_pushed_stays_between_the_service_and_us(deployment: Deployment) -> None:
    """S-054: no address, page, cookie or log line of the browser's way holds a pushed parameter."""
    answers: list[requests.Response] = []
    service = party(deployment)
    claims = '{"id_token":{"acr":{"values":["canary-acr"]}},"userinfo":{"name":null}}'
    service.extra = {"nonce": "canary-nonce", "state": "canary-state", "claims": claims}
    with logged_as_in_service("DEBUG") as log:
        browser = CitizenBrowser(deployment.issuer)
        browser.session.hooks["response"].append(lambda response, **_: answers.append(response))
        journey = begin(deployment, browser, service)
        journey.sign_in()
        before_answer = everything_shown(journey, answers)
        page = journey.answer()
    challenge = service.parameters(journey.asked.verifier, "", "")["code_challenge"]
    for told in (before_answer, log.getvalue()):
        assert "canary" not in told and challenge not in told and service.client.redirect_uri not in told
    assert page.answer is not None and page.answer["state"] == "canary-state"
