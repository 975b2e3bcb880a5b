"""A refresh token is good for its client, for as long as its grant, and where it is rotated once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import text

from clients_registry.documents import metadata_of
from idp.app import create_app
from idp.citizens import Citizens
from idp.errors import InvalidGrant
from idp.grants.refresh_token import refresh as refresh_here
from idp.ids import digest
from idp.records import Consent
from tests.support.deployment import Deployment
from tests.support.refreshing import KINDS, REGISTERED, refresh, refreshing_party, refused, tokens_of
from tests.support.relying_party import RelyingParty, claims_of
from tests.support.signed_in import code_for, session_of

DAY = timedelta(days=1)


def dead(party: RelyingParty, access_token: str) -> bool:
    answer = party.userinfo(access_token)
    return (answer.status_code, answer.json().get("error")) == (401, "invalid_token")


def happened(deployment: Deployment, event: str) -> int:
    citizen = deployment.citizens["freja.holm"].citizen
    return [entry.event for entry in deployment.wiring.ledger.of_citizen(citizen.citizen_id)].count(event)


# --- who gets one, and what it gives ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Byggesager", "Sundhedstider"])
def test_a_client_that_registered_for_none_gets_none(deployment: Deployment, name: str) -> None:
    """S-034, S-078: also where it asks for lasting access."""
    party = RelyingParty(deployment, deployment.clients[name], "openid profile offline_access")
    tokens = tokens_of(party)
    assert "refresh_token" not in tokens and tokens["scope"] == "openid profile"
    refused(refresh(party, "A" * 43), "unauthorized_client")


@pytest.mark.parametrize("kind", ["confidential", "secret"])
def test_a_confidential_client_keeps_its_token(deployment_each: Deployment, kind: str) -> None:
    """FAPI 2.0 §5.3.2.1: not rotated; each refresh is a ledger row and signs as the first answer did."""
    party = refreshing_party(deployment_each, kind)
    first = tokens_of(party)
    told = claims_of(first["id_token"])
    for _ in range(3):
        deployment_each.clock.forward(minutes(10))
        answer = refresh(party, first["refresh_token"])
        assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
        tokens = answer.json()
        assert tokens["refresh_token"] == first["refresh_token"] and tokens["expires_in"] == 300
        again = claims_of(tokens["id_token"])
        for name in ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid"):  # OIDC Core §12.2
            assert again[name] == told[name], name
        assert again["iat"] > told["iat"] and "nonce" not in again
        assert party.userinfo(tokens["access_token"]).json()["name"] == "Freja Holm"
    assert happened(deployment_each, "token-refreshed") == 3
    assert happened(deployment_each, "token-issued") == 1


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def test_only_the_digest_is_kept(deployment: Deployment) -> None:
    """S-333."""
    party = refreshing_party(deployment)
    secret = tokens_of(party)["refresh_token"]
    with deployment.wiring.database.reading.connect() as connection:
        kept = [tuple(row) for row in connection.execute(text("SELECT * FROM refresh_tokens"))]
    assert len(secret) == 43 and digest(secret) in str(kept) and secret not in str(kept)
    client = deployment.wiring.redis
    dumped = b"".join(client.dump(key) or b"" for key in client.scan_iter())
    assert secret.encode() not in dumped


# --- rotation --------------------------------------------------------------------------------------------------


def test_a_rotated_token_used_again_ends_everything(deployment_each: Deployment) -> None:
    """S-079, S-082: at once, without a time of grace, and for the newest of the family as for the oldest."""
    party = refreshing_party(deployment_each, "public")
    oldest = tokens_of(party)
    second = refresh(party, oldest["refresh_token"]).json()
    newest = refresh(party, second["refresh_token"]).json()
    assert len({oldest["refresh_token"], second["refresh_token"], newest["refresh_token"]}) == 3
    assert party.userinfo(newest["access_token"]).status_code == 200
    refused(refresh(party, second["refresh_token"]))
    refused(refresh(party, newest["refresh_token"]))
    assert all(dead(party, tokens["access_token"]) for tokens in (oldest, second, newest))
    assert happened(deployment_each, "refresh-token-reused") == 1
    refused(refresh(party, oldest["refresh_token"]))
    assert happened(deployment_each, "refresh-token-reused") == 1, "a family ends once"


def test_of_many_who_use_a_token_at_once_never_two_go_on(deployment_each: Deployment) -> None:
    """S-080: two nodes on the same stores; a family goes on in one hand, or in none."""
    deployment = deployment_each
    other = create_app(deployment.settings, deployment.clock)
    party = refreshing_party(deployment, "public")
    rounds = 3
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(rounds):
                secret = tokens_of(party)["refresh_token"]
                outcomes = list(pool.map(lambda n, s=secret: _use(deployment, other, party, s, n), range(16)))
                given = [outcome for outcome in outcomes if outcome is not None]
                assert len(given) == 1
                refused(refresh(party, given[0]))
        assert happened(deployment, "refresh-token-reused") == rounds
        assert _unspent(deployment) == rounds, "one successor each, and its grant is revoked"
    finally:
        other.wiring.close()


def _use(deployment: Deployment, other: Any, party: RelyingParty, secret: str, number: int) -> str | None:
    """By HTTP at one node, by its own function at the other."""
    if number % 2:
        answer = refresh(party, secret)
        return str(answer.json()["refresh_token"]) if answer.status_code == 200 else None
    services = other.wiring.services
    registered = services.registry.find_client(party.client.client_id)
    try:
        issued = refresh_here(
            services,
            registered.client,
            {"refresh_token": secret},
            confirmation=None,
            address="192.0.2.1",
            now=deployment.clock(),
        )
    except InvalidGrant:
        return None
    return str(issued.refresh_token)


def _unspent(deployment: Deployment) -> int:
    with deployment.wiring.database.reading.connect() as connection:
        counted = connection.execute(text("SELECT count(*) FROM refresh_tokens WHERE spent_at IS NULL"))
        return int(counted.scalar_one())


def test_a_spent_token_stays_spent_over_a_restart_of_everything_but_sql(deployment: Deployment) -> None:
    """S-081."""
    party = refreshing_party(deployment, "public")
    first = tokens_of(party)["refresh_token"]
    assert refresh(party, first).status_code == 200
    deployment.wiring.redis.flushall()
    deployment.wiring.disconnect()
    deployment.clock.forward(seconds=5)
    refused(refresh(party, first))


# --- whose it is -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_another_clients_use_is_refused_and_ends_the_family(deployment: Deployment, kind: str) -> None:
    """S-085: a token in two hands is a stolen one."""
    party = refreshing_party(deployment, kind)
    thief = RelyingParty(
        deployment,
        deployment.add_client("Tvilling", _organisation(deployment), **REGISTERED, **KINDS["public"]),
    )
    tokens = tokens_of(party)
    refused(refresh(thief, tokens["refresh_token"]))
    refused(refresh(party, tokens["refresh_token"]))
    assert dead(party, tokens["access_token"])
    assert happened(deployment, "refresh-token-reused") == 1


def _organisation(deployment: Deployment) -> str:
    return deployment.wiring.registry.organisations()[0].organisation_id


def test_a_client_must_authenticate_as_ever(deployment: Deployment) -> None:
    """RFC 6749 §6: the token alone opens nothing, and is not spent by a try."""
    party = refreshing_party(deployment, "secret")
    secret = tokens_of(party)["refresh_token"]
    fields = {
        "grant_type": "refresh_token",
        "refresh_token": secret,
        "client_id": party.client.client_id,
    }
    answer = requests.post(f"{deployment.issuer}/token", data=fields, timeout=20)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert refresh(party, secret).status_code == 200


def test_an_edited_token_is_unknown_and_guesses_are_throttled(deployment: Deployment) -> None:
    """S-074, S-075: an honest token works all the while."""
    party = refreshing_party(deployment, "secret")
    secret = tokens_of(party)["refresh_token"]
    last = "A" if secret[-1] != "A" else "B"
    for wrong in (secret[:-1], secret + "A", secret[:-1] + last, secret.swapcase(), "æ", " ", "x" * 9_000):
        refused(refresh(party, wrong))
    answers = [refresh(party, "A" * 43).status_code for _ in range(30)]
    assert answers[-1] == 429 and set(answers) == {400, 429}
    assert refresh(party, secret).status_code == 200


# --- how far and how long --------------------------------------------------------------------------------------


def test_a_scope_only_narrows_and_the_grant_stays_as_it_was(deployment: Deployment) -> None:
    """S-034, S-086: and a narrowed token opens less."""
    party = refreshing_party(deployment, scope="openid profile email offline_access", purposes=[_purpose()])
    secret = tokens_of(party)["refresh_token"]
    for scope in (
        "openid profile email",
        "openid offline_access",
        "profile",
        "openid  profile",
        "openid x",
    ):
        refused(refresh(party, secret, scope=scope), "invalid_scope")
    for resource in ("https://api.example", deployment.issuer + "/", "x"):
        refused(refresh(party, secret, resource=resource), "invalid_target")
    narrow = refresh(party, secret, scope="openid").json()
    assert narrow["scope"] == "openid" and set(party.userinfo(narrow["access_token"]).json()) == {"sub"}
    wide = refresh(party, secret).json()
    assert wide["scope"] == "openid profile"
    assert party.userinfo(wide["access_token"]).json()["name"] == "Freja Holm"


def _purpose() -> dict[str, Any]:
    return {
        "id": "byggesag",
        "text": {"da": "se din sag", "en": "see your case", "nb": "se saken din"},
        "legal_ground": "law",
        "claims": ["name", "email"],
    }


def test_a_token_ends_with_the_session_though_used_all_the_time(deployment: Deployment) -> None:
    """S-087: at the absolute end, and its last access token with it."""
    party = refreshing_party(deployment)
    secret = tokens_of(party)["refresh_token"]
    for _ in range(7):
        deployment.clock.forward(minutes(60))
        assert refresh(party, secret).status_code == 200
    deployment.clock.forward(minutes(57))
    last = refresh(party, secret).json()
    assert 0 < last["expires_in"] <= 180
    deployment.clock.forward(seconds=last["expires_in"])
    assert dead(party, last["access_token"])
    refused(refresh(party, secret))


def test_lasting_access_ends_after_thirty_days_though_used_every_day(deployment: Deployment) -> None:
    """S-087."""
    party = refreshing_party(deployment, offline=True)
    secret = tokens_of(party)["refresh_token"]
    for _ in range(5):
        deployment.clock.forward(6 * DAY - minutes(30))
        assert refresh(party, secret).status_code == 200
    deployment.clock.forward(minutes(150))
    refused(refresh(party, secret))


@pytest.mark.parametrize("kind", ["confidential", "public"])
def test_lasting_access_that_is_not_used_for_seven_days_is_over(deployment: Deployment, kind: str) -> None:
    """Each use counts anew, of a token that is kept and of one that is rotated."""
    party = refreshing_party(deployment, kind, offline=True)
    secret = tokens_of(party)["refresh_token"]
    deployment.clock.forward(7 * DAY - minutes(1))
    secret = refresh(party, secret).json()["refresh_token"]
    deployment.clock.forward(7 * DAY - minutes(1))
    secret = refresh(party, secret).json()["refresh_token"]
    deployment.clock.forward(7 * DAY)
    refused(refresh(party, secret))


# --- what ends it ----------------------------------------------------------------------------------------------


def _block(deployment: Deployment, party: RelyingParty) -> None:
    citizen = deployment.citizens["freja.holm"].citizen
    _operators(deployment).block(citizen, actor="operator:test", reason="a test")


def _close(deployment: Deployment, party: RelyingParty) -> None:
    citizen = deployment.citizens["freja.holm"].citizen
    _operators(deployment).close(citizen, actor="operator:test", reason="a test")


def _block_oneself(deployment: Deployment, party: RelyingParty) -> None:
    deployment.wiring.services.self_service.block(deployment.citizens["freja.holm"].citizen.citizen_id)


def _take_consent_back(deployment: Deployment, party: RelyingParty) -> None:
    services, citizen = deployment.wiring.services, deployment.citizens["freja.holm"].citizen
    client_id, now = party.client.client_id, deployment.clock()
    given = Consent(citizen.citizen_id, client_id, "byggesag", "1", ("name",), now)
    services.transact(lambda tx: services.consents.give(tx, given))
    assert _operators(deployment).revoke_consent(citizen, client_id, None, actor="operator:test") == 1


def _disable_client(deployment: Deployment, party: RelyingParty) -> None:
    _registry(deployment, "disable", party.client.client_id)


def _disable_organisation(deployment: Deployment, party: RelyingParty) -> None:
    _registry(deployment, "disable_organisation", _organisation(deployment))


def _registry(deployment: Deployment, act: str, *about: str) -> None:
    services = deployment.wiring.registry_services
    services.transact(lambda tx: getattr(services.registrations, act)(tx, *about, actor="operator:test"))
    deployment.clock.forward(seconds=2)


def _operators(deployment: Deployment) -> Citizens:
    return deployment.wiring.citizens


ENDS = {
    "blocked": _block,
    "closed": _close,
    "blocked by the citizen": _block_oneself,
    "consent taken back": _take_consent_back,
    "client disabled": _disable_client,
    "organisation disabled": _disable_organisation,
}


@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize("end", ENDS)
def test_what_ends_a_citizens_or_a_clients_access_ends_it(
    deployment: Deployment, end: str, offline: bool
) -> None:
    """S-035, S-088: within the second in which a process looks for changed clients."""
    party = refreshing_party(deployment, offline=offline)
    tokens = tokens_of(party)
    ENDS[end](deployment, party)
    answer = refresh(party, tokens["refresh_token"])
    assert answer.status_code in (400, 401) and answer.json()["error"] in ("invalid_grant", "invalid_client")
    assert dead(party, tokens["access_token"])


@pytest.mark.parametrize(
    "narrower",
    [
        {"scope": "openid profile"},
        {"scope": "openid offline_access"},
        {"purposes": [{**_purpose(), "claims": ["given_name"]}]},
        {"purposes": [{**_purpose(), "id": "andet"}]},
        {"scope": "openid profile", "grant_types": ["authorization_code"]},
    ],
)
def test_what_a_registration_has_no_more_is_not_given_on(
    deployment: Deployment, narrower: dict[str, Any]
) -> None:
    """S-034, S-088: an operator takes lasting access, a scope, claims, the purpose or the grant type away."""
    party = refreshing_party(deployment, offline=True)
    secret = tokens_of(party)["refresh_token"]
    services = deployment.wiring.registry_services
    registered = deployment.wiring.registry.find_client(party.client.client_id)
    assert registered is not None
    metadata = {
        **metadata_of(registered.client),
        "organisation": registered.client.organisation_id,
        **narrower,
    }
    services.transact(
        lambda tx: services.registrations.change(tx, party.client.client_id, metadata, actor="operator:test")
    )
    deployment.clock.forward(seconds=2)
    answer = refresh(party, secret)
    assert answer.status_code == 400
    assert answer.json()["error"] == ("unauthorized_client" if "grant_types" in narrower else "invalid_grant")


def test_a_code_used_again_ends_the_refresh_tokens_it_gave(deployment: Deployment) -> None:
    """S-068: as long as they live, long after the code."""
    party = refreshing_party(deployment, offline=True)
    asked = party.ask()
    code = code_for(party, asked, session_of(deployment))
    secret = party.redeem(code, asked.verifier).json()["refresh_token"]
    for _ in range(4):
        deployment.clock.forward(6 * DAY)
        assert refresh(party, secret).status_code == 200
        deployment.wiring.sweep()
    refused(party.redeem(code, asked.verifier))
    refused(refresh(party, secret))


# --- failing stores --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["confidential", "public"])
def test_a_ledger_that_does_not_take_the_row_gives_no_token_and_costs_none(
    deployment: Deployment, kind: str
) -> None:
    """S-092: nothing half written, nothing spent."""
    party = refreshing_party(deployment, kind)
    secret = tokens_of(party)["refresh_token"]
    _break(deployment, "ledger")
    answer = refresh(party, secret)
    assert answer.status_code >= 500 and "access_token" not in answer.text
    _mend(deployment)
    assert refresh(party, secret).status_code == 200


def test_a_refresh_token_that_cannot_be_kept_costs_no_code(deployment: Deployment) -> None:
    """S-092."""
    party = refreshing_party(deployment)
    asked = party.ask()
    code = code_for(party, asked, session_of(deployment))
    _break(deployment, "refresh_tokens")
    answer = party.redeem(code, asked.verifier)
    assert answer.status_code >= 500 and "access_token" not in answer.text
    _mend(deployment)
    assert party.redeem(code, asked.verifier).status_code == 200


def test_a_family_that_cannot_be_ended_is_told_as_a_failure(deployment: Deployment) -> None:
    """S-093: never as a refusal that looks like an end; the retry ends it."""
    party = refreshing_party(deployment, "public")
    first = tokens_of(party)["refresh_token"]
    second = refresh(party, first).json()
    _break(deployment, "ledger")
    assert refresh(party, first).status_code >= 500
    _mend(deployment)
    assert party.userinfo(second["access_token"]).status_code == 200
    refused(refresh(party, first))
    assert dead(party, second["access_token"])


def _break(deployment: Deployment, table: str) -> None:
    trigger = f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'broken'); END"
    deployment.wiring.database.transact(lambda tx: tx.execute(text(trigger)))


def _mend(deployment: Deployment) -> None:
    deployment.wiring.database.transact(lambda tx: tx.execute(text("DROP TRIGGER broken")))


# --- sweeping --------------------------------------------------------------------------------------------------


def test_the_sweep_takes_what_is_over_and_nothing_else(deployment: Deployment) -> None:
    over, live = refreshing_party(deployment), refreshing_party(deployment, "secret", offline=True)
    tokens_of(over)
    secret = tokens_of(live)["refresh_token"]
    deployment.clock.forward(DAY)
    assert deployment.wiring.sweep()["expired refresh tokens"] == 1
    assert refresh(live, secret).status_code == 200
