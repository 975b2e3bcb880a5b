"""ScopeGrant: an organisation's permission that a client, most often another organisation's, uses one of its scopes.

Each has a purpose in words and an end; one that ended or was revoked gives nothing. Whoever may use a scope is decided
here alone: a client's own registration names only the scopes of OpenID Connect.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from clients_registry.errors import InvalidScopeGrant, MetadataFault
from clients_registry.field_readers import Reading, Unfit, text
from clients_registry.policy import RegistrationPolicy
from clients_registry.profiles import FAPI2
from clients_registry.resource import Scope

LONGEST = timedelta(days=5 * 366)
"""So that somebody looks at each of them again."""
_MAX_PURPOSE_LETTERS = 300


@dataclass(frozen=True, slots=True)
class ScopeGrant:
    """One client's permission to use one scope."""

    word: str
    client_id: str
    purpose: str
    """What for, and on which ground; one line for the operators of both sides."""
    granted_by: str
    """The actor, as in the ledger."""
    granted_at: datetime
    ends_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GrantedScope:
    """A scope that a client was granted and that was not revoked, as the hot path needs it."""

    scope: Scope
    identifier: str
    """Of its resource."""
    ends_at: datetime

    def may_be_used(self, by: str, now: datetime) -> bool:
        """`by`: `machines` or `citizens`, whom the client acts for."""
        return by in self.scope.used_by and now < self.ends_at


def check_scope_grant(purpose: str, ends_at: datetime, now: datetime) -> None:
    """Raises: InvalidScopeGrant with every fault."""
    faults: list[MetadataFault] = []
    try:
        text(_MAX_PURPOSE_LETTERS)(
            purpose, Reading(RegistrationPolicy(), FAPI2, "web")
        )  # it looks at neither
    except Unfit as unfit:
        faults += [MetadataFault("purpose", sentence) for _, sentence in unfit.faults]
    if not now < ends_at <= now + LONGEST:
        faults.append(MetadataFault("until", "must be a day to come, at most five years from now"))
    if faults:
        raise InvalidScopeGrant(faults)


def scope_grant_shown(grant: ScopeGrant) -> Mapping[str, Any]:
    """The grant as an operator sees it."""
    shown = {
        "client_id": grant.client_id,
        "purpose": grant.purpose,
        "granted_by": grant.granted_by,
        "granted_at": grant.granted_at,
        "ends_at": grant.ends_at,
        "revoked_at": grant.revoked_at,
    }
    return {
        name: value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
        for name, value in shown.items()
        if value is not None
    }
