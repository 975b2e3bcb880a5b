"""The promises of the Redis ports (idp/storage/ports.py), on the embedded Valkey and on the system's Redis."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import redis

from idp.errors import StoreUnavailable
from idp.ids import new_secret
from idp.records import (
    AuthorizationRequest,
    Brought,
    BrowserSession,
    LoginAttempt,
    PartialSignIn,
    ProvenFactor,
    PushedRequest,
)
from idp.storage.in_redis import BrowserSessions, OneTime, Rates, Records, Seen, Visits
from idp.storage.redis_client import check, connect
from tests.support.clock import FrozenClock

MINUTE = timedelta(minutes=1)
CALLERS = 24


@pytest.fixture
def client(redis_url_each: str, clock: FrozenClock) -> redis.Redis:
    connected = connect(redis_url_each, clock, connections=CALLERS + 1)
    connected.ping()  # the epoch begins with the first connection
    return connected


@pytest.fixture
def pushed(client: redis.Redis, clock: FrozenClock) -> Records[PushedRequest]:
    return Records(client, clock, "pushed-request", PushedRequest)


def a_request(clock: FrozenClock) -> PushedRequest:
    request = AuthorizationRequest("c", "https://rp.example/cb", ("openid",), "p", ("name",), state="æ\n")
    return PushedRequest(request, clock() + MINUTE)


def a_session(clock: FrozenClock, citizen_id: str = "citizen") -> BrowserSession:
    now = clock()
    factor = ProvenFactor("f", "password", ("pwd",), now)
    return BrowserSession(
        new_secret(), citizen_id, (factor,), "acr", now, now, now, now + 30 * MINUTE, now + 480 * MINUTE
    )


def test_what_was_put_is_found_as_it_was(pushed: Records[PushedRequest], clock: FrozenClock) -> None:
    pushed.put("secret", a_request(clock))
    assert pushed.find("secret") == a_request(clock)
    assert pushed.find("secret ") is None


def test_a_record_is_gone_when_its_time_is_over(pushed: Records[PushedRequest], clock: FrozenClock) -> None:
    """S-050: the injected clock decides, whatever the store's own timer does."""
    pushed.put("secret", a_request(clock))
    clock.forward(seconds=59)
    assert pushed.find("secret") is not None
    clock.forward(seconds=1)
    assert pushed.find("secret") is None


def test_a_forgotten_record_is_not_found(pushed: Records[PushedRequest], clock: FrozenClock) -> None:
    pushed.put("secret", a_request(clock))
    pushed.forget("secret")
    assert pushed.find("secret") is None


def test_no_secret_and_no_typed_text_reaches_a_key(
    client: redis.Redis, pushed: Records[PushedRequest], clock: FrozenClock
) -> None:
    """S-319, S-333: keys are a kind and a digest."""
    for typed in ("a:b", "*", "x\ny", "{tag}", "\x00", "x" * 10_000):
        pushed.put(typed, a_request(clock))
        assert pushed.find(typed) is not None
    for key in client.keys("*"):
        kind = key.decode().removeprefix("adgang:")
        assert kind == "epoch" or len(kind.rpartition(":")[2]) == 64


def test_every_key_but_the_epoch_has_an_end(client: redis.Redis, clock: FrozenClock) -> None:
    """S-331."""
    Records(client, clock, "pushed-request", PushedRequest).put("a", a_request(clock))
    BrowserSessions(client, clock).put("b", a_session(clock))
    OneTime(client).put("challenge", "c", "v", MINUTE)
    Seen(client, clock).first_time("jti", "d", issued_at=clock() + MINUTE, until=clock() + 2 * MINUTE)
    Rates(client).count("password", "e", MINUTE)
    endless = [key for key in client.keys("*") if client.pttl(key) < 0]
    assert endless == [b"adgang:epoch"]


def test_of_many_takers_one_gets_it(client: redis.Redis) -> None:
    """S-318: consumption is one atomic command."""
    store = OneTime(client)
    for round_number in range(20):
        store.put("challenge", f"k{round_number}", "value", MINUTE)
        with ThreadPoolExecutor(CALLERS) as pool:
            taken = list(pool.map(lambda _: store.take("challenge", f"k{round_number}"), range(CALLERS)))  # noqa: B023
        assert Counter(taken) == {None: CALLERS - 1, "value": 1}


def test_a_one_time_value_is_never_overwritten(client: redis.Redis) -> None:
    store = OneTime(client)
    assert store.put("challenge", "k", "first", MINUTE)
    assert not store.put("challenge", "k", "second", MINUTE)
    assert store.take("registration", "k") is None, "another kind is another shelf (S-306)"
    assert store.take("challenge", "k") == "first"


def test_of_many_that_show_a_jti_one_is_first(client: redis.Redis, clock: FrozenClock) -> None:
    """S-094: SET NX, never find and then save."""
    seen = Seen(client, clock)
    clock.forward(seconds=2)
    issued, until = clock(), clock() + MINUTE
    for round_number in range(20):
        with ThreadPoolExecutor(CALLERS) as pool:
            firsts = list(
                pool.map(
                    lambda _: seen.first_time("jti", f"j{round_number}", issued_at=issued, until=until),  # noqa: B023
                    range(CALLERS),
                )
            )
        assert sum(firsts) == 1


