"""ScopeRegistrations: scopes of resources, and who may use them; told in the journal, inside the caller's transaction.

Which scopes a client may use now is registry's matter, on the hot path.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clients_registry import events
from clients_registry.client import Client
from clients_registry.errors import (
    AlreadyDisabled,
    ResourceExists,
    UnknownClient,
    UnknownResource,
    UnknownScope,
)
from clients_registry.ports import ClientStore, Clock, Journal, ResourceStore, Tx
from clients_registry.resource import Resource, Scope
from clients_registry.resource_metadata import check_scope
from clients_registry.scope_grant import ScopeGrant, check_scope_grant


class ScopeRegistrations:
    """Adds scopes, grants them and takes grants back."""

    def __init__(self, store: ResourceStore, clients: ClientStore, journal: Journal, clock: Clock) -> None:
        self._store = store
        self._clients = clients
        self._journal = journal
        self._clock = clock

    def add(self, tx: Tx, reference: str, given: Mapping[str, Any], *, actor: str, reason: str = "") -> Scope:
        """A new scope of the resource with this identifier or id.

        Raises:
            InvalidResourceMetadata: with every fault.
            ResourceExists: the word is a scope already.
            UnknownResource, AlreadyDisabled.
        """
        self._clients.begin_change(tx)
        scope, resource = check_scope(given), self._load_live(tx, reference)
        if self._store.taken_words_in(tx, [scope.word]):
            raise ResourceExists("a scope of this word is registered already")
        self._store.add_scope(tx, resource.resource_id, scope)
        self._tell(tx, events.SCOPE_ADDED, self._clock(), actor, reason, resource, {"scope": scope.word})
        return scope

    def grant(
        self,
        tx: Tx,
        word: str,
        client_id: str,
        *,
        purpose: str,
        ends_at: datetime,
        actor: str,
        reason: str = "",
    ) -> ScopeGrant:
        """Let the client use the scope until `ends_at`; a grant that it had before is replaced.

        Raises:
            InvalidScopeGrant: with every fault.
            UnknownScope, UnknownClient, AlreadyDisabled.
        """
        self._clients.begin_change(tx)
        now = self._clock()
        check_scope_grant(purpose, ends_at, now)
        resource, client = self._load_owner(tx, word), self._load_client(tx, client_id)
        granted = ScopeGrant(word, client.client_id, purpose, actor, now, ends_at)
        self._store.grant_scope(tx, granted)
        facts = {
            "scope": word,
            "client_id": client.client_id,
            "purpose": purpose,
            "ends_at": ends_at.isoformat(),
        }
        self._tell(tx, events.SCOPE_GRANTED, now, actor, reason, resource, facts)
        return granted

    def revoke(self, tx: Tx, word: str, client_id: str, *, actor: str, reason: str = "") -> None:
        """From the commit on no token with the scope is issued to the client; in every process within a second.

        Raises:
            UnknownScope: there is no such scope, or it is not granted to this client.
        """
        self._clients.begin_change(tx)
        now, resource = self._clock(), self._store.owner_in(tx, word)
        if resource is None or not self._store.revoke_scope(tx, word, client_id, now):
            raise UnknownScope("the scope is not granted to this client")
        facts = {"scope": word, "client_id": client_id}
        self._tell(tx, events.SCOPE_REVOKED, now, actor, reason, resource, facts)

    def _load_live(self, tx: Tx, reference: str) -> Resource:
        resource = self._store.resource_in(tx, reference)
        if resource is None:
            raise UnknownResource("there is no API with this identifier or id")
        return _live(resource)

    def _load_owner(self, tx: Tx, word: str) -> Resource:
        resource = self._store.owner_in(tx, word)
        if resource is None:
            raise UnknownScope("no API has this scope; `adgang scopes list` shows them")
        return _live(resource)

    def _load_client(self, tx: Tx, client_id: str) -> Client:
        client = self._clients.client_in(tx, client_id)
        if client is None:
            raise UnknownClient("there is no client with this client_id")
        if client.disabled_at is not None:
            raise AlreadyDisabled("the client is disabled")
        return client

    def _tell(
        self,
        tx: Tx,
        event: str,
        at: datetime,
        actor: str,
        reason: str,
        resource: Resource,
        facts: Mapping[str, str],
    ) -> None:
        told = {
            "organisation_id": resource.organisation_id,
            "resource_id": resource.resource_id,
            **facts,
            **({"reason": reason} if reason else {}),
        }
        self._journal.append(tx, event=event, actor=actor, at=at, facts=told)


def _live(resource: Resource) -> Resource:
    if resource.disabled_at is not None:
        raise AlreadyDisabled("the API is disabled")
    return resource
