"""Several actors on threads of their own, of which one runs at a time: a schedule says who goes on from each point.

A point stands before every command that goes to Redis and every statement that SQLite executes, and wherever an actor
names one. The stops are put in by hooks of the client library and of the database, not by the product: a connection
class for redis-py's pool, the trace callback of SQLite's connections. The one lock of the product that is held over
such a point, SQLite's writer within the process, is replaced by one that knows the schedule.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from idp.wiring import Wiring

Choose = Callable[[Sequence[int], Sequence[int]], int]
"""Of the actors that could go on (by number), the one that does; told at which point each of all of them stands."""


@dataclass
class _Actor:
    number: int
    gate: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    passed: int = 0
    waits: bool = False
    done: bool = False
    began_writing: int = 0
    fault: BaseException | None = None


class Interleaving:
    """One for each deployment; `run` as often as wanted. Its threads are reused, as those of a server are."""

    def __init__(self, actors: int = 2) -> None:
        self._threads = ThreadPoolExecutor(actors)
        self._actors: dict[int, _Actor] = {}
        self._choose: Choose = lambda able, _: able[0]
        self._ready, self._over = threading.Semaphore(0), threading.Semaphore(0)
        self.writing: dict[int, set[int]] = {}
        """By actor, the points of the last run at which it held the writer's lock."""

    def run(self, works: Sequence[Callable[[], None]], choose: Choose) -> list[int]:
        """Run every work to its end; how many points each has passed. Raises what the first failed with."""
        self._choose = choose
        actors = [_Actor(number) for number in range(len(works))]
        self.writing = {actor.number: set() for actor in actors}
        for actor, work in zip(actors, works, strict=True):
            self._threads.submit(self._live, actor, work)
        for _ in actors:
            self._ready.acquire()
        self._go_on()
        assert self._over.acquire(timeout=60), "nobody can go on"
        self._actors.clear()
        for actor in actors:
            if actor.fault is not None:
                raise actor.fault
        return [actor.passed for actor in actors]

    def point(self) -> None:
        """Stop here until the schedule says that this actor goes on. Nothing for threads that are no actor."""
        actor = self._actors.get(threading.get_ident())
        if actor is not None:
            actor.passed += 1
            self._give_way(actor)

    def wait(self) -> bool:
        """Let the others go on until `wake`; False on a thread that is no actor."""
        actor = self._actors.get(threading.get_ident())
        if actor is None:
            return False
        actor.waits = True
        self._give_way(actor)
        return True

    def wake(self) -> None:
        for actor in self._actors.values():
            actor.waits = False

    def close(self) -> None:
        self._threads.shutdown()

    def _live(self, actor: _Actor, work: Callable[[], None]) -> None:
        self._actors[threading.get_ident()] = actor
        self._ready.release()
        actor.gate.acquire()
        try:
            work()
        except BaseException as fault:  # noqa: BLE001  raised again by `run`
            actor.fault = fault
        actor.done = True
        self._go_on()

    def _give_way(self, actor: _Actor) -> None:
        self._go_on()
        actor.gate.acquire()

    def _go_on(self) -> None:
        everybody = sorted(self._actors.values(), key=lambda actor: actor.number)
        able = [actor.number for actor in everybody if not (actor.done or actor.waits)]
        if able:
            chosen = self._choose(able, [actor.passed for actor in everybody])
            everybody[chosen].gate.release()
        elif all(actor.done for actor in everybody):
            self._over.release()

    def note_writing(self, taken: bool) -> None:
        """Called by the writer's lock, as it is taken and let go of."""
        actor = self._actors.get(threading.get_ident())
        if actor is None:
            return
        if taken:
            actor.began_writing = actor.passed
        else:
            self.writing[actor.number] |= set(range(actor.began_writing + 1, actor.passed + 1))


class _WriterLock:
    """In the place of `Database._writer`: whoever finds it taken lets the others go on."""

    def __init__(self, schedule: Interleaving) -> None:
        self._schedule = schedule
        self._lock = threading.Lock()

    def acquire(self, timeout: float) -> bool:
        while not self._lock.acquire(blocking=False):
            if not self._schedule.wait():
                return self._lock.acquire(timeout=timeout)
        self._schedule.note_writing(True)
        return True

    def release(self) -> None:
        self._schedule.note_writing(False)
        self._lock.release()
        self._schedule.wake()


def lockstep(lead: int, head_start: int, stood: set[tuple[int, ...]]) -> Choose:
    """Of two actors, `lead` passes so many points more than the other; then they take turns, a point each.

    Over all head starts of both, control changes hands, both ways, at every pair of points where the two can stand
    together. Each pair is noted in `stood`.
    """

    def choose(able: Sequence[int], passed: Sequence[int]) -> int:
        stood.add(tuple(passed))
        wanted = lead if passed[lead] - passed[1 - lead] < head_start else 1 - lead
        return wanted if wanted in able else able[0]

    return choose


def meet(first: int, at: tuple[int, int], stood: set[tuple[int, ...]]) -> Choose:
    """Of two actors, `first` goes to its point of `at`, then the other to its own; there `first` goes on to its end."""

    def choose(able: Sequence[int], passed: Sequence[int]) -> int:
        stood.add(tuple(passed))
        other = 1 - first
        wanted = other if passed[first] == at[first] and passed[other] < at[other] else first
        return wanted if wanted in able else able[0]

    return choose


@contextmanager
def interleaved(wiring: Wiring) -> Iterator[Interleaving]:
    """Stops before each command of this wiring's stores. Its database is SQLite."""
    schedule, database, pool = Interleaving(), wiring.database, wiring.redis.connection_pool
    usual = pool.connection_class, database._writer

    class Stopping(pool.connection_class):  # type: ignore[name-defined,misc]
        ready = False

        def send_packed_command(self, *command: Any, **options: Any) -> None:
            if self.ready:
                schedule.point()
            super().send_packed_command(*command, **options)

        def connect(self) -> None:
            self.ready = False  # what is said while connecting is said under the pool's lock
            super().connect()
            self.ready = True

    def trace(connection: Any, _entry: object) -> None:
        connection.set_trace_callback(lambda _: schedule.point())

    pool.connection_class = Stopping
    pool.reset()
    database._writer = _WriterLock(schedule)  # type: ignore[assignment]
    for engine in (database.reading, database.writing):
        event.listen(engine, "connect", trace)
        engine.dispose()
    try:
        yield schedule
    finally:
        for engine in (database.reading, database.writing):
            event.remove(engine, "connect", trace)
            engine.dispose()
        pool.connection_class, database._writer = usual
        pool.reset()
        schedule.close()
