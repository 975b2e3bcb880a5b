"""Attacks on redirect URIs: look-alikes at the authorization endpoint, hostile values at registration."""

from typing import Any

import pytest

from clients_registry.errors import InvalidClientMetadata, UnregisteredRedirectUri
from clients_registry.metadata import check_metadata
from clients_registry.redirect_uris import check_redirect_uri
from tests.rules.registry_clients import DEMO, STRICT, client, is_public_url, is_registrable, native
from tests.storage.registry_world import registration

ONE_CHARACTER_OFF = [
    "https://rp.test/CB", "https://rp.test/Cb", "https://rp.test/cb/", "https://rp.test/cb?", "https://rp.test/cb?x=1",
    "https://rp.test/cb#", "https://rp.test/cb#x", "https://rp.test/%63b", "https://rp.test/c%62", "https://rp.test:443/cb",
    "https://a@rp.test/cb", "https://:@rp.test/cb", "HTTPS://rp.test/cb", "https://RP.test/cb", "http://rp.test/cb",
    "https://rp.test./cb", "https://rp.test//cb", " https://rp.test/cb", "https://rp.test/cb ", "https://rp.test/c", "",
]  # fmt: skip
LOOK_ALIKES = [
    "https://rp.test.evil.test/cb", "https://rp.test@evil.test/cb", "https://rp.test%40evil.test",
    "https://evil.test/https://rp.test/cb", "https://rp.testevil.test/cb", "https://rp.test\\@evil.test/cb",
]  # fmt: skip
UNREADABLE = [
    "https://a@b@rp.test/cb", "http://[not-an-ip]/", "https://[::1/cb", "https://rp.test:99999999/cb", "https://:x/", "//",
    "https://rp.test:cb", "://", "https://", "\ud800", "https://rp.test/cb\ud800", None, 7, ["https://rp.test/cb"],
]  # fmt: skip
PATHS = [
    "https://rp.test/x/..;/cb", "https://rp.test/%2e%2e/cb", "https://rp.test/./cb", "https://rp.test/x/../cb",
    "https://rp.test\\cb", "https://rp.test/\tcb", "https://rp.test/cb\r\nX: y", "https://rp.test/cb\x00",
    "https://rp.test/cb\u2028", "https://ｒｐ.test/cb", "https://rр.test/cb", "https://rp。test/cb", "https://rp.test/cb\n",
]  # fmt: skip


@pytest.mark.parametrize("presented", [*ONE_CHARACTER_OFF, *LOOK_ALIKES, *UNREADABLE, *PATHS], ids=repr)
@pytest.mark.parametrize("application_type", ["web", "native"])
def test_nothing_but_the_registered_uri_is_the_clients(presented: Any, application_type: str) -> None:
    """S-001, S-002, S-003, S-004: one character off is another URI, and none of them breaks the check."""
    with pytest.raises(UnregisteredRedirectUri):
        check_redirect_uri(client("https://rp.test/cb", application_type=application_type), presented)


def test_a_dot_in_a_registered_uri_is_a_dot() -> None:
    """S-006: no pattern."""
    for presented in ("https://fooaexample.com/cb", "https://foo.example.com/cbx"):
        with pytest.raises(UnregisteredRedirectUri):
            check_redirect_uri(client("https://foo.example.com/cb"), presented)


def test_a_dot_in_a_native_clients_path_is_a_dot() -> None:
    """S-006."""
    with pytest.raises(UnregisteredRedirectUri):
        check_redirect_uri(native("http://127.0.0.1/c.b"), "http://127.0.0.1:5000/cab")


def test_the_first_uri_seen_is_never_learnt() -> None:
    """S-007."""
    nobody = client()
    object.__setattr__(nobody, "redirect_uris", ())
    for _ in range(2):
        with pytest.raises(UnregisteredRedirectUri):
            check_redirect_uri(nobody, "https://rp.test/cb")


@pytest.mark.parametrize(
    "presented",
    [
        "http://localhost:51004/cb", "http://127.0.0.1.evil.test:80/cb", "http://localhost:80@evil.test/cb",
        "http://127.0.0.1:80@evil.test/cb", "http://127.0.0.1:0/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:080/cb",
        "http://127.0.0.1:/cb", "http://127.0.0.1:٨٠/cb", "https://127.0.0.1:80/cb", "http://127.0.0.2:80/cb",
        "http://127.1:80/cb", "http://2130706433:80/cb", "http://127.0.0.1:80/CB", "http://127.0.0.1:80/cb?x",
        "http://127.0.0.1:80/cb\n", "http://127.0.0.1:80\\cb", "http://127.0.0.1:80//cb", "http://[::1]:80/cb",
    ],
)  # fmt: skip
def test_a_native_client_is_free_in_the_port_alone(presented: str) -> None:
    """S-009."""
    with pytest.raises(UnregisteredRedirectUri):
        check_redirect_uri(native("http://127.0.0.1/cb"), presented)


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", "javascript:/x", "\x01javascript:alert(1)", " javascript:alert(1)",
        "java\tscript:alert(1)", "data:text/html,x", "DATA:/x", "vbscript:/x", "file:///etc/passwd", "file:/x", "blob:/x",
        "about:blank", "about:/x", "ftp://rp.test/", "ws://rp.test/", "https:", "https:/rp.test", "https:rp.test", "rp.test",
        "/cb", "//rp.test/cb", "", None, 7, {},
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("application_type", ["web", "native"])
def test_a_scheme_outside_the_list_is_refused(uri: Any, application_type: str) -> None:
    """S-008: an allow-list, for every kind of client, with and without the insecure switch."""
    assert not is_registrable(uri, application_type)
    assert not is_registrable(uri, application_type, DEMO)


