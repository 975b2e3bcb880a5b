"""Registry: the look-up of clients and resources on the hot path, remembered in the process (memory).

What is disabled is disabled in every process within a second. Writing is in registrations, resource_registrations and
scope_registrations.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from clients_registry.client import Client
from clients_registry.client_keys import ClientKeys, FindsKeys
from clients_registry.detail_type import DETAIL_TYPE, RegisteredDetailType
from clients_registry.memory import Memory, Shelf
from clients_registry.organisation import Organisation
from clients_registry.ports import ClientStore, Clock, ResourceStore
from clients_registry.published_keys import PublishedKeys, PublishedKeySets
from clients_registry.resource import Resource
from clients_registry.scope_grant import GrantedScope, ScopeGrant
from clients_registry.uris import MAX_API_ADDRESS

CLIENTS_REMEMBERED = 20_000
"""Twice the ten thousand clients that a country is sized for (product.md, Measures)."""

_RESOURCES_REMEMBERED = 2_000

_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}")
"""Ours are 32 hex digits. Anything outside this never reaches the store or the memory (S-114, S-334)."""
_IDENTIFIER = re.compile(rf"[!-~]{{1,{MAX_API_ADDRESS}}}")


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client with its organisation and its keys, parsed or to be fetched."""

    client: Client
    organisation: Organisation
    keys: FindsKeys

    @property
    def disabled(self) -> bool:
        """It or its organisation was disabled: nothing may be begun or redeemed with it."""
        return self.client.disabled_at is not None or self.organisation.disabled_at is not None


@dataclass(frozen=True, slots=True)
class RegisteredResource:
    """A resource with its organisation and its parsed keys."""

    resource: Resource
    organisation: Organisation
    keys: ClientKeys

    @property
    def disabled(self) -> bool:
        """It or its organisation was disabled: no token is issued for it, and it is told of none."""
        return self.resource.disabled_at is not None or self.organisation.disabled_at is not None


