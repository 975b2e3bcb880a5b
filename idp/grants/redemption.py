"""From a citizen's decision to tokens: what every grant does that redeems one, an authorization code or a device's.

A decision is redeemed once: by one row with a unique constraint, in the transaction that adds what it gives and writes
the ledger row; only after its commit is anything minted. A second use revokes what the first gave (RFC 6749 §4.1.2).
Not here: what a client must show beside its code.
"""

from dataclasses import replace
from datetime import datetime
from typing import NoReturn

from clients_registry.client import Client
from clients_registry.purposes import Purpose
from idp.errors import InvalidGrant
from idp.grants import refresh_token
from idp.grants.decision import Facts
from idp.grants.parts import Parts
from idp.grants.released import purpose_of, told_in_id_token
from idp.ids import digest, new_id
from idp.ledger import events
from idp.protocol.authorization_details import meant_for, narrowed, still_offered
from idp.protocol.confirmation import Confirmation
from idp.protocol.profile import signing_algorithm
from idp.protocol.resource_indicators import Apis
from idp.records import AuthorizationCode, Grant
from idp.storage import ports
from idp.tokens.access_token import algorithm_for
from idp.tokens.issuer import IssuedTokens, issue_tokens

UNKNOWN = "The code is unknown, has expired, was used before or belongs to another client."


def redeem(
    parts: Parts,
    client: Client,
    kind: str,
    code: str,
    record: AuthorizationCode,
    *,
    details: str | None,
    resource: str | None,
    confirmation: Confirmation | None,
    now: datetime,
) -> IssuedTokens:
    """Tokens for a code of this `kind` whose terms were checked, bound to what the client proved to hold.

    `resource` is the API that the tokens are for, of what was granted, `details` those of the granted authorization
    details; None: as it was granted.

    Raises: InvalidGrant, InvalidTarget, InvalidAuthorizationDetails.
    """
    purpose = purpose_of(client, record)
    if not still_offered(record.authorization_details, client, parts.registry):
        raise InvalidGrant("The client may not have these authorization_details any more.")
    wanted = narrowed(record.authorization_details, details)
    if parts.redemptions.obstacle(record):
        raise InvalidGrant("The sign-in that the code stands for is no longer valid.")
    grant = _grant_of(parts, client, record, purpose, now)
    target = Apis(parts.registry, parts.policy.issuer).target_of(grant, resource, None, now)
    if target is not None:
        wanted = meant_for(target.audience, wanted, parts.registry)
    for algorithm in (algorithm_for(target), signing_algorithm(client)):
        parts.key_ring.signer(algorithm)  # a key that cannot sign now must not cost the citizen the code
    refresh = refresh_token.first(client, grant, record, confirmation, now)
    personal = told_in_id_token(parts, record, grant)
    if not _record(parts, kind, code, record, purpose, grant, refresh, now):
        refuse_again(parts, client, kind, code, now)
    parts.count("codes", {"outcome": "redeemed"})
    return issue_tokens(
        parts.policy,
        parts.key_ring,
        parts.subjects,
        parts.opaque_tokens,
        client=client,
        grant=replace(grant, authorization_details=wanted),
        sign_in=record,
        target=target,
        confirmation=confirmation,
        now=now,
        refresh_token=None if refresh is None else refresh.secret,
        personal=personal,
    )


def spend(
    parts: Parts,
    tx: ports.Tx,
    kind: str,
    code: str,
    record: AuthorizationCode,
    now: datetime,
    *,
    gave: str,
    until: datetime,
) -> bool:
    """True for one caller. A second use, for as long as what it gave may live, can still revoke that."""
    keep_until = max(record.expires_at, until) + parts.policy.access_token_lifetime
    return parts.spent.spend(tx, kind, digest(code), now=now, keep_until=keep_until, gave=gave)


def refuse_again(parts: Parts, client: Client, kind: str, code: str, now: datetime) -> NoReturn:
    """Revoke what an earlier use of the code gave this client, if there was one (RFC 6749 §4.1.2).

    Raises: InvalidGrant.
    """
    grant_id = parts.spent.gave_what(kind, digest(code))
    found = parts.grants.find_live(grant_id) if grant_id else None
    if found is not None and found[0].client_id == client.client_id:
        _revoke(parts, found[0], now)
    parts.count("codes", {"outcome": "refused" if found is None else "reused"})
    raise InvalidGrant(UNKNOWN)


def _grant_of(
    parts: Parts, client: Client, record: AuthorizationCode, purpose: Purpose, now: datetime
) -> Grant:
    """What the code gives."""
    return Grant(
        grant_id=new_id(),
        citizen_id=record.citizen_id,
        client_id=record.client_id,
        session_id=record.session_id,
        scope=record.scope,
        # The registration may have become narrower since the request.
        claims=tuple(name for name in record.claims if name in purpose.claims),
        purpose_id=record.purpose_id,
        authorization_details=record.authorization_details,
        created_at=now,
        expires_at=refresh_token.end_of_grant(parts.policy, client, record, now),
        resource=record.resource,
        resource_scope=record.resource_scope,
    )


def _record(
    parts: Parts,
    kind: str,
    code: str,
    record: AuthorizationCode,
    purpose: Purpose,
    grant: Grant,
    refresh: refresh_token.Issued | None,
    now: datetime,
) -> bool:
    """Spend the code, add what it gives and write the ledger row; False where the code was spent before."""
    facts: Facts = {
        "client_id": grant.client_id,
        "purpose": purpose.id,
        "legal_ground": purpose.legal_ground,
        "claims": list(grant.claims),
        "acr": record.acr,
    }
    if grant.offline:
        facts["lasting"] = 1
    if grant.authorization_details:
        facts["details"] = sorted({str(detail["type"]) for detail in grant.authorization_details})
    if grant.resource is not None:
        facts |= {"resource": grant.resource, "scope": list(grant.resource_scope)}
    actor = events.by_client(grant.client_id)

    def work(tx: ports.Tx) -> bool:
        if not spend(parts, tx, kind, code, record, now, gave=grant.grant_id, until=grant.expires_at):
            return False
        parts.grants.add(tx, grant)
        if refresh is not None:
            parts.refresh_tokens.add(tx, digest(refresh.secret), refresh.token)
        parts.ledger.append(
            tx, event=events.TOKEN_ISSUED, actor=actor, at=now, citizen_id=grant.citizen_id, facts=facts
        )
        return True

    return parts.transact(work)


def _revoke(parts: Parts, grant: Grant, now: datetime) -> None:
    def work(tx: ports.Tx) -> None:
        if parts.grants.revoke(tx, grant.grant_id, now):
            parts.ledger.append(
                tx,
                event=events.CODE_REUSED,
                actor=events.by_client(grant.client_id),
                at=now,
                citizen_id=grant.citizen_id,
                facts={"client_id": grant.client_id, "purpose": grant.purpose_id},
            )

    parts.transact(work)
