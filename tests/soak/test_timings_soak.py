"""How long comparisons of secrets take, wherever they differ. `make soak` prints what it measured."""

import gc
import random
import statistics
import time
from collections.abc import Callable

import pytest

from clients_registry.client_secrets import new_secret, secret_digest, verify_secret
from clients_registry.errors import WrongSecret
from idp.errors import InvalidGrant
from idp.protocol.pkce import check_verifier
from tests.attacks.test_constant_time import _VERIFIER, challenges
from tests.rules.registry_clients import client
from tests.soak.test_sign_in_soak import _mann_whitney

pytestmark = pytest.mark.soak

_TRIES = 10_000


def _measured(one: Callable[[], None], other: Callable[[], None]) -> tuple[float, float, float]:
    """Medians in microseconds, and the p-value that both take the same time."""
    times: tuple[list[float], list[float]] = ([], [])
    order = [0, 1] * _TRIES
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
