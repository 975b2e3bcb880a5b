"""Invitations by the thousand: `adgang citizens invite` with a list, on all processors; rate, and memory over time.

    python -m bench.letters [--people 5000]

The command runs as an operator starts it, in a process of its own with workers of its own. Memory is the sum over them,
read four times a second; flat means that the second half needs no more than the first.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pypdf import PdfReader

_NAMES = (
    "Freja Holm",
    "Łukasz Żółć",
    "Ștefan Ćirić",
    "Ελένη Παπαδοπούλου",
    "Юлия Щукина",
    "Áslaug Þórðardóttir",
)
_LANGUAGES = ("da", "en", "nb")


@dataclass
class Figures:
    people: int
    seconds: float = 0.0
    per_second: float = 0.0
    processor_seconds: float = 0.0
    files: int = 0
    megabytes_on_disk: float = 0.0
    rss_first_half_mb: float = 0.0
    rss_second_half_mb: float = 0.0
    hundred_thousand_minutes: float = 0.0
    aim_minutes: float = 30.0
    """On two cores, with memory flat."""
    samples: list[float] = field(default_factory=list, repr=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=5000)
    people = parser.parse_args().people
    folder = Path(tempfile.mkdtemp(prefix="adgang-letters-"))
    try:
        figures = measure(folder, people)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    shown = {name: value for name, value in asdict(figures).items() if name != "samples"}
    print(json.dumps(shown, indent=2))
    target = Path("var/bench/letters.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(shown, indent=2) + "\n")


def measure(folder: Path, people: int) -> Figures:
    """One run of the command."""
    environment = _prepare(folder)
    write_list(folder / "list.csv", people)
    figures, before, begun = Figures(people), os.times(), time.monotonic()
    command = [sys.executable, "-m", "idp", "citizens", "invite", str(folder / "list.csv")]
    process = subprocess.Popen(
        [*command, "--out", str(folder / "letters"), "--json"], env=environment, stdout=-1
    )
    while process.poll() is None:
        figures.samples.append(sum(_rss(pid) for pid in _family(process.pid)))
        time.sleep(0.25)
    answer = json.loads(process.stdout.read() if process.stdout else b"{}")
    if process.returncode or answer["invited"] != people:
        raise SystemExit(f"the command ended with {process.returncode}: {answer}")
    figures.seconds = round(time.monotonic() - begun, 1)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    figures.processor_seconds = round(used, 1)
    figures.per_second = round(people / figures.seconds, 1)
    figures.hundred_thousand_minutes = round(100_000 / figures.per_second / 60, 1)
    files = [Path(name) for name in answer["files"]]
    figures.files = len(files)
    figures.megabytes_on_disk = round(sum(file.stat().st_size for file in files) / 1e6, 1)
    if len(PdfReader(files[-1]).pages) != (people - 1) % 500 + 1:
        raise SystemExit("the last file does not hold the last letters")
    half = len(figures.samples) // 2
    figures.rss_first_half_mb = round(max(figures.samples[:half]), 1)
    figures.rss_second_half_mb = round(max(figures.samples[half:]), 1)
    return figures


def write_list(path: Path, people: int) -> None:
    """People of the reserved form, with names from all over Europe."""
    with path.open("w") as file:
        file.write("cpr,name,address,language\n")
        for number in range(people):
            day, month, year = 61 + number % 28, 1 + number // 28 % 12, 10 + number // 336 % 80
            name, language = _NAMES[number % len(_NAMES)], _LANGUAGES[number % len(_LANGUAGES)]
            cpr = f"{day:02d}{month:02d}{year:02d}{number // 26_880 % 4}{number % 1000:03d}"
            file.write(f'{cpr},{name},"Havnegade {number}, 9990 Nordhavn",{language}\n')


def _prepare(folder: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("ADGANG_")}
    environment = ours | {
        "ADGANG_ISSUER": "https://adgang.example",
        "ADGANG_SECRETS_DIRECTORY": str(folder / "secrets"),
        "ADGANG_STATE_DIRECTORY": str(folder),
    }
    for words in (("secrets", "create", str(folder / "secrets")), ("migrate",)):
        subprocess.run(
            [sys.executable, "-m", "idp", *words], env=environment, check=True, capture_output=True
        )
    return environment


def _family(pid: int) -> Iterator[int]:
    """The process and all that it started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                yield from _family(int(child))
        except OSError:
            continue


def _rss(pid: int) -> float:
    """Resident megabytes; 0 where the process has just ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
