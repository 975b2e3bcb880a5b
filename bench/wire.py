"""Requests as bytes, ready to be sent to one provider, whoever's it is."""

import base64
import hashlib
import itertools
import json
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import ECKey

from idp.ids import new_secret
from tests.support.dpop import DpopKey


@dataclass(frozen=True, slots=True)
class BenchClient:
    """A client that one of the providers knows, and what only it knows."""

    client_id: str
    redirect_uri: str
    key: ECKey | None
    secret: str | None


class Wire:
    """Makes requests for one provider."""

    def __init__(self, port: int, issuer: str, clock: Callable[[], datetime]) -> None:
        self.port = port
        self.issuer = issuer
        self.clock = clock

    def get(self, path: str, **headers: str) -> bytes:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"GET {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n{lines}\r\n".encode()

    def post(self, path: str, fields: dict[str, str], **headers: str) -> bytes:
        body = urlencode(fields)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return (
            f"POST {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\n{lines}"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        ).encode()

    def authenticated(self, client: BenchClient, path: str, fields: dict[str, str]) -> bytes:
        """A POST in the client's name: with its secret, or else with a fresh assertion."""
        if client.secret is not None:
            return self.post(path, fields, Authorization=basic(client.client_id, client.secret))
        assert client.key is not None
        now = int(self.clock().timestamp())
        claims = {
            "iss": client.client_id, "sub": client.client_id, "aud": self.issuer,
            "jti": secrets.token_urlsafe(16), "iat": now, "exp": now + 120,
        }  # fmt: skip
        proof = {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": "ES256", "kid": "bench"}, claims, client.key),
        }
        return self.post(path, {**fields, **proof}, DPoP=self.proof(client, "POST", path))

    def proof(self, client: BenchClient, method: str, path: str, access_token: str | None = None) -> str:
        """By the key with which the client also signs its assertions (RFC 9449)."""
        assert client.key is not None
        url = self.issuer + path
        return DpopKey(client.key).proof(method, url, self.clock(), access_token=access_token)

    def ask(self, request: bytes) -> tuple[int, dict[str, Any]]:
        """Send one request by itself; its status and JSON."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(request.replace(b"\r\nHost:", b"\r\nConnection: close\r\nHost:", 1))
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), json.loads(body)


def basic(user: str, secret: str) -> str:
    """RFC 6749 §2.3.1; neither half has a sign that would have to be encoded."""
    return f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"


def parameters(client: BenchClient, verifier: str) -> dict[str, str]:
    """Those of an authorization request."""
    return {
        "client_id": client.client_id, "response_type": "code", "redirect_uri": client.redirect_uri,
        "scope": "openid profile", "state": new_secret(), "nonce": new_secret(),
        "code_challenge": challenge_of(verifier), "code_challenge_method": "S256",
    }  # fmt: skip


def redemption(client: BenchClient, code: str, verifier: str) -> dict[str, str]:
    """Those of a token request with a code."""
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": client.redirect_uri,
        "code_verifier": verifier,
    }


def challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def repeated(requests: Sequence[bytes], count: int) -> Sequence[bytes]:
    """So many of them, in turn."""
    return list(itertools.islice(itertools.cycle(requests), count))
