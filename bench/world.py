"""A provider's data for a run, and the requests that the load is made of. Works on the stores, beside the provider."""

import base64
import hashlib
import itertools
import os
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import ECKey

from bench.filling import citizen_id, fill_citizens
from idp.citizens import NewCitizen
from idp.grants.authorization_code import issue_code
from idp.ids import digest, new_id, new_secret
from idp.new_citizens import FirstAccess
from idp.records import AuthorizationRequest, BrowserSession, LoginAttempt, ProvenFactor
from idp.secrets_directory import create_secrets
from idp.settings import Settings
from idp.wiring import Wiring
from migrations import upgrade

_CLAIMS = ("name", "given_name", "family_name", "birthdate")
PASSWORD = "tolv gule cykler ved havnen"
_ACTOR = "operator:bench"
_CLIENTS_AT_ONCE = 500
_SPREAD = 200
"""Over so many clients, and five times as many citizens, is the load spread where there are more."""


@dataclass(frozen=True, slots=True)
class BenchClient:
    client_id: str
    redirect_uri: str
    key: ECKey | None
    secret: str | None


class World:
    """One deployment on one pair of stores."""

    def __init__(self, folder: Path, sql_url: str, redis_url: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
            self.port, admin_port = one.getsockname()[1], other.getsockname()[1]
        ours = {
            "ADGANG_ENVIRONMENT": "demo",
            "ADGANG_INSECURE_ALLOW_HTTP_LOOPBACK": "true",
            "ADGANG_ISSUER": f"http://localhost:{self.port}",
            "ADGANG_SECRETS_DIRECTORY": str(folder / "secrets"),
            "ADGANG_STATE_DIRECTORY": str(folder),
            "ADGANG_DATABASE_URL": sql_url,
            "ADGANG_REDIS_URL": redis_url,
            "ADGANG_LISTEN_PORT": str(self.port),
            "ADGANG_ADMIN_PORT": str(admin_port),
            "ADGANG_WORKERS": "1",
            "ADGANG_CODE_SECONDS": "60",
        }
        self.environment = {n: v for n, v in os.environ.items() if not n.startswith("ADGANG_")} | ours
        create_secrets(folder / "secrets")
        self.settings = Settings.from_environment(ours)
        self.wiring = Wiring(self.settings)
        upgrade(self.wiring.database.writing)
        self.wiring.ensure_keys()
        self.organisation_id = self._add_organisation()
        self.with_key = self._add_clients("private_key_jwt", 1)[0]
        self.with_secret = self._add_clients("client_secret_basic", 1)[0]
        self.secret_clients = [self.with_secret]
        self.citizens: list[FirstAccess] = []
        self.subjects: list[str] = []
        """Citizens for whom codes are issued."""

    def _add_organisation(self) -> str:
        services = self.wiring.registry_services
        return services.transact(
            lambda tx: services.registrations.add_organisation(
                tx, cvr_number="99000001", kind="municipality", name="Nordhavn Kommune", actor=_ACTOR
            )
        ).organisation_id

    def _metadata(self, method: str, key: ECKey) -> dict[str, Any]:
        metadata: dict[str, Any] = {
            "client_name": "Byggesager",
            "organisation": self.organisation_id,
            "profile": "fapi2" if method == "private_key_jwt" else "oidc",
            "redirect_uris": ["http://localhost:9/callback"],
            "scope": "openid profile",
            "token_endpoint_auth_method": method,
            "id_token_signed_response_alg": "ES256",
            "purposes": [
                {
                    "id": "byggesag",
                    "text": {"da": "se din byggesag", "en": "see your permit", "nb": "se byggesaken din"},
                    "legal_ground": "law",
                    "claims": list(_CLAIMS),
                }
            ],
        }
        if method == "private_key_jwt":
            metadata["jwks"] = {"keys": [{**key.as_dict(private=False), "kid": "bench"}]}
        return metadata

    def _add_clients(self, method: str, count: int) -> list[BenchClient]:
        """In one transaction; they share one key pair, which only `private_key_jwt` uses."""
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"})
        metadata, services = self._metadata(method, key), self.wiring.registry_services
        register = services.registrations.register
        made = services.transact(lambda tx: [register(tx, metadata, actor=_ACTOR) for _ in range(count)])
        return [
            BenchClient(each.client.client_id, each.client.redirect_uris[0], key, each.secret)
            for each in made
        ]

    def add_citizens(self, count: int) -> None:
        """Citizens who can sign in, with a password and an app each."""
        for number in range(len(self.citizens), len(self.citizens) + count):
            new = NewCitizen(f"borger{number:07}", f"61{number:08}", "Freja", "Lindholm", "1990-03-01")
            self.citizens.append(
                self.wiring.new_citizens.add(new, actor=_ACTOR, reason="bench", password=PASSWORD)
            )
        self.subjects = [access.citizen.citizen_id for access in self.citizens]

    def fill(self, clients: int, citizens: int) -> None:
        """Many more of each; from here on the load is spread over some hundreds of them."""
        made: list[BenchClient] = []
        for start in range(0, clients, _CLIENTS_AT_ONCE):
            made += self._add_clients("client_secret_basic", min(_CLIENTS_AT_ONCE, clients - start))
        fill_citizens(self.wiring.database, self.citizens[0].citizen.citizen_id, citizens)
        self.secret_clients = made[:: max(1, len(made) // _SPREAD)]
        self.subjects = [
            citizen_id(number) for number in range(0, citizens, max(1, citizens // (_SPREAD * 5)))
        ]

    # --- requests ----------------------------------------------------------------------------------------------

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
        """A POST in the client's name."""
        if client.secret is not None:
            pair = base64.b64encode(f"{client.client_id}:{client.secret}".encode()).decode()
            return self.post(path, fields, Authorization=f"Basic {pair}")
        assert client.key is not None
        now = int(self.wiring.clock().timestamp())
        claims = {
            "iss": client.client_id, "sub": client.client_id, "aud": self.settings.issuer,
            "jti": secrets.token_urlsafe(16), "iat": now, "exp": now + 120,
        }  # fmt: skip
        proof = {
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": "ES256", "kid": "bench"}, claims, client.key),
        }
        return self.post(path, {**fields, **proof})

    def pushes(self, count: int) -> list[bytes]:
        """PAR requests, each with a fresh assertion."""
        return [
            self.authenticated(self.with_key, "/par", self.parameters(self.with_key, new_secret())[0])
            for _ in range(count)
        ]

    def parameters(self, client: BenchClient, verifier: str) -> tuple[dict[str, str], str]:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "client_id": client.client_id, "response_type": "code", "redirect_uri": client.redirect_uri,
            "scope": "openid profile", "state": new_secret(), "nonce": new_secret(),
            "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        return asked, challenge

    def exchanges(self, client: BenchClient, count: int) -> list[bytes]:
        """Token requests, each with a code that was issued a moment ago for one of the signed-in citizens."""
        return self._exchanges([client], count)

    def spread_exchanges(self, count: int) -> list[bytes]:
        """The same, in the name of several clients where there are many."""
        return self._exchanges(self.secret_clients, count)

    def _exchanges(self, clients: Sequence[BenchClient], count: int) -> list[bytes]:
        sessions = [self._session(subject) for subject in self.subjects]
        return [
            self._exchange(clients[number % len(clients)], sessions[number % len(sessions)])
            for number in range(count)
        ]

    def _session(self, subject: str) -> BrowserSession:
        services, now = self.wiring.services, self.wiring.clock()
        factors = (ProvenFactor("f1", "password", ("pwd",), now), ProvenFactor("f2", "totp", ("otp",), now))
        return services.sessions.begin(
            subject,
            factors,
            acr="urn:adgang:loa:substantial",
            now=now,
            device="bench",
        )

    def _exchange(self, client: BenchClient, session: BrowserSession) -> bytes:
        verifier, now = new_secret(), self.wiring.clock()
        _, challenge = self.parameters(client, verifier)
        request = AuthorizationRequest(
            client_id=client.client_id, redirect_uri=client.redirect_uri, scope=("openid", "profile"),
            purpose_id="byggesag", claims=_CLAIMS, nonce=new_secret(), code_challenge=challenge,
        )  # fmt: skip
        end = now + self.wiring.policy.login_attempt_lifetime
        attempt = LoginAttempt(new_id(), digest(new_secret()), request, digest(new_secret()), now, end, end)
        code = issue_code(self.wiring.services, attempt, session)
        return self.authenticated(
            client,
            "/token",
            {
                "grant_type": "authorization_code",
                "code": code,
                "redirect_uri": client.redirect_uri,
                "code_verifier": verifier,
            },
        )

    def close(self) -> None:
        self.wiring.close()


def repeated(requests: Sequence[bytes], count: int) -> Sequence[bytes]:
    """So many of them, in turn."""
    return list(itertools.islice(itertools.cycle(requests), count))