@pytest.mark.parametrize(
    "uri",
    [
        "https://rp.test/cb#", "https://rp.test/cb#x", "https://u:p@rp.test/cb", "https://u@rp.test/cb", "https://*.rp.test/",
        "https://rp.test/*", "https://rp.test/a/../b", "https://rp.test/a/%2e%2E/b", "https://rp.test/./b",
        "https://rp.test/..;/b", "https://rp.test/..", "https://rp.test//b", "https://rp.test\\b", "https://rp.test/%5cb",
        "https://rp.test/%00", "https://rp.test/%0d%0a", "https://rp.test/%", "https://rp.test/\t", "https://rp.test/ b",
        "https://RP.test/", "HTTPS://rp.test/", "https://rр.test/", "https://ｒｐ.test/", "https://rp.test:0/", "https://rp.test:/",
        "https://rp.test:65536/", "https://rp.test./", "https://.rp.test/", "https://-rp.test/", "https://rp_x.test/",
        "https://127.0.0.1/", "https://[::1]/", "https://2130706433/", "https://0x7f.1/", "https://0177.0.0.1/",
        f"https://rp.test/{'a' * 2000}", f"https://{'a' * 64}.test/", "https://rp.test/cb\n", "https://rp.test?#",
    ],
    ids=lambda uri: repr(uri)[:40],
)  # fmt: skip
def test_a_uri_that_two_parsers_could_read_differently_is_not_registered(uri: str) -> None:
    """S-002, S-003, S-004: what is never registered can never match."""
    assert not is_registrable(uri, "web")
    assert not is_registrable(uri, "native")


@pytest.mark.parametrize(
    "url",
    [
        "http://nordhavn.example/", "https://127.0.0.1/", "https://[::1]/", "https://0.0.0.0/", "https://169.254.169.254/",
        "https://10.0.0.1/", "https://192.168.0.1/", "https://172.16.0.1/", "https://[fc00::1]/", "https://100.64.0.1/",
        "https://2130706433/", "https://017700000001/", "https://0x7f000001/", "https://0x7f.0x0.0x0.0x1/", "https://127.1/",
        "https://[::ffff:127.0.0.1]/", "https://localhost/", "https://localhost./", "https://a.localhost/",
        "https://metadata.google.internal/", "https://printer.local/", "https://nas.home.arpa/", "https://intranet/",
        "https://login.adgang.example/logo.svg", "https://login.adgang.example:8443/", "https://u@nordhavn.example/",
        "https://nordhavn.example/#x", "file:///etc/passwd", "javascript:alert(1)", "gopher://nordhavn.example/", "", None,
    ],
    ids=repr,
)  # fmt: skip
def test_a_page_of_a_client_leads_to_a_public_host_that_is_not_ours(url: Any) -> None:
    """S-178, at registration: nothing is ever fetched from where the provider alone can reach."""
    assert not is_public_url(url)


@pytest.mark.parametrize(
    "field",
    [
        "jwks_uri", "backchannel_logout_uri", "frontchannel_logout_uri", "logo_uri", "policy_uri", "tos_uri", "client_uri",
        "initiate_login_uri",
    ],
)  # fmt: skip
def test_no_address_of_a_registration_leads_inside(field: str) -> None:
    """S-178: the same rule for each field that holds an address of the client's own; request_uris and the like are not taken."""
    jwks = {"jwks": None} if field == "jwks_uri" else {}
    for value in (
        "http://nordhavn.example/", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "https://10.0.0.1/",
        "https://[::ffff:10.0.0.1]/", "https://0x7f.1/", "https://localhost./", "https://a.internal/",
        "https://login.adgang.example/jwks", "https://user@nordhavn.example/",
    ):  # fmt: skip
        with pytest.raises(InvalidClientMetadata) as refusal:
            check_metadata(registration(**{field: value}, **jwks), STRICT)
        assert field in {fault.field for fault in refusal.value.faults}, value
    for absent in ("request_uris", "sector_identifier_uri", "software_statement"):
        with pytest.raises(InvalidClientMetadata, match=absent):
            check_metadata(registration(**{absent: "https://nordhavn.example/"}), STRICT)
