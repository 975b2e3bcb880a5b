"""A message to a citizen, and which ledger events become one.

A message holds a kind and the kind of factor it is about, nothing that anybody typed: a name chosen by an intruder
would otherwise reach the citizen in our words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from idp.ledger import events
from mfa import events as factor_events
from mfa.factors import FactorKind


class Channel(StrEnum):
    """How a message goes out. The portal's inbox needs no sending: it reads the messages themselves."""

    EMAIL = "email"
    LETTER = "letter"


class MessageKind(StrEnum):
    """What a message says; the words are in templates/messages/texts.html."""

    FACTOR_ADDED = "factor-added"
    FACTOR_RENAMED = "factor-renamed"
    FACTOR_REMOVED = "factor-removed"
    FACTOR_BLOCKED = "factor-blocked"
    FACTOR_DISABLED = "factor-disabled"
    FACTOR_SUSPECTED = "factor-suspected"
    PASSWORD_CHANGED = "password-changed"
    CODES_RENEWED = "codes-renewed"
    CONTACT_CHANGED = "contact-changed"
    PHRASE_CHANGED = "phrase-changed"
    ADDED = "added"
    """An operator made the citizen, with a password and an app."""
    DEVICE_AUTHORIZED = "device-authorized"
    ACTIVATED = "activated"
    LETTER_ORDERED = "letter-ordered"
    ACCESS_BLOCKED = "access-blocked"
    ACCESS_OPENED = "access-opened"
    ACCESS_CLOSED = "access-closed"
    PROOFED = "proofed"
    RECOVERY_BEGUN = "recovery-begun"
    RECOVERY_STOPPED = "recovery-stopped"
    RECOVERY_DONE = "recovery-done"

    @property
    def goes_by_letter(self) -> bool:
        """Whether a citizen without e-mail gets it on paper, too."""
        return self not in _NOT_BY_LETTER

    @property
    def rests(self) -> bool:
        """Told once a day at most: a stranger can bring it about as often as they like (S-248)."""
        return self is MessageKind.FACTOR_BLOCKED


_NOT_BY_LETTER = frozenset(
    {
        MessageKind.FACTOR_RENAMED,
        MessageKind.FACTOR_BLOCKED,
        MessageKind.LETTER_ORDERED,  # it would come with the letter itself
        MessageKind.PHRASE_CHANGED,
        MessageKind.DEVICE_AUTHORIZED,
    }
)

TOLD: Mapping[str, MessageKind] = {
    factor_events.FACTOR_ADDED: MessageKind.FACTOR_ADDED,
    factor_events.FACTOR_RENAMED: MessageKind.FACTOR_RENAMED,
    factor_events.FACTOR_REMOVED: MessageKind.FACTOR_REMOVED,
    factor_events.FACTOR_BLOCKED: MessageKind.FACTOR_BLOCKED,
    factor_events.FACTOR_DISABLED: MessageKind.FACTOR_DISABLED,
    factor_events.FACTOR_SUSPECTED: MessageKind.FACTOR_SUSPECTED,
    events.CONTACT_CHANGED: MessageKind.CONTACT_CHANGED,
    events.PHRASE_CHANGED: MessageKind.PHRASE_CHANGED,
    events.CITIZEN_ADDED: MessageKind.ADDED,
    events.ACTIVATED: MessageKind.ACTIVATED,
    events.DEVICE_AUTHORIZED: MessageKind.DEVICE_AUTHORIZED,
    events.LETTER_ISSUED: MessageKind.LETTER_ORDERED,
    events.CITIZEN_BLOCKED: MessageKind.ACCESS_BLOCKED,
    events.CITIZEN_UNBLOCKED: MessageKind.ACCESS_OPENED,
    events.CITIZEN_CLOSED: MessageKind.ACCESS_CLOSED,
    events.CITIZEN_PROOFED: MessageKind.PROOFED,
    events.RECOVERY_STOPPED: MessageKind.RECOVERY_STOPPED,
    events.RECOVERY_DONE: MessageKind.RECOVERY_DONE,
}
"""Ledger events that the citizen is told of on every channel.

A recovery that begins is told by idp.recovery itself, since that message carries its stop code.
"""

_ADDED = {
    FactorKind.PASSWORD: MessageKind.PASSWORD_CHANGED,
    FactorKind.RECOVERY_CODE: MessageKind.CODES_RENEWED,
}


@dataclass(frozen=True, slots=True)
class Topic:
    """What happened, as far as it is told."""

    kind: MessageKind
    about: str = ""
    """A word of `mfa.factors.FactorKind`; of a recovery that begins, when it goes on (ISO 8601)."""

    @property
    def until(self) -> datetime | None:
        """When a recovery goes on that has begun."""
        return datetime.fromisoformat(self.about) if self.kind is MessageKind.RECOVERY_BEGUN else None


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one citizen, as the portal's inbox shows it."""

    message_id: str
    citizen_id: str
    topic: Topic
    at: datetime


def topic_of(event: str, facts: Mapping[str, object]) -> Topic | None:
    """What the citizen is told of a ledger event; None: nothing.

    A first password, app or key and the codes with it are told with the access that they are a part of, once.
    """
    kind = TOLD.get(event)
    if kind is None or facts.get("part_of") in TOLD:
        return None
    about = str(facts.get("kind", "")) if event in factor_events.ALL else ""
    if kind is MessageKind.FACTOR_ADDED and about in _ADDED:
        return Topic(_ADDED[FactorKind(about)])
    return Topic(kind, about)
