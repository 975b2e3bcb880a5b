"""Browser sessions: how one begins, goes on and ends.

    (nothing) ──two factors──▶ live ──idle limit, absolute end──▶ over
                                │ └──one more factor──▶ live, perhaps at a higher level, with a new cookie
                                │ └──signed in again──▶ live, with a new cookie
                                └──"Log ud", end-sessions, block──▶ ended (in SQL too, since Redis may forget)

What is over by the idle limit signs nobody in; until its absolute end it goes on with the next sign-in in that browser, or
is ended like a live one, so that its services are told.

Limits after NIST SP 800-63B-4 §5.2 (values in protocol.md). Which cookie carries a session is web.py's matter.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from idp.ids import new_id
from idp.ledger import events
from idp.protocol.acr import HIGH
from idp.records import BrowserSession, Place, ProvenFactor
from idp.storage import ports

_TOUCH_AFTER = timedelta(seconds=30)
"""A session in use is written back this often, not at every request."""


@dataclass(frozen=True, slots=True)
class BrowserSessionRules:
    """The limits of sessions; pure."""

    idle: timedelta
    absolute: timedelta
    high_idle: timedelta = timedelta(minutes=15)
    """NIST SP 800-63B-4 §2.3.3."""
    high_absolute: timedelta = timedelta(hours=8)

    def begin(
        self,
        citizen_id: str,
        factors: tuple[ProvenFactor, ...],
        *,
        acr: str,
        now: datetime,
        device: str,
        place: Place | None = None,
        before: BrowserSession | None = None,
    ) -> BrowserSession:
        """A session from two proven factors.

        `before` is the same citizen's session in this browser: its identity goes on, so that services which hold its
        `sid` are still told when it ends; the caller gives it a new cookie all the same (S-214).
        """
        ends_at = now + (min(self.absolute, self.high_absolute) if acr == HIGH else self.absolute)
        return BrowserSession(
            session_id=before.session_id if before else new_id(),
            citizen_id=citizen_id,
            factors=factors,
            acr=acr,
            authenticated_at=now,
            started_at=before.started_at if before else now,
            last_used_at=now,
            idle_expires_at=min(now + self._idle_of(acr), ends_at),
            expires_at=ends_at,
            device=device,
            place=place,
        )

    def step_up(
        self, before: BrowserSession, factors: tuple[ProvenFactor, ...], *, acr: str, now: datetime
    ) -> BrowserSession:
        """The session with one more factor. One factor is no new sign-in: neither its time nor its end moves on."""
        ends_at = min(before.expires_at, now + self.high_absolute) if acr == HIGH else before.expires_at
        return replace(
            before,
            factors=factors,
            acr=acr,
            last_used_at=now,
            idle_expires_at=min(now + self._idle_of(acr), ends_at),
            expires_at=ends_at,
        )

    def live(self, session: BrowserSession | None, now: datetime) -> BrowserSession | None:
        """The session if neither limit has passed (S-224)."""
        if session is None or now >= session.expires_at or now >= session.idle_expires_at:
            return None
        return session

    def used(self, session: BrowserSession, now: datetime) -> BrowserSession | None:
        """The session with its idle limit moved, or None where it was written a moment ago."""
        if now - session.last_used_at < _TOUCH_AFTER:
            return None
        idle_expires_at = min(now + self._idle_of(session.acr), session.expires_at)
        return replace(session, last_used_at=now, idle_expires_at=idle_expires_at)

    def _idle_of(self, acr: str) -> timedelta:
        return min(self.idle, self.high_idle) if acr == HIGH else self.idle


def record_end(
    tx: ports.Tx,
    session: BrowserSession,
    *,
    ended_sessions: ports.EndedSessions,
    grants: ports.Grants,
    ledger: ports.Ledger,
    actor: str,
    now: datetime,
) -> None:
    """Write a session's end in SQL: no code of it is redeemed and no token of it works from the commit on.

    What the citizen agreed to be lasting goes on with new tokens (OIDC Back-Channel Logout §2.7).
    """
    ended_sessions.end(tx, session.session_id, at=now, expires_at=session.expires_at)
    ended = grants.revoke_all_of(tx, at=now, session_id=session.session_id, offline=False)
    ledger.append(
        tx,
        event=events.SESSION_ENDED,
        actor=actor,
        at=now,
        citizen_id=session.citizen_id,
        facts={"device": session.device, "services": sorted({grant.client_id for grant in ended})},
    )
