"""The embedded Valkey: kept over a kill, shared by all processes of one directory, tidy about what is left behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from idp.errors import ConfigurationFaults
from idp.storage import embedded_valkey
from tests.support.redis_servers import NO_RETRY


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "store"
    yield place
    if place.is_dir() and _alive(place):
        embedded_valkey.start(place).stop()


def _alive(place: Path) -> bool:
    try:
        with redis.Redis(unix_socket_path=str(embedded_valkey._socket_path(place)), retry=NO_RETRY) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


def _kill(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        os.kill(client.info("server")["process_id"], signal.SIGKILL)


def test_acknowledged_writes_survive_a_kill(directory: Path) -> None:
    store = embedded_valkey.start(directory)
    with redis.Redis.from_url(store.url) as client:
        for number in range(500):
            client.set(f"key-{number}", number)
    _kill(store.url)
    store.stop()
    again = embedded_valkey.start(directory)
    with redis.Redis.from_url(again.url) as client:
        assert client.dbsize() == 500
        assert client.get("key-499") == b"499"
    again.stop()


def test_a_second_start_uses_the_server_that_is_there(directory: Path) -> None:
    first = embedded_valkey.start(directory)
    second = embedded_valkey.start(directory)
    with redis.Redis.from_url(first.url) as one, redis.Redis.from_url(second.url) as other:
        one.set("greeting", "hej")
        assert other.get("greeting") == b"hej"
        second.stop()
        assert one.ping(), "only the owner stops the server"
    first.stop()
    assert not _alive(directory)


def test_a_server_whose_owner_died_is_adopted_and_stopped_by_the_next(directory: Path) -> None:
    program = f"""import os, pathlib
from idp.storage import embedded_valkey
embedded_valkey.start(pathlib.Path({str(directory)!r}))
os._exit(9)"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9
    assert _alive(directory)
    adopted = embedded_valkey.start(directory)
    assert adopted.owned
    adopted.stop()
    assert not _alive(directory)


def test_a_stale_socket_is_cleaned_away(directory: Path) -> None:
    directory.mkdir()
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(embedded_valkey._socket_path(directory)))
    store = embedded_valkey.start(directory)
    with redis.Redis.from_url(store.url) as client:
        assert client.ping()
    store.stop()


def test_what_is_not_a_socket_is_left_alone_with_a_sentence(tmp_path: Path) -> None:
    place = tmp_path / "s"
    place.mkdir()
    embedded_valkey._socket_path(place).write_text("somebody's notes")
    with pytest.raises(ConfigurationFaults, match="is in the way"):
        embedded_valkey.start(place)
    assert embedded_valkey._socket_path(place).read_text() == "somebody's notes"


def test_only_its_owner_reaches_the_socket(directory: Path) -> None:
    store = embedded_valkey.start(directory)
    path = embedded_valkey._socket_path(directory)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o077 == 0
    store.stop()


def test_a_full_store_refuses_and_never_evicts(directory: Path) -> None:
    store = embedded_valkey.start(directory)
    with redis.Redis.from_url(store.url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("append*") | {
            "appendonly": "yes",
            "appendfsync": "everysec",
        } == client.config_get("append*")
    store.stop()


def test_a_path_too_long_for_a_socket_still_works(tmp_path: Path) -> None:
    place = tmp_path / ("long-name-" * 9)
    store = embedded_valkey.start(place)
    again = embedded_valkey.start(place)
    assert store.url == again.url
    with redis.Redis.from_url(store.url) as client:
        assert client.ping()
    store.stop()


def test_damaged_files_get_a_sentence_that_names_the_log(directory: Path) -> None:
    embedded_valkey.start(directory).stop()
    manifest = next((directory / "appendonlydir").glob("*.manifest"))
    manifest.write_text("this is no manifest\n")
    with pytest.raises(ConfigurationFaults, match=r"valkey\.log"):
        embedded_valkey.start(directory)
