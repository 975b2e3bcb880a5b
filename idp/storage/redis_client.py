"""The connection to Redis or Valkey: answers or fails within a second, and repeats nothing.

No command is repeated after a lost reply: GETDEL, SET NX and INCR would do their work twice (S-324). Commands and their
answers are redis-py's; what it does around each of them (observing, retrying, asking whether a connection is clean by
way of two settings and an exception) cost as much as the command, and is done here in a few calls. What is kept, and
under which keys, is in_redis.py's.
"""

import queue
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from idp.errors import StoreUnavailable

EPOCH_KEY = "adgang:epoch"

_TIMEOUT_SECONDS = 1.0

_RENEW_EPOCH = """
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if redis.call('HGET', KEYS[1], 'run_id') ~= run then
  redis.call('HSET', KEYS[1], 'run_id', run, 'at', ARGV[1])
end
return 1
"""
"""A restart may have lost the last second of writes: the epoch says since when the memory is whole (S-328)."""


def connect(url: str, clock: Callable[[], datetime], *, connections: int = 12) -> "redis.Redis":
    """A client that renews the epoch whenever it connects."""

    def on_connect(connection: Any) -> None:
        """Every restart of the server breaks every connection, so the check at connect misses none."""
        connection.on_connect()
        connection.send_command("EVAL", _RENEW_EPOCH, 1, EPOCH_KEY, str(clock().timestamp()))
        connection.read_response()

    pool = _Pool.from_url(
        url,
        timeout=_TIMEOUT_SECONDS,  # a busy moment waits for a connection instead of failing
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        max_connections=connections,
        redis_connect_func=on_connect,
    )
    return _Client(connection_pool=pool)


@contextmanager
def store_faults_told() -> Iterator[None]:
    """Tell every trouble with Redis in the house's one word for it."""
    try:
        yield
    except (redis.RedisError, OSError) as fault:
        raise StoreUnavailable("Redis did not answer or refused to write") from fault


def check(client: "redis.Redis") -> list[str]:
    """What is wrong with this server for our purpose, in sentences; raises StoreUnavailable (S-321)."""
    with store_faults_told():
        client.ping()
    try:
        policy = cast(dict[str, str], client.config_get("maxmemory-policy", "appendonly"))
    except redis.RedisError:
        return []  # a hosted server may forbid CONFIG; its operator answers for these two
    faults = []
    if policy.get("maxmemory-policy") != "noeviction":
        faults.append("Redis may evict what we must not forget: set maxmemory-policy noeviction.")
    if policy.get("appendonly") != "yes":
        faults.append("Redis keeps nothing over a restart: set appendonly yes.")
    return faults


def server_time(client: "redis.Redis") -> datetime:
    """The server's clock."""
    with store_faults_told():
        seconds, micros = client.time()
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros)


class _Client(redis.Redis):
    """Sends a command and reads its answer."""

    def execute_command(self, *arguments: Any, **options: Any) -> Any:
        pool: Any = self.connection_pool
        connection = pool.get_connection()
        try:
            connection.send_packed_command([_packed(*arguments)], check_health=False)
            return self.parse_response(connection, arguments[0], **options)  # type: ignore[no-untyped-call]
        finally:
            pool.release(connection)  # after a fault it is closed, and opened again by who takes it next


def _packed(name: str, *arguments: Any) -> bytes:
    """A command as the server reads it: an array of strings (RESP, "Sending commands"). A name may be two words."""
    words = [word if isinstance(word, bytes) else str(word).encode() for word in (*name.split(), *arguments)]
    return b"*%d\r\n" % len(words) + b"".join([b"$%d\r\n%b\r\n" % (len(word), word) for word in words])


class _Pool(redis.BlockingConnectionPool):
    """Connections that are known to be open and to owe nobody an answer."""

    def get_connection(self, *_: Any, **__: Any) -> Any:
        self._checkpid()
        try:
            connection = self.pool.get(timeout=self.timeout)
        except queue.Empty:
            raise redis.ConnectionError("every connection is in use") from None
        if connection is None:
            connection = self.make_connection()  # type: ignore[no-untyped-call]
        try:
            if _has_something_to_say(connection):
                connection.disconnect()
            connection.connect()  # does nothing where it is connected
        except BaseException:
            self.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        self.pool.put_nowait(connection)


def _has_something_to_say(connection: Any) -> bool:
    """An idle connection never has: the server closed it, or it still holds somebody's late answer."""
    if connection._sock is None:
        return False
    poll = select.poll()
    poll.register(connection._sock, select.POLLIN)
    return bool(poll.poll(0))
