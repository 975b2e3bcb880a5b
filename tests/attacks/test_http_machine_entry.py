"""The wire: whatever comes, an endpoint answers in its own words, keeps its limits, and lives on."""

import http.client
import io
import logging
import re
from dataclasses import replace
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from idp.endpoints.entry import MachineEntry
from idp.endpoints.machine import MachineRequest, MachineResponse, Route
from idp.errors import StoreUnavailable
from tests.support.deployment import Deployment

GET_PATHS = (
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/jwks",
    "/userinfo",
    "/healthz",
)
POST_PATHS = ("/device_authorization", "/introspect", "/par", "/revoke", "/token", "/userinfo")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def _raw(
    deployment: Deployment, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, Any, bytes]:
    """A request that no client library mends."""
    connection = http.client.HTTPConnection(urlsplit(deployment.issuer).netloc, timeout=20)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    if body and "Content_Length" not in headers:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body or None)
    answer = connection.getresponse()
    found = answer.status, answer.headers, answer.read()
    connection.close()
    return found


def test_every_path_is_in_this_matrix(deployment: Deployment) -> None:
    """S-398: a new endpoint has to be added here."""
    assert set(GET_PATHS) | set(POST_PATHS) == deployment.provider.machine.paths


def test_a_wrong_verb_is_told_in_json_with_the_right_ones(deployment: Deployment) -> None:
    """S-351."""
    verbs = ("PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "get", "FOO")
    for method, path in product(verbs, {*GET_PATHS, *POST_PATHS}):
        status, headers, body = _raw(deployment, method, path)
        assert status == 405, path
        assert headers["Allow"], path
        assert headers["Content-Type"] == "application/json"
        assert b'"error":"invalid_request"' in body
    for path in ("/introspect", "/par", "/revoke", "/token"):
        assert _raw(deployment, "GET", path)[0] == 405


def test_bodies_and_headers_have_limits(deployment: Deployment) -> None:
    """S-348, S-350, S-362."""
    for path in POST_PATHS:
        assert (
            requests.post(
                deployment.issuer + path, data=b"a=" + b"x" * 65_535, headers=FORM, timeout=20
            ).status_code
            == 400
        )
        many = "&".join(f"f{number}=1" for number in range(2_000)).encode()
        assert requests.post(deployment.issuer + path, data=many, headers=FORM, timeout=20).status_code == 400
        packed = requests.post(
            deployment.issuer + path, data=b"x", headers=FORM | {"Content-Encoding": "gzip"}, timeout=20
        )
        assert packed.status_code == 400
        big = requests.get(
            deployment.issuer + "/userinfo", headers={"Authorization": "Bearer " + "x" * 8_200}, timeout=20
        )
        assert big.status_code == 400
        assert (
            requests.get(deployment.issuer + "/jwks", headers={"X-Odd": "x" * 8_193}, timeout=20).status_code
            == 400
        )


ODD_VALUES = ("x" * 8_193, "\xc3\xa6", "\xe6", "\xff", "\x80", "a\xa0b", "a\xadb")


def test_headers_are_judged_alike_whatever_the_verb(deployment: Deployment) -> None:
    """S-350: before anybody asks whether the endpoint takes it."""
    for method, path in product(("GET", "POST", "OPTIONS", "PUT"), {*GET_PATHS, *POST_PATHS}):
        for value in ODD_VALUES:
            status, headers, body = _raw(deployment, method, path, X_Odd=value)
            assert (status, headers["Content-Type"]) == (400, "application/json"), (method, path, value[:3])
            assert b"invalid_request" in body
        assert _raw(deployment, method, path, X_Even="a\tb ~")[0] == _raw(deployment, method, path)[0]
        status, _, body = _raw(deployment, method, path, DPoP="x" * 8_193)
        assert status == 400 and b"invalid_dpop_proof" in body, (method, path)


def test_bodies_in_a_wrong_form_are_refused(deployment: Deployment) -> None:
    """S-360, S-361: at every endpoint that takes one."""
    for path in POST_PATHS:
        for body, headers in (
            (b"x=\xff", FORM),
            (b"x=%FF", FORM),
            (b"x=%00", FORM),
            (b"x=1&x=2", FORM),
            (b"x=1", {}),
            (b"{}", {"Content-Type": "application/json"}),
            (b"x=1", {"Content-Type": FORM["Content-Type"] + "; charset=utf-16"}),
            (b"--x--", {"Content-Type": "multipart/form-data; boundary=x"}),
        ):
            status, _, answer = _raw(
                deployment,
                "POST",
                path,
                body,
                **{name.replace("-", "_"): value for name, value in headers.items()},
            )
            assert status == 400, (path, body)
            assert b"invalid_request" in answer


def test_an_error_says_what_to_mend_and_nothing_of_the_request(deployment: Deployment) -> None:
    """S-355, S-345."""
    answer = requests.post(
        deployment.issuer + "/token",
        data={"grant_type": "canary\r\nX: y", "client_id": "<canary>"},
        timeout=20,
    )
    members = answer.json()
    assert set(members) == {"error", "error_description", "error_uri", "reference"}
    assert "canary" not in answer.text + str(answer.headers)
    assert len(members["reference"]) == 9
    assert set(members["error_description"]) <= {chr(c) for c in range(32, 127)} - {'"', "\\"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_published_documents_are_cached_and_revalidated(deployment: Deployment) -> None:
    """S-358."""
    for path in GET_PATHS[:3]:
        first = requests.get(deployment.issuer + path, timeout=20)
        assert first.headers["Cache-Control"] == "public, max-age=300"
        etag = first.headers["ETag"]
        for asked in (etag, f"W/{etag}", f'"x", {etag}', "*"):
            again = requests.get(deployment.issuer + path, headers={"If-None-Match": asked}, timeout=20)
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == etag
        assert (
            requests.get(deployment.issuer + path, headers={"If-None-Match": '"x"'}, timeout=20).status_code
            == 200
        )
        part = requests.get(deployment.issuer + path, headers={"Range": "bytes=0-3"}, timeout=20)
        assert (part.status_code, part.content) == (200, first.content), (
            "RFC 9110 §14.2: a Range may be ignored"
        )
        head = requests.head(deployment.issuer + path, timeout=20)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == first.headers["Content-Length"]


BELIEVED_ELSEWHERE = {
    "X_Forwarded_Host": "evil.test",
    "X_Forwarded_Proto": "https",
    "X_Original_URL": "/jwks",
    "X_Rewrite_URL": "/jwks",
    "X_HTTP_Method_Override": "DELETE",
    "X_HTTP_Method": "DELETE",
    "Forwarded": "host=evil.test;proto=https",
}


def test_the_host_and_overriding_headers_change_nothing(deployment: Deployment) -> None:
    """S-066, S-352, S-363."""
    plain = _raw(deployment, "GET", GET_PATHS[0])[2]
    forged = _raw(deployment, "GET", GET_PATHS[0], **BELIEVED_ELSEWHERE)
    assert forged[0] == 200
    assert forged[2] == plain
    assert b"evil" not in plain


def test_no_route_believes_a_header_about_its_address_or_verb(deployment: Deployment) -> None:
    """S-352: each gives the answer that it gives without, and names nobody else."""
    pages = [re.sub("<[^>]+>", "1", rule.rule) for rule in deployment.provider.pages.url_map.iter_rules()]
    for path in sorted({*pages, *deployment.provider.machine.paths}):
        for method in ("GET", "POST"):
            plain, forged = (_raw(deployment, method, path, **sent) for sent in ({}, BELIEVED_ELSEWHERE))
            assert forged[0] == plain[0], (method, path)
            leads = [re.sub(r"[\w-]{43}", "…", answer[1].get("Location", "")) for answer in (plain, forged)]
            assert leads[0] == leads[1], (method, path)
            assert forged[1].get("Allow") == plain[1].get("Allow"), (method, path)
            assert b"evil.test" not in forged[2] and "evil.test" not in str(forged[1]), (method, path)


def test_only_registered_origins_of_public_clients_may_read_from_a_browser(deployment: Deployment) -> None:
    """S-030: and never with credentials."""
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    deployment.add_client(
        "Browser",
        organisation,
        profile="oidc",
        token_endpoint_auth_method="none",
        redirect_uris=["https://app.nordhavn.example/cb"],
    )
    ours, other = "https://app.nordhavn.example", "https://byg.nordhavn.example"
    for path in (*GET_PATHS[:4], "/token", "/revoke"):
        for origin in (ours, other, "null", "http://localhost:9"):
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            for answer in (
                requests.options(deployment.issuer + path, headers=headers, timeout=20),
                requests.get(deployment.issuer + path, headers=headers, timeout=20),
            ):
                allowed = answer.headers.get("Access-Control-Allow-Origin")
                assert allowed == (ours if origin == ours else None), (path, origin)
                assert "Access-Control-Allow-Credentials" not in answer.headers
                assert "Origin" in answer.headers["Vary"]
    for path in ("/par", "/introspect", "/healthz", "/authorize"):
        answer = requests.options(deployment.issuer + path, headers={"Origin": ours}, timeout=20)
        assert not any(name.lower().startswith("access-control") for name in answer.headers), path


class _Canary(Exception):
    pass


FAULTS = (_Canary("canary"), RecursionError(), MemoryError(), KeyError("canary"), UnicodeError())


def test_an_unforeseen_error_is_answered_logged_and_counted(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """S-356: whatever is raised, the worker lives, and what the alarm is about has counted one more."""
    counted: list[tuple[str, dict[str, str]]] = []
    services = replace(
        deployment.wiring.services, count=lambda event, labels: counted.append((event, labels))
    )
    for fault in FAULTS:
        caplog.clear()
        counted.clear()

        def fail(_request: MachineRequest, fault: Exception = fault) -> MachineResponse:
            raise fault

        entry = MachineEntry({"/x": Route({"GET": fail})}, services)
        with caplog.at_level(logging.ERROR):
            status, headers, body = _call(entry, "/x")
        assert status == "500 Internal Server Error"
        assert dict(headers)["Content-Type"] == "application/json"
        assert b"canary" not in body
        assert [record.getMessage() for record in caplog.records] == ["unforeseen"]
        assert vars(caplog.records[0])["reference"].encode() in body
        assert [labels for event, labels in counted if event == "failures"] == [{"path": "/x"}]


def test_a_store_that_is_away_is_a_503_and_never_a_guess(deployment: Deployment) -> None:
    def fail(_request: MachineRequest) -> MachineResponse:
        raise StoreUnavailable

    entry = MachineEntry({"/x": Route({"GET": fail})}, deployment.wiring.services)
    status, headers, body = _call(entry, "/x")
    assert status == "503 Service Unavailable"
    assert int(dict(headers)["Retry-After"]) > 0
    assert b"temporarily_unavailable" in body


def test_discovery_and_keys_are_served_while_the_stores_are_away(deployment: Deployment) -> None:
    """S-358: also to a browser; the rest says 503."""
    deployment.wiring.redis.connection_pool.disconnect()
    deployment.wiring.database.close()
    (deployment.settings.state_directory / "adgang.sqlite3").rename(
        deployment.settings.state_directory / "away"
    )
    (deployment.settings.state_directory / "adgang.sqlite3").mkdir()
    deployment.clock.forward(seconds=120)
    for path in GET_PATHS[:3]:
        answer = requests.get(deployment.issuer + path, headers={"Origin": "https://a.example"}, timeout=20)
        assert answer.status_code == 200, path
    answer = requests.post(
        deployment.issuer + "/token", auth=("x", "y"), data={"grant_type": "x"}, timeout=20
    )
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


UNCLEAR: list[dict[str, str]] = [
    {"CONTENT_LENGTH": "-1"},
    {"CONTENT_LENGTH": "+1"},
    {"CONTENT_LENGTH": "1_0"},
    {"CONTENT_LENGTH": "0x1"},
    {"CONTENT_LENGTH": "٣"},
    {"CONTENT_LENGTH": "1" * 30},
    {"CONTENT_LENGTH": "5"},
    {"CONTENT_LENGTH": "1, 1"},
    {"CONTENT_LENGTH": "1", "HTTP_TRANSFER_ENCODING": "chunked"},
    {"CONTENT_TYPE": f"{FORM['Content-Type']}, {FORM['Content-Type']}"},
    {"CONTENT_TYPE": f"{FORM['Content-Type']}\xa0"},
    {"CONTENT_TYPE": FORM["Content-Type"], "HTTP_CONTENT_TYPE": FORM["Content-Type"]},
    {"HTTP_CONTENT_TYPE": FORM["Content-Type"]},
    {"HTTP_CONTENT_LENGTH": "1"},
    {"HTTP_X_ODD": "a\x00b"},
    {"HTTP_X_ODD": "a\rb"},
    {f"HTTP_X_{number}": "1" for number in range(200)},
]


def test_a_request_that_two_servers_could_read_differently_is_refused(deployment: Deployment) -> None:
    """S-344, S-350."""
    for environ in UNCLEAR:
        status, _, body = _call(deployment.provider.machine, "/token", "POST", **environ)
        assert status == "400 Bad Request", environ
        assert b"invalid_request" in body


@pytest.mark.parametrize(
    "environ",
    [
        {"CONTENT_TYPE": "a/b, c/d"},
        {"CONTENT_TYPE": "\xe6"},
        {"HTTP_CONTENT_TYPE": "a/b"},
        {"HTTP_CONTENT_LENGTH": "1"},
        {f"HTTP_X_{number}": "1" for number in range(200)},
    ],
    ids=["two types", "no ASCII", "a type by another name", "a length by another name", "200 headers"],
)
def test_it_is_refused_also_where_nothing_of_it_is_needed(
    deployment: Deployment, environ: dict[str, str]
) -> None:
    """S-350: a GET for a document, and a verb that is not taken."""
    for method in ("GET", "OPTIONS", "PUT"):
        assert _call(deployment.provider.machine, "/jwks", method)[0] != "400 Bad Request"
        assert _call(deployment.provider.machine, "/jwks", method, **environ)[0] == "400 Bad Request", method


def test_an_endless_body_is_read_no_further_than_its_limit(deployment: Deployment) -> None:
    """S-348: chunked, so that nobody said how long it is."""
    body = io.BytesIO(b"x" * 10_000_000)
    environ = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input": body, "CONTENT_TYPE": FORM["Content-Type"]}
    assert _call(deployment.provider.machine, "/token", "POST", **environ)[0].startswith("400")
    assert body.tell() <= 64 * 1024 + 1


def _call(
    entry: MachineEntry, path: str, method: str = "GET", **environ: Any
) -> tuple[str, list[tuple[str, str]], bytes]:
    """A request as a WSGI server would hand it over."""
    told: list[Any] = []
    asked = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "wsgi.input": io.BytesIO(b"x"),
        **environ,
    }
    chunks = entry(asked, lambda status, headers: told.extend((status, headers)))
    return told[0], told[1], b"".join(chunks)
