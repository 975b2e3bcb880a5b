"""Whose address a request came from, and which addresses count as one neighbour.

X-Forwarded-For is believed only from the trusted proxies that the settings name, and read from the right: what a
client wrote itself stands to the left of what our proxy added (S-244). Nothing here asks DNS.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_IPV6_NEIGHBOURHOOD = 64
"""One household or one company has a /64 at least (RFC 6177); within it addresses cost nothing."""
_IPV4_WIDER, _IPV6_WIDER = 24, 48
"""What one customer of a hosting company easily gets."""


class TrustedProxies:
    """The proxies whose word on addresses is believed."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks: tuple[Network, ...] = tuple(ip_network(network) for network in networks)

    def speaks_in(self, environ: Mapping[str, object]) -> bool:
        """Whether the request comes from one of them itself: what it says of the client is then the proxy's word."""
        return self._trusts(str(environ.get("REMOTE_ADDR", "")))

    def client_address(self, environ: Mapping[str, object]) -> str:
        """The client's address: the peer's own, unless a trusted proxy speaks for another."""
        peer = str(environ.get("REMOTE_ADDR", ""))
        if not self.speaks_in(environ):
            return peer
        forwarded = str(environ.get("HTTP_X_FORWARDED_FOR", ""))[-1024:]
        for hop in reversed(forwarded.split(",")):
            address = hop.strip()
            if _parsed(address) is None:
                return peer  # a proxy that writes what is no address is not to be followed further
            if not self._trusts(address):
                return address
            peer = address
        return peer

    def _trusts(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._networks)


@lru_cache(maxsize=4096)
def neighbourhood(address: str) -> str:
    """What limits by address count together: an IPv4 address, an IPv6 /64, or all that is no address."""
    return _around(address, 32, _IPV6_NEIGHBOURHOOD).removesuffix("/32")


@lru_cache(maxsize=4096)
def wider_network(address: str) -> str:
    """The network around it, for whoever tries from one address after another (S-250)."""
    return _around(address, _IPV4_WIDER, _IPV6_WIDER)


def _around(address: str, ipv4_prefix: int, ipv6_prefix: int) -> str:
    parsed = _parsed(address)
    if parsed is None:
        return "unknown"
    prefix = ipv6_prefix if isinstance(parsed, IPv6Address) else ipv4_prefix
    return str(ip_network((parsed.packed, prefix), strict=False))


@lru_cache(maxsize=4096)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """The address, or None for what is none; remembered, since every request asks.

    An IPv4 peer of a listener for both families is told as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2): the same machine.
    """
    if "%" in text:
        return None
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None
    return parsed if mapped is None else mapped
