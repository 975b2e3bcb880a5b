"""mozilla-django-oidc, with its own configuration, signs a citizen in."""

import json
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from tests.support.apache import free_site
from tests.support.citizen_browser import CitizenBrowser
from tests.support.deployment import PASSWORD, Deployment
from tests.support.processes import start_server, stop_server, wait_until

USER = "freja.holm"
PURPOSE = {
    "id": "kontakt",
    "text": {"da": "svare dig", "en": "answer you", "nb": "svare deg"},
    "legal_ground": "law",
    "claims": ["email", "email_verified"],
}

Start = Callable[..., str]


@pytest.fixture
def django(live_deployment: Deployment, tmp_path: Path) -> Iterator[Start]:
    """`django(algorithm, **settings)`: a running site, registered as a client of the `oidc` profile."""
    with ExitStack() as running:

        def start(algorithm: str, **settings: object) -> str:
            site = free_site()
            client = live_deployment.add_client(
                "Django",
                live_deployment.add_organisation("Prøvegården", "99000009"),
                profile="oidc",
                redirect_uris=[f"{site}/oidc/callback/"],
                scope="openid email",
                purposes=[PURPOSE],
                token_endpoint_auth_method="client_secret_post",
                id_token_signed_response_alg=algorithm,
            )
            told = requests.get(
                f"{live_deployment.issuer}/.well-known/openid-configuration", timeout=10
            ).json()
            configuration = {
                "SECRET_KEY": secrets.token_urlsafe(32),
                "OIDC_RP_CLIENT_ID": client.client_id,
                "OIDC_RP_CLIENT_SECRET": client.secret,
                "OIDC_RP_SIGN_ALGO": algorithm,
                "OIDC_OP_AUTHORIZATION_ENDPOINT": told["authorization_endpoint"],
                "OIDC_OP_TOKEN_ENDPOINT": told["token_endpoint"],
                "OIDC_OP_USER_ENDPOINT": told["userinfo_endpoint"],
                "OIDC_OP_JWKS_ENDPOINT": told["jwks_uri"],
                "OIDC_USE_PKCE": True,
                **settings,
            }
            file, log = tmp_path / "django.json", tmp_path / "django.log"
            file.write_text(json.dumps(configuration))
            port = site.rpartition(":")[2]
            process = start_server([sys.executable, "-m", "tests.support.django_service", file, port], log)
            running.callback(stop_server, process)
            wait_until(lambda: _answers(site), process, log)
            return site

        yield start


def _answers(site: str) -> bool:
    try:
        return requests.get(f"{site}/", timeout=5).ok
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize(
    ("algorithm", "settings"),
    [("RS256", {}), ("ES256", {"OIDC_TOKEN_USE_BASIC_AUTH": False})],
)
def test_a_citizen_signs_in_to_a_django_site(
    live_deployment: Deployment, django: Start, algorithm: str, settings: dict[str, object]
) -> None:
    site, browser = django(algorithm, **settings), CitizenBrowser(live_deployment.issuer)
    away = browser.session.get(f"{site}/oidc/authenticate/", allow_redirects=False, timeout=20)
    page = browser.get(away.headers["Location"])
    page = browser.sign_in(page, USER, PASSWORD, live_deployment.code_of(USER))
    page = browser.submit(page, "/consent", decision="accept")
    assert page.answer is not None and "code" in page.answer, page.words
    arrived = browser.session.get(page.url, timeout=20)
    assert arrived.url == f"{site}/"
    assert arrived.json()["email"] == f"{USER}@mail.example"


def test_a_citizen_who_says_no_is_a_failed_sign_in_at_the_django_site(
    live_deployment: Deployment, django: Start
) -> None:
    site, browser = django("RS256"), CitizenBrowser(live_deployment.issuer)
    away = browser.session.get(f"{site}/oidc/authenticate/", allow_redirects=False, timeout=20)
    page = browser.submit(browser.get(away.headers["Location"]), "/cancel")
    assert page.answer is not None and page.answer["error"] == "access_denied"
    arrived = browser.session.get(page.url, timeout=20)
    assert arrived.url == f"{site}/?failed" and arrived.json()["user"] == ""
