"""`make demo`: the whole of Adgang on one machine, until Ctrl-C.

    embedded Valkey ◀── provider (2 workers, port 8000) ◀── Byggesager (8001), Boligstøtte (8002)
                                  └──e-mails──▶ mailbox (8003)

Everything it keeps is under `var/demo/`. A second run goes on with the same citizens.
"""

import fcntl
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from demo import screen
from demo.parties import services_with_a_page
from demo.place import Place, Trouble, this_place
from demo.processes import Family, answers, check_port
from demo.seed import prepare, seed
from idp.errors import ConfigurationFaults
from idp.storage import embedded_valkey


def main() -> int:
    """Run until a signal; 0 when it ended as asked, 1 with a sentence when it could not go on."""
    console = Console(highlight=False)
    asked_to_end = _AskedToEnd()
    for signal_ in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_, lambda *_: asked_to_end.set())
    try:
        place = this_place()
        with _alone(place):
            _run(place, console, asked_to_end)
    except Trouble as trouble:
        Console(stderr=True, highlight=False).print(str(trouble), markup=False, soft_wrap=True)
        return 1
    except ConfigurationFaults as faults:
        Console(stderr=True, highlight=False).print("\n".join(faults.faults), markup=False, soft_wrap=True)
        return 1
    return 0


class _AskedToEnd:
    """What a signal asked for. The next one may come while this one is handled, so nothing here takes a lock."""

    def __init__(self) -> None:
        self._asked = False

    def set(self) -> None:
        self._asked = True

    def is_set(self) -> bool:
        return self._asked

    def wait(self, seconds: float) -> bool:
        if not self._asked:
            time.sleep(seconds)
        return self._asked


def _run(place: Place, console: Console, asked_to_end: "_AskedToEnd") -> None:
    for port in (
        place.port_base,
        *(place.port_base + o for _, o in services_with_a_page()),
        place.outbox_port,
        place.mail_port,
        place.admin_port,
    ):
        check_port(port, place.port_base)
    place.write_env()
    store = embedded_valkey.start(place.directory / "valkey")
    family = Family()
    try:
        with console.status("Preparing the provider"):
            prepare(place)
            facts = seed(place)
        if asked_to_end.is_set():
            return
        with console.status("Starting the provider and two services"):
            _start(place, family)
        screen.show(console, facts, place)
        while not asked_to_end.wait(0.5):
            family.check()
        console.print("Ending the demo.")
    finally:
        family.end()
        store.stop()


def _start(place: Place, family: Family) -> None:
    family.start(
        "The mailbox",
        [
            sys.executable, "-m", "demo.outbox", str(place.mail_port), str(place.outbox_port), place.issuer,
        ],
        environment=place.environment,
        log=place.log("outbox"),
    )  # fmt: skip
    family.start(
        "The provider",
        [sys.executable, "-m", "idp", "serve"],
        environment=place.environment,
        log=place.log("provider"),
    )
    family.wait_until(lambda: answers(f"{place.issuer}/healthz"), "The provider")
    for organisation, _ in services_with_a_page():
        slug = organisation.service.slug
        family.start(
            organisation.service.name,
            [sys.executable, "-m", "demo.service", str(place.service_configuration(slug))],
            environment=place.environment,
            log=place.log(slug),
        )
    family.wait_until(lambda: answers(f"{place.outbox_url}/healthz"), "The mailbox")
    for organisation, offset in services_with_a_page():
        url = place.url(organisation.service.slug, offset)
        family.wait_until(lambda url=url: answers(f"{url}/healthz"), organisation.service.name)  # type: ignore[misc]


@contextmanager
def _alone(place: Place) -> Iterator[Any]:
    """Two demos in one directory would share citizens and sessions; the second is told."""
    place.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path: Path = place.directory / "lock"
    with path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble(
                "A demo is running here already. End it first, with Ctrl-C in its window."
            ) from None
        yield


if __name__ == "__main__":
    sys.exit(main())
