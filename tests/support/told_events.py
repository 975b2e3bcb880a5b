"""Every event of a citizen's ledger, and whether it is told on every channel. A new event must be placed here.

Told: what changes how the citizen gets in, what else acts as them, how they are reached, or whether they get in at all (NIST SP 800-63B-4
§4.6; S-260, S-307). Not told: what the citizen did a moment ago and sees on the page, and what would drown the rest; those
stand on the security page and in the ledger.
"""

from idp.ledger import events
from idp.messages.message import MessageKind
from mfa import events as factor_events

TOLD = {
    factor_events.FACTOR_ADDED: MessageKind.FACTOR_ADDED,
    factor_events.FACTOR_RENAMED: MessageKind.FACTOR_RENAMED,
    factor_events.FACTOR_REMOVED: MessageKind.FACTOR_REMOVED,
    factor_events.FACTOR_BLOCKED: MessageKind.FACTOR_BLOCKED,
    factor_events.FACTOR_DISABLED: MessageKind.FACTOR_DISABLED,
    factor_events.FACTOR_SUSPECTED: MessageKind.FACTOR_SUSPECTED,
    events.CONTACT_CHANGED: MessageKind.CONTACT_CHANGED,
    events.PHRASE_CHANGED: MessageKind.PHRASE_CHANGED,
    events.DEVICE_AUTHORIZED: MessageKind.DEVICE_AUTHORIZED,
    events.CITIZEN_ADDED: MessageKind.ADDED,
    events.ACTIVATED: MessageKind.ACTIVATED,
    events.LETTER_ISSUED: MessageKind.LETTER_ORDERED,
    events.CITIZEN_BLOCKED: MessageKind.ACCESS_BLOCKED,
    events.CITIZEN_UNBLOCKED: MessageKind.ACCESS_OPENED,
    events.CITIZEN_CLOSED: MessageKind.ACCESS_CLOSED,
    events.CITIZEN_PROOFED: MessageKind.PROOFED,
    events.RECOVERY_STOPPED: MessageKind.RECOVERY_STOPPED,
    events.RECOVERY_DONE: MessageKind.RECOVERY_DONE,
}

NOT_ON_PAPER = {
    factor_events.FACTOR_RENAMED: "changes nothing that opens",
    factor_events.FACTOR_BLOCKED: "any stranger can bring it about, and a letter costs",
    events.PHRASE_CHANGED: "changes nothing that opens",
    events.DEVICE_AUTHORIZED: "the citizen's own act, which the security page shows; a letter costs",
    events.LETTER_ISSUED: "the letter itself tells",
}
"""Told to a citizen without e-mail in the portal only."""

TOLD_WITH_A_SECRET = {
    events.RECOVERY_BEGUN: "idp.recovery writes the message, which carries the stop code",
}

NOT_TOLD = {
    factor_events.FACTOR_VERIFIED: "every sign-in is one",
    factor_events.FACTOR_FAILED: "a slip of the hand; told when it becomes a block",
    events.SIGNED_IN: "every day; stands on the security page with “It was not me”",
    events.STEPPED_UP: "a part of a sign-in",
    events.SESSION_ENDED: "the citizen's own act, or time",
    events.LOGOUT_CONFIRMED: "the page after the sign-out and the security page show it",
    events.LOGOUT_UNANSWERED: "as above; what the service had was revoked at once",
    events.SESSIONS_ENDED: "nothing opens by it; what it follows from is told",
    events.AUTHORIZED: "stands in the ledger of what was released",
    events.DECLINED: "stands in the ledger of what was released",
    events.TOKEN_ISSUED: "stands in the ledger of what was released",
    events.CODE_REUSED: "a service's fault, mended before anything was given",
    events.TOKEN_EXCHANGED: "stands on the security page, as often as it happens",
    events.TOKEN_REVOKED: "a service gave back what it had",
    events.TOKEN_REFRESHED: "stands in the ledger of what was released",
    events.REFRESH_TOKEN_REUSED: "ended at once; stands on the security page",
    events.ACCESS_ENDED: "the citizen's own act",
    events.CONSENT_GIVEN: "the citizen's own act",
    events.INFORMED: "the citizen has just read it",
    events.CONSENT_REVOKED: "the citizen's own act",
    events.INVITED: "the letter tells",
    events.CITIZEN_LOOKED_UP: "stands on the security page and in the ledger",
    events.SIGN_IN_DISPUTED: "the citizen's own act",
    events.USER_ID_TOLD: "a part of a recovery, which is told",
}
"""Each with its reason."""


def all_events() -> set[str]:
    """The words of the two modules that name what is written in a citizen's ledger."""
    named = {word for name, word in vars(events).items() if name.isupper() and not name.startswith("BY_")}
    return named | set(factor_events.ALL)
