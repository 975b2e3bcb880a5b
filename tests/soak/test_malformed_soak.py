"""Ten thousand malformed requests at 200 a second, beside honest traffic. `make soak` prints what it measured."""

import pytest

from tests.attacks.test_malformed_flood import Siege, hold, siege

__all__ = ["siege"]

pytestmark = pytest.mark.soak


def test_ten_thousand_malformed_requests_cost_honest_ones_next_to_nothing(siege: Siege) -> None:
    """S-415: no 500, no restart, nothing over a second, memory flat, honest traffic whole and at most half as fast."""
    found, calm, during, grown = hold(siege, 10_000, seed=20_415)
    told = dict(sorted(found.statuses.items(), key=lambda entry: -entry[1]))
    print(
        f"\nS-415: 10000 in {found.seconds:.0f} s, answered {told}, slowest {found.slowest * 1000:.0f} ms; "
        f"{len(during.milliseconds)} honest requests, none failed, p99 {during.p99():.0f} ms "
        f"(calm {calm.p99():.0f} ms); memory {grown:+.1%}"
    )
    assert found.a_second > 190
    assert found.slowest < 1.0
    assert grown < 0.05
    assert during.p99() <= max(2 * calm.p99(), 100)
