"""Secrets that are followed through whole sign-ins, faults included: no log, ledger or store shows one."""

import sqlite3
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis
import requests

from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import USER, Journey, begin, party
from tests.support.logged import logged_as_in_service
from tests.support.relying_party import RelyingParty

MISTYPED = "korrekt hest batterie"


@dataclass
class Watched(RelyingParty):
    """A service that remembers every assertion it signed."""

    assertions: list[str] = field(default_factory=list)

    def assertion(self, **changes: Any) -> str:
        made = super().assertion(**changes)
        self.assertions.append(made)
        return made


def whole_story(deployment: Deployment, name: str, scope: str) -> dict[str, str]:
    """A sign-in with mistakes, its tokens, their use and misuse; returns every secret in it, by what it is."""
    watched = Watched(deployment, deployment.clients[name], scope)
    journey = begin(deployment, service=watched)
    journey.password(USER, MISTYPED)
    secrets = {"password": PASSWORD, "mistyped password": MISTYPED, "verifier": journey.asked.verifier}
    journey.password()
    remember_cookies(secrets, journey, "half-way")
    secrets["wrong code"] = "48151623"
    journey.code(secrets["wrong code"])
    secrets["code"] = deployment.code_of(USER)
    journey.code()
    page = journey.answer()
    remember_cookies(secrets, journey, "signed in")
    assert page.answer is not None
    secrets["authorization code"] = page.answer["code"]
    watched.redeem(page.answer["code"], "w" * 43)  # burnt
    again = begin(deployment, journey.browser, watched)
    assert again.page.answer is not None
    secrets |= {"second code": again.page.answer["code"], "second verifier": again.asked.verifier}
    tokens = watched.redeem(secrets["second code"], again.asked.verifier).json()
    watched.redeem(secrets["second code"], again.asked.verifier)  # a replay
    secrets |= {"access token": tokens["access_token"], "ID token": tokens["id_token"]}
    watched.userinfo(tokens["access_token"])
    watched.userinfo(tokens["access_token"] + "x")
    requests.get(f"{deployment.issuer}/userinfo?access_token={tokens['access_token']}", timeout=10)
    journey.browser.submit(journey.browser.get("/"), "/sign-out")
    secrets |= {f"assertion {n}": made for n, made in enumerate(watched.assertions)}
    return secrets | lasting(deployment)


def remember_cookies(secrets: dict[str, str], journey: Journey, when: str) -> None:
    for found in journey.browser.session.cookies:
        if found.value and not found.name.endswith("-language"):
            secrets[f"{found.name} {when}"] = found.value


def lasting(deployment: Deployment) -> dict[str, str]:
    """What is secret for as long as the deployment lives."""
    directory = deployment.settings.secrets_directory
    secrets = {path.name: path.read_text().strip() for path in directory.iterdir()}
    secrets |= {"TOTP secret": deployment.citizens[USER].totp_secret, "CPR number": "8802701234"}
    for client in deployment.clients.values():
        if client.secret is not None:
            secrets["client secret"] = client.secret
        if client.key is not None:
            secrets[f"private key of {client.client_id}"] = str(client.key.as_dict(private=True)["d"])
    return secrets


def found_in(text: str, secrets: dict[str, str]) -> list[str]:
    """Names of the secrets that stand in the text; a token's signature alone is no secret, its whole is."""
    return [name for name, value in secrets.items() if len(value) > 5 and value in text]


SERVICES = [
    ("Byggesager", "openid profile"),
    ("Boligstøtte", "openid cpr"),
    ("Sundhedstider", "openid profile"),
]


@pytest.mark.parametrize(("name", "scope"), SERVICES)
def test_no_secret_of_a_sign_in_is_logged(deployment: Deployment, name: str, scope: str) -> None:
    """S-366: at the loudest level, with everything going wrong once that a citizen or a service can get wrong."""
    with logged_as_in_service("DEBUG") as log:
        secrets = whole_story(deployment, name, scope)
    assert log.getvalue(), "an empty log proves nothing"
    assert len(secrets) > 15
    assert found_in(log.getvalue(), secrets) == []


@pytest.mark.parametrize("table", ["mfa_failures", "mfa_totp", "ledger", "consents", "spent", "grants"])
def test_no_secret_is_logged_with_a_fault(deployment: Deployment, table: str) -> None:
    """S-366: the database refuses a write in the middle; the error is logged, the values of the statement are not."""
    path = deployment.settings.sql_url.removeprefix("sqlite:///")
    service = Watched(deployment, deployment.clients["Boligstøtte"], "openid cpr")
    pending = begin(deployment, service=service)
    pending.sign_in()
    page = pending.answer()
    assert page.answer is not None
    deployment.clock.forward(seconds=25)  # another step of TOTP, while the code still lives
    half_way, asked_again = begin(deployment, service=service), service.ask()
    half_way.password()
    token = half_way.token
    with sqlite3.connect(path) as connection:
        for verb in ("INSERT", "UPDATE"):
            connection.execute(
                f"CREATE TRIGGER broken_{verb} BEFORE {verb} ON {table} BEGIN SELECT RAISE(FAIL, 'broken'); END"
            )
    secrets = lasting(deployment) | {"password": PASSWORD, "code": deployment.code_of(USER)}
    secrets |= {"authorization code": page.answer["code"], "verifier": pending.asked.verifier}
    with logged_as_in_service("DEBUG") as log:
        begin(deployment).password()
        half_way.code()
        half_way.post("cancel", csrf_token=token)
        pending.browser.get(asked_again.url)
        service.redeem(page.answer["code"], pending.asked.verifier)
        remember_cookies(secrets, half_way, "half-way")
        remember_cookies(secrets, pending, "signed in")
    secrets |= {f"assertion {n}": made for n, made in enumerate(service.assertions)}
    assert found_in(log.getvalue(), secrets) == []
    if table != "consents":
        assert '"level":"error"' in log.getvalue(), "the fault was met"


def test_no_store_holds_a_secret_in_clear(deployment: Deployment) -> None:
    """S-258, S-333, S-366: neither the database's files nor Redis, while everything in them is live."""
    service = Watched(deployment, deployment.clients["Boligstøtte"], "openid cpr")
    journey = begin(deployment, service=service)
    secrets = lasting(deployment) | {"password": PASSWORD}
    journey.password()
    remember_cookies(secrets, journey, "half-way")
    journey.code()
    page = journey.answer()
    remember_cookies(secrets, journey, "signed in")
    assert page.answer is not None
    tokens = service.redeem(page.answer["code"], journey.asked.verifier).json()
    secrets |= {"authorization code": page.answer["code"], "access token": tokens["access_token"]}
    secrets |= {"ID token": tokens["id_token"], "verifier": journey.asked.verifier}
    waiting = begin(deployment, journey.browser, party(deployment, "Sundhedstider"))
    remember_cookies(secrets, waiting, "waiting")
    path = deployment.settings.sql_url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        everything = "\n".join(connection.iterdump())
    with redis.Redis.from_url(deployment.settings.redis_url) as client:
        for key in client.scan_iter("*"):
            everything += key.decode("latin-1") + (client.dump(key) or b"").decode("latin-1")
    in_hex = {f"{name} in hex": value.encode().hex() for name, value in secrets.items()}
    assert "Freja" in everything and "adgang:session:" in everything
    assert found_in(everything, secrets) == [] and found_in(everything.lower(), in_hex) == []
