"""Redirect URIs: exact, character by character; what may be registered at all."""

import pytest

from clients_registry.errors import UnregisteredRedirectUri
from clients_registry.redirect_uris import check_redirect_uri
from tests.rules.registry_clients import DEMO, STRICT, client, is_public_url, is_registrable, native

# --- presented -------------------------------------------------------------------------------------------------


def test_a_registered_uri_is_returned_as_it_is() -> None:
    for uri in ("https://rp.test/cb", "https://rp.test/cb?tenant=1", "dk.nordhavn.app:/signed-in"):
        assert check_redirect_uri(client("https://other.test/", uri), uri) == uri


@pytest.mark.parametrize("registered", ["http://127.0.0.1/cb", "http://127.0.0.1:8080/cb"])
@pytest.mark.parametrize(
    "presented", ["http://127.0.0.1:51004/cb", "http://127.0.0.1/cb", "http://127.0.0.1:1/cb"]
)
def test_a_native_client_may_use_any_port_of_its_loopback_address(registered: str, presented: str) -> None:
    """S-009, RFC 8252 §7.3."""
    assert check_redirect_uri(native(registered), presented) == presented


def test_a_native_client_may_use_the_loopback_address_of_ipv6() -> None:
    """S-009."""
    assert check_redirect_uri(native("http://[::1]/cb"), "http://[::1]:51004/cb")
    with pytest.raises(UnregisteredRedirectUri):
        check_redirect_uri(native("http://[::1]/cb"), "http://127.0.0.1:51004/cb")


def test_a_web_client_on_loopback_has_one_port() -> None:
    """The demo's clients are web clients: exact, the port too."""
    demo = client("http://127.0.0.1:8001/cb", "http://localhost:8001/cb")
    assert check_redirect_uri(demo, "http://localhost:8001/cb")
    for other in ("http://127.0.0.1:8002/cb", "http://localhost:8002/cb"):
        with pytest.raises(UnregisteredRedirectUri):
            check_redirect_uri(demo, other)


# --- registered ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "uri",
    [
        "https://rp.test/cb",
        "https://rp.test",
        "https://rp.test/",
        "https://rp.test:8443/a/b;c?x=1&y=%C3%A6",
        "https://xn--nrdhavn-q1a.example/cb",
        "https://localhost:8443/cb",
    ],
)
def test_a_web_client_registers_https(uri: str) -> None:
    assert is_registrable(uri)


def test_a_native_client_registers_loopback_and_its_own_scheme() -> None:
    for uri in (
        "http://127.0.0.1/cb",
        "http://[::1]:80/cb",
        "dk.nordhavn.app:/signed-in",
        "https://app.test/cb",
    ):
        assert is_registrable(uri, "native")
        assert is_registrable(uri, "web") == uri.startswith("https")


@pytest.mark.parametrize(
    "uri", ["http://localhost/cb", "http://rp.test/cb", "myapp:/cb", "dk.nordhavn.app://cb", "x.y:"]
)
def test_a_native_client_registers_nothing_that_others_may_answer(uri: str) -> None:
    """S-009, RFC 8252 §7.1, §8.3."""
    assert not is_registrable(uri, "native")


@pytest.mark.parametrize(
    "uri", ["http://localhost:8001/cb", "http://127.0.0.1:8001/cb", "http://[::1]:8001/cb"]
)
def test_plain_http_of_a_web_client_needs_the_insecure_switch(uri: str) -> None:
    """S-010."""
    assert not is_registrable(uri, "web", STRICT)
    assert is_registrable(uri, "web", DEMO)


@pytest.mark.parametrize(
    "uri", ["http://rp.test/cb", "http://localhost.rp.test/cb", "http://127.0.0.1.rp.test/cb"]
)
def test_the_insecure_switch_opens_loopback_and_nothing_else(uri: str) -> None:
    """S-010."""
    assert not is_registrable(uri, "web", DEMO)


# --- pages of the organisation ---------------------------------------------------------------------------------


def test_a_public_page_may_be_named() -> None:
    assert is_public_url("https://nordhavn.example/vilkaar?sprog=da")
    assert is_public_url("http://localhost:8001/", DEMO)
    assert not is_public_url("http://localhost:8001/")
