"""S-220, S-222: what the headers of pages and files say."""

import pytest

from idp.login.pages import FormPost, Return
from idp.security_headers import file_headers, page_headers


def directives(policy: str) -> dict[str, list[str]]:
    return {name: values for name, *values in (part.split() for part in policy.split(";"))}


def test_a_page_allows_nothing_but_our_own_files() -> None:
    """S-220."""
    policy = directives(page_headers(https=True)["Content-Security-Policy"])
    assert policy["default-src"] == ["'none'"]
    assert (
        policy["script-src"]
        == policy["style-src"]
        == policy["img-src"]
        == policy["form-action"]
        == ["'self'"]
    )
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == ["'none'"]


def test_a_page_is_not_kept_and_varies_by_cookie() -> None:
    """S-222."""
    headers = page_headers(https=True)
    assert headers["Cache-Control"] == "no-store"
    assert "Cookie" in headers["Vary"]


def test_our_own_forms_are_not_sent_without_origin() -> None:
    """Chromium sends `Origin: null` under no-referrer, so pages with forms of ours say same-origin."""
    assert page_headers(https=True)["Referrer-Policy"] == "same-origin"


def test_strict_transport_is_told_over_https_only() -> None:
    assert "max-age=63072000" in page_headers(https=True)["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in page_headers(https=False)
    assert "Strict-Transport-Security" not in file_headers(https=False, immutable=True)


def test_a_drawing_cannot_run_anything() -> None:
    policy = directives(file_headers(https=True, immutable=True)["Content-Security-Policy"])
    assert policy["default-src"] == ["'none'"]
    assert "sandbox" in policy


def test_the_way_back_by_form_post_allows_the_services_own_callback() -> None:
    page = FormPost(target_url="https://byg.nordhavn.example/cb", service_name="Byggesager", fields={})
    assert page.form_targets == ("https://byg.nordhavn.example", "https:")


def test_a_callback_on_plain_http_allows_this_machine_alone() -> None:
    page = FormPost(target_url="http://localhost:8001/cb", service_name="Byggesager", fields={})
    assert page.form_targets == ("http://localhost:8001", "http://localhost:*", "http://127.0.0.1:*")


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "data:text/html,x", "JavaScript:alert(1)", "//evil.test", ""]
)
def test_a_way_back_is_never_something_that_runs(target: str) -> None:
    with pytest.raises(ValueError, match="way back"):
        Return(target_url=target, service_name="Byggesager")


def test_the_way_back_does_not_tell_where_one_was() -> None:
    assert Return.referrer_policy == FormPost.referrer_policy == "no-referrer"
