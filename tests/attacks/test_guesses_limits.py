"""Whoever guesses at codes, request_uris or passwords is stopped, from one address and from a thousand."""

import itertools
import logging
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests
import yaml

from idp import metrics
from idp.addresses import neighbourhood, wider_network
from tests.support.citizen_browser import CitizenBrowser
from tests.support.clock import FrozenClock
from tests.support.deployment import PASSWORD, Deployment, running_deployment
from tests.support.journey import USER, begin, party
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import code_for

_ALERTS = Path(__file__).parents[2] / "docs" / "operations" / "alerts.yml"


@pytest.fixture
def proxied(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    """A provider that believes the proxy on this machine about addresses, and forgives few failures."""
    settings = {"ADGANG_TRUSTED_PROXIES": "127.0.0.0/8,::1/128", "ADGANG_FAILED_SIGN_INS_PER_ADDRESS": "5"}
    with running_deployment(tmp_path, sqlite_url, valkey_url, clock, **settings) as running:
        yield running


def redeem_from(service: RelyingParty, address: str, code: str, verifier: str = "v" * 43) -> int:
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": service.client.redirect_uri,
        "code_verifier": verifier,
    }
    arguments = service.authentication()
    return requests.post(
        service.deployment.issuer + "/token",
        data={**arguments.pop("data", {}), **fields},
        headers={"X-Forwarded-For": address, **service.proof("POST", "/token")},
        timeout=20,
        **arguments,
    ).status_code


def rows(deployment: Deployment) -> list[int]:
    with deployment.wiring.database.reading.connect() as connection:
        return [
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            for table in ("spent", "grants", "ledger")
        ]


def test_a_guesser_with_a_new_address_for_each_code_is_stopped_too(proxied: Deployment) -> None:
    """S-075: 429 in the end, no row for a miss, and an honest code is redeemed all the same."""
    service = party(proxied, "Sundhedstider")
    before, limit = rows(proxied), proxied.wiring.policy.code_failures_anywhere
    answers = [
        redeem_from(service, f"10.{n // 250}.{n % 250}.7", secrets.token_urlsafe(32))
        for n in range(limit + 10)
    ]
    assert answers == [400] * limit + [429] * 10
    assert rows(proxied) == before
    asked = service.ask()
    assert redeem_from(service, "10.9.9.9", code_for(service, asked), asked.verifier) == 200
    other = party(proxied, "Byggesager")
    assert redeem_from(other, "10.9.9.9", "A" * 43) == 400, "another client's guesses are its own"


def guess_request_uri(deployment: Deployment, address: str = "10.1.1.1") -> int:
    parameters = {
        "client_id": deployment.clients["Byggesager"].client_id,
        "request_uri": "urn:ietf:params:oauth:request_uri:" + secrets.token_urlsafe(32),
    }
    return requests.get(
        f"{deployment.issuer}/authorize?{urlencode(parameters)}",
        headers={"X-Forwarded-For": address},
        timeout=20,
    ).status_code


def test_guesses_at_request_uris_are_counted_and_a_right_one_still_opens(proxied: Deployment) -> None:
    """S-049: 429 beyond the limit, for that address alone; whoever brings a real one is served."""
    limit = proxied.wiring.policy.request_uri_failures_per_window
    assert [guess_request_uri(proxied) for _ in range(limit + 3)] == [400] * limit + [429] * 3
    assert guess_request_uri(proxied, "10.1.1.2") == 400
    browser = CitizenBrowser(proxied.issuer)
    browser.session.headers["X-Forwarded-For"] = "10.1.1.1"
    assert "user-id" in begin(proxied, browser).page.ids


def test_a_request_uri_cannot_be_guessed(deployment: Deployment) -> None:
    """S-049: 256 random bits each, none like the one before."""
    service = party(deployment)
    values = [service.ask().url.rpartition("%3A")[2] for _ in range(50)]
    assert len(set(values)) == 50 and all(re.fullmatch(r"[A-Za-z0-9_-]{43}", value) for value in values)
    for place in range(42):
        assert len({value[place] for value in values}) > 5, "a character that hardly changes"


