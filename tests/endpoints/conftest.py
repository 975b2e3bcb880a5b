"""The fixtures of tests in which foreign software speaks to the provider."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clock import MovingClock
from tests.support.deployment import Deployment, running_deployment
from tests.support.fapi_variants import AUTHORITY, VARIANTS, Make, maker
from tests.support.mutual_tls import BehindHaproxy, behind_haproxy
from tests.support.openid_client import OpenidClient, openid_client


@pytest.fixture
def live_deployment(tmp_path: Path, sqlite_url: str, valkey_url: str) -> Iterator[Deployment]:
    """A running provider whose clock is the real one, within the skew that clients allow."""
    with running_deployment(tmp_path, sqlite_url, valkey_url, MovingClock()) as running:
        yield running


@pytest.fixture
def every_algorithm(tmp_path: Path, postgresql_url: str, valkey_url: str) -> Iterator[Deployment]:
    """As `live_deployment`, with keys for every algorithm that a client may register."""
    algorithms = {"ADGANG_KEY_ALGORITHMS": "ES256,RS256,PS256,EdDSA,Ed25519"}
    with running_deployment(tmp_path, postgresql_url, valkey_url, MovingClock(), **algorithms) as running:
        yield running


@pytest.fixture
def library() -> Iterator[OpenidClient]:
    """openid-client, which knows nothing yet."""
    with openid_client() as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, sqlite_url: str, valkey_url: str) -> Iterator[BehindHaproxy]:
    """A running provider by the real clock, behind HAProxy for whoever shows a certificate."""
    with behind_haproxy(tmp_path, sqlite_url, valkey_url, MovingClock(), AUTHORITY) as running:
        yield running


@pytest.fixture(params=VARIANTS, ids=lambda variant: "+".join(variant))
def make(world: BehindHaproxy, library: OpenidClient, request: pytest.FixtureRequest) -> Make:
    """A maker of services of each variant in turn (tests/support/fapi_variants.py)."""
    return maker(world, library, *request.param)
