"""The promises of `ports.RefreshTokens`, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from idp.records import Citizen, Consent, Grant
from idp.refresh_records import RefreshToken
from idp.storage.citizens_in_sql import Citizens
from idp.storage.database import Database
from idp.storage.in_sql import Consents, EndedSessions, Grants
from idp.storage.refresh_in_sql import RefreshTokens
from keys.sealing import Sealer
from migrations import upgrade
from tests.storage.test_sql_stores import CALLERS, CPR, HOUR, a_citizen, a_grant, in_parallel
from tests.support.clock import FrozenClock

DIGEST = "d" * 64


@pytest.fixture
def database(sql_url: str) -> Iterator[Database]:
    opened = Database(sql_url)
    upgrade(opened.writing)
    yield opened
    opened.close()


@pytest.fixture
def citizen(database: Database, clock: FrozenClock) -> Citizen:
    made = a_citizen(clock)
    citizens = Citizens(database.reading, Sealer(b"k" * 32, "citizens"), b"i" * 32)
    database.transact(lambda tx: citizens.add(tx, made, cpr=CPR))
    return made


def kept(database: Database, clock: FrozenClock, citizen: Citizen, *, offline: bool = False) -> RefreshToken:
    """A refresh token with its grant, under DIGEST."""
    grant = a_grant(clock, citizen.citizen_id)
    if offline:
        grant = replace(grant, scope=("openid", "offline_access"))
    token = RefreshToken(grant, "substantial", ("pwd", "otp", "mfa"), clock(), clock())
    token = replace(token, jkt="k" * 43, x5t_s256="c" * 43)
    add(database, clock, token)
    return token


def add(database: Database, clock: FrozenClock, token: RefreshToken, token_digest: str = DIGEST) -> None:
    tokens, grants = RefreshTokens(database.reading), Grants(database.reading, clock)

    def work(tx: object) -> None:
        grants.add(tx, token.grant)  # type: ignore[arg-type]
        tokens.add(tx, token_digest, token)  # type: ignore[arg-type]

    database.transact(work)


def test_a_token_is_found_as_it_was_kept(database: Database, citizen: Citizen, clock: FrozenClock) -> None:
    token = kept(database, clock, citizen)
    tokens = RefreshTokens(database.reading)
    assert tokens.find(DIGEST) == token
    assert tokens.find("e" * 64) is None


def test_of_many_who_spend_a_token_one_succeeds(
    database: Database, citizen: Citizen, clock: FrozenClock
) -> None:
    """S-080."""
    tokens = RefreshTokens(database.reading)
    kept(database, clock, citizen)
    spent_at = clock.forward(seconds=5)
    outcomes = in_parallel(lambda _: database.transact(lambda tx: tokens.spend(tx, DIGEST, clock())))
    assert sorted(map(bool, outcomes)) == [False] * (CALLERS - 1) + [True]
    found = tokens.find(DIGEST)
    assert found is not None and found.spent_at == spent_at
    assert not database.transact(lambda tx: tokens.use(tx, DIGEST, clock()))


def test_a_use_is_noted(database: Database, citizen: Citizen, clock: FrozenClock) -> None:
    tokens, token = RefreshTokens(database.reading), kept(database, clock, citizen)
    clock.forward(seconds=30)
    assert database.transact(lambda tx: tokens.use(tx, DIGEST, clock()))
    assert tokens.find(DIGEST) == replace(token, last_used_at=clock())


@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize("ended", ["grant", "citizen", "session", "consent"])
def test_whatever_ended_it_is_told(
    database: Database, citizen: Citizen, clock: FrozenClock, ended: str, offline: bool
) -> None:
    """S-035, S-088, S-207: a session's end does not end what is lasting."""
    tokens, grant = RefreshTokens(database.reading), kept(database, clock, citizen, offline=offline).grant
    grants, consents = Grants(database.reading, clock), Consents(database.reading)
    citizens = Citizens(database.reading, Sealer(b"k" * 32, "citizens"), b"i" * 32)
    consent = Consent(citizen.citizen_id, grant.client_id, grant.purpose_id, "1", ("name",), clock())
    database.transact(lambda tx: consents.give(tx, consent))
    given = tokens.find(DIGEST)
    assert given is not None and given.obstacle is None
    acts = {
        "grant": lambda tx: grants.revoke(tx, grant.grant_id, clock()),
        "citizen": lambda tx: citizens.set_status(tx, citizen.citizen_id, "blocked"),
        "session": lambda tx: EndedSessions(database.reading).end(
            tx, grant.session_id, at=clock(), expires_at=clock() + HOUR
        ),
        "consent": lambda tx: consents.revoke(tx, citizen.citizen_id, grant.client_id, None, clock()),
    }
    database.transact(acts[ended])
    found = tokens.find(DIGEST)
    assert found is not None
    assert found.obstacle == (None if ended == "session" and offline else ended)


