"""What may be lost at the price of a sign-in again, in Redis or Valkey (commands that Redis 6.2 has too).

Keys are `adgang:<kind>:<SHA-256 of the secret>`, so nothing a user types reaches a key (S-319) and no secret is kept
(S-333). A TTL only sweeps; `expires_at` against the injected clock decides. How the server is spoken to is
redis_client.py's matter.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, TypeVar, cast

import msgspec
import redis

from idp.errors import StoreUnavailable
from idp.ids import digest
from idp.records import BrowserSession
from idp.storage.redis_client import EPOCH_KEY

_SWEEP_AFTER = timedelta(minutes=2)
"""How long a key outlives its record, so that a clock a little behind still finds what it should."""

_FIRST_TIME = """
local at = redis.call('HGET', KEYS[2], 'at')
if not at then
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  redis.call('HSET', KEYS[2], 'run_id', run, 'at', ARGV[2])
  at = ARGV[2]
end
if tonumber(ARGV[1]) <= tonumber(at) then return 0 end
if redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[3]) then return 1 end
return 0
"""

_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return count
"""


class Expiring(Protocol):
    """A record that knows its end."""

    @property
    def expires_at(self) -> datetime: ...


Record = TypeVar("Record", bound=Expiring)


@contextmanager
def _store() -> Iterator[None]:
    """Tell every trouble with Redis in the house's one word for it."""
    try:
        yield
    except (redis.RedisError, OSError) as fault:
        raise StoreUnavailable("Redis did not answer or refused to write") from fault


def check(client: "redis.Redis") -> list[str]:
    """What is wrong with this server for our purpose, in sentences; raises StoreUnavailable (S-321)."""
    with _store():
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
    with _store():
        seconds, micros = client.time()
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros)


class Records(Generic[Record]):
    """Implements `ports.Records` for one kind of record."""

    def __init__(
        self, client: "redis.Redis", clock: Callable[[], datetime], kind: str, of: type[Record]
    ) -> None:
        self._client = client
        self._clock = clock
        self._kind = kind
        self._decoder = msgspec.json.Decoder(of)

    def put(self, secret: str, record: Record) -> None:
        life = _milliseconds(record.expires_at - self._clock() + _SWEEP_AFTER)
        with _store():
            self._client.set(self._key(secret), msgspec.json.encode(record), px=life)

    def find(self, secret: str) -> Record | None:
        with _store():
            found = self._client.get(self._key(secret))
        if found is None:
            return None
        try:
            record = self._decoder.decode(cast(bytes, found))
        except msgspec.MsgspecError:
            return None  # written by a version that meant something else by it: the citizen begins again
        return record if record.expires_at > self._clock() else None

    def forget(self, secret: str) -> None:
        with _store():
            self._client.delete(self._key(secret))

    def _key(self, secret: str) -> str:
        return f"adgang:{self._kind}:{digest(secret)}"


