"""Ten minutes of slow clients before the proxy, while honest ones ask on. `make soak` prints what it measured."""

import pytest

from tests.attacks.test_faults_proxy import Proxied, behind, proxied, running
from tests.attacks.test_faults_slow_clients import behind_the_proxy, honest

__all__ = ["behind", "proxied", "running"]

pytestmark = pytest.mark.soak


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_ten_minutes_of_slow_clients_cost_honest_ones_next_to_nothing(proxied: Proxied) -> None:
    """S-349: 100 slow headers, bodies and readers each, and 100 silent connections; at least 99.9 % are answered."""
    told = {"headers": {"Host": "adgang.localhost"}, "verify": False}
    _, _, _, calm = honest(f"https://localhost:{proxied.port}/jwks", 20, **told)
    asked, failed, median, slowest = behind_the_proxy(proxied, 600, 100, 100)
    print(
        f"\nS-349: {asked} asked, {failed} failed, median {median:.0f} ms, p99 {slowest:.0f} ms (calm {calm:.0f} ms)"
    )
    assert failed <= asked / 1000
    assert slowest <= max(2 * calm, 200)