def test_sign_out_ends_the_tokens_of_a_lasting_grant_and_not_the_grant(
    database: Database, citizen: Citizen, clock: FrozenClock
) -> None:
    """S-207: access tokens end with the session, also those of a grant that goes on."""
    grants = Grants(database.reading, clock)
    lasting = kept(database, clock, citizen, offline=True).grant
    plain = a_grant(clock, citizen.citizen_id)
    before = clock()
    clock.forward(seconds=5)

    def sign_out(tx: object) -> list[Grant]:
        grants.add(tx, plain)  # type: ignore[arg-type]
        EndedSessions(database.reading).end(
            tx,  # type: ignore[arg-type]
            lasting.session_id,
            at=clock(),
            expires_at=clock() + HOUR,
        )
        return grants.revoke_all_of(
            tx,  # type: ignore[arg-type]
            at=clock(),
            session_id=lasting.session_id,
            offline=False,
        )

    assert [grant.grant_id for grant in database.transact(sign_out)] == [plain.grant_id]
    assert grants.find_live(lasting.grant_id) is not None
    assert grants.find_live(lasting.grant_id, issued_at=before) is None
    assert grants.find_live(lasting.grant_id, issued_at=clock()) is None
    assert grants.find_live(lasting.grant_id, issued_at=clock() + timedelta(seconds=1)) is not None


def test_a_citizens_lasting_grants_are_listed_while_they_live(
    database: Database, citizen: Citizen, clock: FrozenClock
) -> None:
    tokens, grants = RefreshTokens(database.reading), Grants(database.reading, clock)
    lasting = kept(database, clock, citizen, offline=True)
    add(database, clock, replace(lasting, grant=a_grant(clock, citizen.citizen_id)), "p" * 64)
    others = replace(lasting.grant, grant_id="another", citizen_id="somebody")
    add(database, clock, replace(lasting, grant=others), "o" * 64)
    clock.forward(seconds=9)
    database.transact(lambda tx: tokens.add(tx, "s" * 64, replace(lasting, last_used_at=clock())))
    listed = tokens.lasting_of(citizen.citizen_id, clock())
    assert [(access.grant, access.last_used_at) for access in listed] == [(lasting.grant, clock())]
    assert tokens.lasting_of(citizen.citizen_id, lasting.grant.expires_at) == []
    database.transact(lambda tx: grants.revoke(tx, lasting.grant.grant_id, clock()))
    assert tokens.lasting_of(citizen.citizen_id, clock()) == []


def test_the_sweep_forgets_tokens_whose_grant_is_over(
    database: Database, citizen: Citizen, clock: FrozenClock
) -> None:
    tokens = RefreshTokens(database.reading)
    kept(database, clock, citizen)
    assert database.transact(lambda tx: tokens.sweep(tx, clock())) == 0
    clock.forward(HOUR + timedelta(seconds=1))
    assert database.transact(lambda tx: tokens.sweep(tx, clock())) == 1
    assert tokens.find(DIGEST) is None
