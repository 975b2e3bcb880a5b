"""What can go wrong with organisations and clients. idp turns these into protocol errors at its edge."""

from collections.abc import Iterable
from dataclasses import dataclass


class RegistryError(Exception):
    """One family, so that an edge can catch it whole."""


class UnknownClient(RegistryError):
    """There is no client with this client_id."""


class UnknownOrganisation(RegistryError):
    """There is no organisation with this id or CVR number."""


class UnknownPurpose(RegistryError):
    """The client has no such purpose, or has several and none was named."""


class UnregisteredRedirectUri(RegistryError):
    """The redirect URI is not one of the client's: nothing may be sent there, not even an error (RFC 9700 §2.1)."""


class UnknownResource(RegistryError):
    """There is no resource with this id or identifier."""


class UnknownScope(RegistryError):
    """No resource has this scope, or the client was not granted it."""


class UnknownDetailType(RegistryError):
    """There is no such kind of authorization details."""


class ResourceExists(RegistryError):
    """A resource with this identifier, or a scope of this word, is registered already."""


class WrongSecret(RegistryError):
    """The secret is not the one of the client or resource."""


class UnknownKey(RegistryError):
    """No registered key of the client fits this algorithm and kid."""


class NotFetched(RegistryError):
    """An address of a client gave no document."""


class OrganisationExists(RegistryError):
    """An organisation with this CVR number is registered already."""


class AlreadyDisabled(RegistryError):
    """It was disabled before; nothing was changed."""


class MalformedJson(RegistryError):
    """The text is not the strict JSON that a registration must be."""


@dataclass(frozen=True, slots=True)
class MetadataFault:
    """One thing to mend in a registration: which field, and a sentence that says what to do."""

    field: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.field}: {self.sentence}"


class InvalidRegistration(RegistryError):
    """What was given cannot be registered; every fault that was found."""

    def __init__(self, faults: Iterable[MetadataFault]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(map(str, self.faults)))


class InvalidClientMetadata(InvalidRegistration):
    """RFC 7591 §3.2.2 `invalid_client_metadata`."""


class InvalidResourceMetadata(InvalidRegistration):
    """A resource, or a scope of one, cannot be registered like this."""


class InvalidScopeGrant(InvalidRegistration):
    """A scope cannot be granted like this."""


class InvalidDetailType(InvalidRegistration):
    """A kind of authorization details cannot be declared like this."""


class InvalidKeys(InvalidRegistration):
    """A client's JWK Set breaks the key policy."""


class InvalidOrganisation(InvalidRegistration):
    """An organisation cannot be added like this."""
