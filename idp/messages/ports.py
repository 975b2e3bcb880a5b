"""What messages need kept, as promises. tests/storage proves them on both databases."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from idp.messages.message import Channel, Message, Topic
from idp.records import Address
from idp.storage.ports import Tx


class Sealer(Protocol):
    """Authenticated encryption; `keys.sealing.Sealer` is one."""

    def seal(self, plaintext: bytes, associated: bytes) -> bytes: ...

    def unseal(self, envelope: bytes, associated: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way through one channel."""

    delivery_id: str
    message: Message
    channel: Channel
    recipient: str = field(repr=False)
    """The e-mail address as it was when the message was written; empty for a letter."""
    name: str = field(repr=False)
    language: str
    address: Address | None = field(repr=False)
    phrase: str | None = field(repr=False)
    """The citizen's own phrase, by which they know our messages."""
    sealed_secret: bytes | None = field(repr=False)
    tries: int
    written_at: datetime
    next_at: datetime


class Outbox(Protocol):
    def write(
        self, tx: Tx, citizen_id: str, topic: Topic, *, at: datetime, sealed_secret: bytes | None = None
    ) -> bool:
        """Keep a message, with a delivery for each channel that reaches the citizen; False for an unknown citizen.

        For a week after a change of contact data, it goes where that change was told, too. A topic that rests is not written twice in a day.
        """

    def due(self, now: datetime, channel: Channel, limit: int) -> list[Delivery]:
        """Deliveries that may be tried now, the longest due first."""

    def count_waiting(self, channel: Channel) -> int:
        """How many are queued on that channel, due or not."""

    def claim(self, tx: Tx, delivery: Delivery, next_at: datetime) -> bool:
        """Count a try and move the next one: of many callers with the same delivery one gets True."""

    def delivered(self, tx: Tx, delivery: Delivery, at: datetime) -> None:
        """Note it; the message's secret is erased when no channel needs it any more."""

    def give_up(self, tx: Tx, delivery: Delivery, at: datetime) -> None:
        """No e-mail address took it: it goes by letter, where there is an address and a message worth it."""

    def retry(self, tx: Tx, at: datetime) -> int:
        """Queue e-mails again that were given up; returns how many."""

    def of_citizen(self, citizen_id: str, limit: int = 50) -> list[Message]:
        """The inbox, newest first."""

    def sweep(self, tx: Tx, before: datetime) -> int:
        """Forget messages older than that; returns how many."""
