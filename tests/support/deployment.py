"""A whole provider in this process, on real stores, served over real HTTP on a free loopback port.

Three organisations with a client each, one citizen with password and authenticator app. Only the clock is not real.
What takes long (RSA keys, migrations, password hashes) is made once in each test process and copied, on SQLite.
"""

import atexit
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pyotp
from joserfc.jwk import ECKey
from werkzeug.serving import WSGIRequestHandler, make_server

from idp.app import Provider, create_app
from idp.citizens import NewCitizen
from idp.new_citizens import Contact, FirstAccess
from idp.records import Address
from idp.secrets_directory import create_secrets
from idp.settings import Settings
from idp.wiring import Wiring
from migrations import upgrade
from tests.support.clock import FrozenClock
from tests.support.ports import free_port

CALLBACK = "http://localhost:{port}/callback"
PASSWORD = "korrekt hest batteri"

_CLAIMS = ["name", "given_name", "family_name", "birthdate"]


@dataclass(frozen=True)
class TestClient:
    """A registered client and what only it knows."""

    __test__ = False

    client_id: str
    redirect_uri: str
    key: ECKey | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)


@dataclass
class Deployment:
    """A running provider. `wiring.services` are its services; `clock` moves its time."""

    settings: Settings
    clock: FrozenClock
    provider: Provider
    clients: dict[str, TestClient] = field(default_factory=dict)
    citizens: dict[str, FirstAccess] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return self.settings.issuer

    @property
    def wiring(self) -> Wiring:
        return self.provider.wiring

    def add_citizen(
        self, user_id: str, cpr: str, given_name: str = "Freja", family_name: str = "Holm"
    ) -> FirstAccess:
        access = self.wiring.new_citizens.add(
            NewCitizen(user_id, cpr, given_name, family_name, "1970-02-28"),
            actor="operator:test",
            reason="a test",
            contact=Contact(
                f"{user_id}@mail.example", "+4500000000", Address("Havnegade 1", "9999", "Nordhavn", "DK")
            ),
            password=PASSWORD,
        )
        self.citizens[user_id] = access
        return access

    def code_of(self, user_id: str) -> str:
        """The six digits now. Each step's code works once; `clock.forward(seconds=30)` gives the next."""
        return pyotp.TOTP(self.citizens[user_id].totp_secret).at(self.clock())

    def add_organisation(self, name: str, cvr_number: str, kind: str = "municipality") -> str:
        services = self.wiring.registry_services
        added = services.transact(
            lambda tx: services.registrations.add_organisation(
                tx, cvr_number=cvr_number, kind=kind, name=name, actor="operator:test"
            )
        )
        return added.organisation_id

    def add_client(self, name: str, organisation_id: str, **metadata: Any) -> TestClient:
        """Register a client: `fapi2` with private_key_jwt unless `metadata` says otherwise."""
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"})
        registered: dict[str, Any] = {
            "client_name": name,
            "organisation": organisation_id,
            "redirect_uris": [CALLBACK.format(port=9)],
            "scope": "openid profile",
            "purposes": [
                {
                    "id": "byggesag",
                    "text": {"da": "se din byggesag", "en": "see your permit", "nb": "se byggesaken din"},
                    "legal_ground": "law",
                    "claims": _CLAIMS,
                }
            ],
        }
        if metadata.get("token_endpoint_auth_method", "private_key_jwt") == "private_key_jwt":
            public = key.as_dict(private=False)
            registered["jwks"] = {"keys": [{**public, "kid": key.thumbprint()}]}
        registered |= metadata
        services = self.wiring.registry_services
        made = services.transact(
            lambda tx: services.registrations.register(tx, registered, actor="operator:test")
        )
        client = TestClient(
            made.client.client_id,
            next(iter(made.client.redirect_uris), ""),
            key if "jwks" in registered else None,
            made.secret,
        )
        self.clients[name] = client
        self.clock.forward(seconds=2)  # past the registry's remembered version
        return client


