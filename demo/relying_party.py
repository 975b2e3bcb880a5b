"""What a `fapi2` client does beyond Authlib's own client: pushed requests, DPoP, exact assertions, the issuer check.

Authlib brings the code flow, PKCE, state, nonce and the checks of the ID token. Added here:

- RFC 9126: the request is pushed, and the browser carries only its `request_uri`.
- FAPI 2.0: an assertion has the issuer as its one audience, a fresh `jti`, and a life of one minute. (Authlib's own
  lives an hour, and repeats its `jti` when it is given claims.)
- RFC 9449: each request is proven by a key that is made at the start, so that nobody else can use the tokens (dpop.py).
- RFC 9207: the response must name the issuer that was asked, before anything else in it is believed.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT, private_key_jwt_sign
from flask import Flask, Response, redirect, request
from joserfc.jwk import ECKey

from demo.dpop import speak_dpop

_ASSERTION_SECONDS = 60
_TIMEOUT_SECONDS = 10


class IssuerAssertion(PrivateKeyJWT):  # type: ignore[misc]  # Authlib has no types
    """`private_key_jwt` as FAPI 2.0 §5.3.3.1 wants it."""

    alg = "ES256"

    def __init__(self, issuer: str, key_id: str) -> None:
        super().__init__(token_endpoint=issuer, alg=self.alg)
        self._key_id = key_id

    def sign(self, auth: Any, token_endpoint: str) -> str:
        return str(
            private_key_jwt_sign(
                auth.client_secret,
                client_id=auth.client_id,
                token_endpoint=token_endpoint,
                alg=self.alg,
                header={"kid": self._key_id},
                expires_in=_ASSERTION_SECONDS,
            )
        )


@dataclass(frozen=True, slots=True)
class Received:
    """What a sign-in gave, checked."""

    identity: dict[str, Any]
    """The claims of the ID token."""
    userinfo: dict[str, Any]
    id_token: str = field(repr=False)
    access_token: str = field(repr=False)


class PushingApp(FlaskOAuth2App):  # type: ignore[misc]
    """Authlib's Flask client with pushed authorization requests."""

    def push_and_redirect(self, redirect_uri: str, **parameters: str) -> Response:
        """Push the request, and send the browser off with what names it (RFC 9126 §4)."""
        metadata = self.load_server_metadata()
        prepared = self.create_authorization_url(redirect_uri, **parameters)
        query = prepared["url"].partition("?")[2]
        with self._get_oauth_client(**metadata) as session:
            answer = session.post(
                metadata["pushed_authorization_request_endpoint"],
                data=query,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                auth=session.client_auth(session.token_endpoint_auth_method),
                withhold_token=True,
            )
        if answer.status_code != 201:
            told = answer.json() if "json" in answer.headers.get("Content-Type", "") else {}
            raise OAuthError(told.get("error", "server_error"), told.get("error_description", ""))
        self.save_authorize_data(redirect_uri=redirect_uri, **prepared)
        wanted = {"client_id": self.client_id, "request_uri": answer.json()["request_uri"]}
        return redirect(f"{metadata['authorization_endpoint']}?{urlencode(wanted)}")  # type: ignore[return-value]

    def finish(self) -> Received:
        """What the answer at hand leads to.

        Raises:
            OAuthError: the provider refused, or the answer is not one that we asked for.
        """
        # RFC 9207 §2.4: an answer of another issuer is dropped, errors too.
        if request.args.get("iss") != self.load_server_metadata()["issuer"]:
            raise OAuthError("mix_up", "the answer does not name our issuer")
        token = self.authorize_access_token()
        identity = dict(token["userinfo"])
        told = dict(self.userinfo(token=token))
        # OpenID Connect Core §5.3.2: userinfo about somebody else is not used.
        if told.get("sub") != identity["sub"]:
            raise OAuthError("mix_up", "userinfo is about another subject")
        return Received(identity, told, str(token["id_token"]), str(token["access_token"]))

    def open_session(self) -> Any:
        """Of Authlib's own, which authenticates this client and proves its key."""
        return self._get_oauth_client(**self.load_server_metadata())


def connect(app: Flask, *, issuer: str, client_id: str, key: dict[str, Any], scope: str) -> PushingApp:
    """The client of one service, configured by the provider's discovery document."""
    clients = OAuth(app)
    registered = clients.register(
        "adgang",
        client_cls=PushingApp,
        client_id=client_id,
        client_secret=ECKey.import_key(key),
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_auth_methods=[IssuerAssertion(issuer, key["kid"])],
        compliance_fix=speak_dpop(ECKey.generate_key("P-256")),
        client_kwargs={
            "scope": scope,
            "code_challenge_method": "S256",
            "default_timeout": _TIMEOUT_SECONDS,
            "token_endpoint_auth_method": "private_key_jwt",
        },
    )
    assert isinstance(registered, PushingApp)
    return registered
