"""A service in its own name that is known by its certificate: no secret to lose, and tokens that a thief cannot use."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificates import DN, CertificateParty, self_signed
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment
from tests.support.machines import API, READ, api, ask, grant, machine, refused, token
from tests.support.mutual_tls import AUTHORITY, behind_proxy
from tests.support.relying_party import claims_of


@pytest.fixture
def deployment(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    with behind_proxy(tmp_path, sqlite_url, valkey_url, clock) as running:
        yield running


def test_a_service_s_token_is_its_certificate_s_and_the_api_is_told(deployment: Deployment) -> None:
    """S-109, S-110, S-140: who calls the API must show what `cnf` names; introspection tells it (RFC 8705 §3.2)."""
    journal = api(deployment)
    registered = {
        "token_endpoint_auth_method": "tls_client_auth",
        "tls_client_auth_subject_dn": DN,
        "tls_client_certificate_bound_access_tokens": True,
    }
    client, holder = machine(deployment, "key", **registered).client, AUTHORITY.issue()
    service = CertificateParty(deployment, client, holder=holder)
    grant(deployment, service, READ)
    access = token(service, resource=API)["access_token"]
    told = journal.told(access)
    assert told["active"] and told["cnf"] == claims_of(access)["cnf"] == {"x5t#S256": holder.thumbprint}
    assert told["token_type"] == "Bearer"
    for other in (None, self_signed(), AUTHORITY.issue("CN=En anden,O=Nordhavn Kommune,C=DK")):
        refused(ask(CertificateParty(deployment, client, holder=other), resource=API), "invalid_client", 401)
