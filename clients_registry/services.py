"""What the commands of the registry work with, as one frozen dataclass. idp wires it."""

from dataclasses import dataclass

from clients_registry.detail_registrations import DetailRegistrations
from clients_registry.ports import Transact
from clients_registry.registrations import Registrations
from clients_registry.registry import Registry
from clients_registry.resource_registrations import ResourceRegistrations
from clients_registry.scope_registrations import ScopeRegistrations


@dataclass(frozen=True, slots=True)
class RegistryServices:
    transact: Transact
    registry: Registry
    registrations: Registrations
    resource_registrations: ResourceRegistrations
    scope_registrations: ScopeRegistrations
    detail_registrations: DetailRegistrations
    unavailable: tuple[type[Exception], ...] = ()
    """What is raised when the store does not answer; the command line exits with 3."""
