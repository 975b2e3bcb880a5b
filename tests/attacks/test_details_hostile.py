"""Authorization details that are malformed, foreign, too large, or come by a way where they could be changed."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from tests.storage.registry_world import detail_type
from tests.support import machines
from tests.support.deployment import Deployment
from tests.support.details import CASE, as_parameter, asking_party, declare
from tests.support.relying_party import RelyingParty, claims_of
from tests.support.request_objects import request_object
from tests.support.signed_in import code_for

MALFORMED: list[str] = [
    "", "x", "null", "1", '"x"', "{}", json.dumps(CASE), "[]", "[1]", '["nordhavn:case"]', "[{}]", '[{"type": 1}]',
    '[{"type": null}]', as_parameter(CASE, CASE), as_parameter(*[CASE | {"case": str(n)} for n in range(11)]),
    as_parameter(CASE) + " x", as_parameter(CASE) + ',"list":[]', as_parameter(CASE) + ', "other": 1', "[" * 5000,
    '[{"type":"nordhavn:case","type":"nordhavn:case"}]', as_parameter(CASE).replace("2025", "1e999"), '[{"type":"\\ud800"}]',
    as_parameter(CASE | {"case": "x" * 9000}),
]  # fmt: skip
FOREIGN: list[Any] = [
    CASE | {"type": "nordhavn:other"},
    CASE | {"type": "midtsund:time"},
    CASE | {"type": "NORDHAVN:CASE"},
    CASE | {"type": "nordhavn:case "},
    CASE | {"action": "slette"},
    CASE | {"case": "x" * 21},
    CASE | {"case": "2026\u202e17"},
    CASE | {"years": []},
    CASE | {"extra": 1},
    CASE | {"locations": ["https://evil.test/"]},
    {"type": "nordhavn:case"},
]


@pytest.fixture
def service(deployment: Deployment) -> RelyingParty:
    declare(deployment)
    declare(deployment, type="midtsund:time")
    return asking_party(deployment)


def pushed(service: RelyingParty, value: str) -> tuple[int, str]:
    fields = service.parameters("v" * 43, "s", "n") | {"authorization_details": value}
    answer = service.post("/par", fields)
    return answer.status_code, str(answer.json().get("error", ""))


def test_what_is_no_list_of_details_is_refused(service: RelyingParty) -> None:
    """S-360, S-355: one way to read it, or none; within its bounds."""
    assert pushed(service, as_parameter(CASE)) == (201, "")
    for value in MALFORMED[1:]:
        assert pushed(service, value) == (400, "invalid_authorization_details"), value[:60]


def test_kinds_of_others_and_values_beyond_their_schema_are_refused(service: RelyingParty) -> None:
    """RFC 9396 §5; S-034: also beside sound ones, and in a request object."""
    for detail in FOREIGN:
        told = (400, "invalid_authorization_details")
        assert pushed(service, as_parameter(detail)) == told, detail
        assert pushed(service, as_parameter(CASE, detail)) == told, detail
        parameters: dict[str, Any] = service.parameters("v" * 43, "s", "n")
        signed = request_object(service, parameters | {"authorization_details": [detail]})
        answer = service.post("/par", {"request": signed})
        assert answer.json()["error"] == "invalid_authorization_details", detail


def test_who_is_not_registered_for_them_asks_for_none(deployment: Deployment, service: RelyingParty) -> None:
    """S-078."""
    other = RelyingParty(deployment, deployment.clients["Byggesager"])
    assert pushed(other, as_parameter(CASE)) == (400, "invalid_authorization_details")


def test_they_never_come_in_a_plain_address(deployment: Deployment, service: RelyingParty) -> None:
    """ASVS 10.4.15: there the browser, and whatever runs in it, could change what the citizen is asked."""
    plain = asking_party(deployment, "Åben", profile="oidc", token_endpoint_auth_method="client_secret_basic")
    fields = plain.parameters("v" * 43, "s", "n") | {"authorization_details": as_parameter(CASE)}
    url = f"{deployment.issuer}/authorize"
    for answer in (
        requests.get(f"{url}?{urlencode(fields)}", allow_redirects=False, timeout=20),
        requests.post(url, data=fields, allow_redirects=False, timeout=20),
    ):
        assert answer.status_code == 303 and "error=invalid_request" in answer.headers["Location"]
    assert pushed(plain, as_parameter(CASE)) == (201, "")


def test_a_service_in_its_own_name_is_given_none(deployment: Deployment) -> None:
    """RFC 9396 §6: nobody agreed to them, so they are refused and not dropped."""
    machines.api(deployment)
    service = machines.machine(deployment)
    machines.grant(deployment, service, machines.READ)
    fields = {"grant_type": "client_credentials", "scope": machines.READ}
    assert service.post("/token", fields).status_code == 200
    answer = service.post("/token", fields | {"authorization_details": as_parameter(CASE)})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_authorization_details")


def test_beside_a_pushed_request_they_change_nothing(service: RelyingParty) -> None:
    """S-052."""
    asked = service.ask()
    page = requests.get(
        asked.url + "&" + urlencode({"authorization_details": as_parameter(CASE)}), timeout=20
    )
    assert page.status_code == 200 and "2026-17" not in page.text


def test_the_longest_details_still_make_a_token_that_fits_a_header(deployment: Deployment) -> None:
    """A token that no server would read is worth nothing, and the citizen would have agreed for nothing."""
    schema = json.loads(json.dumps(detail_type()["schema"]))
    schema["properties"]["case"]["maxLength"] = 200
    declare(deployment, schema=schema)
    party = asking_party(deployment)
    longest = [CASE | {"case": f"{number}" + "å" * 168} for number in range(10)]
    spare = 4096 - len(_compact(longest).encode())
    longest[0]["case"] += "x" * spare
    assert 0 <= spare < 30 and len(_compact(longest).encode()) == 4096
    assert pushed(party, _compact(longest) + " ") == (400, "invalid_authorization_details")
    asked = party.ask(authorization_details=_compact(longest))
    given = party.redeem(code_for(party, asked), asked.verifier).json()
    assert claims_of(given["access_token"])["authorization_details"] == longest
    assert party.userinfo(given["access_token"]).status_code == 200


def _compact(details: list[dict[str, Any]]) -> str:
    return json.dumps(details, ensure_ascii=False, separators=(",", ":"))


def test_details_of_the_right_size_that_are_wrong_cost_little(service: RelyingParty) -> None:
    """S-360: the schema has no pattern and no depth, so nothing is slow."""
    value = as_parameter(*[CASE | {"case": "x" * 20, "years": [1990] * 4} for _ in range(10)])
    assert pushed(service, value) == (400, "invalid_authorization_details")
    assert pushed(service, "[" + '{"type":"nordhavn:case"},' * 300 + "{}]")[0] == 400