def test_a_store_that_starts_empty_calls_nothing_of_the_past_fresh(
    client: redis.Redis, clock: FrozenClock
) -> None:
    """S-328, S-404: what was issued before the flush may have been seen before it."""
    seen = Seen(client, clock)
    clock.forward(seconds=2)
    issued = clock()
    assert seen.first_time("jti", "j", issued_at=issued, until=issued + MINUTE)
    clock.forward(seconds=2)
    client.flushall()
    assert not seen.first_time("jti", "j", issued_at=issued, until=issued + MINUTE)
    clock.forward(seconds=2)
    assert seen.first_time("jti", "k", issued_at=clock(), until=clock() + MINUTE)


def test_counting_is_exact_under_parallel_callers(client: redis.Redis) -> None:
    """S-241."""
    rates = Rates(client)
    with ThreadPoolExecutor(CALLERS) as pool:
        counts = sorted(pool.map(lambda _: rates.count("password", "address", MINUTE), range(200)))
    assert counts == list(range(1, 201))
    assert rates.reached(("password", "address"), ("password", "another")) == [200, 0]


def test_a_session_that_was_ended_does_not_come_back(client: redis.Redis, clock: FrozenClock) -> None:
    """S-213: a request that was under way when the session ended may not write it again."""
    store, session = BrowserSessions(client, clock), a_session(clock)
    store.put("secret", session)
    store.forget("secret")
    assert not store.replace("secret", session)
    assert store.find("secret") is None


def test_a_visit_opens_what_its_secrets_name_and_nothing_else(
    client: redis.Redis, clock: FrozenClock
) -> None:
    """S-299: each secret opens a record of its own kind, as the store of that kind would."""
    now, session = clock(), a_session(clock)
    attempt = LoginAttempt(
        "attempt", "browser", a_request(clock).request, "key", now, now + MINUTE, now + 3 * MINUTE
    )
    partial = PartialSignIn("attempt", "citizen", (), now, now + 2 * MINUTE)
    attempts = Records(client, clock, "login-attempt", LoginAttempt)
    partials = Records(client, clock, "partial-sign-in", PartialSignIn)
    sessions = BrowserSessions(client, clock)
    visits = Visits(client, attempts, partials, sessions)
    attempts.put("a", attempt)
    partials.put("p", partial)
    sessions.put("s", session)
    assert visits.find("a", proof="p", session="s") == Brought(attempt, partial, session)
    assert visits.find("a", proof=None, session="s") == Brought(attempt, None, session)
    assert visits.find("a", proof="s", session="p") == Brought(attempt, None, None)
    assert visits.find("p", proof=None, session=None) == Brought(None, None, None)
    clock.forward(2 * MINUTE)
    assert visits.find("a", proof="p", session="s") == Brought(attempt, None, session)


def test_a_citizens_sessions_are_listed_and_ended_together(client: redis.Redis, clock: FrozenClock) -> None:
    store = BrowserSessions(client, clock)
    mine = [a_session(clock) for _ in range(3)]
    for number, session in enumerate(mine):
        store.put(f"mine {number}", session)
    store.put("other", a_session(clock, "other"))
    assert {session.session_id for session in store.of_citizen("citizen")} == {s.session_id for s in mine}
    assert len(store.forget_all_of("citizen")) == 3
    assert store.find("mine 0") is None
    assert store.of_citizen("citizen") == []
    assert len(store.of_citizen("other")) == 1


def test_a_session_that_begins_while_all_are_ended_stays_listed(
    client: redis.Redis, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S-213: or the next "end them all" would miss it."""
    store = BrowserSessions(client, clock)
    store.put("before", a_session(clock))
    read = client.mget

    def read_while_another_signs_in(*arguments: Any) -> Any:
        monkeypatch.undo()
        store.put("meanwhile", a_session(clock))
        return read(*arguments)

    monkeypatch.setattr(client, "mget", read_while_another_signs_in)
    assert len(store.forget_all_of("citizen")) == 1
    assert store.find("meanwhile") is not None
    assert len(store.forget_all_of("citizen")) == 1
    assert store.find("meanwhile") is None


def test_a_store_that_is_away_is_told_in_one_word(clock: FrozenClock) -> None:
    """S-332: and within its second."""
    client = connect("redis://127.0.0.1:1/0", clock)
    for call in (
        lambda: OneTime(client).take("challenge", "k"),
        lambda: Rates(client).count("password", "k", MINUTE),
        lambda: Seen(client, clock).first_time("jti", "k", issued_at=clock(), until=clock() + MINUTE),
        lambda: check(client),
    ):
        with pytest.raises(StoreUnavailable):
            call()


def test_a_full_store_refuses_instead_of_not_counting(client: redis.Redis) -> None:
    """S-322, S-407: with noeviction reads work and INCR fails; a counter that cannot rise is no permission."""
    client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreUnavailable):
            Rates(client).count("password", "k", MINUTE)
        with pytest.raises(StoreUnavailable):
            OneTime(client).put("challenge", "k", "v", MINUTE)
    finally:
        client.config_set("maxmemory", "0")


def test_a_store_that_evicts_or_forgets_is_not_fit_for_service(client: redis.Redis) -> None:
    """S-321."""
    assert not any("evict" in fault for fault in check(client))
    client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert any("noeviction" in fault for fault in check(client))
    finally:
        client.config_set("maxmemory-policy", "noeviction")
