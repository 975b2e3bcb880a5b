"""What the registry needs kept, and where its changes are told. Each method says what it promises.

Writing methods take the opaque `tx` first and act in its transaction; reading methods see committed rows only. A store
that does not answer raises its own error through all of these.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from clients_registry.client import Client
from clients_registry.detail_type import DetailType, RegisteredDetailType
from clients_registry.organisation import Organisation
from clients_registry.resource import Resource, Scope
from clients_registry.scope_grant import GrantedScope, ScopeGrant

Tx = Any
"""An open transaction. Opaque: made by `Transact`, handed on, never looked into."""

T = TypeVar("T")
Clock = Callable[[], datetime]


class Transact(Protocol):
    """Runs `work(tx)` in one transaction: all of it is kept, or nothing."""

    def __call__(self, work: Callable[[Tx], T]) -> T: ...


class Journal(Protocol):
    """Where every change is told, in the transaction that makes it."""

    def append(
        self,
        tx: Tx,
        *,
        event: str,
        actor: str,
        at: datetime,
        citizen_id: str | None = None,
        facts: Mapping[str, str | int | list[str]] | None = None,
    ) -> None:
        """Add an entry."""


class ClientStore(Protocol):
    """Organisations and clients, with a version that rises in every transaction that writes either."""

    def version(self) -> int:
        """The version that is committed; 0 before the first write."""

    def find_client(self, client_id: str) -> tuple[Client, Organisation] | None:
        """A client with its organisation, disabled or not. One read."""

    def find_organisation(self, reference: str) -> Organisation | None:
        """By id or by CVR number, disabled or not."""

    def clients(self) -> list[tuple[Client, Organisation]]:
        """All clients, by organisation and name."""

    def clients_in_force(self) -> Iterator[Client]:
        """Every client that is disabled neither itself nor with its organisation, some hundred read at a time.

        For what goes through a country's clients and keeps a little of each. What changes meanwhile may be missed.
        """

    def organisations(self) -> list[Organisation]:
        """All organisations, by name."""

    def public_redirect_uris(self) -> list[str]:
        """The redirect URIs of every public client that is not disabled."""

    def startable_clients(self) -> list[tuple[Client, Organisation]]:
        """Clients with an `initiate_login_uri`, disabled neither themselves nor with their organisation."""

    def begin_change(self, tx: Tx) -> None:
        """From here to the end of `tx` no other transaction writes here: what `tx` reads stays true."""

    def client_in(self, tx: Tx, client_id: str) -> Client | None:
        """As `find_client`, read inside `tx`."""

    def organisation_in(self, tx: Tx, reference: str) -> Organisation | None:
        """As `find_organisation`, read inside `tx`."""

    def rsa_moduli_in(self, tx: Tx, *, without: str | None) -> Iterator[int]:
        """The modulus of every RSA key of every client and resource but `without`."""

    def add_organisation(self, tx: Tx, organisation: Organisation) -> bool:
        """True for exactly one caller per CVR number; False changes nothing."""

    def disable_organisation(self, tx: Tx, organisation_id: str, at: datetime) -> bool:
        """True for the caller that disabled it."""

    def add_client(self, tx: Tx, client: Client) -> None:
        """Keep a new client; its `client_id` is new."""

    def replace_client(self, tx: Tx, client: Client) -> bool:
        """Keep `client` in place of the one with its `client_id`; False where there is none."""

    def disable_client(self, tx: Tx, client_id: str, at: datetime) -> bool:
        """True for the caller that disabled it."""


class ResourceStore(Protocol):
    """Resources with their scopes; what is written here raises the version of `ClientStore` too."""

    def find_resource(self, identifier: str) -> tuple[Resource, Organisation] | None:
        """The resource with this identifier, letter by letter, with its organisation; disabled or not."""

    def find_resource_by_id(self, resource_id: str) -> tuple[Resource, Organisation] | None:
        """As `find_resource`, by the name under which it authenticates."""

    def resources(self) -> list[tuple[Resource, Organisation]]:
        """All resources, by organisation and name."""

    def resource_in(self, tx: Tx, reference: str) -> Resource | None:
        """By id or identifier, read inside `tx`."""

    def taken_words_in(self, tx: Tx, words: Iterable[str]) -> frozenset[str]:
        """Which of these words are scopes already, of whatever resource."""

    def add_resource(self, tx: Tx, resource: Resource) -> bool:
        """Keep a new resource with its scopes, whose words are free; False, and nothing, where its identifier is taken."""

    def replace_resource(self, tx: Tx, resource: Resource) -> bool:
        """Keep `resource` in place of the one with its id, but for its scopes; False where there is none."""

    def disable_resource(self, tx: Tx, resource_id: str, at: datetime) -> bool:
        """True for the caller that disabled it."""

    def scope_grants(self) -> list[ScopeGrant]:
        """Every grant, revoked or not, by scope and client."""

    def granted_scopes(self, client_id: str) -> list[GrantedScope]:
        """What this client was granted and was not revoked; ended or not. One read."""

    def owner_in(self, tx: Tx, word: str) -> Resource | None:
        """The resource that has this scope, read inside `tx`."""

    def add_scope(self, tx: Tx, resource_id: str, scope: Scope) -> None:
        """Keep a new scope, whose word is free."""

    def grant_scope(self, tx: Tx, grant: ScopeGrant) -> None:
        """Keep the grant, in place of the one that its client had of its scope."""

    def revoke_scope(self, tx: Tx, word: str, client_id: str, at: datetime) -> bool:
        """True for the caller that revoked a grant."""

    def find_detail_type(self, name: str) -> RegisteredDetailType | None:
        """The kind of authorization details, disabled or not. One read."""

    def detail_types(self) -> list[RegisteredDetailType]:
        """Every kind, by its name."""

    def detail_type_in(self, tx: Tx, name: str) -> DetailType | None:
        """The kind, read inside `tx`."""

    def add_detail_type(self, tx: Tx, resource_id: str, made: DetailType) -> bool:
        """True for exactly one caller per type; False changes nothing."""

    def disable_detail_type(self, tx: Tx, name: str, at: datetime) -> bool:
        """True for the caller that disabled it."""


class ClientUses(Protocol):
    """When each client last authenticated, for who may be counted as active."""

    def record(self, tx: Tx, client_id: str, at: datetime) -> None:
        """The client was in use at `at`; an earlier time changes nothing."""

    def since(self, at: datetime) -> frozenset[str]:
        """Every client that was in use at `at` or later."""


@dataclass(frozen=True, slots=True)
class SharedKeySet:
    """What all processes together know of one client's published keys."""

    tried_at: datetime
    expires_at: datetime
    fetched_at: datetime | None = None
    document: str = ""
    """As it was fetched, once it had been read with success."""
    under_way: bool = False
    """One process is fetching it just now, since `tried_at`."""


class SharedKeySets(Protocol):
    """May forget at any time: at the price of a fetch."""

    def find(self, name: str) -> SharedKeySet | None:
        """The set, or None where there is none or its `expires_at` has passed."""

    def put(self, name: str, found: SharedKeySet) -> None:
        """Keep it, in the place of what the name named before."""

    def claim(self, what: str, lifetime: timedelta) -> bool:
        """True for one caller in a lifetime."""