@contextmanager
def running_deployment(
    folder: Path, sql_url: str, redis_url: str, clock: FrozenClock, **settings: str
) -> Iterator[Deployment]:
    """The provider with organisations, clients and a citizen, until the end of the block."""
    port = free_port()
    made = _settings(folder, f"http://localhost:{port}", sql_url, redis_url, **settings)
    deployment = _copied(made, clock) if sql_url.startswith("sqlite:") else _made(made, clock)
    deployment.wiring.redis.ping()  # the epoch begins
    clock.forward(seconds=2)
    server = make_server("localhost", port, deployment.provider, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield deployment
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        deployment.wiring.close()


@dataclass(frozen=True)
class _Furnished:
    """A furnished SQLite file with its secrets, and what only the furnisher knows."""

    folder: Path
    clients: dict[str, TestClient]
    citizens: dict[str, FirstAccess]
    took: timedelta


_DATABASE = "furnished.sqlite3"


@cache
def _furnished() -> _Furnished:
    folder = Path(tempfile.mkdtemp(prefix="adgang-furnished-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    clock = FrozenClock()
    no_redis = "redis://127.0.0.1:1"
    made = _made(_settings(folder, "http://localhost:1", f"sqlite:///{folder / _DATABASE}", no_redis), clock)
    made.wiring.close()
    return _Furnished(folder, made.clients, made.citizens, clock() - FrozenClock()())


def _settings(folder: Path, issuer: str, sql_url: str, redis_url: str, **settings: str) -> Settings:
    return Settings.from_environment(
        {
            "ADGANG_ISSUER": issuer,
            "ADGANG_ENVIRONMENT": "demo",
            "ADGANG_INSECURE_ALLOW_HTTP_LOOPBACK": "true",
            "ADGANG_SECRETS_DIRECTORY": str(folder / "secrets"),
            "ADGANG_STATE_DIRECTORY": str(folder),
            "ADGANG_DATABASE_URL": sql_url,
            "ADGANG_REDIS_URL": redis_url,
            **settings,
        }
    )


def _copied(made: Settings, clock: FrozenClock) -> Deployment:
    furnished = _furnished()
    shutil.copytree(furnished.folder / "secrets", made.secrets_directory)
    shutil.copyfile(furnished.folder / _DATABASE, made.sql_url.removeprefix("sqlite:///"))
    clock.forward(furnished.took)
    provider = create_app(made, clock)
    return Deployment(made, clock, provider, dict(furnished.clients), dict(furnished.citizens))


def _made(made: Settings, clock: FrozenClock) -> Deployment:
    create_secrets(made.secrets_directory)
    prepare = Wiring(made, clock)
    upgrade(prepare.database.writing)
    prepare.ensure_keys()
    prepare.close()
    deployment = Deployment(made, clock, create_app(made, clock))
    _furnish(deployment)
    return deployment


def _furnish(deployment: Deployment) -> None:
    nordhavn = deployment.add_organisation("Nordhavn Kommune", "99000001")
    boligstoette = deployment.add_organisation("Statens Boligstøtte", "99000002", "state")
    midtsund = deployment.add_organisation("Region Midtsund", "99000003", "region")
    deployment.add_client("Byggesager", nordhavn)
    deployment.add_client(
        "Boligstøtte",
        boligstoette,
        redirect_uris=[CALLBACK.format(port=10)],
        scope="openid profile email cpr",
        purposes=[
            {
                "id": "boligstoette",
                "text": {"da": "beregne din støtte", "en": "work out your support", "nb": "regne ut støtten"},
                "legal_ground": "consent",
                "claims": [*_CLAIMS, "email", "cpr"],
            }
        ],
    )
    deployment.add_client(
        "Sundhedstider",
        midtsund,
        profile="oidc",
        redirect_uris=[CALLBACK.format(port=11)],
        token_endpoint_auth_method="client_secret_basic",
        response_modes=["query", "form_post"],
    )
    deployment.add_citizen("freja.holm", "8802701234")


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        """Tests read answers, not access logs."""
