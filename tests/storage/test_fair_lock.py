"""The lock of SQLite's writers: who came first is first, and who gives up leaves no trace."""

import signal
import threading

import pytest

from idp.storage.fair_lock import FairLock
from tests.support.served import within

_SOON = 20.0


def waiting(lock: FairLock, name: str, order: list[str]) -> threading.Thread:
    """A thread that has asked for the lock and does not have it yet."""
    already = len(lock._waiting)

    def work() -> None:
        assert lock.acquire(timeout=_SOON)
        order.append(name)
        lock.release()

    thread = threading.Thread(target=work)
    thread.start()
    within(_SOON, lambda: len(lock._waiting) == already + 1)
    return thread


def test_whoever_lets_go_and_asks_again_is_behind_those_who_waited() -> None:
    """Else a worker under load served some at once and others after most of a second, or not at all."""
    lock, order = FairLock(), list[str]()
    assert lock.acquire(timeout=_SOON)
    threads = [waiting(lock, name, order) for name in ("first", "second", "third")]
    lock.release()
    assert lock.acquire(timeout=_SOON)
    order.append("again")
    lock.release()
    for thread in threads:
        thread.join()
    assert order == ["first", "second", "third", "again"]


def test_who_gave_up_is_not_waited_for() -> None:
    lock, order = FairLock(), list[str]()
    assert lock.acquire(timeout=_SOON)
    assert not lock.acquire(timeout=0.01)
    other = waiting(lock, "other", order)
    lock.release()
    other.join()
    assert order == ["other"]
    assert lock.acquire(timeout=0.01)


def test_a_lock_that_nobody_holds_is_had_at_once() -> None:
    lock = FairLock()
    for _ in range(3):
        assert lock.acquire(timeout=0.01)
        lock.release()


def test_a_wait_that_a_signal_ends_leaves_the_lock_to_others() -> None:
    """SIGINT or SIGTERM at a command that waits: the lock was handed to nobody, for ever."""

    class Ended(Exception):
        pass

    def end(*_: object) -> None:
        raise Ended

    lock, before = FairLock(), signal.signal(signal.SIGUSR1, end)
    try:
        assert lock.acquire(timeout=_SOON)
        main = threading.main_thread().ident
        assert main is not None

        def interrupt() -> None:
            within(_SOON, lambda: len(lock._waiting) == 1)
            signal.pthread_kill(main, signal.SIGUSR1)

        thread = threading.Thread(target=interrupt)
        thread.start()
        with pytest.raises(Ended):
            lock.acquire(timeout=_SOON)
        thread.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    lock.release()
    assert lock.acquire(timeout=0.01)
