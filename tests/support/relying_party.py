"""A relying party in a few lines, for tests that look at the provider: requests, PKCE, assertions, DPoP proofs, codes.

Signs with joserfc, speaks with requests. Whole foreign libraries have tests of their own.
"""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import requests
from joserfc import jwt

from tests.support.deployment import Deployment, TestClient
from tests.support.dpop import DpopKey


@dataclass
class AuthorizationAsked:
    """A request on its way: what the browser opens, and what the client must remember."""

    url: str
    verifier: str
    state: str
    nonce: str


@dataclass
class RelyingParty:
    deployment: Deployment
    client: TestClient
    scope: str = "openid profile"
    extra: dict[str, str] = field(default_factory=dict)
    dpop: DpopKey | None = None
    """The key of its proofs; a client with a key of its own uses that one."""

    def __post_init__(self) -> None:
        if self.dpop is None and self.client.key is not None:
            self.dpop = DpopKey(self.client.key)

    def assertion(self, **changes: Any) -> str:
        """A client assertion (RFC 7523); `changes` replace claims, and a None removes one."""
        now = int(self.deployment.clock().timestamp())
        claims = {
            "iss": self.client.client_id,
            "sub": self.client.client_id,
            "aud": self.deployment.issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 60,
        }
        claims = {name: value for name, value in (claims | changes).items() if value is not None}
        key = self.client.key
        assert key is not None, "this client has no key"
        return jwt.encode({"alg": "ES256", "kid": key.thumbprint()}, claims, key)

    def authentication(self) -> dict[str, Any]:
        """Arguments of a requests call that authenticate the client."""
        if self.client.secret is not None:
            return {"auth": (self.client.client_id, self.client.secret)}
        if self.client.key is None:  # a public client
            return {"data": {"client_id": self.client.client_id}}
        return {
            "data": {
                "client_id": self.client.client_id,
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": self.assertion(),
            }
        }

    def post(self, path: str, fields: dict[str, str]) -> requests.Response:
        """An authenticated POST."""
        arguments = self.authentication()
        data = {**arguments.pop("data", {}), **fields}
        url = self.deployment.issuer + path
        headers = {**arguments.pop("headers", {}), **self.proof("POST", path)}
        return requests.post(url, data=data, timeout=20, headers=headers, **arguments)

    def proof(
        self, method: str, path: str, access_token: str | None = None, **changes: Any
    ) -> dict[str, str]:
        """The header that proves who sends a request, for a client that has such a key."""
        if self.dpop is None:
            return {}
        url, now = self.deployment.issuer + path, self.deployment.clock()
        return {"DPoP": self.dpop.proof(method, url, now, access_token=access_token, **changes)}

    def presented(self, access_token: str, method: str = "GET", path: str = "/userinfo") -> dict[str, str]:
        """The headers that present an access token, by its own scheme."""
        if self.dpop is None:
            return {"Authorization": f"Bearer {access_token}"}
        return {"Authorization": f"DPoP {access_token}", **self.proof(method, path, access_token)}

    def parameters(self, verifier: str, state: str, nonce: str, **extra: str) -> dict[str, str]:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return {
            "client_id": self.client.client_id,
            "response_type": "code",
            "redirect_uri": self.client.redirect_uri,
            "scope": self.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **self.extra,
            **extra,
        }

    def ask(self, *, push: bool | None = None, **extra: str) -> AuthorizationAsked:
        """Begin a sign-in: pushed for clients with a key, plain for the others."""
        verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
        parameters = self.parameters(verifier, state, nonce, **extra)
        if push is None:
            push = self.client.key is not None
        if push:
            answer = self.post("/par", parameters)
            assert answer.status_code == 201, answer.text
            parameters = {"client_id": self.client.client_id, "request_uri": answer.json()["request_uri"]}
        url = f"{self.deployment.issuer}/authorize?{urlencode(parameters)}"
        return AuthorizationAsked(url, verifier, state, nonce)

    def redeem(self, code: str, verifier: str, **changes: str) -> requests.Response:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_uri,
            "code_verifier": verifier,
        }
        return self.post("/token", fields | changes)

    def userinfo(self, access_token: str) -> requests.Response:
        return requests.get(
            self.deployment.issuer + "/userinfo",
            headers=self.presented(access_token),
            timeout=20,
        )


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, unverified: for a test that has it from the provider itself."""
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
