"""Whose address a request came from."""

import pytest

from idp.addresses import TrustedProxies


@pytest.mark.parametrize("peer", ["192.0.2.7", "::ffff:192.0.2.7", "::ffff:c000:207"])
def test_a_proxy_is_trusted_in_either_family_s_spelling(peer: str) -> None:
    """S-244: a listener for both families tells an IPv4 peer as an IPv6 address."""
    proxies = TrustedProxies(["192.0.2.0/24"])
    assert (
        proxies.client_address({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": "198.51.100.9"})
        == "198.51.100.9"
    )


@pytest.mark.parametrize("peer", ["198.51.100.1", "::ffff:198.51.100.1", "2001:db8::1", "", "unix:"])
def test_nobody_else_is_believed(peer: str) -> None:
    """S-244."""
    proxies = TrustedProxies(["192.0.2.0/24"])
    assert proxies.client_address({"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": "203.0.113.5"}) == peer


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.5, 198.51.100.9", "198.51.100.9"),
        ("198.51.100.9, 192.0.2.8", "198.51.100.9"),
        ("198.51.100.9, no address", "192.0.2.7"),
        ("192.0.2.9", "192.0.2.9"),
        ("", "192.0.2.7"),
    ],
)
def test_the_word_of_our_own_proxy_is_read_from_the_right(forwarded: str, address: str) -> None:
    """S-244: what a client wrote itself stands to the left."""
    proxies = TrustedProxies(["192.0.2.0/24"])
    assert proxies.client_address({"REMOTE_ADDR": "192.0.2.7", "HTTP_X_FORWARDED_FOR": forwarded}) == address
