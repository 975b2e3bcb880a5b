"""When messages are sent: a turn every few seconds in every worker, each message by exactly one of them.

    queued ──claimed: the next try is set before this one──▶ handed over ──▶ sent
       ▲                                                  └─ not now ─┐
       └────────── 1, 2, 4 … 120 minutes later ◀──────────────────────┤
                                                                      └─ refused, or 24 hours old ──▶ given up
                                                                                    (then by letter, if it is worth one)

A claim is one conditional UPDATE, so whichever process dies, another one tries again. A process that dies between the
server's yes and our note sends a message twice, with the same Message-ID; none is lost.
"""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta

from idp.clock import Clock
from idp.errors import StoreUnavailable
from idp.messages.message import Channel
from idp.messages.ports import Delivery, Outbox, Sealer
from idp.messages.smtp import Mailer, MailRefused, MailServer, MailServerUnavailable, connected
from idp.messages.stop_code import print_stop_code, unseal_stop_code
from idp.messages.texts import MessageText, MessageTexts
from idp.storage.ports import Transact

_log = logging.getLogger(__name__)

GIVEN_UP_AFTER = timedelta(hours=24)
_FIRST_WAIT = timedelta(minutes=1)
_LONGEST_WAIT = timedelta(hours=2)
_BATCH = 50


def wait_after(tries: int) -> timedelta:
    """How long after a try the next one may be made, counting from 1."""
    return min(_FIRST_WAIT * (1 << min(tries - 1, 10)), _LONGEST_WAIT)


class MessageSending:
    """`start()` once in a process; `run_once()` is one turn."""

    def __init__(
        self,
        *,
        transact: Transact,
        outbox: Outbox,
        server: MailServer,
        texts: Callable[[], MessageTexts],
        sealer: Sealer,
        clock: Clock,
        every: timedelta,
        count: Callable[[str, dict[str, str]], None],
    ) -> None:
        self._transact = transact
        self._outbox = outbox
        self._server = server
        self._texts = texts
        self._sealer = sealer
        self._clock = clock
        self._every = every
        self._count = count
        self._ended = threading.Event()

    def start(self) -> None:
        """Begin; the thread ends with its process."""
        threading.Thread(target=self._run, daemon=True, name="messages").start()

    def stop(self) -> None:
        self._ended.set()

    def run_once(self) -> int:
        """Send what is due; how many were sent. Never raises: the next turn comes anyhow."""
        try:
            due = self._outbox.due(self._clock(), Channel.EMAIL, _BATCH)
            return self._send_all(due) if due else 0
        except StoreUnavailable as fault:
            _log.warning("messages held up", extra={"why": str(fault)})
        except Exception:  # noqa: BLE001  a thread that ends for an unforeseen error would never send again
            _log.exception("messages failed")
        return 0

    def _run(self) -> None:
        while not self._ended.wait(self._every.total_seconds()):
            self.run_once()

    def _send_all(self, due: list[Delivery]) -> int:
        try:
            with connected(self._server) as mailer:
                return sum(self._send(mailer, delivery) for delivery in due)
        except MailServerUnavailable as fault:
            _log.warning("mail server unavailable", extra={"why": str(fault)})
            for delivery in due:
                if self._claim(delivery):
                    self._failed(delivery)
            return 0

    def _send(self, mailer: Mailer, delivery: Delivery) -> bool:
        if not self._claim(delivery):
            return False  # another worker has it
        at = delivery.message.at
        try:
            mailer.send(self.text_of(delivery), to=delivery.recipient, message_id=delivery.delivery_id, at=at)
        except MailServerUnavailable:
            self._failed(delivery)
            return False
        except MailRefused:
            self._give_up(delivery)
            return False
        self._transact(lambda tx: self._outbox.delivered(tx, delivery, self._clock()))
        self._count("messages", {"channel": "email", "outcome": "sent"})
        return True

    def text_of(self, delivery: Delivery) -> MessageText:
        """The message as it is sent."""
        return text_of(self._texts(), self._sealer, delivery)

    def _claim(self, delivery: Delivery) -> bool:
        next_at = self._clock() + wait_after(delivery.tries + 1)
        return self._transact(lambda tx: self._outbox.claim(tx, delivery, next_at))

    def _failed(self, delivery: Delivery) -> None:
        if self._clock() - delivery.written_at >= GIVEN_UP_AFTER:
            self._give_up(delivery)
            return
        self._count("messages", {"channel": "email", "outcome": "later"})

    def _give_up(self, delivery: Delivery) -> None:
        self._transact(lambda tx: self._outbox.give_up(tx, delivery, self._clock()))
        self._count("messages", {"channel": "email", "outcome": "given-up"})
        _log.warning(
            "message given up", extra={"delivery": delivery.delivery_id, "tries": delivery.tries + 1}
        )


def text_of(texts: MessageTexts, sealer: Sealer, delivery: Delivery) -> MessageText:
    """What a delivery says, with its stop code if it has one."""
    message = delivery.message
    code = None
    if delivery.sealed_secret is not None:
        code = print_stop_code(unseal_stop_code(sealer, message.citizen_id, delivery.sealed_secret))
    return texts.write(
        message.topic, language=delivery.language, at=message.at, phrase=delivery.phrase, stop_code=code
    )
