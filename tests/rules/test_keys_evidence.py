"""Who has fetched the JWKS since a key was published (keys.md, rule 2)."""

from datetime import UTC, datetime, timedelta

import pytest

from keys.errors import MoveRefused
from keys.evidence import JwksClient, Standing, check_nobody_is_left, weigh, who_fetched
from keys.key import SigningKey
from keys.policy import KeyPolicy
from keys.states import KeyState

PUBLISHED = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = SigningKey("kid", "ES256", KeyState.PUBLISHED, {}, PUBLISHED, published_at=PUBLISHED)
POLICY = KeyPolicy()
NORDHAVN = JwksClient("nordhavn", "Nordhavn Kommune", ("192.0.2.10",))
BOLIGSTOETTE = JwksClient("boligstoette", "Statens Boligstøtte", (), "h-boligstoette")
MIDTSUND = JwksClient("midtsund", "Region Midtsund")
ALL = (NORDHAVN, BOLIGSTOETTE, MIDTSUND)


def standings(fetches: dict[str, datetime], clients: tuple[JwksClient, ...] = ALL) -> dict[str, Standing]:
    return {each.client.client_id: each.standing for each in weigh(clients, fetches, KEY, POLICY)}


def test_each_client_is_seen_overdue_or_unknown() -> None:
    assert standings({"nordhavn": PUBLISHED + timedelta(minutes=1)}) == {
        "nordhavn": Standing.SEEN,
        "boligstoette": Standing.OVERDUE,
        "midtsund": Standing.UNKNOWN,
    }


def test_a_fetch_before_the_key_was_published_is_no_evidence() -> None:
    assert standings({"nordhavn": PUBLISHED - timedelta(seconds=1)})["nordhavn"] is Standing.OVERDUE


def test_a_fetch_that_a_slow_process_may_have_answered_with_the_old_jwks_is_no_evidence() -> None:
    assert standings({"nordhavn": PUBLISHED + timedelta(seconds=4)})["nordhavn"] is Standing.OVERDUE
    assert standings({"nordhavn": PUBLISHED + timedelta(seconds=5)})["nordhavn"] is Standing.SEEN


def test_a_fetch_belongs_to_the_one_client_it_can_come_from() -> None:
    assert who_fetched(ALL, "192.0.2.10") is NORDHAVN
    assert who_fetched(ALL, "198.51.100.1", "h-boligstoette") is BOLIGSTOETTE
    assert who_fetched(ALL, "198.51.100.1") is None
    assert who_fetched(ALL, "not an address") is None
    assert who_fetched(ALL, "198.51.100.1", "h-of-nobody") is None


def test_an_address_that_two_clients_share_tells_nobody_apart() -> None:
    twin = JwksClient("twin", "Nordhavn Kommune", ("192.0.2.0/24",))
    assert who_fetched((NORDHAVN, twin), "192.0.2.10") is None
    assert standings({}, (NORDHAVN, twin)) == {"nordhavn": Standing.UNKNOWN, "twin": Standing.UNKNOWN}


def test_addresses_of_both_families_stand_side_by_side() -> None:
    six = JwksClient("six", "Region Midtsund", ("2001:db8::/48",))
    assert who_fetched((NORDHAVN, six), "2001:db8::7") is six
    assert standings({}, (NORDHAVN, six)) == {"nordhavn": Standing.OVERDUE, "six": Standing.OVERDUE}


def test_who_is_overdue_is_named_and_must_be_accepted_by_name() -> None:
    evidence = weigh(ALL, {}, KEY, POLICY)
    with pytest.raises(MoveRefused, match="boligstoette, nordhavn") as refusal:
        check_nobody_is_left(evidence, ["midtsund"])
    assert "--accept-laggards boligstoette --accept-laggards nordhavn" in refusal.value.remedy
    with pytest.raises(MoveRefused, match="overdue: nordhavn"):
        check_nobody_is_left(evidence, ["boligstoette"])
    check_nobody_is_left(evidence, ["boligstoette", "nordhavn"])
