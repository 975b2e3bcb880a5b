"""Access tokens that a service got in exchange for another (RFC 8693 §4): the citizen is the subject, the service the actor.

`act` names the client that asked and, inside, those that had asked before it (§4.1); the level and time of authentication
are the held token's. The subject is the citizen as the API's organisation knows them: a name from one organisation is
never carried to another. What they came from stands in `chain` (token_chain).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from clients_registry.client import Client
from idp.ids import new_token_id
from idp.protocol.confirmation import Confirmation, token_type
from idp.protocol.policy import ProtocolPolicy
from idp.protocol.resource_indicators import Target
from idp.records import Grant, OpaqueToken
from idp.storage import ports
from idp.tokens import access_token, token_chain
from idp.tokens.issuer import IssuedTokens, made_for
from idp.tokens.subject import Subjects
from keys.key_ring import KeyRing

ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"
_CARRIED = ("auth_time", "acr")


def issue_exchanged_token(
    policy: ProtocolPolicy,
    key_ring: KeyRing,
    subjects: Subjects,
    opaque_tokens: ports.Records[OpaqueToken],
    *,
    client: Client,
    grant: Grant,
    held: Mapping[str, Any],
    target: Target,
    details: tuple[Mapping[str, Any], ...] = (),
    confirmation: Confirmation | None,
    now: datetime,
) -> IssuedTokens:
    """Sign the token of an exchange that has been recorded; `held` are the claims of the token that was shown."""
    issued_at, seconds = int(now.timestamp()), _seconds(policy, grant, held, target, now)
    claims: dict[str, Any] = {
        "iss": policy.issuer,
        "sub": subjects.for_sector(target.sector, grant.citizen_id),
        "aud": target.audience,
        "client_id": client.client_id,
        "iat": issued_at,
        "exp": issued_at + seconds,
        "jti": new_token_id(),
        "scope": " ".join(target.scope),
        "grant_id": grant.grant_id,
        "act": {"sub": client.client_id, **({"act": held["act"]} if "act" in held else {})},
        token_chain.CLAIM: token_chain.chain_after(subjects, held),
        **{name: held[name] for name in _CARRIED if name in held},
    }
    if details:
        claims["authorization_details"] = list(details)
    if confirmation is not None:
        claims["cnf"] = confirmation.as_claim()
    return IssuedTokens(
        access_token=made_for(target, key_ring, opaque_tokens, claims),
        expires_in_seconds=seconds,
        scope=target.scope,
        token_type=token_type(confirmation),
        authorization_details=details,
        issued_token_type=ACCESS_TOKEN_TYPE,
    )


def _seconds(
    policy: ProtocolPolicy, grant: Grant, held: Mapping[str, Any], target: Target, now: datetime
) -> int:
    """No longer than the token that was shown, and than any token of this grant for this API."""
    left = int(held["exp"]) - int(now.timestamp())
    return min(left, access_token.lifetime_seconds(policy, grant, now, target))


def actors_of(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The clients that a token has passed through, the last first."""
    actors: list[str] = []
    act = claims.get("act")
    while isinstance(act, Mapping):
        actors.append(str(act["sub"]))
        act = act.get("act")
    return tuple(actors)
