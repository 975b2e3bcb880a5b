"""ResourceRegistrations: every write about resources, checked and told in the journal, inside the caller's transaction.

Looking resources up is registry's matter. What a registration may contain is resource_metadata's.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from clients_registry import events
from clients_registry.client_keys import rsa_moduli, shares_a_prime
from clients_registry.client_secrets import new_secret, secret_digest
from clients_registry.documents import resource_shown
from clients_registry.errors import (
    AlreadyDisabled,
    InvalidResourceMetadata,
    MetadataFault,
    ResourceExists,
    UnknownResource,
)
from clients_registry.organisation import Organisation
from clients_registry.policy import RegistrationPolicy
from clients_registry.ports import ClientStore, Clock, Journal, ResourceStore, Tx
from clients_registry.profiles import SECRET_METHODS
from clients_registry.resource import Resource
from clients_registry.resource_metadata import CHANGEABLE, check_resource

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class RegisteredNow:
    """A resource as it now stands."""

    resource: Resource
    organisation: Organisation
    secret: str | None = field(default=None, repr=False)
    """Where one was made just now: shown once, then known to the resource only."""


class ResourceRegistrations:
    """Adds, changes and disables resources."""

    def __init__(
        self,
        store: ResourceStore,
        clients: ClientStore,
        journal: Journal,
        clock: Clock,
        policy: RegistrationPolicy | None = None,
    ) -> None:
        self._store = store
        self._clients = clients
        self._journal = journal
        self._clock = clock
        self._policy = policy or RegistrationPolicy()

    def add(self, tx: Tx, metadata: Mapping[str, Any], *, actor: str, reason: str = "") -> RegisteredNow:
        """A new resource, with its secret where it uses one.

        Raises:
            InvalidResourceMetadata: with every fault.
            ResourceExists: its identifier is registered already.
        """
        self._clients.begin_change(tx)
        fields, organisation = self._check(tx, metadata)
        secret = new_secret() if fields["introspection_auth_method"] in SECRET_METHODS else None
        resource = Resource(
            **{name: value for name, value in fields.items() if name != "organisation"},
            resource_id=_new_id(),
            organisation_id=organisation.organisation_id,
            created_at=self._clock(),
            secret_digest=None if secret is None else secret_digest(secret),
        )
        if not self._store.add_resource(tx, resource):
            raise ResourceExists("a resource with this identifier is registered already")
        facts: dict[str, str | int | list[str]] = {
            "identifier": resource.identifier,
            "scopes": [scope.word for scope in resource.scopes],
        }
        self._tell(tx, events.RESOURCE_ADDED, resource.created_at, actor, reason, resource, facts)
        return RegisteredNow(resource, organisation, secret)

    def change(
        self, tx: Tx, reference: str, metadata: Mapping[str, Any], *, actor: str, reason: str = ""
    ) -> RegisteredNow:
        """The resource with these members in place of its own; what they leave out gets its default.

        Identifier and organisation stay, since tokens and grants name them; scopes are added by themselves. What `show`
        printed may be given back.

        Raises:
            InvalidResourceMetadata: with every fault.
            UnknownResource, AlreadyDisabled.
        """
        self._clients.begin_change(tx)
        present = self._load_live(tx, reference)
        organisation = self._organisation(tx, present.organisation_id)
        fields = self._check_change(tx, present, organisation, metadata)
        digest, secret = _secret_after(present, fields["introspection_auth_method"])
        changed = sorted(name for name in fields if fields[name] != getattr(present, name))
        if not changed:
            return RegisteredNow(present, organisation)
        resource = replace(present, **fields, secret_digest=digest)
        self._store.replace_resource(tx, resource)
        self._tell(tx, events.RESOURCE_CHANGED, self._clock(), actor, reason, resource, {"changed": changed})
        return RegisteredNow(resource, organisation, secret)

    def renew_secret(self, tx: Tx, reference: str, *, actor: str, reason: str = "") -> RegisteredNow:
        """A new secret; from the commit on the old one is wrong.

        Raises:
            InvalidResourceMetadata: the resource does not use a secret.
            UnknownResource, AlreadyDisabled.
        """
        self._clients.begin_change(tx)
        present, secret = self._load_live(tx, reference), new_secret()
        if not present.uses_secret:
            fault = MetadataFault("introspection_auth_method", "uses no secret, so there is none to renew")
            raise InvalidResourceMetadata([fault])
        renewed = replace(present, secret_digest=secret_digest(secret))
        self._store.replace_resource(tx, renewed)
        self._tell(tx, events.RESOURCE_SECRET_RENEWED, self._clock(), actor, reason, renewed)
        return RegisteredNow(renewed, self._organisation(tx, renewed.organisation_id), secret)

    def disable(self, tx: Tx, reference: str, *, actor: str, reason: str = "") -> Resource:
        """From the commit on no token is issued for it, and it is told of none; in every process within a second.

        Raises:
            UnknownResource, AlreadyDisabled.
        """
        self._clients.begin_change(tx)
        resource, now = self._load_live(tx, reference), self._clock()
        self._store.disable_resource(tx, resource.resource_id, now)
        self._tell(tx, events.RESOURCE_DISABLED, now, actor, reason, resource)
        return replace(resource, disabled_at=now)

    # --- inside ------------------------------------------------------------------------------------------------

    def _check(self, tx: Tx, metadata: Mapping[str, Any]) -> tuple[dict[str, Any], Organisation]:
        """The checked fields with the organisation they name."""
        fields = check_resource(metadata, self._policy)
        faults: list[MetadataFault] = []
        organisation = self._clients.organisation_in(tx, fields["organisation"])
        if organisation is None or organisation.disabled_at is not None:
            faults.append(MetadataFault("organisation", "is not registered, or disabled; add it first"))
        words = [scope.word for scope in fields["scopes"]]
        for word in sorted(self._store.taken_words_in(tx, words)):
            faults.append(
                MetadataFault(
                    f"scopes[{words.index(word)}]", "is a scope of another resource; take another word"
                )
            )
        faults += self._key_faults(tx, fields, None)
        if faults or organisation is None:
            raise InvalidResourceMetadata(faults)
        return fields, organisation

    def _check_change(
        self, tx: Tx, present: Resource, organisation: Organisation, metadata: Mapping[str, Any]
    ) -> dict[str, Any]:
        shown = resource_shown(present, organisation)
        fixed = {name: value for name, value in shown.items() if name not in CHANGEABLE}
        given = {name: value for name, value in metadata.items() if value != fixed.get(name, _ABSENT)}
        faults = [
            MetadataFault(name, "stays as it is registered; leave it out") for name in given if name in fixed
        ]
        kept = {"identifier": present.identifier, "organisation": present.organisation_id}
        try:
            checked = check_resource({**given, **kept, "scopes": []}, self._policy)
        except InvalidResourceMetadata as invalid:
            raise InvalidResourceMetadata([*faults, *invalid.faults]) from None
        faults += self._key_faults(tx, checked, present.resource_id)
        if faults:
            raise InvalidResourceMetadata(faults)
        return {name: checked[name] for name in CHANGEABLE}

    def _key_faults(self, tx: Tx, fields: Mapping[str, Any], own_id: str | None) -> list[MetadataFault]:
        moduli = rsa_moduli(fields["jwks"])
        if moduli and shares_a_prime(moduli, self._clients.rsa_moduli_in(tx, without=own_id)):
            return [
                MetadataFault("jwks", "has an RSA key that shares a prime with another's; make a new key")
            ]
        return []

    def _load_live(self, tx: Tx, reference: str) -> Resource:
        resource = self._store.resource_in(tx, reference)
        if resource is None:
            raise UnknownResource("there is no resource with this identifier or id")
        if resource.disabled_at is not None:
            raise AlreadyDisabled("the resource is disabled")
        return resource

    def _organisation(self, tx: Tx, organisation_id: str) -> Organisation:
        organisation = self._clients.organisation_in(tx, organisation_id)
        if organisation is None:  # a foreign key holds it
            raise UnknownResource("the organisation of the resource is gone")
        return organisation

    def _tell(
        self,
        tx: Tx,
        event: str,
        at: datetime,
        actor: str,
        reason: str,
        resource: Resource,
        facts: Mapping[str, str | int | list[str]] | None = None,
    ) -> None:
        told: dict[str, str | int | list[str]] = {
            "organisation_id": resource.organisation_id,
            "resource_id": resource.resource_id,
            **(facts or {}),
        }
        self._journal.append(
            tx, event=event, actor=actor, at=at, facts=told | ({"reason": reason} if reason else {})
        )


def _secret_after(present: Resource, method: str) -> tuple[str | None, str | None]:
    """The digest to keep, and the secret where one has to be made: the resource now uses one and had none."""
    if method not in SECRET_METHODS:
        return None, None
    if present.secret_digest is not None:
        return present.secret_digest, None
    secret = new_secret()
    return secret_digest(secret), secret


def _new_id() -> str:
    """Told apart from a client's id by its beginning, wherever somebody confuses the two."""
    return f"api-{secrets.token_hex(16)}"
