"""How long comparisons of secrets take, wherever they differ. `make soak` prints what it measured."""

import gc
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from clients_registry.client_secrets import new_secret, secret_digest, verify_secret
from clients_registry.errors import WrongSecret
from idp.endpoints.introspection import _members
from idp.errors import InvalidGrant
from idp.protocol.pkce import check_verifier
from tests.attacks.test_constant_time import _VERIFIER, challenges
from tests.rules.registry_clients import client
from tests.soak.test_sign_in_soak import _mann_whitney
from tests.support import machines
from tests.support.deployment import Deployment

pytestmark = pytest.mark.soak

_TRIES = 10_000


def _measured(
    one: Callable[[], None], other: Callable[[], None], *, tries: int = _TRIES
) -> tuple[float, float, float]:
    """Medians in microseconds, and the p-value that both take the same time."""
    times: tuple[list[float], list[float]] = ([], [])
    order = [0, 1] * tries
    random.shuffle(order)
    gc.disable()
    try:
        for which in order:
            begun = time.perf_counter()
            (one, other)[which]()
            times[which].append((time.perf_counter() - begun) * 1e6)
    finally:
        gc.enable()
    return statistics.median(times[0]), statistics.median(times[1]), _mann_whitney(*times)


def _wrong_verifier(challenge: str) -> Callable[[], None]:
    def attempt() -> None:
        try:
            check_verifier(challenge, _VERIFIER)
        except InvalidGrant:
            return

    return attempt


def test_an_early_and_a_late_difference_of_a_verifier_take_the_same_time() -> None:
    """S-043: 10,000 each, in random order."""
    made = challenges()
    early, late, p = _measured(_wrong_verifier(made["early"]), _wrong_verifier(made["late"]))
    print(f"\nS-043: medians {early:.2f} and {late:.2f} us, Mann-Whitney p = {p:.3f}")
    assert p > 0.001 or abs(early - late) < 0.02 * late


def test_an_early_and_a_late_difference_of_a_client_secret_take_the_same_time() -> None:
    """S-104: 10,000 each, in random order."""
    secret = new_secret()
    holder = client(secret_digest=secret_digest(secret))

    def wrong(presented: str) -> Callable[[], None]:
        def attempt() -> None:
            try:
                verify_secret(holder, presented)
            except WrongSecret:
                return

        return attempt

    early, late, p = _measured(wrong("A" + secret[1:]), wrong(secret[:-1] + "_"))
    print(f"\nS-104: medians {early:.2f} and {late:.2f} us, Mann-Whitney p = {p:.3f}")
    assert p > 0.001 or abs(early - late) < 0.02 * late


def test_the_time_of_an_introspection_tells_no_guesser_how_near_they_are(deployment: Deployment) -> None:
    """S-144: 2,000 each, in random order: opaque tokens that are nothing, that are one letter off a live one, and revoked.

    Nothing is compared letter by letter: a token is looked up by its digest. An unknown one costs a count beside that,
    which is what throttles who asks for many; a revoked one a look at what was revoked, in memory.
    """
    machines.api(deployment, token_form="opaque")
    service = machines.machine(deployment)
    machines.grant(deployment, service, machines.READ)
    live, revoked = (str(machines.token(service, resource=machines.API)["access_token"]) for _ in range(2))
    assert service.post("/revoke", {"token": revoked}).status_code == 200
    resource = deployment.wiring.registry.find_resource(machines.API)
    assert resource is not None
    services = replace(
        deployment.wiring.services,
        policy=replace(deployment.wiring.policy, unknown_tokens_per_window=1_000_000),
    )

    def asked(token: str) -> Callable[[], None]:
        def ask() -> None:
            assert _members(services, resource.resource, token, deployment.clock()) == {"active": False}

        return ask

    near = live[:-1] + ("A" if live[-1] != "A" else "B")
    far = "at_" + ("A" if live[3] != "A" else "B") * 43
    one, other, p = _measured(asked(far), asked(near), tries=2_000)
    unknown, dead, _ = _measured(asked(far), asked(revoked), tries=2_000)
    print(
        f"\nS-144: nothing like it {one:.0f} us, one letter off {other:.0f} us, Mann-Whitney p = {p:.3f}; ",
        end="",
    )
    print(f"unknown {unknown:.0f} us, revoked {dead:.0f} us")
    assert p > 0.001 or abs(one - other) < 0.05 * other
    assert abs(unknown - dead) < 1_000
