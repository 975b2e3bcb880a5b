"""Places of sessions, from a database that the operator supplies; without one there are none."""

from pathlib import Path

import pytest

from idp.errors import ConfigurationFaults
from idp.places import find_no_place, open_places
from idp.records import Place
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, running_deployment
from tests.support.own_pages import OwnPages
from tests.support.place_database import write_place_database

ODENSE = {"city": {"names": {"en": "Odense"}}, "country": {"iso_code": "DK", "names": {"en": "Denmark"}}}
ODD = [
    "text", {"city": "x"}, {"city": {"names": {"en": 5}}}, {"country": {"iso_code": "Denmark"}},
    {"city": {"names": {"en": "a\nb"}}}, {},
]  # fmt: skip


def test_an_address_has_the_place_of_its_network(tmp_path: Path) -> None:
    networks = {
        "203.0.113.0/24": ODENSE,
        "2001:db8:5::/48": {"country": {"iso_code": "NO"}},
        "198.51.100.7/32": {"city": {"names": {"en": "L" * 200}}},
    }
    find = open_places(write_place_database(tmp_path / "places.mmdb", networks))
    assert find("203.0.113.77") == Place("Odense", "DK")
    assert find("2001:db8:5::1") == Place("", "NO")
    assert find("198.51.100.7") == Place("L" * 60, "")
    for nowhere in ("203.0.114.1", "2001:db8:6::1", "", "unknown", "not an address", "203.0.113.77.1"):
        assert find(nowhere) is None


@pytest.mark.parametrize("said", ODD)
def test_what_is_no_place_is_none(tmp_path: Path, said: object) -> None:
    find = open_places(write_place_database(tmp_path / "places.mmdb", {"203.0.113.0/24": said}))
    assert find("203.0.113.1") is None


def test_without_a_file_there_are_no_places_and_a_bad_one_stops_the_start(tmp_path: Path) -> None:
    assert open_places(None) is find_no_place and find_no_place("203.0.113.1") is None
    bad = tmp_path / "bad.mmdb"
    bad.write_bytes(b"no database")
    for file in (bad, tmp_path / "missing.mmdb", tmp_path):
        with pytest.raises(ConfigurationFaults):
            open_places(file)


def test_a_session_and_its_sign_in_tell_the_place_and_keep_no_address(
    tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock
) -> None:
    file = write_place_database(tmp_path / "places.mmdb", {"203.0.113.0/24": ODENSE})
    settings = {
        "ADGANG_LOCATION_DATABASE": str(file),
        "ADGANG_TRUSTED_PROXIES": "127.0.0.0/8,::1/128",
    }
    with running_deployment(tmp_path, sqlite_url, valkey_url, clock, **settings) as deployment:
        me = OwnPages(deployment)
        me.browser.session.headers["X-Forwarded-For"] = "203.0.113.77"
        me.open()
        page = me.get("/sessions")
        assert "Odense, Danmark" in page.words
        assert "Odense, Denmark" in me.get("/sessions?lang=en").words
        assert "Odense, Denmark" in me.get("/activity").words
        kept = list(deployment.wiring.ledger.of_citizen(me.citizen_id, limit=1000))
        sessions = deployment.wiring.services.browser_sessions.of_citizen(me.citizen_id)
        assert "203.0.113" not in repr(kept) + repr(sessions)


def test_without_a_database_no_place_is_shown(deployment: Deployment) -> None:
    me = OwnPages(deployment)
    me.open()
    assert "Sted" not in me.get("/sessions").words.split()
