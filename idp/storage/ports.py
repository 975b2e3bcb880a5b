"""What must be kept, as promises. Each method says what it guarantees; tests/storage proves it on every store.

Two kinds of store stand behind these ports. Redis keeps what may be lost at the price of a sign-in again; SQL keeps
what must never be lost or used twice. Reads outside a transaction see committed rows only.
Every method raises `StoreUnavailable` when its store does not answer.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from idp.records import (
    AuthorizationCode,
    Brought,
    BrowserSession,
    Citizen,
    Consent,
    Grant,
    LedgerEntry,
    LoginAttempt,
    PartialSignIn,
    PushedRequest,
)
from idp.refresh_records import LastingAccess, RefreshToken
from idp.safety import Safety

Tx = Any
"""An open transaction. Opaque: made by `Transact`, handed on, never looked into."""

T = TypeVar("T")
Record = TypeVar("Record")


class Transact(Protocol):
    """Runs `work(tx)` in one transaction: all of it is kept, or nothing.

    A conflict with another transaction runs `work` again from the start (a bounded number of times), so `work` has no
    effect outside the transaction. What `work` raises rolls back and is raised on.
    """

    def __call__(self, work: Callable[[Tx], T]) -> T: ...


# --- Redis -----------------------------------------------------------------------------------------------------


class Records(Protocol[Record]):
    """Records with an end, found by a secret. The store sees only the secret's digest."""

    def put(self, secret: str, record: Record) -> None:
        """Keep the record, replacing what the secret named before; swept after its `expires_at`."""

    def find(self, secret: str) -> Record | None:
        """The record, or None where there is none or its `expires_at` has passed."""

    def forget(self, secret: str) -> None:
        """After this returns, no caller finds it."""


class Visits(Protocol):
    """The records that a page of a sign-in begins with."""

    def find(self, attempt_id: str, *, proof: str | None, session: str | None) -> Brought:
        """As the `find` of each would give them; None for a secret that the browser did not bring. One look."""


PushedRequests = Records[PushedRequest]
LoginAttempts = Records[LoginAttempt]
PartialSignIns = Records[PartialSignIn]
AuthorizationCodes = Records[AuthorizationCode]


class BrowserSessions(Protocol):
    """Browser sessions with an index by citizen."""

    def put(self, secret: str, session: BrowserSession) -> None:
        """Keep the session and list it under its citizen."""

    def find(self, secret: str) -> BrowserSession | None:
        """The session, or None; expiry is the caller's rule (idp.browser_sessions), a TTL only sweeps."""

    def replace(self, secret: str, session: BrowserSession) -> bool:
        """Overwrite only if it still exists: a session that was ended meanwhile never comes back."""

    def forget(self, secret: str) -> None:
        """End one session."""

    def of_citizen(self, citizen_id: str) -> list[BrowserSession]:
        """All sessions of a citizen before their absolute end, also those that were left idle: what can be ended."""

    def forget_all_of(self, citizen_id: str) -> list[BrowserSession]:
        """End every session of a citizen; returns those that were ended."""

    def forget_these(self, citizen_id: str, session_ids: Collection[str]) -> None:
        """End those of a citizen's sessions that are named by `session_id`."""


class OneTime(Protocol):
    """Values that are read once: challenges."""

    def put(self, kind: str, key: str, value: str, lifetime: timedelta) -> bool:
        """Keep the value; False, changing nothing, where the key exists."""

    def take(self, kind: str, key: str) -> str | None:
        """Read and forget atomically: of many callers one gets it."""


class Seen(Protocol):
    """What must not be accepted twice: `jti` of assertions and proofs."""

    def first_time(self, kind: str, key: str, *, issued_at: datetime, until: datetime) -> bool:
        """True for exactly one caller per (kind, key) until `until`.

        False too for anything issued before the store's epoch (it may have been seen by a store that has since
        forgotten; S-328): a store that starts empty never says "fresh" about the past.
        """


class Rates(Protocol):
    """Counters of attempts in fixed windows."""

    def count(self, kind: str, key: str, window: timedelta) -> int:
        """Add one and return the count in the present window, this one included. Never fails open: raises."""

    def reached(self, *counters: tuple[str, str]) -> list[int]:
        """The counts of these (kind, key) in their present windows, adding nothing. One look."""


# --- SQL -------------------------------------------------------------------------------------------------------


class Citizens(Protocol):
    def add(self, tx: Tx, citizen: Citizen, *, cpr: str) -> None:
        """Raises `AlreadyKnown` where the user ID or the CPR number is taken."""

    def find(self, citizen_id: str) -> Citizen | None: ...

    def find_by_user_id(self, user_id: str) -> Citizen | None:
        """By the canonical user ID (`idp.citizens.canonical_user_id`)."""

    def find_by_cpr(self, cpr: str) -> Citizen | None:
        """By blind index."""

    def load_cpr(self, citizen_id: str) -> str:
        """The CPR number in clear; every caller is a release that is in the ledger."""

    def set_status(self, tx: Tx, citizen_id: str, status: str, *, blocked_by: str | None = None) -> bool:
        """`blocked_by` goes with `blocked`: `citizen` or `operator`. False where there is no such citizen."""

    def block_oneself(self, tx: Tx, citizen_id: str) -> bool:
        """Block the citizen on their own word. False, changing nothing, where the citizen is not active."""

    def open_own_block(self, tx: Tx, citizen_id: str) -> bool:
        """Undo the citizen's own block. False, changing nothing, where there is none: an operator's stays."""

    def set_contact(
        self, tx: Tx, citizen_id: str, *, email: str | None, phone_number: str | None, at: datetime
    ) -> None:
        """What changes is no longer verified (S-304), and `at` is when the citizen's data last changed."""


