"""The names of what the ledger records about a citizen, with the actor words. Leaves name their own events."""

SIGNED_IN = "signed-in"
SESSION_ENDED = "session-ended"
SESSIONS_ENDED = "sessions-ended"
AUTHORIZED = "authorized"
DECLINED = "declined"
TOKEN_ISSUED = "token-issued"
CODE_REUSED = "code-reused"
"""A code came a second time: what the first use gave was revoked."""
CONSENT_GIVEN = "consent-given"
INFORMED = "informed"
CONSENT_REVOKED = "consent-revoked"
CITIZEN_ADDED = "citizen-added"
LETTER_ISSUED = "letter-issued"
"""A letter with a code was ordered, to the registered address."""
INVITED = "invited"
ACTIVATED = "activated"
"""The letter's code was spent: the person is a citizen, with a password and a first factor."""
CITIZEN_LOOKED_UP = "citizen-looked-up"
CITIZEN_BLOCKED = "citizen-blocked"
CITIZEN_UNBLOCKED = "citizen-unblocked"
CITIZEN_CLOSED = "citizen-closed"
SIGN_IN_DISPUTED = "sign-in-disputed"
"""The citizen said of an entry: it was not me."""
CONTACT_CHANGED = "contact-changed"
"""Appended before the change in its transaction, so that the address that was is told."""

BY_CITIZEN = "citizen"
BY_SYSTEM = "system"


def by_operator(name: str) -> str:
    """The actor of a command: the person who typed it."""
    return f"operator:{name}"


def by_client(client_id: str) -> str:
    """The actor of a protocol request: the client that was authenticated."""
    return f"client:{client_id}"
