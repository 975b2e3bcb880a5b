"""Ended sessions that tell: whatever ends a session passes here, and its services stand in the queue.

Both in the caller's transaction: no session ends without its notices, and none is told of an end that was rolled back.
"""

from datetime import datetime

from idp.logout.ports import LogoutQueue
from idp.storage import ports


class TellingEndedSessions:
    """Implements `ports.EndedSessions`."""

    def __init__(self, ended_sessions: ports.EndedSessions, queue: LogoutQueue) -> None:
        self._ended_sessions = ended_sessions
        self._queue = queue

    def end(self, tx: ports.Tx, session_id: str, *, at: datetime, expires_at: datetime) -> None:
        self._ended_sessions.end(tx, session_id, at=at, expires_at=expires_at)
        self._queue.write(tx, session_id, at=at)

    def has_ended(self, session_id: str) -> bool:
        return self._ended_sessions.has_ended(session_id)
