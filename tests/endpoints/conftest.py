"""The fixtures of tests in which foreign software speaks to the provider."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clock import MovingClock
from tests.support.deployment import Deployment, running_deployment


@pytest.fixture
def live_deployment(tmp_path: Path, sqlite_url: str, valkey_url: str) -> Iterator[Deployment]:
    """A running provider whose clock is the real one, within the skew that clients allow."""
    with running_deployment(tmp_path, sqlite_url, valkey_url, MovingClock()) as running:
        yield running
