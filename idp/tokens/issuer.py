"""The single mint: everything we sign for a client is made here, after its grant and its ledger row are kept.

It decides no right: whoever calls it has already recorded what is given (protocol.md, once means once).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from clients_registry.client import Client
from idp.protocol.confirmation import Confirmation, token_type
from idp.protocol.id_token_hint import ID_TOKEN_TYP
from idp.protocol.policy import ProtocolPolicy
from idp.protocol.profile import signing_algorithm
from idp.protocol.resource_indicators import Target
from idp.records import Grant, OpaqueToken
from idp.storage import ports
from idp.tokens import access_token, id_token, opaque_token
from idp.tokens.sign_in import SignIn
from idp.tokens.subject import Subjects
from keys.key_ring import KeyRing
from keys.own_tokens import issue_token

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """What a token response carries (RFC 6749 §5.1; OpenID Connect Core §3.1.3.3)."""

    access_token: str = field(repr=False)
    expires_in_seconds: int
    scope: tuple[str, ...]
    token_type: str
    id_token: str | None = field(default=None, repr=False)
    authorization_details: tuple[Mapping[str, Any], ...] = ()
    refresh_token: str | None = field(default=None, repr=False)
    issued_token_type: str | None = None
    """RFC 8693 §2.2.1: only after an exchange."""
    logged: Mapping[str, str] = field(default_factory=dict)
    """What the log tells of it, where no ledger row does."""


def issue_tokens(
    policy: ProtocolPolicy,
    key_ring: KeyRing,
    subjects: Subjects,
    opaque_tokens: ports.Records[OpaqueToken],
    *,
    client: Client,
    grant: Grant,
    sign_in: SignIn,
    target: Target | None,
    confirmation: Confirmation | None,
    now: datetime,
    refresh_token: str | None = None,
    personal: Mapping[str, Any] = _NOTHING,
) -> IssuedTokens:
    """Sign the tokens of a grant that has been recorded; `refresh_token` was recorded with it.

    The access token is for `target`, or for userinfo where there is none: at an API the citizen is who they are to its
    organisation, and nothing of OpenID Connect's scopes is told. It is bound to `confirmation`, what the client proved to hold.
    `personal` are the claims about the citizen that the client asked to have in the ID token.
    """
    subject = subjects.for_client(client, grant.citizen_id)
    algorithm = signing_algorithm(client)
    claims = access_token.access_token_claims(
        policy,
        grant,
        sign_in,
        subject=subject if target is None else subjects.for_sector(target.sector, grant.citizen_id),
        target=target,
        now=now,
        confirmation=confirmation,
    )
    access = made_for(target, key_ring, opaque_tokens, claims)
    identity = issue_token(
        key_ring,
        algorithm,
        ID_TOKEN_TYP,
        id_token.id_token_claims(
            policy,
            sign_in,
            subject=subject,
            sid=subjects.sid_for(grant.client_id, grant.session_id),
            access_token=access,
            algorithm=algorithm,
            now=now,
            personal=personal,
        ),
    )
    return IssuedTokens(
        access_token=access,
        id_token=identity,
        expires_in_seconds=claims["exp"] - claims["iat"],
        scope=tuple(claims["scope"].split()),
        token_type=token_type(confirmation),
        authorization_details=grant.authorization_details,
        refresh_token=refresh_token,
    )


def issue_to_machine(
    policy: ProtocolPolicy,
    key_ring: KeyRing,
    opaque_tokens: ports.Records[OpaqueToken],
    *,
    client_id: str,
    target: Target,
    confirmation: Confirmation | None,
    now: datetime,
) -> IssuedTokens:
    """The access token of a service in its own name. Nothing of it is in SQL; `logged` is what is told of it."""
    claims = access_token.machine_token_claims(
        policy, target, client_id=client_id, now=now, confirmation=confirmation
    )
    return IssuedTokens(
        access_token=made_for(target, key_ring, opaque_tokens, claims),
        id_token=None,
        expires_in_seconds=claims["exp"] - claims["iat"],
        scope=target.scope,
        token_type=token_type(confirmation),
        logged={
            "client_id": client_id,
            "resource": target.audience,
            "scope": claims["scope"],
            "token_id": claims["jti"],
        },
    )


def made_for(
    target: Target | None,
    key_ring: KeyRing,
    opaque_tokens: ports.Records[OpaqueToken],
    claims: Mapping[str, Any],
) -> str:
    """An access token in the form and by the algorithm that its API registered; ours is signed."""
    if target is not None and target.form == "opaque":
        return opaque_token.keep(opaque_tokens, claims)
    return issue_token(key_ring, access_token.algorithm_for(target), access_token.TYP, claims)
