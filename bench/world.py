"""A provider's data for a run, and the requests that the load is made of. Works on the stores, beside the provider."""

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey

from bench.filling import citizen_id, fill_citizens
from bench.target import Paths, Target
from bench.wire import BenchClient, basic, challenge_of, redemption
from idp.citizens import NewCitizen
from idp.grants.authorization_code import issue_code
from idp.ids import digest, new_id, new_secret
from idp.new_citizens import FirstAccess
from idp.records import AuthorizationRequest, BrowserSession, LoginAttempt, ProvenFactor
from idp.secrets_directory import create_secrets
from idp.settings import Settings
from idp.wiring import Wiring
from migrations import upgrade
from tests.support.ports import free_ports

_CLAIMS = ("name", "given_name", "family_name", "birthdate")
PASSWORD = "tolv gule cykler ved havnen"
_ACTOR = "operator:bench"
_BY_CODE = ("authorization_code",)
_API, _SCOPE = "https://api.nordhavn.example/byg", "nordhavn:byg.read"
_OF_SIGN_INS = ("redirect_uris", "scope", "purposes", "id_token_signed_response_alg")
_CLIENTS_AT_ONCE = 500
_SPREAD = 200
"""Over so many clients, and five times as many citizens, is the load spread where there are more."""


class World(Target):
    """One deployment of ours on one pair of stores."""

    paths = Paths(
        discovery="/.well-known/openid-configuration",
        jwks="/jwks",
        par="/par",
        token="/token",
        userinfo="/userinfo",
        introspection="/introspect",
    )

    def __init__(self, folder: Path, sql_url: str, redis_url: str) -> None:
        port, admin_port = free_ports(2)
        ours = {
            "ADGANG_ENVIRONMENT": "demo",
            "ADGANG_INSECURE_ALLOW_HTTP_LOOPBACK": "true",
            "ADGANG_ISSUER": f"http://localhost:{port}",
            "ADGANG_SECRETS_DIRECTORY": str(folder / "secrets"),
            "ADGANG_STATE_DIRECTORY": str(folder),
            "ADGANG_DATABASE_URL": sql_url,
            "ADGANG_REDIS_URL": redis_url,
            "ADGANG_LISTEN_PORT": str(port),
            "ADGANG_ADMIN_PORT": str(admin_port),
            "ADGANG_WORKERS": "1",
            "ADGANG_CODE_SECONDS": "60",
            "ADGANG_ACCESS_LOG": "false",  # the neighbour keeps none either
        }
        self.environment = {n: v for n, v in os.environ.items() if not n.startswith("ADGANG_")} | ours
        create_secrets(folder / "secrets")
        self.settings = Settings.from_environment(ours)
        self.wiring = Wiring(self.settings)
        super().__init__(port, self.settings.issuer, self.wiring.clock)
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

    def _metadata(self, method: str, key: ECKey, grants: Sequence[str] = _BY_CODE) -> dict[str, Any]:
        metadata: dict[str, Any] = {
            "client_name": "Byggesager",
            "organisation": self.organisation_id,
            "profile": "fapi2" if method == "private_key_jwt" else "oidc",
            "redirect_uris": ["http://localhost:9/callback"],
            "scope": "openid profile",
            "grant_types": list(grants),
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

    def _add_clients(self, method: str, count: int, *grants: str) -> list[BenchClient]:
        """In one transaction; they share one key pair, which only `private_key_jwt` uses."""
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"})
        metadata = self._metadata(method, key, grants or _BY_CODE)
        services = self.wiring.registry_services
        register = services.registrations.register
        made = services.transact(lambda tx: [register(tx, metadata, actor=_ACTOR) for _ in range(count)])
        return [
            BenchClient(each.client.client_id, each.client.redirect_uris[0], key, each.secret)
            for each in made
        ]

    def add_other_clients(self) -> None:
        """One with refresh tokens; an API with a scope, and two services that were granted it and have no citizens.

        Not where keys are rotated: these keep the JWKS for a day, as clients do that say nothing.
        """
        self.with_refresh = self._add_clients(
            "client_secret_basic", 1, "authorization_code", "refresh_token"
        )[0]
        services = self.wiring.registry_services
        api = {
            "identifier": _API,
            "name": "Byggeregister",
            "organisation": self.organisation_id,
            "scopes": [
                {
                    "scope": _SCOPE,
                    "text": {"da": "Læse byggesager.", "en": "Read cases.", "nb": "Lese saker."},
                    "used_by": ["machines"],
                }
            ],
        }
        made = services.transact(lambda tx: services.resource_registrations.add(tx, api, actor=_ACTOR))
        self._api = basic(made.resource.resource_id, made.secret or "")
        self.machine_fields = {"grant_type": "client_credentials", "resource": _API, "scope": _SCOPE}
        self.machine_with_key = self._add_machine("private_key_jwt")
        self.machine_with_secret = self._add_machine("client_secret_basic")

    def _add_machine(self, method: str) -> BenchClient:
        key, services = (
            ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}),
            self.wiring.registry_services,
        )
        asked = self._metadata(method, key, ("client_credentials",))
        metadata = {name: value for name, value in asked.items() if name not in _OF_SIGN_INS}
        made = services.transact(lambda tx: services.registrations.register(tx, metadata, actor=_ACTOR))
        ends_at = self.wiring.clock() + timedelta(days=30)
        services.transact(
            lambda tx: services.scope_registrations.grant(
                tx, _SCOPE, made.client.client_id, purpose="bench", ends_at=ends_at, actor=_ACTOR
            )
        )
        return BenchClient(made.client.client_id, "", key, made.secret)

    def introspections(self, count: int) -> list[bytes]:
        asked = self.machine_tokens(self.machine_with_secret, count)
        return [
            self.post(
                self.paths.introspection,
                {"token": self.tokens(each)["access_token"]},
                Authorization=self._api,
            )
            for each in asked
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
        request = AuthorizationRequest(
            client_id=client.client_id, redirect_uri=client.redirect_uri, scope=("openid", "profile"),
            purpose_id="byggesag", claims=_CLAIMS, nonce=new_secret(), code_challenge=challenge_of(verifier),
        )  # fmt: skip
        end = now + self.wiring.policy.login_attempt_lifetime
        attempt = LoginAttempt(new_id(), digest(new_secret()), request, digest(new_secret()), now, end, end)
        code = issue_code(self.wiring.services, attempt, session)
        return self.authenticated(client, self.paths.token, redemption(client, code, verifier))

    def close(self) -> None:
        self.wiring.close()