class BrowserSessions:
    """Implements `ports.BrowserSessions`: the session by its cookie's digest, and a set of digests by citizen."""

    def __init__(self, client: "redis.Redis", clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock
        self._decoder = msgspec.json.Decoder(BrowserSession)

    def put(self, secret: str, session: BrowserSession) -> None:
        index, life = self._index(session.citizen_id), self._life(session)
        with _store(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.set(self._key(digest(secret)), msgspec.json.encode(session), px=life)
            pipeline.sadd(index, digest(secret))
            pipeline.pexpire(index, _milliseconds(timedelta(days=2)))  # longer than any session may last
            pipeline.execute()

    def find(self, secret: str) -> BrowserSession | None:
        with _store():
            return self._decode(cast("bytes | None", self._client.get(self._key(digest(secret)))))

    def replace(self, secret: str, session: BrowserSession) -> bool:
        key, life = self._key(digest(secret)), self._life(session)
        with _store():
            return bool(self._client.set(key, msgspec.json.encode(session), px=life, xx=True))

    def forget(self, secret: str) -> None:
        key = self._key(digest(secret))
        with _store():
            found = self._decode(cast("bytes | None", self._client.getdel(key)))
            if found is not None:
                self._client.srem(self._index(found.citizen_id), digest(secret))

    def of_citizen(self, citizen_id: str) -> list[BrowserSession]:
        with _store():
            return self._read_all(self._members(citizen_id))

    def forget_all_of(self, citizen_id: str) -> list[BrowserSession]:
        with _store():
            members = self._members(citizen_id)
            sessions = self._read_all(members)
            if members:
                # Not the whole index: a session that began meanwhile must stay listed, so that the next call finds it.
                with self._client.pipeline(transaction=True) as pipeline:
                    pipeline.delete(*(self._key(member) for member in members))
                    pipeline.srem(self._index(citizen_id), *members)
                    pipeline.execute()
            return sessions

    def forget_these(self, citizen_id: str, session_ids: Collection[str]) -> None:
        with _store():
            for member in self._members(citizen_id):
                session = self._decode(cast("bytes | None", self._client.get(self._key(member))))
                if session is not None and session.session_id in session_ids:
                    self._client.delete(self._key(member))
                    self._client.srem(self._index(citizen_id), member)

    def _members(self, citizen_id: str) -> list[str]:
        return [
            member.decode() for member in cast("set[bytes]", self._client.smembers(self._index(citizen_id)))
        ]

    def _read_all(self, members: list[str]) -> list[BrowserSession]:
        if not members:
            return []
        found = cast("list[bytes | None]", self._client.mget([self._key(member) for member in members]))
        now = self._clock()
        live = (session for raw in found if (session := self._decode(raw)) is not None)
        return [session for session in live if session.expires_at > now and session.idle_expires_at > now]

    def _decode(self, raw: bytes | None) -> BrowserSession | None:
        if raw is None:
            return None
        try:
            return self._decoder.decode(raw)
        except msgspec.MsgspecError:
            return None

    def _life(self, session: BrowserSession) -> int:
        return _milliseconds(min(session.expires_at, session.idle_expires_at) - self._clock() + _SWEEP_AFTER)

    @staticmethod
    def _key(secret_digest: str) -> str:
        return f"adgang:session:{secret_digest}"

    @staticmethod
    def _index(citizen_id: str) -> str:
        return f"adgang:sessions-of:{digest(citizen_id)}"


class OneTime:
    """Implements `ports.OneTime`: SET NX and GETDEL."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def put(self, kind: str, key: str, value: str, lifetime: timedelta) -> bool:
        with _store():
            name = f"adgang:once:{kind}:{digest(key)}"
            return bool(self._client.set(name, value, nx=True, px=_milliseconds(lifetime)))

    def take(self, kind: str, key: str) -> str | None:
        with _store():
            found = cast("bytes | None", self._client.getdel(f"adgang:once:{kind}:{digest(key)}"))
        return None if found is None else found.decode()


class Seen:
    """Implements `ports.Seen` in one script, together with the epoch."""

    def __init__(self, client: "redis.Redis", clock: Callable[[], datetime]) -> None:
        self._script = client.register_script(_FIRST_TIME)
        self._clock = clock

    def first_time(self, kind: str, key: str, *, issued_at: datetime, until: datetime) -> bool:
        now = self._clock()
        with _store():
            answer = self._script(
                keys=[f"adgang:seen:{kind}:{digest(key)}", EPOCH_KEY],
                args=[str(issued_at.timestamp()), str(now.timestamp()), _milliseconds(until - now)],
            )
        return bool(answer)


class Rates:
    """Implements `ports.Rates`: a fixed window that begins with its first attempt."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client
        self._script = client.register_script(_COUNT)

    def count(self, kind: str, key: str, window: timedelta) -> int:
        with _store():
            return int(self._script(keys=[self._key(kind, key)], args=[_milliseconds(window)]))

    def reached(self, kind: str, key: str) -> int:
        with _store():
            return int(cast("bytes | None", self._client.get(self._key(kind, key))) or 0)

    @staticmethod
    def _key(kind: str, key: str) -> str:
        return f"adgang:rate:{kind}:{digest(key)}"


def _milliseconds(life: timedelta) -> int:
    return max(1, int(life.total_seconds() * 1000))
