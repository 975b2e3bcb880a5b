"""Debian's mod_auth_openidc, with its own configuration and discovery, signs a citizen in."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
import requests

from tests.support.apache import Apache, find_apache, free_site, running_apache
from tests.support.citizen_browser import CitizenBrowser, Page
from tests.support.deployment import PASSWORD, Deployment
from tests.support.needs import needs

USER = "freja.holm"
CALLBACK_PATH = "/protected/callback"
PLAIN = ('OIDCScope "openid profile"', "OIDCPKCEMethod S256")

Start = Callable[..., Apache]


@pytest.fixture
def apache(live_deployment: Deployment) -> Iterator[Start]:
    """`apache(*directives, **metadata)`: a server registered as a client of the `oidc` profile.

    `back_channel`, `front_channel`, `begins` and `post_logout` are paths of its own that it registers.
    """
    program: Path = needs(find_apache(), "apache2 with mod_auth_openidc")
    with ExitStack() as running:

        def start(
            *directives: str,
            back_channel: str = "",
            front_channel: str = "",
            begins: str = "",
            post_logout: str = "",
            **metadata: object,
        ) -> Apache:
            site = free_site()
            organisation = live_deployment.add_organisation("Prøvegården", "99000009")
            client = live_deployment.add_client(
                "Apache",
                organisation,
                profile="oidc",
                redirect_uris=[f"{site}{CALLBACK_PATH}"],
                **{"token_endpoint_auth_method": "client_secret_basic", **metadata},
                **({"backchannel_logout_uri": f"{site}{back_channel}"} if back_channel else {}),
                **({"frontchannel_logout_uri": f"{site}{front_channel}"} if front_channel else {}),
                **(
                    {"initiate_login_uri": f"{site}{begins}", "client_uri": f"{site}/protected/claims"}
                    if begins
                    else {}
                ),
                post_logout_redirect_uris=[f"{site}{post_logout}"] if post_logout else [],
            )
            return running.enter_context(
                running_apache(
                    program,
                    site,
                    issuer=live_deployment.issuer,
                    client_id=client.client_id,
                    client_secret=str(client.secret),
                    directives=directives,
                )
            )

        yield start


def open_page(browser: CitizenBrowser, url: str) -> requests.Response:
    """What Apache answers, before any redirect is followed."""
    return browser.session.get(url, allow_redirects=False, timeout=20)


def sign_in(browser: CitizenBrowser, deployment: Deployment, wanted: str) -> Page:
    """From a protected page to the provider's answer."""
    away = open_page(browser, wanted)
    assert away.status_code == 302 and away.headers["Location"].startswith(deployment.issuer + "/authorize?")
    page = browser.get(away.headers["Location"])
    page = browser.sign_in(page, USER, PASSWORD, deployment.code_of(USER))
    page = browser.submit(page, "/consent", decision="accept")
    assert page.answer is not None and "code" in page.answer, page.words
    return page


def finish(browser: CitizenBrowser, page: Page, wanted: str, apache: Apache) -> str:
    """The answer brings the citizen to the page that was wanted."""
    arrived = browser.session.get(page.url, timeout=20)
    assert (arrived.status_code, arrived.url) == (200, wanted), apache.log.read_text()
    return arrived.content.decode()


