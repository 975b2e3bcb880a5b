"""A relying party on Authlib's Flask client, unchanged, signs in; what it does not believe it says itself."""

import base64
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from flask import Flask, redirect, request
from joserfc.errors import JoseError

from demo.dpop import speak_dpop
from tests.support.citizen_browser import CitizenBrowser
from tests.support.deployment import PASSWORD, Deployment, TestClient

USER = "freja.holm"
SITE = "http://localhost:8765"


class Party:
    """A Flask application with Authlib's client in it, as its documentation shows it."""

    def __init__(self, deployment: Deployment, client: TestClient, **options: Any) -> None:
        self.deployment = deployment
        self.app = Flask("party")
        self.app.secret_key = secrets.token_bytes(32)
        self.browser = self.app.test_client()
        self.told: dict[str, Any] = {}
        kwargs = {
            "scope": "openid profile",
            "code_challenge_method": "S256",
            **options.pop("client_kwargs", {}),
        }
        self.provider = OAuth(self.app).register(
            "adgang",
            client_id=client.client_id,
            server_metadata_url=f"{deployment.issuer}/.well-known/openid-configuration",
            client_kwargs=kwargs,
            **options,
        )
        self.app.add_url_rule("/login", "login", self.login)
        self.app.add_url_rule("/callback", "callback", self.callback, methods=["GET", "POST"])

    def login(self) -> Any:
        return self.provider.authorize_redirect(f"{SITE}/callback", **request.args.to_dict())

    def callback(self) -> str:
        token = self.provider.authorize_access_token()
        self.told = {
            "token": token,
            "identity": token["userinfo"],
            "userinfo": self.provider.userinfo(token=token),
        }
        return "signed in"

    def begin(self, **extra: str) -> str:
        """Where the party sends the browser."""
        return str(self.browser.get("/login", base_url=SITE, query_string=extra).headers["Location"])

    def finish(self, answer_url: str) -> dict[str, Any]:
        """The party reads the provider's answer."""
        answered = self.browser.get(answer_url.removeprefix(SITE), base_url=SITE)
        assert answered.status_code == 200, answered.text
        return self.told

    def sign_in(self, browser: CitizenBrowser | None = None, **extra: str) -> dict[str, Any]:
        return self.finish(self.answer(browser, **extra))

    def answer(self, browser: CitizenBrowser | None = None, **extra: str) -> str:
        """The address at which the provider's answer comes back."""
        browser = browser or CitizenBrowser(self.deployment.issuer)
        page = browser.get(self.begin(**extra))
        page = browser.sign_in(page, USER, PASSWORD, self.deployment.code_of(USER))
        page = browser.submit(page, "/consent", decision="accept")
        assert page.url.startswith(SITE + "/callback?"), page.words
        return page.url


def header_of(token: str) -> dict[str, Any]:
    part = token.partition(".")[0]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def check_told(
    told: dict[str, Any], deployment: Deployment, algorithm: str, token_type: str = "Bearer"
) -> None:
    """Authlib has verified signature, `iss`, `aud`, `exp`, `nonce` and `at_hash`; they must be there to be verified."""
    identity, token = told["identity"], told["token"]
    assert header_of(token["id_token"])["alg"] == algorithm
    assert {"nonce", "at_hash", "sid", "auth_time"} <= identity.keys()
    assert identity["iss"] == deployment.issuer and identity["acr"] == "urn:adgang:loa:substantial"
    assert set(identity["amr"]) == {"pwd", "otp", "mfa"}
    assert told["userinfo"]["name"] == "Freja Holm" and told["userinfo"]["sub"] == identity["sub"]
    assert token["token_type"] == token_type and token["expires_in"] == 300


@pytest.fixture
def oidc_client(live_deployment: Deployment) -> TestClient:
    return add_client(live_deployment, profile="oidc", token_endpoint_auth_method="client_secret_basic")


def add_client(deployment: Deployment, **metadata: Any) -> TestClient:
    organisation = deployment.add_organisation("Prøvegården", "99000009")
    return deployment.add_client("Authlib", organisation, redirect_uris=[f"{SITE}/callback"], **metadata)


def test_with_a_client_secret(live_deployment: Deployment, oidc_client: TestClient) -> None:
    """Authlib's default, in the `oidc` profile's default algorithm."""
    party = Party(live_deployment, oidc_client, client_secret=oidc_client.secret)
    check_told(party.sign_in(), live_deployment, "RS256")


def test_with_a_client_secret_in_the_body(live_deployment: Deployment) -> None:
    client = add_client(live_deployment, profile="oidc", token_endpoint_auth_method="client_secret_post")
    party = Party(
        live_deployment,
        client,
        client_secret=client.secret,
        client_kwargs={"token_endpoint_auth_method": "client_secret_post"},
    )
    check_told(party.sign_in(), live_deployment, "RS256")


