"""What may be lost at the price of a sign-in again, in Redis or Valkey (commands that Redis 6.2 has too).

Keys are `adgang:<kind>:<SHA-256 of the secret>`, so nothing a user types reaches a key (S-319) and no secret is kept
(S-333). A TTL only sweeps; `expires_at` against the injected clock decides. How the server is spoken to is
redis_client.py's matter.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar, cast

import msgspec
import redis

from idp.ids import digest
from idp.records import Brought, BrowserSession, LoginAttempt, PartialSignIn
from idp.storage.redis_client import EPOCH_KEY, store_faults_told

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
        with store_faults_told():
            self._client.set(self.key(secret), msgspec.json.encode(record), px=life)

    def find(self, secret: str) -> Record | None:
        with store_faults_told():
            found = self._client.get(self.key(secret))
        return self.read(cast("bytes | None", found))

    def read(self, found: bytes | None) -> Record | None:
        """What stood at a key, as `find` gives it."""
        if found is None:
            return None
        try:
            record = self._decoder.decode(found)
        except msgspec.MsgspecError:
            return None  # written by a version that meant something else by it: the citizen begins again
        return record if record.expires_at > self._clock() else None

    def forget(self, secret: str) -> None:
        with store_faults_told():
            self._client.delete(self.key(secret))

    def key(self, secret: str) -> str:
        """Where a record is kept."""
        return f"adgang:{self._kind}:{digest(secret)}"


class BrowserSessions:
    """Implements `ports.BrowserSessions`: the session by its cookie's digest, and a set of digests by citizen."""

    def __init__(self, client: "redis.Redis", clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock
        self._decoder = msgspec.json.Decoder(BrowserSession)

    def put(self, secret: str, session: BrowserSession) -> None:
        index, life = self._index(session.citizen_id), self._life(session)
        with store_faults_told(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.set(self.key(digest(secret)), msgspec.json.encode(session), px=life)
            pipeline.sadd(index, digest(secret))
            pipeline.pexpire(index, _milliseconds(timedelta(days=2)))  # longer than any session may last
            pipeline.execute()

    def find(self, secret: str) -> BrowserSession | None:
        with store_faults_told():
            return self.read(cast("bytes | None", self._client.get(self.key(digest(secret)))))

    def replace(self, secret: str, session: BrowserSession) -> bool:
        key, life = self.key(digest(secret)), self._life(session)
        with store_faults_told():
            return bool(self._client.set(key, msgspec.json.encode(session), px=life, xx=True))

    def forget(self, secret: str) -> None:
        key = self.key(digest(secret))
        with store_faults_told():
            found = self.read(cast("bytes | None", self._client.getdel(key)))
            if found is not None:
                self._client.srem(self._index(found.citizen_id), digest(secret))

    def of_citizen(self, citizen_id: str) -> list[BrowserSession]:
        with store_faults_told():
            return self._read_all(self._members(citizen_id))

    def forget_all_of(self, citizen_id: str) -> list[BrowserSession]:
        with store_faults_told():
            members = self._members(citizen_id)
            sessions = self._read_all(members)
            if members:
                # Not the whole index: a session that began meanwhile must stay listed, so that the next call finds it.
                with self._client.pipeline(transaction=True) as pipeline:
                    pipeline.delete(*(self.key(member) for member in members))
                    pipeline.srem(self._index(citizen_id), *members)
                    pipeline.execute()
            return sessions

    def forget_these(self, citizen_id: str, session_ids: Collection[str]) -> None:
        with store_faults_told():
            for member in self._members(citizen_id):
                session = self.read(cast("bytes | None", self._client.get(self.key(member))))
                if session is not None and session.session_id in session_ids:
                    self._client.delete(self.key(member))
                    self._client.srem(self._index(citizen_id), member)

    def _members(self, citizen_id: str) -> list[str]:
        return [
            member.decode() for member in cast("set[bytes]", self._client.smembers(self._index(citizen_id)))
        ]

    def _read_all(self, members: list[str]) -> list[BrowserSession]:
        if not members:
            return []
        found = cast("list[bytes | None]", self._client.mget([self.key(member) for member in members]))
        now = self._clock()
        live = (session for raw in found if (session := self.read(raw)) is not None)
        return [session for session in live if session.expires_at > now]

    def read(self, raw: bytes | None) -> BrowserSession | None:
        """What stood at a key, as `find` gives it."""
        if raw is None:
            return None
        try:
            return self._decoder.decode(raw)
        except msgspec.MsgspecError:
            return None

    def _life(self, session: BrowserSession) -> int:
        # Also while nobody uses it: its services have sessions of their own, and must be told when it is ended.
        return _milliseconds(session.expires_at - self._clock() + _SWEEP_AFTER)

    @staticmethod
    def key(secret_digest: str) -> str:
        """Where a session is kept."""
        return f"adgang:session:{secret_digest}"

    @staticmethod
    def _index(citizen_id: str) -> str:
        return f"adgang:sessions-of:{digest(citizen_id)}"


class Visits:
    """Implements `ports.Visits`: one MGET."""

    def __init__(
        self,
        client: "redis.Redis",
        attempts: Records[LoginAttempt],
        partials: Records[PartialSignIn],
        sessions: BrowserSessions,
    ) -> None:
        self._client = client
        self._attempts = attempts
        self._partials = partials
        self._sessions = sessions

    def find(self, attempt_id: str, *, proof: str | None, session: str | None) -> Brought:
        keys = {"attempt": self._attempts.key(attempt_id)}
        if proof is not None:
            keys["partial"] = self._partials.key(proof)
        if session is not None:
            keys["session"] = self._sessions.key(digest(session))
        with store_faults_told():
            found = cast("list[bytes | None]", self._client.mget(list(keys.values())))
        raw = dict(zip(keys, found, strict=True))
        return Brought(
            attempt=self._attempts.read(raw.get("attempt")),
            partial=self._partials.read(raw.get("partial")),
            session=self._sessions.read(raw.get("session")),
        )


class OneTime:
    """Implements `ports.OneTime`: SET NX and GETDEL."""

    def __init__(self, client: "redis.Redis") -> None:
        self._client = client

    def put(self, kind: str, key: str, value: str, lifetime: timedelta) -> bool:
        with store_faults_told():
            name = f"adgang:once:{kind}:{digest(key)}"
            return bool(self._client.set(name, value, nx=True, px=_milliseconds(lifetime)))

    def take(self, kind: str, key: str) -> str | None:
        with store_faults_told():
            found = cast("bytes | None", self._client.getdel(f"adgang:once:{kind}:{digest(key)}"))
        return None if found is None else found.decode()


class Seen:
    """Implements `ports.Seen` in one script, together with the epoch."""

    def __init__(self, client: "redis.Redis", clock: Callable[[], datetime]) -> None:
        self._script = client.register_script(_FIRST_TIME)
        self._clock = clock

    def first_time(self, kind: str, key: str, *, issued_at: datetime, until: datetime) -> bool:
        now = self._clock()
        with store_faults_told():
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
        with store_faults_told():
            return int(self._script(keys=[self._key(kind, key)], args=[_milliseconds(window)]))

    def reached(self, *counters: tuple[str, str]) -> list[int]:
        with store_faults_told():
            found = self._client.mget([self._key(kind, key) for kind, key in counters])
        return [int(count or 0) for count in cast("list[bytes | None]", found)]

    @staticmethod
    def _key(kind: str, key: str) -> str:
        return f"adgang:rate:{kind}:{digest(key)}"


def _milliseconds(life: timedelta) -> int:
    return max(1, int(life.total_seconds() * 1000))
