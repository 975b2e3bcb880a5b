"""Who has fetched the JWKS since a key was published: pure (keys.md, rule 2).

What it proves: a client that was seen has received the new key. It does not prove that the client uses what it
received, nor that every machine of that client has. A client that is unknown is protected by rule 1 only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address, ip_network

from keys.errors import MoveRefused
from keys.key import SigningKey
from keys.policy import KeyPolicy


@dataclass(frozen=True, slots=True)
class JwksClient:
    """A client as far as the JWKS concerns it. Addresses are its registered `jwks_fetch_addresses`."""

    client_id: str
    name: str
    fetch_addresses: tuple[str, ...] = ()
    jwks_uri_handle: str | None = None


class Standing(StrEnum):
    SEEN = "seen"
    OVERDUE = "overdue"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Evidence:
    client: JwksClient
    standing: Standing
    fetched_at: datetime | None


def who_fetched(clients: Sequence[JwksClient], address: str, handle: str | None = None) -> JwksClient | None:
    """The one client that this fetch can only come from, by its own handle or an address that no other has."""
    by_handle = [client for client in clients if handle is not None and client.jwks_uri_handle == handle]
    found = by_handle or [client for client in clients if _fetches_from(client, address)]
    return found[0] if len(found) == 1 else None


def weigh(
    clients: Sequence[JwksClient], fetches: Mapping[str, datetime], key: SigningKey, policy: KeyPolicy
) -> list[Evidence]:
    """Where each client stands towards a published key, the overdue first."""
    published_at = key.published_at or key.created_at
    # A process that has not followed yet may have answered with the old JWKS.
    counts_from = published_at + policy.bound
    found = []
    for client in clients:
        fetched_at = fetches.get(client.client_id)
        if fetched_at is not None and fetched_at >= counts_from:
            standing = Standing.SEEN
        else:
            standing = Standing.OVERDUE if _can_be_told_apart(client, clients) else Standing.UNKNOWN
        found.append(Evidence(client, standing, fetched_at))
    order = (Standing.OVERDUE, Standing.UNKNOWN, Standing.SEEN)
    return sorted(found, key=lambda each: (order.index(each.standing), each.client.client_id))


def overdue(evidence: Sequence[Evidence]) -> list[str]:
    return [each.client.client_id for each in evidence if each.standing is Standing.OVERDUE]


def check_nobody_is_left(evidence: Sequence[Evidence], accepted: Collection[str]) -> None:
    """Raises `MoveRefused` naming each client that is overdue and was not accepted."""
    left = [client_id for client_id in overdue(evidence) if client_id not in accepted]
    if left:
        names = ", ".join(left)
        raise MoveRefused(
            f"Not every client has fetched the new key; overdue: {names}.",
            "Ask them to fetch the JWKS, or go on without them with "
            + " ".join(f"--accept-laggards {client_id}" for client_id in left)
            + ".",
        )


def _fetches_from(client: JwksClient, address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in ip_network(network, strict=False) for network in client.fetch_addresses)


def _can_be_told_apart(client: JwksClient, clients: Sequence[JwksClient]) -> bool:
    """By a handle, or an address range that overlaps with nobody else's."""
    if client.jwks_uri_handle is not None:
        return True
    others = [ip_network(n, strict=False) for c in clients if c is not client for n in c.fetch_addresses]
    own = [ip_network(n, strict=False) for n in client.fetch_addresses]
    return any(not any(_overlap(network, other) for other in others) for network in own)


def _overlap(one: object, other: object) -> bool:
    return type(one) is type(other) and one.overlaps(other)  # type: ignore[attr-defined]  # two networks of one family
