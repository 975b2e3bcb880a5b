"""A connection to PostgreSQL that waits no longer than it may, also for a server that has stopped answering at all.

The server's own statement_timeout ends what the server works on. It says nothing where the server is frozen or the
network to it is lost: then libpq would wait for minutes, and every thread of the process with it (S-332, S-408).
"""

from typing import Any

import psycopg
from psycopg import errors
from psycopg.abc import RV, PQGen

PATIENCE_SECONDS = 2.5
"""Beyond the server's own two seconds, so that a server that works tells us itself; within the 3 s of S-332."""


class BoundedConnection(psycopg.Connection[Any]):
    """`psycopg.Connection`, whose every wait has an end."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """
        Raises:
            psycopg.OperationalError: no answer in time. The connection is closed: what was asked may still be
                answered, and must not be taken for the answer to the next question.
        """
        try:
            return super().wait(gen, interval, PATIENCE_SECONDS if timeout is None else timeout)
        except errors._WaitTimeout as fault:
            self.pgconn.finish()
            raise psycopg.OperationalError("the server did not answer in time") from fault


def connect(_dialect: object, _record: object, arguments: Any, options: Any) -> BoundedConnection:
    """For SQLAlchemy's event `do_connect`."""
    return BoundedConnection.connect(*arguments, **options)