class Safeties(Protocol):
    """What is kept about a citizen's own safety; a row for each citizen who has one."""

    def find(self, citizen_id: str) -> Safety:
        """What is kept; an empty one where nothing is."""

    def set_phrase(self, tx: Tx, citizen_id: str, phrase: str) -> None:
        """The caller checked it, and appends `events.PHRASE_CHANGED` in the same transaction."""

    def set_recovered(self, tx: Tx, citizen_id: str, at: datetime) -> None: ...


class AlreadyKnown(Exception):
    """The user ID or the CPR number belongs to a citizen already."""


class Consents(Protocol):
    def give(self, tx: Tx, consent: Consent) -> None:
        """Replaces an earlier consent of this citizen to this purpose of this client."""

    def find(self, citizen_id: str, client_id: str, purpose_id: str) -> Consent | None:
        """The consent in force, or None."""

    def revoke(self, tx: Tx, citizen_id: str, client_id: str, purpose_id: str | None, at: datetime) -> int:
        """Revoke; None means every purpose of the client. Returns how many were in force."""

    def of_citizen(self, citizen_id: str) -> list[Consent]: ...


class Grants(Protocol):
    def add(self, tx: Tx, grant: Grant) -> None: ...

    def find_live(self, grant_id: str, *, issued_at: datetime | None = None) -> tuple[Grant, Citizen] | None:
        """The grant with its citizen: not revoked, not expired, its session not ended, its citizen active. One read.

        A grant with offline access outlives its session, but no token of it that was `issued_at` before the session's
        end does: sign-out ends every access token.
        """

    def of_session(self, session_id: str) -> list[Grant]:
        """What was given in a session, newest first, revoked or not."""

    def revoke(self, tx: Tx, grant_id: str, at: datetime) -> bool:
        """True for the caller that revoked it."""

    def revoke_all_of(
        self,
        tx: Tx,
        *,
        at: datetime,
        citizen_id: str | None = None,
        session_id: str | None = None,
        client_id: str | None = None,
        offline: bool = True,
        kept_session_id: str | None = None,
    ) -> list[Grant]:
        """Revoke every live grant that matches all that is given; returns them.

        With `offline` false, those that outlive their session are left; those of the kept session always are.
        """


class RefreshTokens(Protocol):
    """By the token's digest."""

    def add(self, tx: Tx, token_digest: str, token: RefreshToken) -> None: ...

    def find(self, token_digest: str) -> RefreshToken | None:
        """The token, spent or not, with whatever ended it meanwhile; expiry is the caller's rule. One read."""

    def use(self, tx: Tx, token_digest: str, at: datetime) -> bool:
        """Note a use; False, changing nothing, where it was spent."""

    def spend(self, tx: Tx, token_digest: str, at: datetime) -> bool:
        """True for exactly one caller."""

    def lasting_of(self, citizen_id: str, now: datetime) -> list[LastingAccess]:
        """The citizen's live grants with offline access, newest first."""


class Spent(Protocol):
    """Once means once: what has been spent, with a unique constraint."""

    def spend(
        self, tx: Tx, kind: str, key_digest: str, *, now: datetime, keep_until: datetime, gave: str = ""
    ) -> bool:
        """True for exactly one caller. `gave` names what it gave (a grant), for `gave_what`."""

    def gave_what(self, kind: str, key_digest: str) -> str | None:
        """What an earlier spending gave; None where it was never spent."""


class EndedSessions(Protocol):
    """Sessions that ended before their time. SQL, since Redis may forget that it forgot."""

    def end(self, tx: Tx, session_id: str, *, at: datetime, expires_at: datetime) -> None:
        """From the commit on, no code of this session is redeemed and no session with this id is accepted."""

    def has_ended(self, session_id: str) -> bool: ...


class Redemptions(Protocol):
    """The one read of a code's redemption."""

    def obstacle(self, code: AuthorizationCode) -> str | None:
        """Why the code may not be redeemed: `citizen`, `session`, `consent` (revoked), or None. One read (S-076)."""


class Ledger(Protocol):
    """Append-only. Implements the `Journal` port of keys, mfa and clients_registry."""

    def append(
        self,
        tx: Tx,
        *,
        event: str,
        actor: str,
        at: datetime,
        citizen_id: str | None = None,
        facts: Mapping[str, str | int | list[str]] | None = None,
    ) -> None:
        """Add an entry in `tx`; with a citizen, it takes that citizen's next number in the same INSERT."""

    def of_citizen(self, citizen_id: str, *, after: int = 0, limit: int = 100) -> Iterable[LedgerEntry]: ...

    def last_time(self, citizen_id: str, event: str) -> datetime | None:
        """When this last happened to the citizen; None where it never did."""


class History(Protocol):
    """The ledger, read backwards."""

    def latest(
        self, citizen_id: str, *, events: Collection[str], before: int | None = None, limit: int = 50
    ) -> list[LedgerEntry]:
        """A citizen's last entries of these kinds, newest first; `before` goes on from a citizen's number."""

    def find(self, citizen_id: str, citizen_number: int) -> LedgerEntry | None:
        """One entry of this citizen, and of nobody else."""
