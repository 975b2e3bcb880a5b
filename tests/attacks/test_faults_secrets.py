"""Secrets that are none, keys that are too short, and clocks in other places."""

import base64
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.errors import ConfigurationFaults
from idp.secrets_directory import create_secrets, read_secrets
from idp.tokens.subject import Subjects
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, running_deployment
from tests.support.journey import begin
from tests.support.relying_party import claims_of

NAMES = ("key-encryption-key", "pepper", "subject-secret", "index-secret")


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode() + "\n"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        encoded(b""),
        encoded(b"k" * 31),
        encoded(b"k" * 33),
        encoded(b"k" * 16),
        "k" * 32 + "\n",
        "æ" * 43,
    ],
    ids=["empty", "a line", "nothing", "31 bytes", "33 bytes", "16 bytes", "plain text", "no base64"],
)
def test_a_key_of_another_length_is_refused(tmp_path: Path, name: str, text: str) -> None:
    """S-171, S-396: every file, with its name; nothing of it is told."""
    create_secrets(tmp_path / "secrets")
    (tmp_path / "secrets" / name).write_text(text)
    with pytest.raises(ConfigurationFaults) as refused:
        read_secrets(tmp_path / "secrets")
    (fault,) = refused.value.faults
    assert name in fault and (not text.strip() or text.strip() not in fault)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("raw", [bytes(32), b"A" * 32, b"changeme" * 4, b"secret01" * 4, bytes(range(8)) * 4])
def test_a_secret_that_somebody_made_up_is_refused(tmp_path: Path, name: str, raw: bytes) -> None:
    """S-396: of the right length, but no more random than a default."""
    create_secrets(tmp_path / "secrets")
    (tmp_path / "secrets" / name).write_text(encoded(raw))
    with pytest.raises(ConfigurationFaults) as refused:
        read_secrets(tmp_path / "secrets")
    (fault,) = refused.value.faults
    assert name in fault and "random" in fault


def test_secrets_that_we_make_are_taken(tmp_path: Path) -> None:
    for n in range(200):
        create_secrets(tmp_path / str(n))
        read_secrets(tmp_path / str(n))


@pytest.mark.parametrize("length", [0, 1, 16, 31])
def test_subjects_are_not_made_with_a_short_secret(length: int) -> None:
    """S-171."""
    with pytest.raises(ValueError, match="32 bytes"):
        Subjects(b"s" * length)


@pytest.fixture(params=["Pacific/Kiritimati", "America/St_Johns", "Europe/Copenhagen"])
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """This process in another time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def test_the_time_zone_of_the_machine_changes_nothing(
    elsewhere: str, tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock
) -> None:
    """S-396: nothing has to be refused, since every time inside is UTC."""
    with running_deployment(tmp_path, sqlite_url, valkey_url, clock) as deployment:
        journey = begin(deployment)
        signed_in_at = int(deployment.clock().timestamp())
        journey.sign_in()
        page = journey.answer()
        assert page.answer is not None, elsewhere
        tokens = journey.service.redeem(page.answer["code"], journey.asked.verifier).json()
        claims = claims_of(tokens["id_token"])
        assert (claims["auth_time"], claims["iat"], claims["exp"]) == (
            signed_in_at,
            signed_in_at,
            signed_in_at + 300,
        )
        check_sessions(deployment)


def check_sessions(deployment: Deployment) -> None:
    """What SQL kept of times is what was put there."""
    citizen = next(iter(deployment.citizens.values())).citizen
    entries = list(deployment.wiring.services.ledger.of_citizen(citizen.citizen_id))
    assert entries[-1].at == deployment.clock() and entries[-1].at.utcoffset() is not None
