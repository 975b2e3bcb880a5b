"""What of a citizen's data a decision releases, and what of it the ID token tells (OpenID Connect Core §5.5).

The citizen is read only where the `claims` parameter asked for a value, or for claims in the ID token.
"""

from collections.abc import Mapping
from typing import Any

from clients_registry.client import Client
from clients_registry.errors import UnknownPurpose
from clients_registry.purposes import Purpose
from idp.errors import InvalidGrant
from idp.grants.parts import Parts
from idp.protocol.claims import claim_values, matching
from idp.records import AuthorizationCode, AuthorizationRequest, BrowserSession, Grant


def released_claims(parts: Parts, request: AuthorizationRequest, session: BrowserSession) -> tuple[str, ...]:
    """What was asked for, without the claims whose value is another than the one that was asked for."""
    if not request.wanted_values:
        return request.claims
    citizen = parts.citizens.find(session.citizen_id)
    return () if citizen is None else matching(citizen, request.claims, request.wanted_values)


def purpose_of(client: Client, record: AuthorizationCode) -> Purpose:
    """The purpose of the request, as it is registered now. Raises: InvalidGrant."""
    try:
        return client.purpose(record.purpose_id)
    except UnknownPurpose:
        raise InvalidGrant("The client is no longer registered for the purpose of the request.") from None


def told_in_id_token(parts: Parts, record: AuthorizationCode, grant: Grant) -> Mapping[str, Any]:
    """The values of the claims that were asked for in the ID token and are granted."""
    told = tuple(name for name in grant.claims if name in record.id_token_claims)
    citizen = parts.citizens.find(grant.citizen_id) if told else None
    return {} if citizen is None else claim_values(citizen, told, parts.citizens.load_cpr)
