"""Device authorizations in Redis: the request by its device code, the way to it by the user code, pace and decision beside it.

Apart, so that a poll that writes the pace never overwrites a decision that comes meanwhile. Keys are as in in_redis.py.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar, cast

import msgspec
import redis

from idp.device_records import DeviceDecision, DevicePace, DeviceRequest, PolledDevice
from idp.ids import digest
from idp.storage.redis_client import store_faults_told

_KNOWN_AFTER = timedelta(minutes=10)
"""So long after its end a device code is still told that it has expired, not that nobody knows it (RFC 8628 §3.5)."""

Part = TypeVar("Part")


class DeviceRequests:
    """Implements `ports.DeviceRequests`."""

    def __init__(self, client: "redis.Redis", clock: Callable[[], datetime]) -> None:
        self._client = client
        self._clock = clock

    def put(self, device_code: str, user_code: str, asked: DeviceRequest) -> bool:
        life = _milliseconds(asked.expires_at - self._clock() + _KNOWN_AFTER)
        key = digest(device_code)
        with store_faults_told():
            if not self._client.set(_way(user_code), key, nx=True, px=life):
                return False
            self._client.set(_name("request", key), msgspec.json.encode(asked), px=life)
        return True

    def find_by_user_code(self, user_code: str) -> tuple[str, DeviceRequest] | None:
        with store_faults_told():
            way = cast("bytes | None", self._client.get(_way(user_code)))
            if way is None:
                return None
            key = way.decode()
            found = _read(cast("bytes | None", self._client.get(_name("request", key))), DeviceRequest)
        return None if found is None or found.expires_at <= self._clock() else (key, found)

    def find(self, device_code: str) -> PolledDevice | None:
        key = digest(device_code)
        with store_faults_told():
            names = [_name(part, key) for part in ("request", "pace", "decision")]
            request, pace, decision = cast("list[bytes | None]", self._client.mget(names))
        asked = _read(request, DeviceRequest)
        if asked is None:
            return None
        return PolledDevice(asked, _read(pace, DevicePace), _read(decision, DeviceDecision))

    def keep_pace(self, device_code: str, pace: DevicePace, until: datetime) -> None:
        life = _milliseconds(until - self._clock() + _KNOWN_AFTER)
        with store_faults_told():
            self._client.set(_name("pace", digest(device_code)), msgspec.json.encode(pace), px=life)

    def decide(self, key: str, user_code: str, decision: DeviceDecision, until: datetime) -> None:
        life = _milliseconds(until - self._clock() + _KNOWN_AFTER)
        with store_faults_told(), self._client.pipeline(transaction=True) as pipeline:
            pipeline.set(_name("decision", key), msgspec.json.encode(decision), px=life)
            pipeline.delete(_way(user_code))
            pipeline.execute()

    def forget(self, device_code: str) -> None:
        key = digest(device_code)
        with store_faults_told():
            self._client.delete(*(_name(part, key) for part in ("request", "pace", "decision")))


def _name(part: str, key: str) -> str:
    return f"adgang:device-{part}:{key}"


def _way(user_code: str) -> str:
    return f"adgang:device-way:{digest(user_code.replace('-', ''))}"


def _read(found: bytes | None, of: type[Part]) -> Part | None:
    if found is None:
        return None
    try:
        return msgspec.json.decode(found, type=of)
    except msgspec.MsgspecError:
        return None  # written by a version that meant something else by it: the device begins again


def _milliseconds(life: timedelta) -> int:
    return max(1, int(life.total_seconds() * 1000))
