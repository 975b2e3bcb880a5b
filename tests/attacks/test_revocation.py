"""A token that its client gives back is dead, everywhere; nobody else's is."""

from typing import Any

import pytest
import requests

from idp.app import Provider, create_app
from idp.errors import StoreUnavailable
from tests.support.deployment import Deployment
from tests.support.in_process import InProcessBrowser
from tests.support.refreshing import KINDS, refresh, refreshing_party, refused, tokens_of
from tests.support.relying_party import RelyingParty


def revoke(party: RelyingParty, token: str, **fields: str) -> requests.Response:
    return party.post("/revoke", {"token": token, **fields})


def done(answer: requests.Response) -> None:
    assert (answer.status_code, answer.content) == (200, b""), answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def alive(party: RelyingParty, tokens: dict[str, Any]) -> bool:
    answer = party.userinfo(tokens["access_token"])
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def rows(deployment: Deployment) -> list[object]:
    citizen = deployment.citizens["freja.holm"].citizen
    entries = deployment.wiring.ledger.of_citizen(citizen.citizen_id)
    return [entry.facts["token"] for entry in entries if entry.event == "token-revoked"]


# --- what ends -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_refresh_token_takes_every_access_token_of_its_grant_with_it(
    deployment: Deployment, kind: str
) -> None:
    """S-146, S-145: the whole family; the citizen's ledger says so once."""
    party = refreshing_party(deployment, kind)
    first = tokens_of(party)
    second = refresh(party, first["refresh_token"]).json()
    bystander = tokens_of(party)
    for _ in range(2):
        done(revoke(party, second["refresh_token"]))
        assert not alive(party, first) and not alive(party, second)
    refused(refresh(party, second["refresh_token"]))
    assert rows(deployment) == ["refresh_token"]
    assert alive(party, bystander) and refresh(party, bystander["refresh_token"]).status_code == 200


def test_an_access_token_ends_alone(deployment: Deployment) -> None:
    """S-146: its grant goes on, and so do the other tokens of it."""
    party = refreshing_party(deployment)
    first = tokens_of(party)
    second = refresh(party, first["refresh_token"]).json()
    for _ in range(2):
        done(revoke(party, first["access_token"]))
        assert not alive(party, first)
    assert alive(party, second) and refresh(party, first["refresh_token"]).status_code == 200
    assert rows(deployment) == ["access_token"]


def test_a_token_is_dead_in_every_process_within_a_second(deployment_each: Deployment) -> None:
    """S-142: a JWT too, in a process that knew it alive a moment ago, and in one that starts later."""
    deployment = deployment_each
    party = refreshing_party(deployment)
    tokens, kept = tokens_of(party), tokens_of(party)

    def told(node: Provider, tokens: dict[str, Any]) -> int:
        headers = party.presented(tokens["access_token"])
        line = InProcessBrowser(node, deployment.issuer)
        return line.send("GET", "/userinfo", {}, headers["Authorization"], headers["DPoP"]).status

    neighbour = create_app(deployment.settings, deployment.clock)
    try:
        assert told(neighbour, tokens) == 200
        done(revoke(party, tokens["access_token"]))
        assert not alive(party, tokens), "at once where it was revoked"
        deployment.clock.forward(seconds=1)
        assert (told(neighbour, tokens), told(neighbour, kept)) == (401, 200)
    finally:
        neighbour.wiring.close()
    deployment.wiring.disconnect()
    late = create_app(deployment.settings, deployment.clock)
    try:
        assert told(late, tokens) == 401
    finally:
        late.wiring.close()


def test_a_token_given_back_while_its_citizen_was_blocked_does_not_come_to_life(
    deployment: Deployment,
) -> None:
    party = refreshing_party(deployment)
    tokens, kept = tokens_of(party), tokens_of(party)
    services, citizen_id = deployment.wiring.services, deployment.citizens["freja.holm"].citizen.citizen_id

    def become(status: str) -> None:
        services.transact(lambda tx: services.citizens.set_status(tx, citizen_id, status))

    become("blocked")
    done(revoke(party, tokens["access_token"]))
    become("active")
    assert alive(party, kept) and not alive(party, tokens)


