"""What the pages' front door lets in, and how it refuses. Real Flask, no stores."""

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask, redirect
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.errors import InvalidRequest, OAuthError, StoreUnavailable
from idp.portal import portal_pages
from idp.portal.oauth_errors import OAUTH_ERRORS
from idp.web import (
    WebConfig,
    accepts_cross_site_posts,
    check_form_token,
    cookie_name,
    form_token,
    make_flask,
    prefer_languages,
    read_form,
    set_cookie,
)

ISSUER = "https://adgang.example"
HERE = {"base_url": ISSUER}
FORM = "application/x-www-form-urlencoded"


def make_app(issuer: str = ISSUER, **config: Any) -> Flask:
    app = make_flask(WebConfig(issuer=issuer, **config))
    app.register_blueprint(portal_pages())

    def take() -> str:
        return repr(sorted(read_form().items()))

    def guarded() -> str:
        check_form_token(read_form(), "the cookie of this browser", "sign-out")
        return "done"

    def fail() -> str:
        raise RuntimeError("the inside of the machine: /etc/secret")

    def away() -> str:
        raise StoreUnavailable

    def refuse() -> str:
        raise InvalidRequest("The redirect_uri is not registered.", detail="client c1")

    def norwegian() -> str:
        prefer_languages(["nb", "da"])
        raise StoreUnavailable

    def give():  # type: ignore[no-untyped-def]
        response = redirect("/help", 303)
        set_cookie(response, "session", "s" * 43)  # type: ignore[arg-type]
        return response

    app.add_url_rule("/take", "take", take, methods=["POST"])
    app.add_url_rule("/open", "open", accepts_cross_site_posts(lambda: take()), methods=["POST"])
    app.add_url_rule("/guarded", "guarded", guarded, methods=["POST"])
    for path, view in (
        ("fail", fail), ("away", away), ("refuse", refuse), ("norwegian", norwegian), ("give", give)
    ):  # fmt: skip
        app.add_url_rule(f"/{path}", path, view, methods=["GET"])
    return app


@pytest.fixture
def browser() -> Iterator[FlaskClient]:
    with make_app().test_client() as client:
        yield client


def post(browser: FlaskClient, path: str, body: bytes | str, **headers: str) -> TestResponse:
    return browser.post(
        path,
        data=body,
        content_type=FORM,
        headers={k.replace("_", "-"): v for k, v in headers.items()},
        **HERE,
    )


@pytest.mark.parametrize(
    "host", ["evil.test", "adgang.example:8443", "adgang.example.evil.test", "evil.test/@x"]
)
def test_another_host_gets_an_error_and_no_link_to_itself(browser: FlaskClient, host: str) -> None:
    """S-363, S-352."""
    response = browser.get("/help", headers={"Host": host}, **HERE)
    assert response.status_code == 400
    assert "evil.test" not in response.text


@pytest.mark.parametrize("verb", ["TRACE", "CONNECT", "PUT", "DELETE", "PATCH", "OPTIONS", "post", "GRUE"])
def test_other_verbs_are_405_with_allow(browser: FlaskClient, verb: str) -> None:
    """S-351."""
    environ = {"REQUEST_METHOD": verb, "wsgi.url_scheme": "https", "HTTP_HOST": "adgang.example"}
    response = browser.get("/help", environ_overrides=environ)
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


def test_a_wrong_verb_names_the_right_ones(browser: FlaskClient) -> None:
    """S-351."""
    response = browser.get("/take", **HERE)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def with_cookies(cookies: str) -> int:
    """The status of a page for a browser that sends exactly these."""
    client = make_app().test_client(use_cookies=False)
    return client.get("/help", headers={"Cookie": cookies}, **HERE).status_code


def test_a_session_cookie_that_comes_twice_is_refused() -> None:
    """S-364."""
    name = "__Host-adgang-session"
    assert with_cookies(f"{name}=good") == 200
    assert with_cookies(f"{name}=good; {name}=bad") == 400
    assert with_cookies(f"{name}=good; {name}=good") == 400


@pytest.mark.parametrize(
    "cookie", ["=__Host-adgang-session=bad", "a=1; a=2", "x=\xe6", "; ".join(f"c{n}=v" for n in range(200))]
)
def test_odd_cookies_that_are_not_ours_do_no_harm(cookie: str) -> None:
    """S-219."""
    assert with_cookies(cookie) == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "something-new"])
