"""When services are told: a turn every second in every worker, sooner while first messages wait; each by exactly one.

    waiting ──claimed: the next try is set before this one──▶ called ──200, 204──▶ confirmed
       ▲                                                         └─ anything else ─┐
       └────────── 10, 20, 40 … seconds later, an hour at most ◀───────────────────┤
                                                                                   └─ 24 hours old ──▶ unanswered

A claim is one conditional UPDATE, so whichever process dies, another one tries again; a service may be told twice, and
never not at all. Calls run on threads of their own, a bounded number; half of these are kept for what was never tried
before, and no client has more than its part, so a service that hangs delays nobody's first message. What has an end for each call is the fetcher's matter.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta

from clients_registry.registry import RegisteredClient, Registry
from idp.clock import Clock
from idp.errors import OAuthError, StoreUnavailable
from idp.ledger import events
from idp.logout.notice import LogoutNotice, Outcome
from idp.logout.ports import LogoutQueue
from idp.outbound.errors import OutboundError
from idp.outbound.fetcher import Fetcher
from idp.storage.ports import Ledger, Transact, Tx
from keys.errors import KeysError

_log = logging.getLogger(__name__)

UNANSWERED_AFTER = timedelta(hours=24)
_FIRST_WAIT = timedelta(seconds=10)
_LONGEST_WAIT = timedelta(hours=1)

_AT_ONCE = 32
"""As many calls as the fetcher makes at the same time."""
_RETRIES_AT_ONCE = _AT_ONCE // 2
_PER_CLIENT = 4
"""As many as the fetcher makes to one host."""
_SOON_SECONDS = 0.05
"""After a call has ended: a service that a whole country leaves needs more than its part a second."""
_CONFIRMED = frozenset({200, 204})
"""Back-Channel Logout §2.8."""

_CATCH_UP_EVERY = timedelta(seconds=10)
_CATCH_UP_WITH = timedelta(minutes=2)
"""A code lives for a minute at most, and its redemption takes seconds."""

MakeToken = Callable[[RegisteredClient, LogoutNotice], str]
"""A fresh logout token for each try (idp.tokens.logout_token)."""


def wait_after(tries: int) -> timedelta:
    """How long after a try the next one may be made, counting from 1."""
    return min(_FIRST_WAIT * (1 << min(tries - 1, 12)), _LONGEST_WAIT)


class LogoutSending:
    """`start()` once in a process; `run_once()` is one turn, with its calls."""

    def __init__(
        self,
        *,
        transact: Transact,
        queue: LogoutQueue,
        registry: Registry,
        make_token: MakeToken,
        fetcher: Fetcher,
        ledger: Ledger,
        clock: Clock,
        every: timedelta,
        count: Callable[[str, dict[str, str]], None],
    ) -> None:
        self._transact = transact
        self._queue = queue
        self._registry = registry
        self._make_token = make_token
        self._fetcher = fetcher
        self._ledger = ledger
        self._clock = clock
        self._every = every
        self._count = count
        self._ended = threading.Event()
        self._place_is_free = threading.Event()
        self._caught_up_at: datetime | None = None
        self._calls = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="logout")
        self._places = threading.Lock()
        self._running = {"first": 0, "again": 0}
        self._running_by_client: Counter[str] = Counter()
        self._writing = threading.Lock()
        """One connection for what all the calls have to write."""

    def start(self) -> None:
        """Begin; the thread ends with its process."""
        threading.Thread(target=self._run, daemon=True, name="logouts").start()

    def stop(self) -> None:
        """Begin no more calls: before the process joins the threads of those that are under way."""
        self._ended.set()
        self._place_is_free.set()
        self._calls.shutdown(wait=False, cancel_futures=True)

    def run_once(self) -> int:
        """Call whom it is time to call, and wait for the answers; how many confirmed."""
        calls = self.turn()
        wait(calls)
        return sum(call.result() for call in calls)

    def turn(self, *, retries: bool = True) -> "list[Future[bool]]":
        """Begin the calls that are due and have a place. Never raises: the next turn comes anyhow."""
        try:
            self._catch_up()
            due = self._queue.due(self._clock(), _AT_ONCE, per_client=_PER_CLIENT, retries=retries)
            return [call for notice in due if (call := self._begun(notice)) is not None]
        except StoreUnavailable as fault:
            _log.warning("logouts held up", extra={"why": str(fault)})
        except Exception:  # noqa: BLE001  a thread that ends for an unforeseen error would never send again
            _log.exception("logouts failed")
        return []

    def _run(self) -> None:
        every = self._every.total_seconds()
        next_retries = time.monotonic()
        while not self._ended.wait(_SOON_SECONDS):
            self._place_is_free.clear()
            retries = time.monotonic() >= next_retries
            if retries:
                next_retries = time.monotonic() + every
            self.turn(retries=retries)
            self._place_is_free.wait(every)

    def _catch_up(self) -> None:
        now = self._clock()
        if self._caught_up_at is not None and timedelta(0) <= now - self._caught_up_at < _CATCH_UP_EVERY:
            return
        self._caught_up_at = now
        self._transact(lambda tx: self._queue.catch_up(tx, now - _CATCH_UP_WITH))

    def _begun(self, notice: LogoutNotice) -> "Future[bool] | None":
        """The call for this notice, if there is one. What is wrong with one notice holds up no other.

        Raises: StoreUnavailable.
        """
        try:
            return self._begin(notice)
        except StoreUnavailable:
            raise
        except Exception:  # noqa: BLE001  a row that cannot be read, say
            _log.exception("logout failed", extra={"client_id": notice.client_id})
            self._claim(notice)  # not again at once
            return None

    def _begin(self, notice: LogoutNotice) -> "Future[bool] | None":
        if self._ended.is_set():
            return None  # nothing is claimed that nobody would tell
        registered = self._registry.find_client(notice.client_id)
        if registered is None or registered.disabled or not registered.client.backchannel_logout_uri:
            self._transact(lambda tx: self._queue.settle(tx, notice, Outcome.NOT_TOLD, self._clock()))
            return None
        kind = "again" if notice.tries else "first"
        if not self._take_place(kind, notice.client_id):
            return None
        began = False
        try:
            if self._claim(notice):
                call = self._calls.submit(self._tell, registered, notice, kind)
                began = True
                return call
            return None  # another worker has it
        finally:
            if not began:
                self._give_place(kind, notice.client_id)

    def _claim(self, notice: LogoutNotice) -> bool:
        next_at = self._clock() + wait_after(notice.tries + 1)
        return self._transact(lambda tx: self._queue.claim(tx, notice, next_at))

    def _take_place(self, kind: str, client_id: str) -> bool:
        with self._places:
            taken = sum(self._running.values()) >= _AT_ONCE
            if taken or self._running_by_client[client_id] >= _PER_CLIENT:
                return False
            if kind == "again" and self._running[kind] >= _RETRIES_AT_ONCE:
                return False
            self._running[kind] += 1
            self._running_by_client[client_id] += 1
            return True

    def _give_place(self, kind: str, client_id: str) -> None:
        with self._places:
            self._running[kind] -= 1
            self._running_by_client[client_id] -= 1
            self._running_by_client += Counter()  # forgets those that have none
        self._place_is_free.set()

    def _tell(self, registered: RegisteredClient, notice: LogoutNotice, kind: str) -> bool:
        """One try, on a thread of its own. Never raises."""
        try:
            fault = self._call(registered, notice)
            with self._writing:
                return self._note(notice, fault)
        except (StoreUnavailable, KeysError) as held_up:
            _log.warning("logout held up", extra={"why": str(held_up)})
        except Exception:  # noqa: BLE001  told here, or nowhere; the claim has set another try
            _log.exception("logout failed")
        finally:
            self._give_place(kind, notice.client_id)
        return False

    def _call(self, registered: RegisteredClient, notice: LogoutNotice) -> str:
        """Why the service did not confirm; empty where it did (§2.5, §2.8)."""
        try:
            token = self._make_token(registered, notice)
        except OAuthError:  # it is registered for encryption, and no key of it fits
            return "encryption"
        address = registered.client.backchannel_logout_uri or ""
        try:
            status = self._fetcher.post_form(address, {"logout_token": token})
        except OutboundError as fault:
            return fault.reason
        return "" if status in _CONFIRMED else f"status {status}"

    def _note(self, notice: LogoutNotice, fault: str) -> bool:
        now = self._clock()
        if not fault:
            return self._settle(notice, Outcome.CONFIRMED, events.LOGOUT_CONFIRMED, now)
        if now - notice.ended_at >= UNANSWERED_AFTER:
            self._settle(notice, Outcome.UNANSWERED, events.LOGOUT_UNANSWERED, now)
            _log.warning(
                "logout unanswered", extra={"client_id": notice.client_id, "tries": notice.tries + 1}
            )
            return False
        self._transact(lambda tx: self._queue.note_fault(tx, notice, fault))
        self._count("logouts", {"outcome": "later"})
        return False

    def _settle(self, notice: LogoutNotice, outcome: Outcome, event: str, now: datetime) -> bool:
        def work(tx: Tx) -> bool:
            if not self._queue.settle(tx, notice, outcome, now):
                return False
            self._ledger.append(
                tx,
                event=event,
                actor=events.BY_SYSTEM,
                at=now,
                citizen_id=notice.citizen_id,
                facts={"client_id": notice.client_id, "tries": notice.tries + 1},
            )
            return True

        settled = self._transact(work)
        if settled:
            self._count("logouts", {"outcome": outcome.value})
        return settled