class Registry:
    """Finds clients and resources. One per process; safe to use from many threads."""

    def __init__(
        self,
        store: ClientStore,
        resource_store: ResourceStore,
        clock: Clock,
        *,
        published: PublishedKeySets | None = None,
        remembered: int = CLIENTS_REMEMBERED,
    ) -> None:
        """Without `published`, a client with a `jwks_uri` has no keys here."""
        self._store = store
        self._resource_store = resource_store
        self._published = published
        self._memory = Memory(lambda: store.version(), clock)
        self._clients: Shelf[RegisteredClient] = self._memory.shelf(remembered)
        self._public_origins: Shelf[frozenset[str]] = self._memory.shelf(1)
        self._names: Shelf[frozenset[str]] = self._memory.shelf(1)
        self._startable: Shelf[tuple[RegisteredClient, ...]] = self._memory.shelf(1)
        self._by_identifier: Shelf[RegisteredResource] = self._memory.shelf(_RESOURCES_REMEMBERED)
        self._by_id: Shelf[RegisteredResource] = self._memory.shelf(_RESOURCES_REMEMBERED)
        self._detail_types: Shelf[RegisteredDetailType] = self._memory.shelf(_RESOURCES_REMEMBERED)
        self._granted: Shelf[Mapping[str, GrantedScope]] = self._memory.shelf(remembered)

    # --- on the hot path: none of these raises but what the store raises when it does not answer and nothing fresh
    # --- enough is remembered

    def find_client(self, client_id: str) -> RegisteredClient | None:
        """The client, disabled or not; None where there is none, whatever the text may be."""
        if not isinstance(client_id, str) or _CLIENT_ID.fullmatch(client_id) is None:
            return None
        return self._memory.find(self._clients, client_id, self._load_client)

    def find_resource(self, identifier: str) -> RegisteredResource | None:
        """The resource with this identifier (RFC 8707 §2), compared letter by letter; disabled or not."""
        if not isinstance(identifier, str) or _IDENTIFIER.fullmatch(identifier) is None:
            return None
        return self._memory.find(self._by_identifier, identifier, self._load_resource)

    def find_resource_by_id(self, resource_id: str) -> RegisteredResource | None:
        """The resource that calls itself so when it authenticates (RFC 7662 §2.1); disabled or not."""
        if not isinstance(resource_id, str) or _CLIENT_ID.fullmatch(resource_id) is None:
            return None
        return self._memory.find(self._by_id, resource_id, self._load_resource_by_id)

    def granted_scopes(self, client_id: str) -> Mapping[str, GrantedScope]:
        """What a client that is known was granted and was not revoked, by word; whether it ended is for the caller."""
        return self._memory.find(self._granted, client_id, self._load_granted) or {}

    def find_detail_type(self, name: str) -> RegisteredDetailType | None:
        """The kind of authorization details of this name (RFC 9396 §2); disabled or not."""
        if not isinstance(name, str) or DETAIL_TYPE.fullmatch(name) is None:
            return None
        return self._memory.find(self._detail_types, name, self._resource_store.find_detail_type)

    def public_origins(self) -> frozenset[str]:
        """Origins (RFC 6454 §4) of the redirect URIs of public clients, for CORS; none while the store is away.

        Never raises: what everybody may read is served without asking a store.
        """
        try:
            return self._memory.find(self._public_origins, "", self._load_origins) or frozenset()
        except Exception:  # noqa: BLE001  whatever the store raises
            return frozenset()

    def startable_clients(self) -> tuple[RegisteredClient, ...]:
        """Those at which a sign-in can be begun from elsewhere (OIDC Core §4), by organisation and name."""
        return self._memory.find(self._startable, "", self._load_startable) or ()

    def service_names(self) -> frozenset[str]:
        """What services in force and organisations are called, in every language: no password may be one of these."""
        return self._memory.find(self._names, "", self._load_names) or frozenset()

    # --- read from the store ---------------------------------------------------------------------------------------

    def clients(self) -> list[RegisteredClient]:
        """All clients."""
        return [self._registered(client, organisation) for client, organisation in self._store.clients()]

    def organisations(self) -> list[Organisation]:
        """All organisations."""
        return self._store.organisations()

    def resources(self) -> list[RegisteredResource]:
        """All resources."""
        return [_resource(*found) for found in self._resource_store.resources()]

    def detail_types(self) -> list[RegisteredDetailType]:
        """All kinds of authorization details."""
        return self._resource_store.detail_types()

    def scope_grants(self) -> list[ScopeGrant]:
        """Every grant of a scope, revoked or not."""
        return self._resource_store.scope_grants()

    def find_organisation(self, reference: str) -> Organisation | None:
        """By id or CVR number."""
        if not isinstance(reference, str) or _CLIENT_ID.fullmatch(reference) is None:
            return None
        return self._store.find_organisation(reference)

    # --- inside ----------------------------------------------------------------------------------------------------

    def _load_client(self, client_id: str) -> RegisteredClient | None:
        found = self._store.find_client(client_id)
        return None if found is None else self._registered(*found)

    def _registered(self, client: Client, organisation: Organisation) -> RegisteredClient:
        return RegisteredClient(client, organisation, self._keys_of(client))

    def _keys_of(self, client: Client) -> FindsKeys:
        if client.jwks_uri is not None and self._published is not None:
            return PublishedKeys(self._published, client.client_id, client.jwks_uri)
        return ClientKeys.still_usable(client.jwks)

    def _load_resource(self, identifier: str) -> RegisteredResource | None:
        found = self._resource_store.find_resource(identifier)
        return None if found is None else _resource(*found)

    def _load_resource_by_id(self, resource_id: str) -> RegisteredResource | None:
        found = self._resource_store.find_resource_by_id(resource_id)
        return None if found is None else _resource(*found)

    def _load_granted(self, client_id: str) -> Mapping[str, GrantedScope]:
        return {granted.scope.word: granted for granted in self._resource_store.granted_scopes(client_id)}

    def _load_startable(self, _key: str) -> tuple[RegisteredClient, ...]:
        found = [
            self._registered(client, organisation) for client, organisation in self._store.startable_clients()
        ]
        # ordered here: the two databases sort letters differently (S-338)
        return tuple(
            sorted(
                found,
                key=lambda each: (each.organisation.name, each.client.client_name, each.client.client_id),
            )
        )

    def _load_names(self, _key: str) -> frozenset[str]:
        names = {organisation.name for organisation in self._store.organisations()}
        for client in self._store.clients_in_force():
            names.add(client.client_name)
            names.update(text for name, text in client.localized.items() if name.startswith("client_name#"))
        return frozenset(names)

    def _load_origins(self, _key: str) -> frozenset[str]:
        return frozenset(filter(None, map(_origin, self._store.public_redirect_uris())))


def _origin(uri: str) -> str | None:
    """As a browser sends it; None for a private-use scheme."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("https", "http") else None


def _resource(resource: Resource, organisation: Organisation) -> RegisteredResource:
    return RegisteredResource(resource, organisation, ClientKeys.still_usable(resource.jwks))