def test_a_form_from_another_site_is_refused(browser: FlaskClient, site: str) -> None:
    """S-216: Fetch Metadata decides, even against a friendly Origin."""
    assert post(browser, "/take", "a=1", Sec_Fetch_Site=site, Origin=ISSUER).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://adgang.example", ISSUER + ":8443"])
def test_without_fetch_metadata_the_origin_decides(browser: FlaskClient, origin: str) -> None:
    """S-216."""
    assert post(browser, "/take", "a=1", Origin=origin).status_code == 403


@pytest.mark.parametrize("headers", [{"Sec_Fetch_Site": "same-origin"}, {"Origin": ISSUER}, {}])
def test_a_form_of_our_own_is_taken(browser: FlaskClient, headers: dict[str, str]) -> None:
    assert post(browser, "/take", "a=1", **headers).text == "[('a', '1')]"


def test_only_a_marked_view_takes_forms_from_other_sites(browser: FlaskClient) -> None:
    assert post(browser, "/open", "a=1", Sec_Fetch_Site="cross-site").status_code == 200


def test_a_form_needs_this_browsers_token_for_this_purpose(browser: FlaskClient) -> None:
    """S-217, S-226."""
    right = form_token("the cookie of this browser", "sign-out")
    wrong = [
        "",
        "x",
        form_token("another cookie", "sign-out"),
        form_token("the cookie of this browser", "consent"),
    ]
    assert post(browser, "/guarded", urlencode({"csrf_token": right})).text == "done"
    assert post(browser, "/guarded", "").status_code == 403
    for token in wrong:
        assert post(browser, "/guarded", urlencode({"csrf_token": token})).status_code == 403
    assert browser.post(f"/guarded?csrf_token={right}", data="", content_type=FORM, **HERE).status_code == 403


@pytest.mark.parametrize("body", [b"a=%FF", b"a=\xff", b"a=%C0%AF", b"a=1&a=2", b"a=%00", b"a=%zz"])
def test_a_body_that_is_not_a_clean_form_is_a_400(browser: FlaskClient, body: bytes) -> None:
    """S-360, S-361."""
    assert post(browser, "/take", body).status_code == 400


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain", f"{FORM}; charset=utf-16"])
def test_a_form_says_that_it_is_one(browser: FlaskClient, content_type: str | None) -> None:
    """S-361: never an empty form without error."""
    assert browser.post("/take", data=b"a=1", content_type=content_type, **HERE).status_code == 400


def test_a_large_body_is_refused(browser: FlaskClient) -> None:
    """S-348, S-362."""
    assert post(browser, "/take", b"a=" + b"x" * 65_536).status_code == 400


