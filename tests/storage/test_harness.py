"""The harness itself: what a test is given is new, empty and real."""

from datetime import timedelta

import pytest
import redis
from sqlalchemy import create_engine, inspect, text

from tests.support.clock import START, FrozenClock
from tests.support.needs import needs


@pytest.mark.parametrize("round_", [1, 2])
def test_every_test_gets_an_empty_database(sql_url: str, round_: int) -> None:
    engine = create_engine(sql_url)
    assert inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE left_behind (n INTEGER)"))
    engine.dispose()


@pytest.mark.parametrize("round_", [1, 2])
def test_every_test_gets_an_empty_store(redis_url_each: str, round_: int) -> None:
    with redis.Redis.from_url(redis_url_each) as client:
        assert client.dbsize() == 0
        client.set("left behind", round_)


def test_the_clock_moves_only_when_told(clock: FrozenClock) -> None:
    assert clock() == clock() == START
    assert clock.forward(timedelta(minutes=1)) == clock()
    assert clock.forward(seconds=30) - START == timedelta(seconds=90)


def test_a_missing_need_skips_here_and_fails_where_all_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADGANG_CI_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="a unicorn"):
        needs(None, "a unicorn")
    monkeypatch.setenv("ADGANG_CI_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="a unicorn"):
        needs(None, "a unicorn")
    needs("found", "a unicorn")


@pytest.mark.browser
def test_the_browser_is_real(page: object) -> None:
    page.set_content("<title>Adgang</title>")  # type: ignore[attr-defined]
    assert page.title() == "Adgang"  # type: ignore[attr-defined]
