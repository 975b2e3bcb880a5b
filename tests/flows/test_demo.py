"""`make demo`: a second start, ports that are taken, the end by Ctrl-C, and `adgang` beside it."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.support.citizen_browser import CitizenBrowser
from tests.support.needs import needs
from tests.support.running_demo import (
    ROOT,
    RunningDemo,
    demo_command,
    demo_environment,
    free_port_base,
    running_demo,
)

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("demo") / "state", free_port_base()) as running:
        yield running


def start_and_fail(directory: Path, port_base: int) -> str:
    """What a demo that cannot start says; it must be sentences, never a stack trace."""
    done = subprocess.run(
        demo_command(),
        cwd=ROOT,
        env=demo_environment(directory, port_base),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    return " ".join(done.stderr.split())


def living() -> dict[int, int]:
    """Every process of this machine with its parent."""
    parents: dict[int, int] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = status.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if after_name[0] not in "ZX":
            parents[int(status.parent.name)] = int(after_name[1])
    return parents


def descendants(process_id: int) -> set[int]:
    """Every process that this one started, and those that they started."""
    parents, found, before = living(), {process_id}, 0
    while len(found) > before:
        before = len(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {process_id}


def still_living(family: set[int], patience_seconds: float, *, all_but: int = 0) -> set[int]:
    """Those of the family that have not ended by then; waits until no more than `all_but` are left."""
    deadline = time.monotonic() + patience_seconds
    while len(left := family & living().keys()) > all_but and time.monotonic() < deadline:
        time.sleep(0.1)
    return left


def test_the_screen_and_demo_json_tell_the_same(demo: RunningDemo) -> None:
    shown = demo.output.read_text()
    for citizen in demo.facts["citizens"]:
        assert all(citizen[fact] in shown for fact in ("name", "user_id", "password"))
        assert citizen["totp_secret"] not in shown
    for url in (demo.issuer, *demo.services):
        assert url in shown
        with urlopen(url, timeout=10) as page:
            assert page.status == 200


def test_its_env_points_any_command_at_the_running_demo(demo: RunningDemo) -> None:
    examined = demo.adgang("doctor")
    assert "ok" in examined.stdout and "active key" in examined.stdout
    user_id = demo.facts["citizens"][0]["user_id"]
    assert user_id in demo.adgang("citizens", "find", user_id, "--reason", "a test").stdout
    for name in ("env", "demo.json"):
        assert (demo.directory / name).stat().st_mode & 0o077 == 0, "others may not read it"


def test_a_busy_port_is_told_with_what_to_do(demo: RunningDemo, tmp_path: Path) -> None:
    base = int(demo.issuer.rpartition(":")[2])
    said = start_and_fail(tmp_path / "second", base)
    assert f"Port {base} is taken" in said and "ADGANG_DEMO_PORT_BASE=" in said
    said = start_and_fail(tmp_path / "second", base - 1)
    assert f"Port {base} is taken" in said, "a port of a service counts too"


def test_a_second_demo_in_the_same_place_is_told_so(demo: RunningDemo) -> None:
    assert "running here already" in start_and_fail(demo.directory, free_port_base())


def test_a_port_that_is_none_is_told(tmp_path: Path) -> None:
    assert "must be a port" in start_and_fail(tmp_path / "state", 70_000)


def test_ctrl_c_ends_every_process_and_a_second_start_knows_the_same_citizens(tmp_path: Path) -> None:
    needs(Path("/proc/self/stat").exists(), "/proc")
    directory, base = tmp_path / "state", free_port_base()
    with running_demo(directory, base) as first:
        family = descendants(first.process.pid)
        assert len(family) >= 6, "store, provider with two workers, two services"
        assert first.interrupt() == 0
        assert still_living(family, 0) == set()
        assert "Traceback" not in first.output.read_text()
    with running_demo(directory, base + 1) as second:  # the services' addresses move with it
        assert second.facts["citizens"] == first.facts["citizens"]
        assert second.issuer.endswith(f":{base + 1}")
        family = descendants(second.process.pid)
        second.process.kill()  # no last word
        second.process.wait()
    left = still_living(family, 20, all_but=1)
    assert len(left) <= 1, "only the store stays"
    with running_demo(directory, base) as third:
        assert third.interrupt() == 0
    assert still_living(left, 5) == set(), "the next start takes the store over, and ends it"


def test_the_outbox_shows_what_the_provider_sent(demo: RunningDemo) -> None:
    """A citizen who is blocked is told; the mail stands on the demo's page and goes nowhere else."""
    citizen, outbox = demo.facts["citizens"][2], demo.facts["outbox"]
    assert outbox in demo.output.read_text()
    for act in ("block", "unblock"):
        demo.adgang("citizens", act, citizen["user_id"], "--reason", "a test", "--yes")
    deadline, shown = time.monotonic() + 30, ""
    while "Din adgang er åbnet igen" not in shown and time.monotonic() < deadline:
        time.sleep(0.2)
        with urlopen(outbox, timeout=10) as page:
            shown = page.read().decode()
    assert "Din adgang er åbnet igen" in shown and "Din adgang er spærret" in shown, shown
    assert f"{citizen['user_id']}@post.example" in shown


def test_a_device_is_let_in_by_a_citizen_who_types_its_code(demo: RunningDemo) -> None:
    """RFC 8628: `make device`, and the citizen at the page that it names."""
    device = subprocess.Popen(
        [sys.executable, "-u", "-m", "demo.device"],
        cwd=ROOT,
        env=demo_environment(demo.directory, int(demo.issuer.rpartition(":")[2])),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert device.stdout is not None
    shown = " ".join((device.stdout.readline() + device.stdout.readline()).split())
    user_code, name = re.findall(r"type (\S+)\. This device is called (.+?):", shown)[0]
    citizen, browser = demo.new_citizen("Vagn"), CitizenBrowser(demo.issuer)
    page = browser.sign_in(browser.get("/device"), citizen.user_id, citizen.password, citizen.code())
    page = browser.submit(page, "/device", user_code=user_code)
    assert name in page.words and "Vandmåler" in page.words
    assert "device-answered" in browser.submit(page, "/device", decision="accept").ids
    assert "Hello, Vagn." in device.communicate(timeout=30)[0]
    assert device.returncode == 0
