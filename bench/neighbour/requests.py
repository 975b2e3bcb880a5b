"""What the neighbour is asked: the same as ours, at its own paths."""

import json
import urllib.request
from collections.abc import Callable
from datetime import datetime
from typing import Any

from joserfc.jwk import ECKey

from bench.target import Paths, Target
from bench.wire import BenchClient, challenge_of, redemption
from idp.ids import new_secret
from tests.support.ports import free_ports

_CALLBACK = "http://localhost:9/callback"
_SCOPE = "openid profile bench:read"


class Neighbour(Target):
    """Its clients, its keys, and its requests. `configuration` is what server.mjs reads."""

    paths = Paths(
        discovery="/.well-known/openid-configuration",
        jwks="/jwks",
        par="/request",
        token="/token",
        userinfo="/me",
        introspection="/token/introspection",
    )

    def __init__(self, redis_url: str, citizens: int, clock: Callable[[], datetime]) -> None:
        port, self._helper_port = free_ports(2)
        super().__init__(port, f"http://localhost:{port}", clock)
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"})
        self.with_key = BenchClient("with-key", _CALLBACK, key, None)
        self.with_secret = BenchClient("with-secret", _CALLBACK, None, new_secret())
        self.with_refresh = BenchClient("with-refresh", _CALLBACK, None, new_secret())
        self.machine_with_key, self.machine_with_secret = self.with_key, self.with_secret
        self.machine_fields = {
            "grant_type": "client_credentials",
            "resource": "https://api.nordhavn.example/byg",
            "scope": "bench:read",
        }
        signing = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256", "kid": "neighbour"})
        self.configuration = {
            "port": port,
            "helper_port": self._helper_port,
            "redis_url": redis_url,
            "citizens": citizens,
            "signing_key": signing.as_dict(private=True),
            "clients": [
                _metadata(self.with_key),
                _metadata(self.with_secret),
                _metadata(self.with_refresh, "refresh_token"),
            ],
        }

    def exchanges(self, client: BenchClient, count: int) -> list[bytes]:
        verifier = new_secret()
        asked = {
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uri,
            "challenge": challenge_of(verifier),
            "count": count,
        }
        helper = f"http://localhost:{self._helper_port}"
        with urllib.request.urlopen(helper, json.dumps(asked).encode(), timeout=60) as answer:
            codes: list[str] = json.load(answer)
        return [
            self.authenticated(client, self.paths.token, redemption(client, code, verifier)) for code in codes
        ]

    def introspections(self, count: int) -> list[bytes]:
        """About opaque tokens, which it keeps in Redis: a JWT of its own it cannot introspect."""
        client = self.with_secret
        fields = {"grant_type": "client_credentials", "scope": "bench:read"}
        asked = [self.authenticated(client, self.paths.token, fields) for _ in range(count)]
        return [
            self.authenticated(client, self.paths.introspection, {"token": self.tokens(each)["access_token"]})
            for each in asked
        ]


def _metadata(client: BenchClient, *more_grants: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "client_id": client.client_id,
        "redirect_uris": [client.redirect_uri],
        "response_types": ["code"],
        "grant_types": ["authorization_code", "client_credentials", *more_grants],
        "scope": _SCOPE,
        "id_token_signed_response_alg": "ES256",
    }
    if client.secret is not None:
        return metadata | {
            "client_secret": client.secret,
            "token_endpoint_auth_method": "client_secret_basic",
        }
    assert client.key is not None
    public = {**client.key.as_dict(private=False), "kid": "bench"}
    return metadata | {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [public]}}
