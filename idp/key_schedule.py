"""The schedule of signing keys inside a serving process (keys.md, rules 2, 3 and 9).

Every worker of every node runs it; the moves themselves are compare-and-set, so one acts and the others find it done,
whichever dies. Writes down, too, what clients did since the last time (traffic.py): it is the evidence that a move is
decided by. Does not decide what is due: keys.schedule does.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from clients_registry.ports import ClientUses
from idp.errors import StoreUnavailable
from idp.jwks_clients import JwksClients
from idp.key_metrics import KeyMetrics
from idp.traffic import Notes, Traffic
from keys.errors import KeysError
from keys.key_ring import KeyRing
from keys.ports import Fetches, Tx
from keys.schedule import ANOTHER_WAS_FIRST, Outcome, run_due
from keys.services import KeysServices

_log = logging.getLogger(__name__)


class KeySchedule:
    """`start()` once in a process; `run_once()` is one turn."""

    def __init__(
        self,
        *,
        services: Callable[[], KeysServices],
        traffic: Traffic,
        clients: JwksClients,
        fetches: Fetches,
        uses: ClientUses,
        key_ring: KeyRing,
        every: timedelta,
        metrics: KeyMetrics,
    ) -> None:
        self._services = services
        self._traffic = traffic
        self._clients = clients
        self._fetches = fetches
        self._uses = uses
        self._key_ring = key_ring
        self._every = every
        self._metrics = metrics
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin; the thread ends with its process."""
        threading.Thread(target=self._run, daemon=True, name="key-schedule").start()

    def stop(self) -> None:
        self._ended.set()

    def run_once(self) -> list[Outcome]:
        """Write the notes down, then do what is due. Never raises: the next turn comes anyhow."""
        try:
            services = self._services()
            self._keep(services, self._traffic.take())
            outcomes = run_due(services)
        except (StoreUnavailable, KeysError) as fault:
            _log.warning("key schedule held up", extra={"why": str(fault)})
            self._metrics.held_up()
            return []
        except Exception:  # noqa: BLE001  a thread that ends for an unforeseen error would never rotate again
            _log.exception("key schedule failed")
            self._metrics.held_up()
            return []
        finally:
            self._metrics.ring(self._key_ring)
        _tell(outcomes)
        self._metrics.ran(services.clock(), outcomes, services.policy.algorithms)
        return outcomes

    def _run(self) -> None:
        while not self._ended.wait(self._every.total_seconds()):
            self.run_once()

    def _keep(self, services: KeysServices, notes: Notes) -> None:
        """By the store's clock: what was published is dated by it, and evidence is held against that."""
        store = services.store_time()
        ahead = store - services.clock() if store is not None else timedelta()
        fetched: dict[str, datetime] = {}
        for fetch, client in self._clients.who(notes.fetches):
            at = notes.fetches[fetch] + ahead
            fetched[client.client_id] = max(at, fetched.get(client.client_id, at))
        used = {client_id: at + ahead for client_id, at in notes.uses.items()}
        if not fetched and not used:
            return

        def write(tx: Tx) -> None:
            for client_id in sorted(fetched):
                self._fetches.record(tx, client_id, fetched[client_id])
            for client_id in sorted(used):
                self._uses.record(tx, client_id, used[client_id])

        services.transact(write)


def _tell(outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        facts = {
            "act": outcome.move.act.value,
            "algorithm": outcome.move.algorithm,
            "kid": outcome.move.kid or "",
        }
        if outcome.waits_for:
            _log.warning("key move waits for clients", extra={**facts, "clients": list(outcome.waits_for)})
        elif outcome.left_behind:
            _log.warning(
                "key move done without clients", extra={**facts, "clients": list(outcome.left_behind)}
            )
        elif outcome.done:
            _log.info("key moved", extra=facts)
        elif outcome.why_not != ANOTHER_WAS_FIRST:
            _log.warning("key move refused", extra={**facts, "why": outcome.why_not})
