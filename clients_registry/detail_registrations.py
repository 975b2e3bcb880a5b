"""DetailRegistrations: kinds of authorization details, declared and withdrawn; told in the journal, in one transaction.

Which kinds may be asked for now is registry's matter, on the hot path.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from clients_registry import events
from clients_registry.client import Client
from clients_registry.detail_schema import check_schema
from clients_registry.detail_type import DETAIL_TYPE, DetailType, detail_type_from, placeholders
from clients_registry.errors import (
    AlreadyDisabled,
    InvalidDetailType,
    MetadataFault,
    ResourceExists,
    UnknownDetailType,
    UnknownResource,
)
from clients_registry.field_readers import Reader, Reading, Unfit, matching
from clients_registry.metadata_fields import texts
from clients_registry.policy import RegistrationPolicy
from clients_registry.ports import ClientStore, Clock, Journal, ResourceStore, Tx
from clients_registry.profiles import FAPI2
from clients_registry.purposes import LANGUAGES


class DetailRegistrations:
    """Declares kinds of details and disables them."""

    def __init__(self, store: ResourceStore, clients: ClientStore, journal: Journal, clock: Clock) -> None:
        self._store = store
        self._clients = clients
        self._journal = journal
        self._clock = clock

    def add(self, tx: Tx, given: Mapping[str, Any], *, actor: str, reason: str = "") -> DetailType:
        """A new kind, of the resource that `given` names by its identifier.

        Raises:
            InvalidDetailType: with every fault.
            ResourceExists: the type is declared already, perhaps by another body.
            UnknownResource, AlreadyDisabled.
        """
        self._clients.begin_change(tx)
        document, now = check_detail_type(given), self._clock()
        resource = self._store.resource_in(tx, document["resource"])
        if resource is None:
            raise UnknownResource("there is no API with this identifier; `adgang resources list` shows them")
        if resource.disabled_at is not None:
            raise AlreadyDisabled("the API is disabled")
        made = detail_type_from(document | {"resource": resource.identifier}, created_at=now)
        if not self._store.add_detail_type(tx, resource.resource_id, made):
            raise ResourceExists("this type is declared already; take another word")
        self._tell(tx, events.DETAIL_TYPE_ADDED, now, actor, reason, made)
        return made

    def disable(self, tx: Tx, name: str, *, actor: str, reason: str = "") -> None:
        """From the commit on nobody asks for it, and no token says it any more; in every process within a second.

        Raises: UnknownDetailType, AlreadyDisabled.
        """
        self._clients.begin_change(tx)
        present, now = self._store.detail_type_in(tx, name), self._clock()
        if present is None:
            raise UnknownDetailType("there is no such type; `adgang details list` shows them")
        if not self._store.disable_detail_type(tx, name, now):
            raise AlreadyDisabled("the type is disabled already")
        self._tell(tx, events.DETAIL_TYPE_DISABLED, now, actor, reason, present)

    def _tell(self, tx: Tx, event: str, at: datetime, actor: str, reason: str, made: DetailType) -> None:
        facts: dict[str, str | int | list[str]] = {"type": made.type, "resource": made.resource}
        self._journal.append(
            tx, event=event, actor=actor, at=at, facts=facts | ({"reason": reason} if reason else {})
        )


def detail_type_faults(
    tx: Tx, fields: Mapping[str, Any], present: Client | None, store: ResourceStore
) -> list[MetadataFault]:
    """What a client may not begin to ask for: kinds that nobody declared, or that are disabled. Those it has may stay."""
    kept = () if present is None else present.authorization_details_types
    new = [name for name in fields.get("authorization_details_types", ()) if name not in kept]
    found = {name: store.detail_type_in(tx, name) for name in new}
    bad = [name for name, kind in found.items() if kind is None or kind.disabled_at is not None]
    if not bad:
        return []
    told = f"nobody declared {', '.join(bad)}, or it is disabled; `adgang details list` shows all there are"
    return [MetadataFault("authorization_details_types", told)]


def check_detail_type(given: Mapping[str, Any]) -> dict[str, Any]:
    """A declaration: `{type, resource, text: {da, en, nb}, schema}`, nothing else and nothing less.

    Raises:
        InvalidDetailType: with every fault.
    """
    if given.keys() != _READERS.keys():
        told = "must have type, resource, text and schema, and nothing else"
        raise InvalidDetailType([MetadataFault("(the document)", told)])
    reading, document = Reading(RegistrationPolicy(), FAPI2, "web"), {}  # its readers look at neither
    faults: list[MetadataFault] = []
    for name, read in _READERS.items():
        try:
            document[name] = read(given[name], reading)
        except Unfit as unfit:
            faults += [MetadataFault(f"{name}{inside}", told) for inside, told in unfit.faults]
    faults += [] if faults else _word_faults(document)
    if faults:
        raise InvalidDetailType(faults)
    return document


def _word_faults(document: Mapping[str, Any]) -> Iterator[MetadataFault]:
    """Nothing is agreed to unseen, in whatever language it is read."""
    members = set(document["schema"]["properties"])
    for language in LANGUAGES:
        text = document["text"][language]
        if placeholders(text) != members or text.count("{") != text.count("}") or "{" in _without(text):
            names = ", ".join(f"{{{name}}}" for name in sorted(members))
            yield MetadataFault(f"text.{language}", f"must say every member, and only those: {names}")


def _without(text: str) -> str:
    for name in placeholders(text):
        text = text.replace(f"{{{name}}}", "")
    return text


_READERS: dict[str, Reader] = {
    "type": matching(
        DETAIL_TYPE, "must be 3 to 100 of a-z, 0-9 and _ . - / with a colon inside, as in nordhavn:case"
    ),
    "resource": matching(re.compile(r"[!-~]{1,500}"), "must be the identifier of an API"),
    "text": texts,
    "schema": lambda value, _reading: check_schema(value),
}
