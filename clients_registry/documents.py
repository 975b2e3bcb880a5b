"""A client, an organisation, a resource as a JSON document: what is kept in the store and what `adgang` prints.

The metadata part has the member names of RFC 7591. A document is trusted here: metadata checks what comes from outside.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from types import MappingProxyType
from typing import Any

from clients_registry.client import Client
from clients_registry.organisation import Organisation
from clients_registry.purposes import Purpose
from clients_registry.resource import Resource

_OURS = frozenset(
    {"client_id", "organisation_id", "sector", "created_at", "changed_at", "disabled_at", "secret_digest"}
)
"""Members of a client that nobody registers; they stand beside the metadata."""

_LISTS = frozenset(field.name for field in fields(Client) if str(field.type).startswith("tuple")) - {
    "purposes"
}
_UNSAID = frozenset({"purposes", "response_types", "scope"})
"""Empty only where the client signs nobody in, and then what nobody can register but by leaving it out."""

_WORDS = frozenset({"scope"})
"""Lists that travel as one string with spaces (RFC 7591 §2)."""


def metadata_of(client: Client) -> dict[str, Any]:
    """The registered metadata, defaults included; members without a value are left out."""
    document: dict[str, Any] = {}
    for field in fields(Client):
        value = getattr(client, field.name)
        if field.name in _OURS or field.name == "localized" or value is None:
            continue
        document[field.name] = _to_json(field.name, value)
    return document | dict(client.localized)


def client_from(metadata: Mapping[str, Any], **ours: Any) -> Client:
    """The client of a document; `ours` are the members that stand beside the metadata."""
    members: dict[str, Any] = {}
    localized: dict[str, str] = {}
    for name, value in metadata.items():
        if "#" in name:
            localized[name] = value
        else:
            members[name] = _from_json(name, value)
    return Client(**members, **ours, localized=MappingProxyType(localized))


def shown(client: Client, organisation: Organisation) -> dict[str, Any]:
    """The client as an operator sees it: everything but its secret; what can be given back in a change."""
    registered = {name: value for name, value in metadata_of(client).items() if value or name not in _UNSAID}
    document: dict[str, Any] = {
        "client_id": client.client_id,
        "organisation": organisation.cvr_number,
        "organisation_id": client.organisation_id,
        "sector": client.sector,
        **registered,
        "created_at": moment(client.created_at),
        "changed_at": moment(client.changed_at),
    }
    if client.disabled_at is not None:
        document["disabled_at"] = moment(client.disabled_at)
    return document


def organisation_shown(organisation: Organisation) -> dict[str, Any]:
    """The organisation as an operator sees it."""
    document: dict[str, Any] = {
        "organisation_id": organisation.organisation_id,
        "cvr_number": organisation.cvr_number,
        "kind": organisation.kind,
        "name": organisation.name,
        "contacts": list(organisation.contacts),
        "created_at": moment(organisation.created_at),
    }
    if organisation.logo is not None:
        document["logo"] = organisation.logo
    if organisation.disabled_at is not None:
        document["disabled_at"] = moment(organisation.disabled_at)
    return document


def resource_shown(resource: Resource, organisation: Organisation) -> dict[str, Any]:
    """The resource as an operator sees it: everything but its secret."""
    document: dict[str, Any] = {
        "resource_id": resource.resource_id,
        "identifier": resource.identifier,
        "organisation": organisation.cvr_number,
        "organisation_id": resource.organisation_id,
        **resource_document(resource),
        "scopes": [scope.as_json() for scope in resource.scopes],
        "created_at": moment(resource.created_at),
    }
    if resource.disabled_at is not None:
        document["disabled_at"] = moment(resource.disabled_at)
    return document


def resource_document(resource: Resource) -> dict[str, Any]:
    """The registered members beside identifier, organisation and scopes; those without a value are left out."""
    document = {
        "name": resource.name,
        "token_algorithm": resource.token_algorithm,
        "token_form": resource.token_form,
        "token_seconds": resource.token_seconds,
        "introspection_auth_method": resource.introspection_auth_method,
        "introspection_signed_response_alg": resource.introspection_signed_response_alg,
        "jwks": None if resource.jwks is None else dict(resource.jwks),
    }
    return {name: value for name, value in document.items() if value is not None}


def moment(value: datetime) -> str:
    """As a document says it."""
    return value.isoformat().replace("+00:00", "Z")


def _to_json(name: str, value: Any) -> Any:
    if name == "purposes":
        return [purpose.as_json() for purpose in value]
    if name in _WORDS:
        return " ".join(value)
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _from_json(name: str, value: Any) -> Any:
    if name == "purposes":
        return tuple(Purpose.from_json(purpose) for purpose in value)
    if name in _WORDS:
        return tuple(value.split())
    return tuple(value) if name in _LISTS else value