def _log_with(apache: Apache, words: str) -> str:
    """Apache's log, once these words stand in it or some seconds have passed."""
    deadline = time.monotonic() + 5
    while words not in (log := apache.log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return log


def told_of(text: str) -> dict[str, str]:
    lines = (line.partition("=") for line in text.splitlines())
    return {name.removeprefix("OIDC_CLAIM_"): value for name, _, value in lines}


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_citizen_signs_in_and_the_claims_come_as_headers(
    live_deployment: Deployment, apache: Start, method: str
) -> None:
    server = apache(*PLAIN, f"OIDCProviderTokenEndpointAuth {method}", token_endpoint_auth_method=method)
    browser = CitizenBrowser(live_deployment.issuer)
    wanted = f"{server.site}/protected/claims"
    told = told_of(finish(browser, sign_in(browser, live_deployment, wanted), wanted, server))
    assert told["name"] == "Freja Holm" and told["birthdate"] == "1970-02-28"
    assert told["iss"] == live_deployment.issuer and told["acr"] == "urn:adgang:loa:substantial"
    assert told["REMOTE_USER"].startswith(told["sub"]), "the pairwise subject names the user"
    assert {"nonce", "at_hash", "sid", "auth_time"} <= told.keys()

    assert open_page(browser, f"{server.site}/protected/substantial").text == "substantial"
    assert open_page(browser, f"{server.site}/protected/high").status_code in (401, 403)
    assert open_page(CitizenBrowser("x"), wanted).status_code == 302, "nobody else is signed in"


def test_without_pkce_where_the_registration_says_so(live_deployment: Deployment, apache: Start) -> None:
    """Its default: a confidential client that sends no code_challenge, in the visible exception of `oidc`."""
    server = apache('OIDCScope "openid profile"', require_pkce=False)
    browser = CitizenBrowser(live_deployment.issuer)
    wanted = f"{server.site}/protected/claims"
    told = told_of(finish(browser, sign_in(browser, live_deployment, wanted), wanted, server))
    assert told["name"] == "Freja Holm"


def test_a_refusal_signs_nobody_in(live_deployment: Deployment, apache: Start) -> None:
    """Its default sends no code_challenge, which the registration demands unless it says otherwise.

    This version (2.4.12) takes an answer with `iss` (RFC 9207) and no code for a sign-in begun elsewhere; it shows an
    error of its own, or now and then its process dies of it. That nobody is let in is what we can hold.
    """
    server = apache('OIDCScope "openid profile"')
    browser = CitizenBrowser(live_deployment.issuer)
    away = open_page(browser, f"{server.site}/protected/claims")
    page = browser.get(away.headers["Location"])
    assert page.answer is not None and page.answer["error"] == "invalid_request"
    try:
        assert "Error" in open_page(browser, page.url).text
    except requests.ConnectionError:
        assert "exit signal" in _log_with(server, "exit signal"), "if it does not answer, it has crashed"
    browser.session.close()  # a process that crashes after its answer hears no more on this connection
    assert open_page(browser, f"{server.site}/protected/claims").status_code == 302, "asks again"


def test_the_answer_by_form_post(live_deployment: Deployment, apache: Start) -> None:
    server = apache(
        *PLAIN,
        "OIDCProviderAuthRequestMethod GET",
        "OIDCResponseMode form_post",
        response_modes=["form_post"],
    )
    browser = CitizenBrowser(live_deployment.issuer)
    wanted = f"{server.site}/protected/claims"
    page = sign_in(browser, live_deployment, wanted)
    form = next(form for form in page.forms if form.action.startswith(server.site))
    arrived = browser.session.post(form.action, data=form.fields, timeout=20)
    assert arrived.url == wanted and "Freja Holm" in arrived.content.decode(), server.log.read_text()


def test_an_answer_for_another_browser_is_not_taken(live_deployment: Deployment, apache: Start) -> None:
    server = apache(*PLAIN)
    browser = CitizenBrowser(live_deployment.issuer)
    page = sign_in(browser, live_deployment, f"{server.site}/protected/claims")
    stolen = requests.get(page.url, timeout=20)
    assert "Freja" not in stolen.text and not stolen.url.endswith("/claims")


def test_a_sign_out_elsewhere_reaches_it_by_the_back_channel(
    live_deployment: Deployment, apache: Start
) -> None:
    """Back-Channel Logout §2.6, by a library that is not ours: it checks our logout token and ends its session."""
    server = apache(
        *PLAIN,
        back_channel=f"{CALLBACK_PATH}?logout=backchannel",
        backchannel_logout_session_required=True,
    )
    browser = CitizenBrowser(live_deployment.issuer)
    wanted = f"{server.site}/protected/claims"
    finish(browser, sign_in(browser, live_deployment, wanted), wanted, server)
    assert open_page(browser, wanted).status_code == 200
    page = browser.submit(browser.get("/"), "/sign-out")
    assert "outcomes" in page.ids and "Apache, Prøvegården" in page.words
    assert live_deployment.wiring.logout_sending.run_once() == 1, server.log.read_text()
    assert open_page(browser, wanted).status_code == 302, "it asks who comes"
    assert "bekræftet" in browser.get("/signed-out").words


@pytest.mark.parametrize("elsewhere", ["our button", "a service that asked"])
def test_a_sign_out_elsewhere_reaches_it_by_a_hidden_frame(
    live_deployment: Deployment, apache: Start, elsewhere: str
) -> None:
    """Front-Channel Logout §2, by a library that is not ours: the frame's address ends its session, with `iss` and `sid`."""
    server = apache(
        *PLAIN,
        front_channel=f"{CALLBACK_PATH}?logout=get",
        frontchannel_logout_session_required=True,
    )
    browser = CitizenBrowser(live_deployment.issuer)
    wanted = f"{server.site}/protected/claims"
    finish(browser, sign_in(browser, live_deployment, wanted), wanted, server)
    assert open_page(browser, wanted).status_code == 200
    if elsewhere == "our button":
        page = browser.submit(browser.get("/"), "/sign-out")
    else:
        page = browser.get("/end-session")
        page = browser.submit(page, page.forms[0].action)
    (address,) = re.findall(r'<iframe class="told" src="([^"]+)"', page.html)
    address = unescape(address)
    assert address.startswith(f"{server.site}{CALLBACK_PATH}?logout=get&iss=") and "&sid=" in address
    assert open_page(browser, wanted).status_code == 200, "until the frame is loaded"
    frame = browser.session.get(address, headers={"Sec-Fetch-Dest": "iframe"}, timeout=20)
    assert frame.status_code == 200, server.log.read_text()
    assert open_page(browser, wanted).status_code == 302, "it asks who comes"


def test_a_link_on_our_front_page_begins_the_sign_in_there(
    live_deployment: Deployment, apache: Start
) -> None:
    """Core §4, third-party-initiated login, by a library that is not ours: it makes the request, and ends where we said."""
    server = apache(*PLAIN, begins=CALLBACK_PATH)
    browser = CitizenBrowser(live_deployment.issuer)
    front = browser.get("/").html
    (link,) = re.findall(rf'<a href="({re.escape(server.site)}[^"]+)"', front)
    wanted = f"{server.site}/protected/claims"
    told = dict(parse_qsl(urlsplit(unescape(link)).query))
    assert told == {"iss": live_deployment.issuer, "target_link_uri": wanted}
    away = open_page(browser, unescape(link))
    assert away.headers["Location"].startswith(f"{live_deployment.issuer}/authorize?"), server.log.read_text()
    page = browser.get(away.headers["Location"])
    page = browser.sign_in(page, USER, PASSWORD, live_deployment.code_of(USER))
    page = browser.submit(page, "/consent", decision="accept")
    assert "Freja Holm" in finish(browser, page, wanted, server)


def test_its_own_sign_out_signs_the_citizen_out_here(live_deployment: Deployment, apache: Start) -> None:
    """RP-Initiated Logout by its own request: hint, registered address, and back."""
    server = apache(*PLAIN, post_logout="/pages/ude")
    browser = CitizenBrowser(live_deployment.issuer)
    wanted = f"{server.site}/protected/claims"
    finish(browser, sign_in(browser, live_deployment, wanted), wanted, server)
    away = open_page(
        browser, f"{server.site}{CALLBACK_PATH}?logout={quote(server.site + '/pages/ude', safe='')}"
    )
    assert away.headers["Location"].startswith(f"{live_deployment.issuer}/end-session?"), away.text
    page = browser.get(away.headers["Location"])
    assert page.url.startswith(f"{server.site}/pages/ude"), page.words
    assert "sign-out" not in browser.get("/").ids
