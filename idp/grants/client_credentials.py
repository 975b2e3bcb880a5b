"""The client credentials grant (RFC 6749 §4.4): a service in its own name, at one API, with what it was granted there.

No citizen stands behind such a token: `sub` is the client (RFC 9068 §2.2), there is no ID token and no refresh token, and
nothing is written to SQL. It is counted, and logged by its `jti` under the request's reference (protocol.md, once means
once). Who may have the grant is decided at registration: never a client that does not authenticate.
"""

from collections.abc import Mapping
from datetime import datetime

from clients_registry.client import Client
from clients_registry.resource import MACHINES
from idp.errors import InvalidAuthorizationDetails
from idp.grants.kept_tokens import check_kept
from idp.grants.parts import Parts
from idp.protocol.authorization_details import PARAMETER
from idp.protocol.confirmation import Confirmation
from idp.protocol.resource_indicators import find_target
from idp.tokens.issuer import IssuedTokens, issue_to_machine

GRANT_TYPE = "client_credentials"


def issue(
    parts: Parts,
    client: Client,
    parameters: Mapping[str, str],
    *,
    confirmation: Confirmation | None,
    address: str,
    now: datetime,
) -> IssuedTokens:
    """A token for an authenticated client's own use.

    Raises: InvalidAuthorizationDetails, InvalidScope, InvalidTarget, TooManyRequests.
    """
    if PARAMETER in parameters:
        raise InvalidAuthorizationDetails(
            "Details are agreed to by a citizen; in its own name a service has scopes."
        )
    target = find_target(
        parts.registry,
        client.client_id,
        by=MACHINES,
        resource=parameters.get("resource"),
        scope=parameters.get("scope"),
        now=now,
    )
    check_kept(parts, client.client_id, target)
    issued = issue_to_machine(
        parts.policy,
        parts.key_ring,
        parts.opaque_tokens,
        client_id=client.client_id,
        target=target,
        confirmation=confirmation,
        now=now,
    )
    parts.count("tokens", {"grant": GRANT_TYPE})
    return issued
