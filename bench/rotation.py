"""Rotations under load: two real nodes, one pair of stores, clients that cache the JWKS as `Cache-Control` says.

    python -m bench.rotation [--rotations 20] [--period 60] [--max-age 20] [--per-second 40]

Such a client never fetches again because of an unknown `kid`: that would hide what is measured here. Several of them
cache in different phases, so that at every moment one holds a JWKS that is nearly `max-age` old. Each signed token of
each answer is verified by all of them; what a key that has gone signed is verified once more, some seconds later.
Operators rotate with `adgang keys rotate`, by the evidence that the nodes have gathered.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from bench.nodes import Node
from bench.wire import BenchClient
from bench.world import World
from idp.clock import system_clock
from idp.secrets_directory import create_secrets
from idp.settings import Settings
from idp.wiring import Wiring
from migrations import upgrade

_PHASES = 3
_LATER = 8.0
"""Seconds after which a token is verified once more."""
_SKEW = 10


@dataclass
class Figures:
    rotations: int = 0
    tokens: int = 0
    kids: set[str] = field(default_factory=set)
    verifications: int = 0
    failed_verifications: int = 0
    jwks_fetches: int = 0
    requests_refused: int = 0
    refusals: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def told(self) -> str:
        return json.dumps({**asdict(self), "kids": len(self.kids)}, indent=2)


class CachingClient:
    """Keeps the JWKS for `max-age`, and not an unknown `kid` makes it fetch sooner."""

    def __init__(self, path: str, nodes: list[Node], figures: Figures) -> None:
        self._path, self._nodes, self._figures = path, nodes, figures
        self._fetched = 0
        self._fresh_until = 0.0
        self._keys: dict[str, Any] = {}

    def verify(self, token: str) -> None:
        self._figures.verifications += 1
        self._refresh()
        header = jws.extract_compact(token.encode()).headers()
        key = self._keys.get(header["kid"])
        try:
            if key is None:
                raise ValueError("unknown kid")
            jws.deserialize_compact(token, key, algorithms=[key.alg or "ES256"])
        except (JoseError, ValueError):
            self._figures.failed_verifications += 1

    def _refresh(self) -> None:
        if time.monotonic() < self._fresh_until:
            return
        node = self._nodes[self._fetched % len(self._nodes)]
        status, headers, body = node.get(self._path)
        assert status == 200, status
        age = re.search(r"max-age=(\d+)", headers["cache-control"])
        assert age is not None
        self._keys = {str(key.kid): key for key in KeySet.import_key_set(json.loads(body)).keys}
        self._fresh_until = time.monotonic() + int(age[1])
        self._fetched += 1
        self._figures.jwks_fetches += 1


class RotationRun:
    """Two nodes on these stores. `run` answers with the figures."""

    def __init__(self, folder: Path, sql_url: str, redis_url: str, max_age: int) -> None:
        self._stack = ExitStack()
        _first_keys_of_long_ago(folder, sql_url, redis_url)
        self.world = World(folder, sql_url, redis_url)
        self._stack.callback(self.world.close)
        self.world.add_citizens(1)
        self.environment = self.world.environment | {
            "ADGANG_JWKS_MAX_AGE_SECONDS": str(max_age),
            "ADGANG_JWKS_SLOWEST_CACHE_SECONDS": str(max_age),
            "ADGANG_CLOCK_SKEW_SECONDS": str(_SKEW),
            "ADGANG_KEY_SCHEDULE_SECONDS": "1",
        }
        self.handle = self._register_caches(max_age)
        self.nodes = [
            Node(self.environment, folder / "node-a", port=self.world.port),  # the issuer's own address
            Node(self.environment, folder / "node-b"),
        ]
        self._stack.callback(self._stop)
        for node in self.nodes:
            node.wait()

    def _register_caches(self, max_age: int) -> str:
        """The handle of the client that gets tokens; both keep the JWKS for `max_age`."""
        self._change(self.world.with_key, "private_key_jwt", max_age)
        return self._change(self.world.with_secret, "client_secret_basic", max_age)

    def _change(self, client: BenchClient, method: str, max_age: int) -> str:
        services, key = self.world.wiring.registry_services, client.key
        assert key is not None
        metadata = self.world._metadata(method, key)
        metadata |= {"jwks_cache_seconds": max_age, "jwks_uri_handle": "new"}

        def work(tx: Any) -> str | None:
            registrations = services.registrations
            changed = registrations.change(tx, client.client_id, metadata, actor="operator:bench")
            return changed.client.jwks_uri_handle

        return services.transact(work) or ""

    def adgang(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """One command of an operator."""
        return subprocess.run(
            [sys.executable, "-m", "idp", *words],
            env=self.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def run(self, rotations: int, period: float, per_second: float) -> Figures:
        figures = Figures()
        clients = [CachingClient(f"/jwks/{self.handle}", self.nodes, figures) for _ in range(_PHASES)]
        waiting: deque[tuple[float, str]] = deque()
        begun = time.monotonic()
        rotate_at, number = begun + _LATER, 0
        command: subprocess.Popen[str] | None = None
        while (now := time.monotonic()) < begun + _LATER + 2 * rotations * period:
            if command is None and now >= rotate_at:
                if figures.rotations == rotations:  # and the last key has been in use for a period
                    break
                command = self._begin_rotation()
            if command is not None and command.poll() is not None:
                self._end_rotation(command, figures)
                command, rotate_at = (
                    None,
                    now + period,
                )  # from its end: on a busy machine a command takes a while
            for token in self._issue(self.nodes[number % 2], figures):
                figures.tokens += 1
                figures.kids.add(str(jws.extract_compact(token.encode()).headers()["kid"]))
                waiting.append((now + _LATER, token))
                for client in clients:
                    client.verify(token)
            while waiting and waiting[0][0] <= now:
                clients[number % _PHASES].verify(waiting.popleft()[1])
            number += 1
            time.sleep(max(0.0, begun + number / per_second - time.monotonic()))
        figures.seconds = time.monotonic() - begun
        return figures

    def _begin_rotation(self) -> "subprocess.Popen[str]":
        words = ["keys", "rotate", "--algorithm", "ES256", "--yes", "--as", "bench", "--reason", "a bench"]
        return subprocess.Popen(
            [sys.executable, "-m", "idp", *words],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def _end_rotation(self, command: "subprocess.Popen[str]", figures: Figures) -> None:
        _, errors = command.communicate()
        if command.returncode == 0:
            figures.rotations += 1
        else:
            figures.refusals.append(errors.strip())

    def _issue(self, node: Node, figures: Figures) -> list[str]:
        request = self.world.exchanges(self.world.with_secret, 1)[0]
        status, _, body = node.ask(request)
        if status != 200:
            figures.requests_refused += 1
            return []
        answer = json.loads(body)
        return [answer["id_token"], answer["access_token"]]

    def _stop(self) -> None:
        for node in self.nodes:
            node.stop()

    def close(self) -> None:
        self._stack.close()


def _first_keys_of_long_ago(folder: Path, sql_url: str, redis_url: str) -> None:
    """So that the first rotation need not wait for its successor to be known."""
    create_secrets(folder / "secrets")
    settings = Settings.from_environment(
        {
            "ADGANG_ISSUER": "https://id.nordhavn.example",
            "ADGANG_SECRETS_DIRECTORY": str(folder / "secrets"),
            "ADGANG_STATE_DIRECTORY": str(folder),
            "ADGANG_DATABASE_URL": sql_url,
            "ADGANG_REDIS_URL": redis_url,
        }
    )
    wiring = Wiring(settings, lambda: system_clock() - timedelta(hours=1))
    upgrade(wiring.database.writing)
    wiring.ensure_keys()
    wiring.close()


def main() -> None:
    arguments = argparse.ArgumentParser(description="Rotations under load.")
    arguments.add_argument("--rotations", type=int, default=20)
    arguments.add_argument("--period", type=float, default=60.0)
    arguments.add_argument("--max-age", type=int, default=20)
    arguments.add_argument("--per-second", type=float, default=40.0, help="Token requests.")
    arguments.add_argument("--sql-url", default="")
    arguments.add_argument("--redis-url", default=os.environ.get("ADGANG_BENCH_REDIS_URL", ""))
    chosen = arguments.parse_args()
    from idp.storage import embedded_valkey

    with tempfile.TemporaryDirectory(prefix="adgang-rotation-") as name:
        folder = Path(name)
        store = None if chosen.redis_url else embedded_valkey.start(folder / "valkey")
        run = RotationRun(
            folder,
            chosen.sql_url or f"sqlite:///{folder / 'adgang.sqlite3'}",
            chosen.redis_url or (store.url if store else ""),
            chosen.max_age,
        )
        try:
            figures = run.run(chosen.rotations, chosen.period, chosen.per_second)
        finally:
            run.close()
            if store is not None:
                store.stop()
    print(figures.told())
    raise SystemExit(bool(figures.failed_verifications or figures.rotations < chosen.rotations))


if __name__ == "__main__":
    main()
