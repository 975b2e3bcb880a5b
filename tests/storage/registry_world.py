"""What tests of the registry stand on: real tables in a real database, the real ledger as journal, sound metadata."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.util import int_to_base64
from sqlalchemy import select

from clients_registry.detail_registrations import DetailRegistrations
from clients_registry.detail_type import DetailType
from clients_registry.in_sql import Clients
from clients_registry.organisation import Organisation
from clients_registry.policy import RegistrationPolicy
from clients_registry.registrations import Registered, Registrations
from clients_registry.registry import Registry
from clients_registry.resource_registrations import RegisteredNow, ResourceRegistrations
from clients_registry.resources_in_sql import Resources
from clients_registry.scope_grant import ScopeGrant
from clients_registry.scope_registrations import ScopeRegistrations
from clients_registry.services import RegistryServices
from clients_registry.tables import metadata
from idp.errors import StoreUnavailable
from idp.ledger.in_sql import Ledger
from idp.ledger.tables import ledger
from idp.ledger.tables import metadata as ledger_metadata
from idp.storage.database import Database
from tests.support.clock import FrozenClock

ACTOR = "operator:karen"
NORDHAVN_CVR = "11223344"

BUILDING_PERMIT = {
    "id": "building-permit",
    "text": {
        "da": "Vi behandler din byggeansøgning.",
        "en": "We handle your building permit.",
        "nb": "Vi behandler byggesøknaden din.",
    },
    "legal_ground": "law",
    "claims": ["name", "email"],
}


@cache
def ec_key(number: int = 0) -> ECKey:
    """A private key of a client; the same for the same number."""
    return ECKey.generate_key("P-256")


@cache
def ed_key() -> OKPKey:
    return OKPKey.generate_key("Ed25519")


@cache
def rsa_key(number: int = 0) -> RSAKey:
    return RSAKey.generate_key(2048)


@cache
def rsa_primes() -> tuple[int, int, int, int]:
    """Four primes of 1024 bits."""
    keys = [rsa.generate_private_key(65537, 2048).private_numbers() for _ in range(2)]
    return keys[0].p, keys[0].q, keys[1].p, keys[1].q


def public(key: Any, **members: Any) -> dict[str, Any]:
    """The public JWK of a key."""
    return {**key.as_dict(private=False), **members}


def rsa_jwk(modulus: int, exponent: int = 65537, **members: Any) -> dict[str, Any]:
    """The JWK of any numbers, sound or not."""
    return {"kty": "RSA", "n": _number(modulus), "e": _number(exponent), **members}


def _number(value: int) -> str:
    return int_to_base64(value)


def registration(**changes: Any) -> dict[str, Any]:
    """A sound registration of a fapi2 client; a change of None leaves the field out."""
    metadata = {
        "client_name": "Byggesager",
        "organisation": NORDHAVN_CVR,
        "redirect_uris": ["https://byg.nordhavn.example/signed-in"],
        "scope": "openid profile email",
        "jwks": {"keys": [public(ec_key(), kid="byg-1")]},
        "purposes": [BUILDING_PERMIT],
    } | changes
    return {name: value for name, value in metadata.items() if value is not None}


def oidc_registration(**changes: Any) -> dict[str, Any]:
    """A sound registration of a client with a secret."""
    return registration(**({"profile": "oidc", "jwks": None} | changes))


BUILDING_READ = {
    "scope": "nordhavn:building.read",
    "text": {"da": "Læse byggesager.", "en": "Read building cases.", "nb": "Lese byggesaker."},
    "used_by": ["machines"],
}


def detail_type(**changes: Any) -> dict[str, Any]:
    """A sound declaration of a kind of authorization details."""
    return {
        "type": "nordhavn:case",
        "resource": "https://api.nordhavn.example/building",
        "text": {
            "da": "{action} sag {case} fra {years}",
            "en": "{action} case {case} of {years}",
            "nb": "{action} sak {case} fra {years}",
        },
        "schema": {
            "type": "object",
            "additionalProperties": False,
            "required": ["action", "case", "years"],
            "properties": {
                "action": {"type": "string", "enum": ["se", "rette"]},
                "case": {"type": "string", "maxLength": 20},
                "years": {
                    "type": "array",
                    "maxItems": 3,
                    "items": {"type": "integer", "minimum": 1990, "maximum": 2100},
                },
            },
        },
    } | changes


def resource(**changes: Any) -> dict[str, Any]:
    """A sound registration of an API; a change of None leaves the member out."""
    metadata = {
        "identifier": "https://api.nordhavn.example/building",
        "name": "Byggesags-API",
        "organisation": NORDHAVN_CVR,
        "scopes": [BUILDING_READ],
    } | changes
    return {name: value for name, value in metadata.items() if value is not None}


@dataclass
class RegistryWorld:
    """One deployment's registry. Every `node()` is a process of its own with the same store."""

    url: str
    clock: FrozenClock
    policy: RegistrationPolicy = field(default_factory=RegistrationPolicy)

    def __post_init__(self) -> None:
        self.database = Database(self.url)
        metadata.create_all(self.database.writing)
        ledger_metadata.create_all(self.database.writing)
        self.store = Clients(self.database.reading)
        self.resource_store = Resources(self.database.reading)
        ledger = Ledger(self.database.reading)
        self.registrations = Registrations(self.store, self.resource_store, ledger, self.clock, self.policy)
        self.resource_registrations = ResourceRegistrations(
            self.resource_store, self.store, ledger, self.clock, self.policy
        )
        self.scope_registrations = ScopeRegistrations(self.resource_store, self.store, ledger, self.clock)
        self.detail_registrations = DetailRegistrations(self.resource_store, self.store, ledger, self.clock)

    def node(self, **options: Any) -> Registry:
        return Registry(self.store, self.resource_store, self.clock, **options)

    def services(self) -> RegistryServices:
        return RegistryServices(
            self.database.transact,
            self.node(),
            self.registrations,
            self.resource_registrations,
            self.scope_registrations,
            self.detail_registrations,
            unavailable=(StoreUnavailable,),
        )

    def add_organisation(self, **changes: Any) -> Organisation:
        given: dict[str, Any] = {
            "cvr_number": NORDHAVN_CVR,
            "kind": "municipality",
            "name": "Nordhavn Kommune",
        } | changes
        return self.database.transact(
            lambda tx: self.registrations.add_organisation(tx, actor=ACTOR, **given)
        )

    def register(self, metadata: dict[str, Any] | None = None) -> Registered:
        given = registration() if metadata is None else metadata
        return self.database.transact(lambda tx: self.registrations.register(tx, given, actor=ACTOR))

    def change(self, client_id: str, metadata: dict[str, Any]) -> Registered:
        return self.database.transact(
            lambda tx: self.registrations.change(tx, client_id, metadata, actor=ACTOR)
        )

    def add_resource(self, **changes: Any) -> RegisteredNow:
        given = resource(**changes)
        return self.database.transact(lambda tx: self.resource_registrations.add(tx, given, actor=ACTOR))

    def add_detail_type(self, **changes: Any) -> DetailType:
        given = detail_type(**changes)
        return self.database.transact(lambda tx: self.detail_registrations.add(tx, given, actor=ACTOR))

    def grant_scope(self, client_id: str, word: str = "nordhavn:building.read", **changes: Any) -> ScopeGrant:
        given = {
            "purpose": "Building cases, agreement 7",
            "ends_at": self.clock() + timedelta(days=90),
        } | changes
        return self.database.transact(
            lambda tx: self.scope_registrations.grant(tx, word, client_id, actor=ACTOR, **given)
        )

    def journal(self) -> list[tuple[str, dict[str, Any]]]:
        """Events with their facts, in order."""
        with self.database.reading.connect() as connection:
            rows = connection.execute(select(ledger.c.event, ledger.c.facts).order_by(ledger.c.number))
            return [(row.event, json.loads(row.facts)) for row in rows]

    def close(self) -> None:
        self.database.close()
