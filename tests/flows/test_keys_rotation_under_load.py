"""Real nodes rotate while a client that caches as it is told verifies every token."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.rotation import RotationRun

_MAX_AGE = 5
"""Seconds; a key is then known everywhere after 5 + 5 + 10 + 5."""


@pytest.fixture
def run(tmp_path: Path, sqlite_url: str, valkey_url: str) -> Iterator[RotationRun]:
    made = RotationRun(tmp_path, sqlite_url, valkey_url, _MAX_AGE)
    yield made
    made.close()


@pytest.mark.timeout(240)
def test_three_rotations_under_load_break_no_verification(run: RotationRun) -> None:
    """S-374, S-376: no refetch on an unknown kid, and nothing fails."""
    figures = run.run(rotations=3, period=26, per_second=10)
    print(figures.told())
    assert figures.rotations == 3, figures.refusals
    assert len(figures.kids) == 4
    assert figures.failed_verifications == 0
    assert figures.requests_refused == 0
    assert figures.verifications > 2_000
    evidence = run.adgang("keys", "rotate", "--algorithm", "ES256", "--dry-run", "--as", "test")
    assert "seen" in evidence.stdout, evidence
    _too_early_is_refused(run)


def _too_early_is_refused(run: RotationRun) -> None:
    words = ["keys", "rotate", "--algorithm", "ES256", "--yes", "--as", "test"]
    first, second = run.adgang(*words), run.adgang(*words)
    assert 1 in (first.returncode, second.returncode)
    assert "Clients may hold a JWKS without the key" in first.stderr + second.stderr


@pytest.mark.soak
@pytest.mark.timeout(2400)
def test_twenty_rotations_under_load_break_none_of_a_hundred_thousand_verifications(
    tmp_path: Path, sql_url: str, request: pytest.FixtureRequest
) -> None:
    """S-374, S-376, S-413: on SQLite with the embedded Valkey, and on PostgreSQL with the system's Redis."""
    redis = "system_redis_url" if sql_url.startswith("postgresql") else "valkey_url"
    run = RotationRun(tmp_path, sql_url, str(request.getfixturevalue(redis)), max_age=20)
    try:
        figures = run.run(rotations=20, period=60, per_second=15)
    finally:
        run.close()
    print(figures.told())
    assert figures.rotations == 20, figures.refusals
    assert figures.verifications >= 100_000
    assert figures.failed_verifications == 0
    assert figures.requests_refused == 0
