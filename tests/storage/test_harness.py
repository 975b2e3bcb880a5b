"""The harness itself: what a test is given is new, empty and real."""

import socket
import subprocess
import sys
from datetime import timedelta

import pytest
import redis
from sqlalchemy import create_engine, inspect, text

from tests.support import ports
from tests.support.clock import START, FrozenClock
from tests.support.needs import needs
from tests.support.ports import free_port, free_ports


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


def test_processes_that_run_tests_are_not_given_each_others_ports() -> None:
    """Where two chose the same, HAProxy and granian would share it without a word."""
    given = free_ports(9)
    code = "from tests.support.ports import free_ports; print(*free_ports(9)); input()"
    others = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        theirs = [int(port) for other in others for port in other.stdout.readline().split()]  # type: ignore[union-attr]
    finally:
        for other in others:
            other.communicate("\n")
    assert len({*given, *theirs}) == 27


def test_a_port_is_not_given_again_soon_nor_while_somebody_listens() -> None:
    given = [free_port() for _ in range(100)]
    assert len(set(given)) == 100
    with socket.create_server(("127.0.0.1", given[0])):
        around = {free_port() for _ in range(500)}
    assert given[0] not in around and given[1] in around


def test_no_port_is_one_that_browsers_refuse() -> None:
    """A service at 10080 had its logins fail in `fetch` with "bad port": the highest of the Fetch standard's list."""
    assert ports._FIRST > 10_080


@pytest.mark.browser
def test_the_browser_is_real(page: object) -> None:
    page.set_content("<title>Adgang</title>")  # type: ignore[attr-defined]
    assert page.title() == "Adgang"  # type: ignore[attr-defined]
