"""The server under load: `adgang serve` with one worker, pinned to one core. Time and memory as Linux counts them."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Collection, Sequence
from pathlib import Path

PROVIDER_CORE, GENERATOR_CORE = 0, 1


def pin(*cores: int) -> None:
    """Run on these cores alone, where there are two."""
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, cores)


class MeasuredProcess:
    """A server on the provider's core, from its first answer on; with all its children."""

    def __init__(
        self,
        command: Sequence[str],
        issuer: str,
        *,
        environment: dict[str, str],
        log: Path,
        directory: Path | None = None,
        cores: Collection[int] = (PROVIDER_CORE,),
    ) -> None:
        self._log = log
        self.issuer = issuer
        begun = time.monotonic()
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=environment,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: pin(*cores),
            )
        self._wait()
        self.start_seconds = time.monotonic() - begun

    @property
    def worker(self) -> int:
        """The child with the most memory (granian's worker, not its watchman); a server without children itself."""
        return max(_descendants(self._process.pid) or [self._process.pid], key=_resident)

    def cpu_seconds(self) -> float:
        """Processor time of all its processes since their start."""
        return sum(_cpu(pid) for pid in self._all())

    def worker_mib(self) -> float:
        return _resident(self.worker) / 2**20

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(40)

    def _all(self) -> list[int]:
        return [self._process.pid, *_descendants(self._process.pid)]

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"{self.issuer}/jwks", timeout=2) as answer:
                    assert answer.status == 200
                return
            except (urllib.error.URLError, OSError):
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"The server did not start:\n{self._log.read_text()[-3000:]}") from None
                time.sleep(0.005)


class RunningProvider(MeasuredProcess):
    """`adgang serve`; `worker` is the process that answers."""

    def __init__(
        self, environment: dict[str, str], log: Path, *, cores: Collection[int] = (PROVIDER_CORE,)
    ) -> None:
        command, issuer = [sys.executable, "-m", "idp", "serve"], environment["ADGANG_ISSUER"]
        super().__init__(command, issuer, environment=environment, log=log, cores=cores)


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found


def _cpu(pid: int) -> float:
    """By the process's own clock (clock_getcpuclockid(3)): to the nanosecond, and with threads that have ended."""
    return time.clock_gettime((~pid << 3) | 2)


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
