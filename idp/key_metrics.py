"""What is measured of the signing keys (keys.md, rule 9).

`KeyMetrics` is a worker's: what only it can know. `key_samples` is made from the store when somebody scrapes, so it
counts the moves of every node and of every operator. See metrics.py for why prometheus_client is imported late.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from keys.key import KeySet, Mark, Move, Refusal
from keys.key_ring import KeyRing
from keys.policy import KeyPolicy
from keys.rotation import Act, upcoming
from keys.schedule import ANOTHER_WAS_FIRST, Outcome
from keys.states import KeyState

if TYPE_CHECKING:
    from prometheus_client import Gauge
    from prometheus_client.metrics_core import GaugeMetricFamily


ORDERS = (
    "generate", "publish", "activate", "rotate", "deactivate", "compromise", "destroy", "reseal", "reconcile",
    "schedule",
)  # fmt: skip
"""The commands that change something; each is a series from the start."""


class KeyMetrics:
    """One per worker. Of several workers the worst counts, and one that has died counts no more."""

    def ran(self, now: datetime, outcomes: Sequence[Outcome], algorithms: Iterable[str]) -> None:
        """The schedule has had its turn."""
        self._ran_at.set(now.timestamp())
        self._begin_at_nought()
        waiting = {each.move.algorithm: len(each.waits_for) for each in outcomes}
        for algorithm in algorithms:
            self._overdue.labels(algorithm=algorithm).set(waiting.get(algorithm, 0))
        for each in outcomes:
            if not each.done and not each.waits_for and each.why_not != ANOTHER_WAS_FIRST:
                self._refused.labels(act=each.move.act.value).inc()
            if each.left_behind:
                self._left_behind.inc(len(each.left_behind))

    def _begin_at_nought(self) -> None:
        """A series that begins with its first event would hide that event from whoever watches for a rise."""
        for act in Act:
            self._refused.labels(act=act.value)
        _ = self._held_up, self._left_behind

    def held_up(self) -> None:
        """The schedule could do nothing."""
        self._held_up.inc()

    def ring(self, ring: KeyRing) -> None:
        status = ring.status()
        self._age.set(status.age.total_seconds())
        self._fault.set(1 if status.fault else 0)
        self._not_unsealing.set(len(ring.known().faults))

    @property
    def _ran_at(self) -> "Gauge":
        return _gauge(
            "key_schedule_ran_timestamp_seconds", "When the schedule of keys last had its turn.", "max"
        )

    @property
    def _overdue(self) -> "Gauge":
        words = "Clients that hold a rotation back, since they have not fetched the new key."
        return _gauge("signing_key_overdue_clients", words, "livemax", ("algorithm",))

    @property
    def _age(self) -> "Gauge":
        return _gauge("key_ring_age_seconds", "How old a worker's knowledge of the keys is.", "livemax")

    @property
    def _fault(self) -> "Gauge":
        return _gauge(
            "key_ring_fault", "1 where a worker cannot follow the keys; its log says why.", "livemax"
        )

    @property
    def _not_unsealing(self) -> "Gauge":
        return _gauge("signing_keys_not_unsealing", "Keys whose row does not open.", "livemax")

    @property
    def _held_up(self) -> Any:
        return _counter("key_schedule_held_up", "Turns of the schedule in which nothing could be done.")

    @property
    def _refused(self) -> Any:
        return _counter("signing_key_moves_refused", "Moves that were due and refused.", ("act",))

    @property
    def _left_behind(self) -> Any:
        return _counter("signing_key_clients_left_behind", "Clients that a rotation went on without.")


def key_samples(
    keys: KeySet,
    moves: Iterable[Move],
    refusals: Iterable[Refusal],
    mark: Mark | None,
    policy: KeyPolicy,
    now: datetime,
) -> "Iterator[GaugeMetricFamily]":
    """Families for prometheus_client, from what the store says."""
    age = _family("signing_key_age_seconds", "Since when the active key signs.", "algorithm")
    count = _family("signing_keys", "Keys, by state.", "algorithm", "state")
    for key in keys.keys:
        if key.state is KeyState.ACTIVE and key.activated_at is not None:
            age.add_metric([key.algorithm], (now - key.activated_at).total_seconds())
    for (algorithm, state), number in Counter((key.algorithm, key.state.value) for key in keys.keys).items():
        count.add_metric([algorithm, state], number)
    yield from (age, count, _next_moves(keys, policy, now))
    made = _family("signing_key_moves", "Moves since the first key, by everybody.", "algorithm", "to")
    begun = Counter({(algorithm, state.value): 0 for algorithm in policy.algorithms for state in KeyState})
    begun.update((move.algorithm, move.after.value) for move in moves)
    for (algorithm, to), number in begun.items():
        made.add_metric([algorithm, to], number)
    yield from _refused_orders(list(refusals))
    behind = _family(
        "key_set_behind", "1 where the database is older than what has existed: a restored backup."
    )
    behind.add_metric([], 1 if mark is not None and mark.version > keys.version else 0)
    yield from (made, behind)


def _refused_orders(refusals: Sequence[Refusal]) -> "Iterator[GaugeMetricFamily]":
    """By operators, whose processes end; the schedule's own refusals are `KeyMetrics`'."""
    refused = _family("signing_key_orders_refused", "Orders of operators that were refused.", "act")
    for act, number in Counter({act: 0 for act in ORDERS} | Counter(each.act for each in refusals)).items():
        refused.add_metric([act], number)
    unopened = _family(
        "signing_key_unseal_failures", "Orders of operators that met a row that does not open."
    )
    unopened.add_metric([], sum(not each.unsealed for each in refusals))
    yield from (refused, unopened)


def _next_moves(keys: KeySet, policy: KeyPolicy, now: datetime) -> "GaugeMetricFamily":
    found = _family(
        "signing_key_next_move_seconds", "Time to the next move; below zero it is late.", "algorithm", "act"
    )
    soonest: dict[tuple[str, str], float] = {}
    for move in upcoming(keys, policy, now):
        soonest.setdefault((move.algorithm, move.act.value), (move.due_at - now).total_seconds())
    for (algorithm, act), seconds in soonest.items():
        found.add_metric([algorithm, act], seconds)
    return found


@cache
def _gauge(name: str, words: str, mode: Any, labels: tuple[str, ...] = ()) -> "Gauge":
    from prometheus_client import Gauge

    return Gauge(f"adgang_{name}", words, labels, multiprocess_mode=mode)


@cache
def _counter(name: str, words: str, labels: tuple[str, ...] = ()) -> Any:
    from prometheus_client import Counter as Counting

    return Counting(f"adgang_{name}", words, labels)


def _family(name: str, words: str, *labels: str) -> "GaugeMetricFamily":
    from prometheus_client.metrics_core import GaugeMetricFamily

    return GaugeMetricFamily(f"adgang_{name}", words, labels=labels)