def test_with_a_key_in_the_oidc_profile(live_deployment: Deployment) -> None:
    """Authlib's assertion as it is: for the token endpoint, an hour long."""
    client = add_client(live_deployment, profile="oidc", token_endpoint_auth_method="private_key_jwt")
    assert client.key is not None
    party = Party(
        live_deployment,
        client,
        client_secret=client.key,
        client_auth_methods=[PrivateKeyJWT(alg="ES256", headers={"kid": client.key.thumbprint()})],
        client_kwargs={"token_endpoint_auth_method": "private_key_jwt"},
    )
    check_told(party.sign_in(), live_deployment, "RS256")


def test_with_a_key_and_a_pushed_request_in_the_fapi2_profile(live_deployment: Deployment) -> None:
    """Authlib pushes no requests by itself: its session does, with its assertion and the claims FAPI 2.0 asks for.

    Nor does it know DPoP: the demo's adapter for `requests` does.
    """
    client = add_client(live_deployment)
    assert client.key is not None
    key, issuer = client.key, live_deployment.issuer

    def assertion() -> (
        PrivateKeyJWT
    ):  # made anew each time: Authlib keeps its jti among the claims it was given
        return PrivateKeyJWT(
            issuer, alg="ES256", headers={"kid": key.thumbprint()},
            claims={"aud": issuer, "exp": int(time.time()) + 60},
        )  # fmt: skip

    methods = [assertion()]
    party = Party(
        live_deployment,
        client,
        client_secret=key,
        client_auth_methods=methods,
        compliance_fix=speak_dpop(key),
        client_kwargs={"token_endpoint_auth_method": "private_key_jwt"},
    )

    def push_and_redirect() -> Any:
        made = party.provider.create_authorization_url(f"{SITE}/callback")
        metadata = party.provider.load_server_metadata()
        with party.provider._get_oauth_client(**metadata) as session:
            pushed = session.post(
                metadata["pushed_authorization_request_endpoint"],
                data=made["url"].partition("?")[2],
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                auth=session.client_auth("private_key_jwt"),
                withhold_token=True,
            )
        assert pushed.status_code == 201, pushed.text
        methods[:] = [assertion()]
        party.provider.save_authorize_data(redirect_uri=f"{SITE}/callback", **made)
        wanted = {"client_id": client.client_id, "request_uri": pushed.json()["request_uri"]}
        return redirect(f"{metadata['authorization_endpoint']}?{urlencode(wanted)}")

    party.app.view_functions["login"] = push_and_redirect
    check_told(party.sign_in(), live_deployment, "ES256", "DPoP")


def test_a_second_sign_in_needs_no_typing_and_prompt_none_is_silent(
    live_deployment: Deployment, oidc_client: TestClient
) -> None:
    party = Party(live_deployment, oidc_client, client_secret=oidc_client.secret)
    browser = CitizenBrowser(live_deployment.issuer)
    first = party.sign_in(browser)["identity"]
    page = browser.get(party.begin(prompt="none"))
    again = party.finish(page.url)["identity"]
    assert (again["sub"], again["sid"], again["auth_time"]) == (
        first["sub"],
        first["sid"],
        first["auth_time"],
    )


def test_a_refusal_is_an_error_of_authlib(live_deployment: Deployment, oidc_client: TestClient) -> None:
    party = Party(live_deployment, oidc_client, client_secret=oidc_client.secret)
    party.app.testing = True
    page = CitizenBrowser(live_deployment.issuer).get(party.begin(prompt="none"))
    with pytest.raises(OAuthError) as refused:
        party.finish(page.url)
    assert refused.value.error == "login_required"


def test_authlib_itself_refuses_what_was_meant_for_another_sign_in(
    live_deployment: Deployment, oidc_client: TestClient
) -> None:
    """The checks above can fail: with the nonce of another sign-in, and with a token that at_hash does not fit."""
    party = Party(live_deployment, oidc_client, client_secret=oidc_client.secret)
    told = party.sign_in()
    token = dict(told["token"])
    nonce = told["identity"]["nonce"]
    with party.app.test_request_context():
        assert party.provider.parse_id_token(token, nonce)["sub"] == told["identity"]["sub"]
        with pytest.raises(JoseError):
            party.provider.parse_id_token(token, "another nonce")
        with pytest.raises(JoseError):
            party.provider.parse_id_token(token | {"access_token": "another"}, nonce)
        with pytest.raises(JoseError):
            party.provider.parse_id_token(
                token, nonce, claims_options={"iss": {"values": ["https://other.example"]}}
            )
