"""Two hundred sign-ins at once: memory stays bounded, who finds no place is told to come back, the rest goes on."""

import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.support.citizen_browser import CitizenBrowser
from tests.support.served import Served, prepare, serving, serving_environment

SIGN_INS = 200
MIB = 1024


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    environment = serving_environment(
        tmp_path, ADGANG_WORKERS="1", ADGANG_FAILED_SIGN_INS_PER_ADDRESS="100000"
    )
    prepare(environment)
    with serving(environment, tmp_path / "serve.log") as running:
        yield running


def kib(pid: int, what: str) -> int:
    """Of a process's memory (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (found,) = (line for line in lines if line.startswith(f"{what}:"))
    return int(found.split()[1])


def test_probe(served: Served) -> None:
    browser = CitizenBrowser(served.issuer)
    page = browser.get("/me/security")
    form = page.form("/password")
    (worker,) = served.workers()
    base = kib(worker, "VmRSS")
    Path(f"/proc/{worker}/clear_refs").write_text("5")
    stop = threading.Event()
    times = {"/jwks": [], "/healthz": []}

    def watch(path: str) -> None:
        with requests.Session() as session:
            while not stop.is_set():
                begun = time.perf_counter()
                assert session.get(served.issuer + path, timeout=10).ok
                times[path].append(time.perf_counter() - begun)
                time.sleep(0.01)

    def sign_in(n: int) -> requests.Response:
        return requests.post(
            served.issuer + form.action,
            data={**form.fields, "user_id": f"nobody.{n}", "password": "x" * 12},
            headers={"Sec-Fetch-Site": "same-origin", "Origin": served.issuer},
            cookies=browser.session.cookies,
            timeout=60,
        )

    watchers = [threading.Thread(target=watch, args=(path,)) for path in times]
    for w in watchers:
        w.start()
    time.sleep(0.5)
    begun = time.perf_counter()
    with ThreadPoolExecutor(SIGN_INS) as pool:
        answers = list(pool.map(sign_in, range(SIGN_INS)))
    took = time.perf_counter() - begun
    stop.set()
    from collections import Counter

    print(took, Counter(a.status_code for a in answers), base, kib(worker, "VmHWM"))
    for p, t in times.items():
        print(p, len(t), statistics.median(t), max(t), sorted(t)[int(len(t) * 0.95)])
    assert 0
