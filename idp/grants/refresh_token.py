"""The refresh token grant (RFC 6749 §6; OpenID Connect Core §11, §12).

A refresh token is opaque, kept as a digest, and goes on with one grant until that ends: with its session or, where the
citizen agreed to lasting access (`offline_access`), after 30 days, or 7 without use. A confidential client authenticates
at every use and keeps its token (FAPI 2.0 §5.3.2.1), and so does a public client whose token is bound to its key (RFC 9449
§5); a public client without a key gets another each time, and a second use of the old one ends everything that the grant
gave (RFC 9700 §4.14.2). There is no time of grace for answers that were lost. Not here: what the citizen is asked (login/) and client authentication.

    code ──▶ token ──used──▶ the same token
               └──used by a public client without a key──▶ (spent) ──▶ its successor
                                                              └──used again, or by another client──▶ the grant is revoked
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NoReturn

from clients_registry.client import Client
from clients_registry.errors import UnknownPurpose
from idp.errors import InvalidGrant, InvalidRequest, InvalidScope
from idp.grants.guesses import check_guesses
from idp.grants.kept_tokens import check_kept
from idp.grants.parts import Parts
from idp.ids import digest, new_secret
from idp.ledger import events
from idp.protocol.authorization_details import meant_for, narrowed, still_offered
from idp.protocol.confirmation import Confirmation, confirmation_of, holds
from idp.protocol.policy import ProtocolPolicy
from idp.protocol.profile import signing_algorithm
from idp.protocol.resource_indicators import Apis, Target
from idp.records import OFFLINE_ACCESS, AuthorizationCode, Grant
from idp.refresh_records import RefreshToken
from idp.storage import ports
from idp.tokens.access_token import algorithm_for
from idp.tokens.issuer import IssuedTokens, issue_tokens

GRANT_TYPE = "refresh_token"

_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{43}\Z")
"""As idp.ids.new_secret makes them."""
_UNKNOWN = "The refresh token is unknown, has expired, was used before or belongs to another client."
_ENDED = "The access that the refresh token stands for has ended; ask the citizen to sign in."


@dataclass(frozen=True, slots=True)
class Issued:
    """A token on its way to the client, and what is kept of it."""

    secret: str = field(repr=False)
    token: RefreshToken


# --- the first one, with its grant -----------------------------------------------------------------------------


def end_of_grant(policy: ProtocolPolicy, client: Client, code: AuthorizationCode, now: datetime) -> datetime:
    """How long the grant of a code lives: as long as anything that it gives."""
    if OFFLINE_ACCESS in code.scope:
        return now + policy.offline_access_lifetime
    if _goes_on(client, code, now):
        return code.session_expires_at
    return now + policy.access_token_lifetime


def first(
    client: Client, grant: Grant, code: AuthorizationCode, sender: Confirmation | None, now: datetime
) -> Issued | None:
    """The refresh token of a new grant, to be added with it; None where the client is registered for none."""
    if not _goes_on(client, code, now):
        return None
    token = RefreshToken(
        grant=grant,
        acr=code.acr,
        amr=code.amr,
        authenticated_at=code.authenticated_at,
        last_used_at=now,
        jkt=None if sender is None else sender.jkt,
        x5t_s256=None if sender is None else sender.x5t_s256,
    )
    return Issued(new_secret(), token)


def _goes_on(client: Client, code: AuthorizationCode, now: datetime) -> bool:
    return GRANT_TYPE in client.grant_types and (
        now < code.session_expires_at or OFFLINE_ACCESS in code.scope
    )


# --- a refresh -------------------------------------------------------------------------------------------------


def refresh(
    parts: Parts,
    client: Client,
    parameters: Mapping[str, str],
    *,
    confirmation: Confirmation | None,
    address: str,
    now: datetime,
) -> IssuedTokens:
    """New tokens of the same grant, for an authenticated client (RFC 6749 §6, OIDC Core §12.1).

    Raises: InvalidAuthorizationDetails, InvalidGrant, InvalidRequest, InvalidScope, InvalidTarget, TooManyRequests.
    """
    if (secret := parameters.get("refresh_token")) is None:
        raise InvalidRequest("The refresh_token is missing.")
    token = parts.refresh_tokens.find(digest(secret)) if _WELL_FORMED.match(secret) else None
    if token is None:
        parts.count("refreshes", {"outcome": "unknown"})
        check_guesses(parts, "refresh-token", client.client_id, address)
        raise InvalidGrant(_UNKNOWN)
    if token.client_id != client.client_id or token.spent_at is not None:
        _end_family(parts, client, token, now)
    _check_live(parts, client, token, now)
    _check_sender(client, token, confirmation)
    scope, target = _asked(parts, parameters, token.grant, now)
    details = narrowed(token.grant.authorization_details, parameters.get("authorization_details"))
    if target is not None:
        details = meant_for(target.audience, details, parts.registry)
    for algorithm in (algorithm_for(target), signing_algorithm(client)):
        parts.key_ring.signer(algorithm)  # a key that cannot sign now must not cost the citizen the token
    check_kept(parts, client.client_id, target)
    successor = Issued(new_secret(), replace(token, last_used_at=now)) if _rotates(client, token) else None
    if not _record(parts, digest(secret), token, successor, now):
        _end_family(parts, client, token, now)
    parts.count("refreshes", {"outcome": "refreshed"})
    parts.count("tokens", {"grant": GRANT_TYPE})
    return issue_tokens(
        parts.policy,
        parts.key_ring,
        parts.subjects,
        parts.opaque_tokens,
        client=client,
        grant=replace(token.grant, scope=scope, authorization_details=details),
        sign_in=token,
        target=target,
        confirmation=confirmation,
        now=now,
        refresh_token=secret if successor is None else successor.secret,
    )


def _rotates(client: Client, token: RefreshToken) -> bool:
    return client.is_public and _bound_to(token) is None


def _bound_to(token: RefreshToken) -> Confirmation | None:
    return confirmation_of(jkt=token.jkt, x5t_s256=token.x5t_s256)


def _check_sender(client: Client, token: RefreshToken, presented: Confirmation | None) -> None:
    """What a public client's token is bound to must be proven at every use (RFC 9449 §5, RFC 8705 §4; S-084, S-130).

    A confidential client proves itself by its authentication and may change the key of its proofs; but a refresh never
    loosens: where the first access token was bound, the next ones are.

    Raises: InvalidGrant.
    """
    bound = _bound_to(token)
    if bound is not None and not (holds(presented, bound) or (presented and not client.is_public)):
        raise InvalidGrant("The refresh token must be used with a proof by the key that it is bound to.")


def _check_live(parts: Parts, client: Client, token: RefreshToken, now: datetime) -> None:
    """Everything that may have ended the access since it was given (S-035, S-087, S-088).

    Raises: InvalidGrant.
    """
    grant, policy = token.grant, parts.policy
    unused = grant.offline and now >= token.last_used_at + policy.offline_access_unused
    if token.obstacle or now >= grant.expires_at or unused or not _still_registered(parts, client, grant):
        parts.count("refreshes", {"outcome": "ended"})
        raise InvalidGrant(_ENDED)


def _still_registered(parts: Parts, client: Client, grant: Grant) -> bool:
    """Scopes, details and claims that the client may have no more are not given on (S-034, S-088)."""
    try:
        allowed = client.purpose(grant.purpose_id).claims
    except UnknownPurpose:
        return False
    if not still_offered(grant.authorization_details, client, parts.registry):
        return False
    return set(grant.scope) <= {"openid", *client.scope} and set(grant.claims) <= set(allowed)


def _scope_of(parameters: Mapping[str, str], grant: Grant) -> tuple[str, ...]:
    """The same scope or less (RFC 6749 §6); the grant itself is never narrowed by it.

    Raises: InvalidScope.
    """
    value = parameters.get("scope")
    if value is None:
        return grant.scope
    asked = value.split(" ")
    if not set(asked) <= set(grant.scope) or "openid" not in asked:
        raise InvalidScope("The scope must contain openid, and nothing that was not granted.")
    return tuple(word for word in grant.scope if word in asked)


def _asked(
    parts: Parts, parameters: Mapping[str, str], grant: Grant, now: datetime
) -> tuple[tuple[str, ...], Target | None]:
    """The scope for userinfo, and the API that the token is for instead, if it is for one (RFC 8707 §2.2).

    Raises: InvalidScope, InvalidTarget.
    """
    apis, scope = Apis(parts.registry, parts.policy.issuer), parameters.get("scope")
    target = apis.target_of(grant, parameters.get("resource"), scope, now)
    return (_scope_of(parameters, grant) if target is None else grant.scope), target


def _record(
    parts: Parts, token_digest: str, token: RefreshToken, successor: Issued | None, now: datetime
) -> bool:
    """Spend the token or note its use, and write the ledger row; False where it was spent before."""
    grant, tokens = token.grant, parts.refresh_tokens

    def work(tx: ports.Tx) -> bool:
        keep = tokens.use if successor is None else tokens.spend
        if not keep(tx, token_digest, now):
            return False
        if successor is not None:
            tokens.add(tx, digest(successor.secret), successor.token)
        parts.ledger.append(
            tx,
            event=events.TOKEN_REFRESHED,
            actor=events.by_client(grant.client_id),
            at=now,
            citizen_id=grant.citizen_id,
            facts={
                "client_id": grant.client_id,
                "purpose": grant.purpose_id,
                "claims": list(grant.claims),
                "acr": token.acr,
            },
        )
        return True

    return parts.transact(work)


def _end_family(parts: Parts, client: Client, token: RefreshToken, now: datetime) -> NoReturn:
    """A token in two hands: one of them is a thief's, and nobody can say which (RFC 9700 §4.14.2, S-079, S-085)."""
    grant = token.grant

    def work(tx: ports.Tx) -> None:
        if parts.grants.revoke(tx, grant.grant_id, now):
            parts.ledger.append(
                tx,
                event=events.REFRESH_TOKEN_REUSED,
                actor=events.by_client(client.client_id),
                at=now,
                citizen_id=grant.citizen_id,
                facts={"client_id": grant.client_id, "purpose": grant.purpose_id},
            )

    parts.transact(work)
    parts.count("refreshes", {"outcome": "reused"})
    raise InvalidGrant(_UNKNOWN)
