"""Which IP addresses may be called: public unicast ones, and the internal networks that the operator names (S-178).

A list of what is public, not of what is private: whatever a later registry adds is refused until it is added here. Pure.
How a URL must be written is clients_registry.uris' matter, at registration and at each call.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network

_SPECIAL_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, the metadata services of clouds among them
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
    )
)
"""IANA IPv4 Special-Purpose Address Registry."""

_PUBLIC_IPV6 = IPv6Network("2000::/3")
"""All that is assigned as global unicast: so neither mapped nor translated IPv4, nor anything local."""

_SPECIAL_IPV6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""Within it: Teredo and its kin, documentation, 6to4, which leads on to an IPv4 address."""

_INTERNAL = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
"""What an operator may open. Loopback and link-local are nobody's internal network."""


def internal_network(text: str) -> Network:
    """A network that the operator opens.

    Raises:
        ValueError: no network, or not one that is internal.
    """
    network = ip_network(text)
    if not any(_is_within(network, internal) for internal in _INTERNAL):
        raise ValueError("not a private network")
    return network


def may_be_called(addresses: Sequence[str], internal: Iterable[Network], *, loopback: bool) -> bool:
    """Whether every one of a name's addresses may: a name that leads to one of each kind is a trap."""
    opened = tuple(internal)
    return bool(addresses) and all(_may_be(address, opened, loopback) for address in addresses)


def are_loopback(addresses: Iterable[str]) -> bool:
    """Whether none of them leaves the machine."""
    return all(ip_address(address).is_loopback for address in addresses)


def _may_be(text: str, internal: tuple[Network, ...], loopback: bool) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if address.is_loopback:
        return loopback
    return _is_public(address) or any(address in network for network in internal)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    return address in _PUBLIC_IPV6 and not any(address in network for network in _SPECIAL_IPV6)


def _is_within(network: Network, other: Network) -> bool:
    if isinstance(network, IPv4Network) and isinstance(other, IPv4Network):
        return network.subnet_of(other)
    if isinstance(network, IPv6Network) and isinstance(other, IPv6Network):
        return network.subnet_of(other)
    return False
