"""The promises of the device authorizations' port (idp/storage/device_ports.py), on Valkey and on the system's Redis."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
import redis

from idp.asking_device import AskingDevice
from idp.device_records import DeviceDecision, DevicePace, DeviceRequest, PolledDevice
from idp.ids import digest
from idp.records import AuthorizationRequest
from idp.storage.devices_in_redis import DeviceRequests
from idp.storage.redis_client import connect
from tests.support.clock import FrozenClock

MINUTE = timedelta(minutes=1)
CALLERS = 16


@pytest.fixture
def store(redis_url_each: str, clock: FrozenClock) -> DeviceRequests:
    connected = connect(redis_url_each, clock, connections=CALLERS + 1)
    connected.ping()
    return DeviceRequests(connected, clock)


def asked(clock: FrozenClock, client_id: str = "c") -> DeviceRequest:
    device = AskingDevice("rolig ugle", "da", "BCDF-GHJK", clock(), "Odense", "DK")
    return DeviceRequest(
        AuthorizationRequest(client_id, "", ("openid",), "p", ("name",)), device, clock() + 10 * MINUTE
    )


def test_a_request_is_found_by_both_of_its_codes(store: DeviceRequests, clock: FrozenClock) -> None:
    assert store.put("device", "BCDFGHJK", asked(clock))
    assert store.find_by_user_code("BCDFGHJK") == (digest("device"), asked(clock))
    assert store.find("device") == PolledDevice(asked(clock), None, None)
    assert store.find_by_user_code("BCDFGHJL") is None and store.find("other") is None


def test_a_user_code_is_shown_by_one_device(store: DeviceRequests, clock: FrozenClock) -> None:
    """Of many at once one has it, and it stays its own."""
    with ThreadPoolExecutor(CALLERS) as pool:
        kept = list(pool.map(lambda n: store.put(f"d{n}", "BCDFGHJK", asked(clock, f"c{n}")), range(CALLERS)))
    assert kept.count(True) == 1
    found = store.find_by_user_code("BCDFGHJK")
    assert found is not None and found[1].request.client_id == f"c{kept.index(True)}"
    losers = [n for n in range(CALLERS) if not kept[n]]
    assert all(store.find(f"d{n}") is None for n in losers)


def test_a_decision_takes_the_user_code_away_and_no_poll_overwrites_it(
    store: DeviceRequests, clock: FrozenClock
) -> None:
    store.put("device", "BCDFGHJK", asked(clock))
    pace, until = DevicePace(clock(), 10), clock() + 10 * MINUTE
    store.decide(digest("device"), "BCDF-GHJK", DeviceDecision(None), until)
    store.keep_pace("device", pace, until)
    assert store.find("device") == PolledDevice(asked(clock), pace, DeviceDecision(None))
    assert store.find_by_user_code("BCDFGHJK") is None
    store.forget("device")
    assert store.find("device") is None


def test_after_its_end_a_request_is_found_by_its_device_alone(
    store: DeviceRequests, clock: FrozenClock
) -> None:
    store.put("device", "BCDFGHJK", asked(clock))
    before = asked(clock)
    clock.forward(seconds=600)
    assert store.find_by_user_code("BCDFGHJK") is None
    found = store.find("device")
    assert found is not None and found.asked == before


def test_what_another_version_wrote_is_as_if_it_were_not_there(
    store: DeviceRequests, clock: FrozenClock, redis_url_each: str
) -> None:
    store.put("device", "BCDFGHJK", asked(clock))
    redis.Redis.from_url(redis_url_each).set(f"adgang:device-request:{digest('device')}", b'{"other": 1}')
    assert store.find("device") is None and store.find_by_user_code("BCDFGHJK") is None


def test_no_code_stands_in_a_key(store: DeviceRequests, clock: FrozenClock, redis_url_each: str) -> None:
    """S-319, S-333."""
    store.put("device-secret", "BCDFGHJK", replace(asked(clock)))
    keys = b" ".join(redis.Redis.from_url(redis_url_each).keys("adgang:device-*"))
    assert keys and b"device-secret" not in keys and b"BCDFGHJK" not in keys
