"""`adgang logouts waiting`, as an operator types it."""

import json

from tests.support.commands import adgang
from tests.support.deployment import Deployment
from tests.support.signed_in import session_of
from tests.support.signing_out import given_in, leaving_party


def test_what_waits_is_listed_by_service(deployment: Deployment) -> None:
    def typed(*words: str) -> str:
        done = adgang(deployment, "logouts", "waiting", *words)
        assert done.exit_code == 0, done.stderr
        return done.stdout

    assert typed() == "Nothing waits.\n" and json.loads(typed("--json")) == []
    service, session = leaving_party(deployment, "waits"), session_of(deployment)
    given_in(deployment, session, service.client.client_id)
    queue, now = deployment.wiring.logout_notices, deployment.clock()
    deployment.wiring.services.transact(lambda tx: queue.write(tx, session.session_id, at=now))
    (row,) = json.loads(typed("--json"))
    assert (row["service"], row["client_id"], row["waiting"]) == ("waits", service.client.client_id, 1)
    assert row["oldest"] == now.isoformat().replace("+00:00", "Z")
    assert "waits" in typed()