def test_what_nobody_foresaw_is_a_page_with_a_reference_that_stands_in_the_log_once(
    browser: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    """S-355, S-356."""
    with caplog.at_level(logging.INFO):
        response = browser.get("/fail", environ_overrides={"adgang.reference": "7F3K-2QXA"}, **HERE)
    assert response.status_code == 500
    assert "7F3K-2QXA" in response.text
    assert not any(
        word in response.text for word in ("RuntimeError", "machine", "/etc/", "Traceback", "Flask")
    )
    assert [record.reference for record in caplog.records if hasattr(record, "reference")] == ["7F3K-2QXA"]


def test_whatever_nobody_foresaw_is_counted_for_the_alarm_and_nothing_else_is() -> None:
    """S-356: and the next request is served."""
    counted: list[tuple[str, dict[str, str]]] = []
    app = make_app(count=lambda event, labels: counted.append((event, labels)))

    def fail(number: int) -> str:
        raise (KeyError("canary"), RecursionError(), MemoryError(), UnicodeError(), OSError(5, "canary"))[
            number
        ]

    app.add_url_rule("/fail/<int:number>", "fail-by-number", fail, methods=["GET"])
    with app.test_client() as browser:
        for number in range(5):
            counted.clear()
            response = browser.get(f"/fail/{number}", **HERE)
            assert response.status_code == 500 and "canary" not in response.text
            assert counted == [("page_failed", {"kind": "unexpected"})]
        counted.clear()
        for path in ("/away", "/refuse", "/nowhere"):
            assert browser.get(path, **HERE).status_code in (400, 404, 503)
        assert {labels["kind"] for _, labels in counted} == {"unavailable", "request", "not_found"}


def test_a_store_that_is_away_is_a_503_that_says_when_to_come_back(browser: FlaskClient) -> None:
    response = browser.get("/away", **HERE)
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")


def test_a_protocol_error_on_a_page_tells_the_developer_the_code(browser: FlaskClient) -> None:
    response = browser.get("/refuse", **HERE)
    assert response.status_code == 400
    assert "/help/errors#invalid_request" in response.text
    assert "The redirect_uri is not registered." in response.text
    assert "client c1" not in response.text


def test_an_error_page_speaks_the_language_that_the_service_asked_for(browser: FlaskClient) -> None:
    assert '<html lang="nb">' in browser.get("/norwegian", **HERE).text


@pytest.mark.parametrize("path", ["/help", "/fail", "/nowhere", "/give", "/help/errors", "//help"])
def test_every_answer_carries_the_security_headers(browser: FlaskClient, path: str) -> None:
    """S-220, S-222: pages, errors and redirects."""
    headers = browser.get(path, **HERE).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "no-store"
    assert "Cookie" in headers["Vary"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "includeSubDomains" in headers["Strict-Transport-Security"]


def test_a_cookie_is_bound_to_the_host_and_out_of_reach(browser: FlaskClient) -> None:
    """S-218."""
    cookie = browser.get("/give", **HERE).headers["Set-Cookie"]
    name, *attributes = [part.strip() for part in cookie.split(";")]
    assert name.startswith("__Host-adgang-session=")
    assert set(attributes) == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}


def test_on_plain_loopback_a_cookie_has_the_port_in_its_name() -> None:
    """Cookies ignore ports, and `__Host-` needs https."""
    config = WebConfig(issuer="http://localhost:8000")
    assert cookie_name("session", config) == "adgang-8000-session"
    with make_app("http://localhost:8000").test_client() as client:
        cookie = client.get("/give", base_url="http://localhost:8000").headers["Set-Cookie"]
    assert cookie.startswith("adgang-8000-session=")
    assert "Secure" not in cookie


def test_the_language_link_is_remembered_and_keeps_the_rest_of_the_address(browser: FlaskClient) -> None:
    page = browser.get("/help?a=1&b=%22&lang=en", **HERE)
    assert '<html lang="en">' in page.text
    assert "/help?a=1&amp;b=%22&amp;lang=nb" in page.text
    assert '<html lang="en">' in browser.get("/privacy", **HERE).text


@pytest.mark.parametrize("wish", ["xx", "", "<script>", "da&lang=en"])
def test_an_unknown_language_sets_no_cookie(browser: FlaskClient, wish: str) -> None:
    response = browser.get(f"/help?{urlencode({'lang': wish})}", **HERE)
    assert response.status_code == 200
    assert "Set-Cookie" not in response.headers


def test_a_static_file_is_kept_for_ever_under_its_digest_and_not_under_another(browser: FlaskClient) -> None:
    address = browser.get("/help", **HERE).text.split('rel="stylesheet" href="')[1].split('"')[0]
    kept = browser.get(address, **HERE).headers
    other = browser.get("/static/0000000000000000/adgang.css", **HERE).headers
    assert kept["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Vary" not in kept
    assert other["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["../application.py", "..%2fapp.py", "nothing.css", ".", "logos/x.svg"])
def test_only_the_files_that_were_read_are_served(browser: FlaskClient, name: str) -> None:
    assert browser.get(f"/static/0000000000000000/{name}", **HERE).status_code == 404


def test_every_error_code_has_its_help() -> None:
    """The `error_uri` of an answer leads somewhere, and nothing stands there twice."""
    explained = [error.code for error in OAUTH_ERRORS]
    raised = {kind.code for kind in _family(OAuthError)}
    assert len(explained) == len(set(explained))
    assert raised <= set(explained)


def _family(kind: type[OAuthError]) -> Iterator[type[OAuthError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


def test_the_links_to_other_languages_repeat_a_query_but_not_a_flood(browser: FlaskClient) -> None:
    """Three copies of a long query would be an answer larger than the question."""
    short = browser.get("/help/errors?from=somewhere", **HERE).text
    assert 'href="/help/errors?from=somewhere&amp;lang=en"' in short
    long = browser.get(f"/help/errors?from={'x' * 2048}", **HERE).text
    assert "xxxx" not in long and "language-en" not in long
