"""Scopes with their grants, joined with the names of resources and clients, for `adgang scopes list`."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from clients_registry.registry import RegisteredClient, RegisteredResource, Registry
from clients_registry.resource import Scope
from clients_registry.scope_grant import ScopeGrant, scope_grant_shown


@dataclass(frozen=True, slots=True)
class ListedScope:
    """A scope of a resource with everybody to whom it was ever granted."""

    scope: Scope
    owner: RegisteredResource
    grants: tuple[tuple[ScopeGrant, RegisteredClient], ...]

    def as_json(self) -> dict[str, Any]:
        grants = [
            {
                **scope_grant_shown(grant),
                "client_name": holder.client.client_name,
                "organisation": holder.organisation.cvr_number,
            }
            for grant, holder in self.grants
        ]
        return {
            **self.scope.as_json(),
            "resource": self.owner.resource.identifier,
            "organisation": self.owner.organisation.cvr_number,
            "grants": grants,
        }


def listed_scopes(registry: Registry, *, resource: str | None, client_id: str | None) -> list[ListedScope]:
    """Every scope, or those of one resource, or those that were granted to one client; read from the store."""
    clients = {entry.client.client_id: entry for entry in registry.clients()}
    by_word: defaultdict[str, list[tuple[ScopeGrant, RegisteredClient]]] = defaultdict(list)
    for grant in registry.scope_grants():
        if client_id in (None, grant.client_id):
            by_word[grant.word].append((grant, clients[grant.client_id]))
    return [
        ListedScope(scope, owner, tuple(by_word[scope.word]))
        for owner in registry.resources()
        if resource in (None, owner.resource.identifier, owner.resource.resource_id)
        for scope in owner.resource.scopes
        if client_id is None or scope.word in by_word
    ]
