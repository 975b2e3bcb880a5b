"""Resource: an API of one organisation that takes our access tokens (RFC 8707, RFC 9728), and the scopes that it has.

A resource is no client: it has an id and a credential of its own, by which it may ask about tokens meant for it and
which open nothing else (S-112). What may be registered is resource_metadata's matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from clients_registry.profiles import FAPI2, SECRET_METHODS

TOKEN_FORMS = ("jwt", "opaque")
TOKEN_ALGORITHMS = FAPI2.signing_algorithms
AUTH_METHODS = ("client_secret_basic", "private_key_jwt")
MACHINES, CITIZENS = "machines", "citizens"


@dataclass(frozen=True, slots=True)
class Scope:
    """One thing that may be done at a resource; its word belongs to one resource only."""

    word: str
    """As in a request (RFC 6749 §3.3)."""
    text: Mapping[str, str]
    """A sentence for people in each of the three languages."""
    used_by: tuple[str, ...]
    """`machines`: by a service in its own name. `citizens`: by a service for a citizen who signed in."""

    def as_json(self) -> dict[str, Any]:
        """As it stands in a registration."""
        return {"scope": self.word, "text": dict(self.text), "used_by": list(self.used_by)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Scope":
        """From a registration that has been checked, or from the store."""
        return cls(value["scope"], MappingProxyType(dict(value["text"])), tuple(value["used_by"]))


@dataclass(frozen=True, slots=True)
class Resource:
    """A registered resource. Immutable: a change makes another one."""

    resource_id: str
    """By which it authenticates; never a client's id."""
    identifier: str
    """An absolute URI without a fragment: the `resource` of requests and the `aud` of tokens (RFC 8707 §2)."""
    name: str
    organisation_id: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    token_algorithm: str = "ES256"
    token_form: str = "jwt"
    """`opaque`: its tokens say nothing by themselves, it asks about each."""
    token_seconds: int | None = None
    """At most how long its tokens live; None: as long as the deployment's."""
    introspection_auth_method: str = "client_secret_basic"
    introspection_signed_response_alg: str | None = None
    """RFC 9701 §6: what it is told is always signed so; None: only where it asks for that, as its tokens are."""
    jwks: Mapping[str, Any] | None = None
    secret_digest: str | None = field(default=None, repr=False)
    disabled_at: datetime | None = None

    @property
    def uses_secret(self) -> bool:
        return self.introspection_auth_method in SECRET_METHODS

    @property
    def assertion_algorithms(self) -> tuple[str, ...]:
        """With which algorithms it may sign an assertion about itself."""
        return FAPI2.signing_algorithms

    def scope_named(self, word: str) -> Scope | None:
        """Its scope of this word."""
        return next((scope for scope in self.scopes if scope.word == word), None)
