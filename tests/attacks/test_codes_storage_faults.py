"""A store that fails in the middle gives nothing: no token without its rows, no row without the others."""

import pytest
import requests
from sqlalchemy import text

from tests.support.deployment import Deployment
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import code_for


def _fail_on(deployment: Deployment, table: str, *, broken: bool) -> None:
    statement = (
        f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(FAIL, 'canary'); END"
        if broken
        else "DROP TRIGGER broken"
    )
    deployment.wiring.services.transact(lambda tx: tx.execute(text(statement)))


@pytest.mark.parametrize("table", ["grants", "ledger"])
def test_a_row_that_cannot_be_written_leaves_no_token_and_no_trace(
    deployment: Deployment, table: str
) -> None:
    """S-092, S-410: an error that gives nothing away; when the store is well again, the code still works."""
    party = RelyingParty(deployment, deployment.clients["Sundhedstider"])
    asked = party.ask()
    code = code_for(party, asked)
    _fail_on(deployment, table, broken=True)
    answer = party.redeem(code, asked.verifier)
    assert answer.status_code in (500, 503)
    assert "token" not in answer.json()
    assert "canary" not in answer.text
    _fail_on(deployment, table, broken=False)
    assert party.redeem(code, asked.verifier).status_code == 200


def test_a_code_is_not_redeemed_while_the_database_is_away(deployment: Deployment) -> None:
    """S-336: 503, and nothing was spent."""
    party = RelyingParty(deployment, deployment.clients["Sundhedstider"])
    asked = party.ask()
    code = code_for(party, asked)
    database = deployment.settings.state_directory / "adgang.sqlite3"
    assert database.exists()
    deployment.wiring.database.close()
    database.rename(database.with_suffix(".away"))
    database.mkdir()
    away = party.redeem(code, asked.verifier)
    assert (away.status_code, away.json()["error"]) == (503, "temporarily_unavailable")
    assert int(away.headers["Retry-After"]) > 0
    database.rmdir()
    database.with_suffix(".away").rename(database)
    deployment.wiring.database.close()
    assert party.redeem(code, asked.verifier).status_code == 200


def test_an_error_at_the_second_use_is_never_told_as_success(deployment: Deployment) -> None:
    """S-093: a revocation that could not be written is not claimed to have been."""
    party = RelyingParty(deployment, deployment.clients["Sundhedstider"])
    asked = party.ask()
    code = code_for(party, asked)
    access = party.redeem(code, asked.verifier).json()["access_token"]
    _fail_on(deployment, "ledger", broken=True)
    answer: requests.Response = party.redeem(code, asked.verifier)
    assert answer.status_code in (500, 503)
    _fail_on(deployment, "ledger", broken=False)
    assert party.redeem(code, asked.verifier).status_code == 400
    assert party.userinfo(access).status_code == 401