# --- what does not ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_another_clients_token_is_not_touched(deployment: Deployment, kind: str) -> None:
    """S-145: and the answer does not tell whether there is such a token."""
    party, thief = refreshing_party(deployment), refreshing_party(deployment, kind)
    tokens = tokens_of(party)
    for name in ("access_token", "refresh_token"):
        done(revoke(thief, tokens[name]))
    assert alive(party, tokens) and refresh(party, tokens["refresh_token"]).status_code == 200
    assert rows(deployment) == []


def test_only_the_client_itself_may_revoke(deployment: Deployment) -> None:
    """RFC 7009 §2.1: whoever holds a token must also be the client that it was given to."""
    party = refreshing_party(deployment, "secret")
    tokens = tokens_of(party)
    client_id = party.client.client_id
    for arguments in ({}, {"data": {"client_id": client_id}}, {"auth": (client_id, "wrong")}):
        data = {"token": tokens["refresh_token"], **arguments.pop("data", {})}  # type: ignore[dict-item]
        answer = requests.post(deployment.issuer + "/revoke", data=data, timeout=20, **arguments)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert alive(party, tokens)


def test_what_is_no_token_of_ours_is_answered_like_one_that_was_revoked(deployment: Deployment) -> None:
    """RFC 7009 §2.2, S-150: unknown, edited, expired, of another kind."""
    party = refreshing_party(deployment)
    tokens = tokens_of(party)
    access, secret = tokens["access_token"], tokens["refresh_token"]
    last = "A" if access[-1] != "A" else "Q"
    wrong = (
        "A" * 43,
        "x",
        "æ",
        "a.b.c",
        access[:-1],
        access[:-1] + last,
        access + "A",
        secret[:-1],
        secret + "A",
    )
    for token in (*wrong, tokens["id_token"], party.assertion()):
        done(revoke(party, token))
    assert alive(party, tokens)
    deployment.clock.forward(seconds=300)
    done(revoke(party, access))
    assert rows(deployment) == []


def test_the_hint_is_not_needed_and_a_wrong_one_does_no_harm(deployment: Deployment) -> None:
    """S-147."""
    party = refreshing_party(deployment)
    for hint in ("refresh_token", "access_token", "nonsense", ""):
        tokens = tokens_of(party)
        done(revoke(party, tokens["access_token"], token_type_hint=hint))
        assert not alive(party, tokens), hint
        done(revoke(party, tokens["refresh_token"], token_type_hint=hint))
        refused(refresh(party, tokens["refresh_token"]))


def test_a_request_without_a_token_is_told_so(deployment: Deployment) -> None:
    """S-147."""
    party = refreshing_party(deployment)
    for fields in ({}, {"token": ""}):
        answer = party.post("/revoke", fields)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_public_clients_name_is_no_key_to_endless_reads(deployment: Deployment) -> None:
    """S-075: misses are throttled; the client's own tokens go on being revoked."""
    party = refreshing_party(deployment, "public")
    tokens = tokens_of(party)
    answers = [revoke(party, "A" * 43).status_code for _ in range(31)]
    assert answers == [200] * 30 + [429]
    done(revoke(party, tokens["refresh_token"]))
    assert not alive(party, tokens)


# --- stores that fail ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
def test_a_revocation_that_could_not_be_written_is_not_claimed(deployment: Deployment, name: str) -> None:
    """S-093: 503; nothing has happened, and the next try works."""
    party = refreshing_party(deployment)
    tokens = tokens_of(party)
    database = deployment.settings.state_directory / "adgang.sqlite3"
    deployment.wiring.database.close()
    database.rename(database.with_suffix(".away"))
    database.mkdir()
    away = revoke(party, tokens[name])
    assert (away.status_code, away.json()["error"]) == (503, "temporarily_unavailable")
    assert int(away.headers["Retry-After"]) > 0
    database.rmdir()
    database.with_suffix(".away").rename(database)
    deployment.wiring.database.close()
    deployment.clock.forward(seconds=1)
    assert alive(party, tokens)
    done(revoke(party, tokens[name]))
    assert not alive(party, tokens)


def test_a_token_is_not_called_alive_while_nobody_can_say_what_was_revoked(deployment: Deployment) -> None:
    """S-093: nobody answers from an old memory when the database is away."""
    revoked = deployment.wiring.services.revoked_tokens
    assert "x" not in revoked
    database = deployment.settings.state_directory / "adgang.sqlite3"
    deployment.wiring.database.close()
    database.rename(database.with_suffix(".away"))
    database.mkdir()
    deployment.clock.forward(seconds=1)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            "x" in revoked  # noqa: B015  the question itself is refused
