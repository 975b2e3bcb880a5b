"""The outbox in SQL."""

import json
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, and_, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.engine import Connection

from idp.ids import new_id
from idp.messages.message import Channel, Message, MessageKind, Topic
from idp.messages.ports import Delivery
from idp.messages.tables import deliveries, messages
from idp.records import Address
from idp.storage.tables import citizen_safety, citizens

_QUEUED, _SENT, _GIVEN_UP = "queued", "sent", "given-up"
_REST = timedelta(days=1)
_STILL_TOLD_THERE = timedelta(days=7)
"""So long after a change of contact data, messages go where that change was told, too: whoever made it for somebody else would
otherwise be the only one to hear of what follows (S-260)."""

_REACHED_AT = select(citizens.c.email, citizens.c.address).where(citizens.c.citizen_id == bindparam("wanted"))
_DUE = (
    select(deliveries, messages, citizens, citizen_safety.c.phrase)
    .join(messages, messages.c.message_id == deliveries.c.message_id)
    .join(citizens, citizens.c.citizen_id == messages.c.citizen_id)
    .outerjoin(citizen_safety, citizen_safety.c.citizen_id == messages.c.citizen_id)
    .order_by(deliveries.c.next_at, deliveries.c.delivery_id)
)


class Outbox:
    """Implements `ports.Outbox`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write(
        self,
        tx: Connection,
        citizen_id: str,
        topic: Topic,
        *,
        at: datetime,
        sealed_secret: bytes | None = None,
    ) -> bool:
        reached_at = tx.execute(_REACHED_AT, {"wanted": citizen_id}).first()
        if reached_at is None:
            return False
        if topic.kind.rests and _told_lately(tx, citizen_id, topic, at):
            return True
        message_id = new_id()
        message = {
            "message_id": message_id,
            "citizen_id": citizen_id,
            "kind": topic.kind.value,
            "about": topic.about,
            "at": at,
            "sealed_secret": sealed_secret,
        }
        earlier = _told_of_a_change(tx, citizen_id, at)
        tx.execute(insert(messages).values(message))
        now = (Channel.EMAIL, reached_at.email) if reached_at.email else (Channel.LETTER, "")
        for channel, recipient in sorted({now, *earlier}):
            if channel is Channel.EMAIL or (reached_at.address and topic.kind.goes_by_letter):
                _queue(tx, message_id, channel, recipient, at)
        return True

    def due(self, now: datetime, channel: Channel, limit: int) -> list[Delivery]:
        ready = and_(
            deliveries.c.status == _QUEUED,
            deliveries.c.channel == channel.value,
            deliveries.c.next_at <= now,
        )
        with self._engine.connect() as connection:
            return [_delivery(row) for row in connection.execute(_DUE.where(ready).limit(limit))]

    def count_waiting(self, channel: Channel) -> int:
        queued = and_(deliveries.c.status == _QUEUED, deliveries.c.channel == channel.value)
        with self._engine.connect() as connection:
            count: int = connection.execute(
                select(func.count()).select_from(deliveries).where(queued)
            ).scalar_one()
        return count

    def claim(self, tx: Connection, delivery: Delivery, next_at: datetime) -> bool:
        as_seen = and_(
            deliveries.c.delivery_id == delivery.delivery_id,
            deliveries.c.status == _QUEUED,
            deliveries.c.tries == delivery.tries,
        )
        claimed = update(deliveries).where(as_seen).values(tries=delivery.tries + 1, next_at=next_at)
        return tx.execute(claimed).rowcount == 1

    def delivered(self, tx: Connection, delivery: Delivery, at: datetime) -> None:
        _settle(tx, delivery, _SENT, at)

    def give_up(self, tx: Connection, delivery: Delivery, at: datetime) -> None:
        by_letter = (
            delivery.channel is Channel.EMAIL
            and delivery.address is not None
            and delivery.message.topic.kind.goes_by_letter
            and not _goes_by_letter_already(tx, delivery.message.message_id)
        )
        if _settle(tx, delivery, _GIVEN_UP, at, keep_secret=by_letter) and by_letter:
            _queue(tx, delivery.message.message_id, Channel.LETTER, "", at)

    def retry(self, tx: Connection, at: datetime) -> int:
        given_up = and_(deliveries.c.status == _GIVEN_UP, deliveries.c.channel == Channel.EMAIL.value)
        again = {"status": _QUEUED, "tries": 0, "written_at": at, "next_at": at, "done_at": None}
        return tx.execute(update(deliveries).where(given_up).values(again)).rowcount

    def of_citizen(self, citizen_id: str, limit: int = 50) -> list[Message]:
        statement = (
            select(messages)
            .where(messages.c.citizen_id == citizen_id)
            .order_by(messages.c.at.desc(), messages.c.message_id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [_message(row) for row in connection.execute(statement)]

    def sweep(self, tx: Connection, before: datetime) -> int:
        old = select(messages.c.message_id).where(messages.c.at < before)
        tx.execute(delete(deliveries).where(deliveries.c.message_id.in_(old)))
        return tx.execute(delete(messages).where(messages.c.at < before)).rowcount


def _told_lately(tx: Connection, citizen_id: str, topic: Topic, at: datetime) -> bool:
    same = and_(
        messages.c.citizen_id == citizen_id,
        messages.c.kind == topic.kind.value,
        messages.c.about == topic.about,
        messages.c.at > at - _REST,
    )
    return bool(tx.execute(select(exists().where(same))).scalar_one())


def _told_of_a_change(tx: Connection, citizen_id: str, at: datetime) -> set[tuple[Channel, str]]:
    """Where changes of the contact data were told lately."""
    of_changes = and_(
        messages.c.citizen_id == citizen_id,
        messages.c.kind == MessageKind.CONTACT_CHANGED.value,
        messages.c.at > at - _STILL_TOLD_THERE,
    )
    told = (
        select(deliveries.c.channel, deliveries.c.recipient)
        .join(messages, messages.c.message_id == deliveries.c.message_id)
        .where(of_changes)
    )
    return {(Channel(row.channel), row.recipient) for row in tx.execute(told)}


def _goes_by_letter_already(tx: Connection, message_id: str) -> bool:
    letter = and_(deliveries.c.message_id == message_id, deliveries.c.channel == Channel.LETTER.value)
    return bool(tx.execute(select(exists().where(letter))).scalar_one())


def _queue(tx: Connection, message_id: str, channel: Channel, recipient: str, at: datetime) -> None:
    row = {
        "delivery_id": new_id(),
        "message_id": message_id,
        "channel": channel.value,
        "recipient": recipient,
        "status": _QUEUED,
        "tries": 0,
        "written_at": at,
        "next_at": at,
    }
    tx.execute(insert(deliveries).values(row))


def _settle(
    tx: Connection, delivery: Delivery, status: str, at: datetime, *, keep_secret: bool = False
) -> bool:
    """End a delivery; False where somebody else did. A secret that nobody will send any more is erased."""
    this = and_(deliveries.c.delivery_id == delivery.delivery_id, deliveries.c.status == _QUEUED)
    settled = tx.execute(update(deliveries).where(this).values(status=status, done_at=at)).rowcount == 1
    if settled and not keep_secret:
        message_id = delivery.message.message_id
        waiting = exists().where(deliveries.c.message_id == message_id, deliveries.c.status == _QUEUED)
        spent = and_(messages.c.message_id == message_id, ~waiting)
        tx.execute(update(messages).where(spent).values(sealed_secret=None))
    return settled


def _message(row: Any) -> Message:
    return Message(row.message_id, row.citizen_id, Topic(MessageKind(row.kind), row.about), row.at)


def _delivery(row: Any) -> Delivery:
    return Delivery(
        delivery_id=row.delivery_id,
        message=_message(row),
        channel=Channel(row.channel),
        recipient=row.recipient,
        name=f"{row.given_name} {row.family_name}",
        language=row.locale,
        address=None if row.address is None else Address(**json.loads(row.address)),
        phrase=row.phrase,
        sealed_secret=row.sealed_secret,
        tries=row.tries,
        written_at=row.written_at,
        next_at=row.next_at,
    )
