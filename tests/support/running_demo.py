"""`make demo` as a person starts it, in a folder and on ports of its own, until the end of the block."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyotp

from demo.place import Place
from idp.citizens import NewCitizen
from idp.new_citizens import Contact
from idp.records import Address
from idp.settings import Settings
from idp.wiring import Wiring
from tests.support.ports import free_ports
from tests.support.processes import start_server, stop_server, wait_until

ROOT = Path(__file__).resolve().parents[2]
_OFFSETS = (0, 1, 2, 3, 8, 9)
_STEP_SECONDS = 30
_BIRTH_YEARS = iter(range(10, 90))


@dataclass
class DemoCitizen:
    """Who can sign in. Each time step's code works once, and one step ahead is accepted: so two are at hand."""

    name: str
    user_id: str
    password: str
    totp_secret: str
    used_step: int = 0

    def code(self) -> str:
        """Six digits that the provider has not seen; waits for the next step where it must."""
        step = max(int(time.time()) // _STEP_SECONDS, self.used_step + 1)
        while step > int(time.time()) // _STEP_SECONDS + 1:
            time.sleep(0.2)
        self.used_step = step
        return pyotp.TOTP(self.totp_secret).at(step * _STEP_SECONDS)


@dataclass
class RunningDemo:
    """A demo that shows its screen."""

    directory: Path
    process: subprocess.Popen[bytes]
    output: Path
    facts: dict[str, Any]
    citizens: dict[int, DemoCitizen] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return str(self.facts["issuer"])

    @property
    def services(self) -> list[str]:
        """The addresses of Byggesager and Boligstøtte."""
        return [service["url"] for service in self.facts["services"]]

    def citizen(self, number: int) -> DemoCitizen:
        """One of those in demo.json."""
        return self.citizens.setdefault(number, DemoCitizen(**self.facts["citizens"][number]))

    def new_citizen(self, name: str) -> DemoCitizen:
        """A citizen of the test's own, whom no service has met; written beside the running provider."""
        birth = next(_BIRTH_YEARS)
        port_base = int(self.issuer.rpartition(":")[2])
        wiring = Wiring(Settings.from_environment(Place(self.directory, port_base).settings))
        try:
            access = wiring.new_citizens.add(
                NewCitizen(
                    f"{name.lower()}.{birth}",
                    f"7003{birth}{os.getpid() % 1000 + 1000}",
                    name,
                    "Prøve",
                    f"19{birth}-03-10",
                ),
                actor="operator:test",
                reason="a test",
                contact=Contact(address=Address("Havnegade 1", "9990", "Nordhavn", "DK")),
            )
        finally:
            wiring.close()
        return DemoCitizen(access.citizen.name, access.citizen.user_id, access.password, access.totp_secret)

    def adgang(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`. env && adgang …`, in a shell that knows nothing else of us."""
        done = subprocess.run(
            [
                "sh",
                "-c",
                '. "$0" && exec "$@"',
                str(self.directory / "env"),
                sys.executable,
                "-m",
                "idp",
                *words,
            ],
            cwd=ROOT,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done

    def interrupt(self) -> int:
        """Ctrl-C, pressed by somebody without patience, so that one signal meets another; the exit code."""
        for _ in range(20):
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


def free_port_base() -> int:
    """The first of ports that a demo can have."""
    return free_ports(max(_OFFSETS) + 1)[0]


@contextmanager
def running_demo(directory: Path, port_base: int) -> Iterator[RunningDemo]:
    """Start it, wait for its screen, and end it."""
    output = directory.with_suffix(".output")
    output.write_text("")
    process = start_server(demo_command(), output, cwd=ROOT, env=demo_environment(directory, port_base))
    try:
        wait_until(lambda: "Ctrl-C" in output.read_text(), process, output, seconds=100)
        facts = json.loads((directory / "demo.json").read_text())
        yield RunningDemo(directory, process, output, facts)
    finally:
        if process.poll() is None:
            stop_server(process, signal.SIGINT)


def demo_command() -> list[str]:
    """What the Makefile runs."""
    return [sys.executable, "-m", "demo.run"]


def demo_environment(directory: Path, port_base: int) -> dict[str, str]:
    return _environment() | {
        "ADGANG_DEMO_DIRECTORY": str(directory),
        "ADGANG_DEMO_PORT_BASE": str(port_base),
        "COLUMNS": "100",
    }


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ADGANG_")}
