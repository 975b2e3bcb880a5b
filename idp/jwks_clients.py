"""The registry as the keys see it: who uses the JWKS, how they are told apart, how long they keep it.

Read again only when the registry's version has moved: the schedule asks every minute, and a country has thousands of
clients. Does not decide anything about keys.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from threading import Lock

from clients_registry.ports import ClientStore, ClientUses
from idp.clock import Clock
from idp.traffic import Fetch
from keys.evidence import JwksClient, who_fetched

_Network = IPv4Network | IPv6Network

_ACTIVE_WITHIN = timedelta(days=30)
"""keys.md, rule 2."""


@dataclass(frozen=True, slots=True)
class _Read:
    version: int
    live: tuple[JwksClient, ...]
    slowest_cache: timedelta
    by_handle: dict[str, JwksClient]
    by_network: dict[_Network, list[JwksClient]]
    """Networks as registered; `prefixes` are the lengths that occur, so that a look-up tries each once."""
    prefixes: frozenset[tuple[int, int]]


class JwksClients:
    """`unregistered_cache` is how long those who are no clients, such as APIs, may keep a JWKS."""

    def __init__(
        self, store: ClientStore, uses: ClientUses, clock: Clock, unregistered_cache: timedelta
    ) -> None:
        self._store = store
        self._uses = uses
        self._clock = clock
        self._unregistered_cache = unregistered_cache
        self._lock = Lock()
        self._read: _Read | None = None

    def who(self, fetches: Iterable[Fetch]) -> Iterator[tuple[Fetch, JwksClient]]:
        """Those fetches that can only have come from one client, with that client."""
        known = self._known()
        for fetch in fetches:
            candidates = _by_address(known, fetch.address)
            if fetch.handle in known.by_handle:
                candidates.append(known.by_handle[fetch.handle])
            found = who_fetched(candidates, fetch.address, fetch.handle)
            if found is not None:
                yield fetch, found

    def active(self) -> Sequence[JwksClient]:
        """Those of them that authenticated in the last 30 days."""
        used = self._uses.since(self._clock() - _ACTIVE_WITHIN)
        return [client for client in self._known().live if client.client_id in used]

    def slowest_cache(self) -> timedelta:
        """The longest that anybody may go on using a JWKS."""
        return self._known().slowest_cache

    def _known(self) -> _Read:
        with self._lock:
            version = self._store.version()
            if self._read is None or self._read.version != version:
                self._read = self._again(version)
            return self._read

    def _again(self, version: int) -> _Read:
        slowest, live = self._unregistered_cache, []
        for client in self._store.clients_in_force():
            slowest = max(slowest, timedelta(seconds=client.jwks_cache_seconds))
            live.append(
                JwksClient(
                    client.client_id, client.client_name, client.jwks_fetch_addresses, client.jwks_uri_handle
                )
            )
        found = tuple(live)
        by_network: dict[_Network, list[JwksClient]] = {}
        for each in found:
            for written in each.fetch_addresses:
                by_network.setdefault(ip_network(written), []).append(each)
        return _Read(
            version,
            found,
            slowest,
            {each.jwks_uri_handle: each for each in found if each.jwks_uri_handle is not None},
            by_network,
            frozenset((network.version, network.prefixlen) for network in by_network),
        )


def _by_address(known: _Read, address: str) -> list[JwksClient]:
    """Every client with a network that holds the address."""
    try:
        found = ip_address(address)
    except ValueError:
        return []
    clients: list[JwksClient] = []
    for version, length in known.prefixes:
        if version == found.version:
            clients += known.by_network.get(ip_network((int(found), length), strict=False), [])
    return clients