def try_password(deployment: Deployment, user_id: str, address: str, password: str = "not this one") -> int:
    browser = CitizenBrowser(deployment.issuer)
    browser.session.headers["X-Forwarded-For"] = address
    return begin(deployment, browser, party(deployment, "Sundhedstider")).password(user_id, password).status


def test_one_who_sprays_from_address_to_address_of_one_network_is_turned_away(proxied: Deployment) -> None:
    """S-250: one password for many citizens, an address for each; then not even the right one is looked at."""
    limit = proxied.settings.failed_sign_ins_per_address * proxied.wiring.policy.networks_to_addresses
    before = metrics_of("factors")
    for n in range(limit):
        assert try_password(proxied, f"citizen.{n}", f"198.51.100.{n + 1}") == 400
    assert try_password(proxied, USER, "198.51.100.200", PASSWORD) == 429
    assert try_password(proxied, USER, "198.51.101.1", PASSWORD) == 200, "a neighbour network is served"
    assert metrics_of("factors") - before >= limit, "each try is counted for the alarm"


def metrics_of(name: str) -> float:
    """The sum of a counter of this process, over its labels."""
    counter = metrics._counters()[name]
    (family,) = counter.collect()
    return sum(sample.value for sample in family.samples if sample.name.endswith("_total"))


def test_a_wave_of_wrong_passwords_is_an_alarm() -> None:
    """S-250: whatever addresses it comes from."""
    rules = [
        rule for group in yaml.safe_load(_ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]
    ]
    (rule,) = [rule for rule in rules if rule["alert"] == "AdgangWrongPasswords"]
    assert 'adgang_factors_total{kind="password",outcome="wrong"}' in rule["expr"]
    assert metrics.DECLARED["factors"][1] == ("kind", "outcome")


@pytest.mark.parametrize(
    ("one", "other", "near", "wide"),
    [
        ("192.0.2.1", "192.0.2.1", True, True),
        ("192.0.2.1", "192.0.2.2", False, True),
        ("192.0.2.1", "192.0.3.1", False, False),
        ("::ffff:192.0.2.1", "192.0.2.1", True, True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True, True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False, True),
        ("2001:db8:0:1::1", "2001:db8:1::1", False, False),
        ("2001:db8::1%eth0", "no address", True, True),
    ],
)
def test_addresses_that_cost_nothing_count_together(one: str, other: str, near: bool, wide: bool) -> None:
    """S-244, S-250: an IPv4 address or an IPv6 /64, and the /24 or /48 around it."""
    assert (neighbourhood(one) == neighbourhood(other)) is near
    assert (wider_network(one) == wider_network(other)) is wide


@pytest.mark.parametrize("name", ["Byggesager", "Sundhedstider"])
@pytest.mark.parametrize("parameter", ["nonce", "code_challenge"])
def test_a_client_whose_nonce_or_challenge_never_changes_is_noticed(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, name: str, parameter: str
) -> None:
    """S-033: once in the log, each time in the metric; pushed or plain, and it is served on."""
    service, before = party(deployment, name), metrics_of("repeated_values")
    service.extra = {parameter: "n" * 43}
    with caplog.at_level(logging.WARNING):
        for _ in range(15):
            answer = requests.get(service.ask().url, allow_redirects=False, timeout=20)
            assert answer.status_code == 303
    told = [record for record in caplog.records if record.getMessage().startswith("a client repeats")]
    assert [vars(record)["parameter"] for record in told] == [parameter]
    assert vars(told[0])["client_id"] == service.client.client_id
    assert metrics_of("repeated_values") - before == 6
    assert "n" * 43 not in str([vars(record) for record in caplog.records])


def test_honest_clients_are_not_told_anything(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """S-033: new values each time, and one address that is opened again and again."""
    services = [party(deployment, name) for name in ("Byggesager", "Sundhedstider")]
    with caplog.at_level(logging.WARNING):
        for _, service in itertools.product(range(15), services):
            requests.get(service.ask().url, allow_redirects=False, timeout=20)
        pushed = services[0].ask().url
        for _ in range(15):
            requests.get(pushed, allow_redirects=False, timeout=20)
    assert not [record for record in caplog.records if record.getMessage().startswith("a client repeats")]
