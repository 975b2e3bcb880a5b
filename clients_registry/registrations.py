"""Registrations: every write to the registry, checked and told in the journal, inside the caller's transaction.

Looking clients up is registry's matter. What a registration may contain is metadata's.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from clients_registry import events
from clients_registry.client import Client
from clients_registry.client_keys import rsa_moduli, shares_a_prime
from clients_registry.client_secrets import new_secret, secret_digest
from clients_registry.detail_registrations import detail_type_faults
from clients_registry.documents import metadata_of, shown
from clients_registry.errors import (
    AlreadyDisabled,
    InvalidClientMetadata,
    MetadataFault,
    OrganisationExists,
    UnknownClient,
    UnknownOrganisation,
)
from clients_registry.metadata import check_metadata
from clients_registry.metadata_rules import Fields
from clients_registry.organisation import Organisation
from clients_registry.organisation_metadata import check_organisation
from clients_registry.policy import RegistrationPolicy
from clients_registry.ports import ClientStore, Clock, Journal, ResourceStore, Tx
from clients_registry.profiles import SECRET_METHODS


@dataclass(frozen=True, slots=True)
class Registered:
    """A client as it now stands."""

    client: Client
    organisation: Organisation
    secret: str | None = field(default=None, repr=False)
    """Where one was made just now: shown once, then known to the client only."""
    changed: tuple[str, ...] = ()
    """The metadata that a change altered."""


class Registrations:
    """Adds, changes and disables organisations and clients."""

    def __init__(
        self,
        store: ClientStore,
        resources: ResourceStore,
        journal: Journal,
        clock: Clock,
        policy: RegistrationPolicy | None = None,
    ) -> None:
        self._store = store
        self._resources = resources
        self._journal = journal
        self._clock = clock
        self._policy = policy or RegistrationPolicy()

    # --- organisations -----------------------------------------------------------------------------------------

    def add_organisation(
        self,
        tx: Tx,
        *,
        cvr_number: str,
        kind: str,
        name: str,
        contacts: Sequence[str] = (),
        logo: str | None = None,
        actor: str,
        reason: str = "",
    ) -> Organisation:
        """A new organisation.

        Raises:
            InvalidOrganisation: with every fault.
            OrganisationExists: the CVR number is registered already.
        """
        given = {
            "cvr_number": cvr_number,
            "kind": kind,
            "name": name,
            "contacts": list(contacts),
            "logo": logo,
        }
        now = self._clock()
        organisation = Organisation(organisation_id=_new_id(), created_at=now, **check_organisation(given))
        if not self._store.add_organisation(tx, organisation):
            raise OrganisationExists("an organisation with this CVR number is registered already")
        facts = {"cvr_number": cvr_number, "kind": kind, "name": name}
        self._tell(tx, events.ORGANISATION_ADDED, now, actor, reason, organisation.organisation_id, facts)
        return organisation

    def disable_organisation(self, tx: Tx, reference: str, *, actor: str, reason: str = "") -> Organisation:
        """From the commit on, all its clients are disabled with it.

        Raises:
            UnknownOrganisation, AlreadyDisabled.
        """
        self._store.begin_change(tx)
        organisation, now = self._load_organisation(tx, reference), self._clock()
        if not self._store.disable_organisation(tx, organisation.organisation_id, now):
            raise AlreadyDisabled("the organisation was disabled before")
        self._tell(tx, events.ORGANISATION_DISABLED, now, actor, reason, organisation.organisation_id)
        return replace(organisation, disabled_at=now)

    # --- clients -----------------------------------------------------------------------------------------------

    def register(self, tx: Tx, metadata: Mapping[str, Any], *, actor: str, reason: str = "") -> Registered:
        """A new client, with its secret where it uses one.

        Raises:
            InvalidClientMetadata: with every fault.
        """
        self._store.begin_change(tx)
        fields, organisation = self._check(tx, metadata, None)
        now = self._clock()
        secret = new_secret() if fields["token_endpoint_auth_method"] in SECRET_METHODS else None
        client = _client(
            fields,
            client_id=_new_id(),
            organisation_id=organisation.organisation_id,
            sector=organisation.organisation_id,
            secret_digest=None if secret is None else secret_digest(secret),
            created_at=now,
            changed_at=now,
        )
        self._store.add_client(tx, client)
        facts = {"client_id": client.client_id, "client_name": client.client_name, "profile": client.profile}
        self._tell(tx, events.CLIENT_REGISTERED, now, actor, reason, client.organisation_id, facts)
        return Registered(client, organisation, secret)

    def change(
        self, tx: Tx, client_id: str, metadata: Mapping[str, Any], *, actor: str, reason: str = ""
    ) -> Registered:
        """The client with this metadata in place of its present one (RFC 7592 §2.2); its sector stays.

        What `show` printed may be given back: members that the provider sets are taken if they are unaltered.

        Raises:
            InvalidClientMetadata: with every fault.
            UnknownClient, AlreadyDisabled.
        """
        self._store.begin_change(tx)
        present, now = self._load_live(tx, client_id), self._clock()
        fields, organisation = self._check(tx, self._without_ours(tx, metadata, present), present)
        digest, secret = _secret_after(present, fields["token_endpoint_auth_method"])
        client = _client(
            fields,
            client_id=client_id,
            organisation_id=organisation.organisation_id,
            sector=present.sector,
            secret_digest=digest,
            created_at=present.created_at,
            changed_at=now,
        )
        changed = _differences(present, client)
        if not changed:
            return Registered(present, organisation)
        self._store.replace_client(tx, client)
        facts: dict[str, str | int | list[str]] = {"client_id": client_id, "changed": changed}
        self._tell(tx, events.CLIENT_CHANGED, now, actor, reason, client.organisation_id, facts)
        return Registered(client, organisation, secret, tuple(changed))

    def renew_secret(self, tx: Tx, client_id: str, *, actor: str, reason: str = "") -> Registered:
        """A new secret; from the commit on the old one is wrong.

        Raises:
            InvalidClientMetadata: the client does not use a secret.
            UnknownClient, AlreadyDisabled.
        """
        self._store.begin_change(tx)
        present, now, secret = self._load_live(tx, client_id), self._clock(), new_secret()
        if not present.uses_secret:
            raise InvalidClientMetadata(
                [MetadataFault("token_endpoint_auth_method", "uses no secret, so there is none to renew")]
            )
        client = replace(present, secret_digest=secret_digest(secret), changed_at=now)
        self._store.replace_client(tx, client)
        organisation = self._load_organisation(tx, client.organisation_id)
        self._tell(
            tx,
            events.CLIENT_SECRET_RENEWED,
            now,
            actor,
            reason,
            client.organisation_id,
            {"client_id": client_id},
        )
        return Registered(client, organisation, secret)

    def disable(self, tx: Tx, client_id: str, *, actor: str, reason: str = "") -> Client:
        """From the commit on it may begin and redeem nothing; in every process within a second (S-035).

        Raises:
            UnknownClient, AlreadyDisabled.
        """
        self._store.begin_change(tx)
        client, now = self._load_live(tx, client_id), self._clock()
        self._store.disable_client(tx, client_id, now)
        self._tell(
            tx, events.CLIENT_DISABLED, now, actor, reason, client.organisation_id, {"client_id": client_id}
        )
        return replace(client, disabled_at=now)

    # --- inside ------------------------------------------------------------------------------------------------

    def _check(
        self, tx: Tx, metadata: Mapping[str, Any], present: Client | None
    ) -> tuple[Fields, Organisation]:
        """The checked fields with the organisation they name, every fault told together."""
        faults: list[MetadataFault] = []
        fields: Fields = {}
        try:
            fields = check_metadata(metadata, self._policy, present)
        except InvalidClientMetadata as invalid:
            faults += invalid.faults
        reference = metadata.get("organisation", present.organisation_id if present else None)
        known = "organisation" in {fault.field for fault in faults}
        organisation = None if known else self._store.organisation_in(tx, reference)
        if not known and (organisation is None or organisation.disabled_at is not None):
            faults.append(MetadataFault("organisation", "is not registered, or disabled; add it first"))
        faults += detail_type_faults(tx, fields, present, self._resources)
        moduli = rsa_moduli(fields.get("jwks"))
        others = self._store.rsa_moduli_in(tx, without=present.client_id if present else None)
        if moduli and shares_a_prime(moduli, others):
            shared = "has an RSA key that shares a prime with another client's; make a new key"
            faults.append(MetadataFault("jwks", shared))
        if faults or organisation is None:
            raise InvalidClientMetadata(faults)
        return fields, organisation

    def _without_ours(self, tx: Tx, metadata: Mapping[str, Any], present: Client) -> dict[str, Any]:
        document = shown(present, self._load_organisation(tx, present.organisation_id))
        registered = metadata_of(present).keys() | {"organisation"}
        ours = {name: value for name, value in document.items() if name not in registered}
        return {name: value for name, value in metadata.items() if name not in ours or value != ours[name]}

    def _load_live(self, tx: Tx, client_id: str) -> Client:
        client = self._store.client_in(tx, client_id)
        if client is None:
            raise UnknownClient("there is no client with this client_id")
        if client.disabled_at is not None:
            raise AlreadyDisabled("the client is disabled")
        return client

    def _load_organisation(self, tx: Tx, reference: str) -> Organisation:
        organisation = self._store.organisation_in(tx, reference)
        if organisation is None:
            raise UnknownOrganisation("there is no organisation with this id or CVR number")
        return organisation

    def _tell(
        self,
        tx: Tx,
        event: str,
        at: datetime,
        actor: str,
        reason: str,
        organisation_id: str,
        facts: Mapping[str, str | int | list[str]] = MappingProxyType({}),
    ) -> None:
        told = {"organisation_id": organisation_id, **facts} | ({"reason": reason} if reason else {})
        self._journal.append(tx, event=event, actor=actor, at=at, facts=told)


def _new_id() -> str:
    """128 bits in hexadecimal: never mistaken for an option on a command line."""
    return secrets.token_hex(16)


def _client(fields: Fields, **ours: Any) -> Client:
    members = {name: value for name, value in fields.items() if "#" not in name and name != "organisation"}
    localized = {name: value for name, value in fields.items() if "#" in name}
    return Client(**members, **ours, localized=MappingProxyType(localized))


def _secret_after(present: Client, method: str) -> tuple[str | None, str | None]:
    """The digest to keep, and the secret where one has to be made: the client now uses one and had none."""
    if method not in SECRET_METHODS:
        return None, None
    if present.secret_digest is not None:
        return present.secret_digest, None
    secret = new_secret()
    return secret_digest(secret), secret


def _differences(present: Client, client: Client) -> list[str]:
    before, after = metadata_of(present), metadata_of(client)
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    if present.organisation_id != client.organisation_id:
        changed.add("organisation")
    return sorted(changed)
