"""A citizen's decision on an authorization request, recorded once: whatever way the answer then takes to the client.

A request is decided by one row with a unique constraint in the transaction that also writes the ledger row, so that two
tabs, a reload and a second browser decide nothing more.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from idp.errors import OAuthError
from idp.grants.parts import Parts
from idp.grants.released import released_claims
from idp.ledger import events
from idp.protocol.acr import acr_of
from idp.records import (
    OFFLINE_ACCESS,
    AuthorizationCode,
    AuthorizationRequest,
    BrowserSession,
    LoginAttempt,
)
from idp.storage import ports

Facts = dict[str, str | int | list[str]]

_REQUEST = "request"
_NO_MORE: Mapping[str, str] = MappingProxyType({})


class AlreadyDecided(Exception):
    """The authorization request was decided before: in another tab, or before a reload."""


def decided_for(
    parts: Parts,
    request: AuthorizationRequest,
    session: BrowserSession,
    *,
    lasting: bool,
    expires_at: datetime,
) -> AuthorizationCode:
    """What a decision in favour of the client gives, if it is recorded.

    Without the citizen's consent to a `lasting` access it gives none (OIDC Core §11).

    Raises: UnmetAuthenticationRequirements.
    """
    return AuthorizationCode(
        client_id=request.client_id,
        redirect_uri=request.redirect_uri,
        code_challenge=request.code_challenge,
        citizen_id=session.citizen_id,
        session_id=session.session_id,
        session_expires_at=session.expires_at,
        scope=tuple(word for word in request.scope if lasting or word != OFFLINE_ACCESS),
        claims=released_claims(parts, request, session),
        id_token_claims=request.id_token_claims,
        authorization_details=request.authorization_details,
        purpose_id=request.purpose_id,
        nonce=request.nonce,
        acr=acr_of(request, session, parts.policy),
        amr=session.amr,
        authenticated_at=session.authenticated_at,
        expires_at=expires_at,
        authenticator_age_seconds=session.authenticator_age_seconds if request.authenticator_age else None,
        dpop_jkt=request.dpop_jkt,
        resource=request.resource,
        resource_scope=request.resource_scope,
    )


def decide_for(
    parts: Parts,
    attempt: LoginAttempt,
    record: AuthorizationCode,
    event: str,
    *,
    now: datetime,
    facts: Mapping[str, str] = _NO_MORE,
) -> None:
    """Record the decision in favour of the client, with what else the ledger should tell of it.

    Raises: AlreadyDecided.
    """
    told: Facts = {
        "purpose": record.purpose_id,
        "claims": list(record.claims),
        "acr": record.acr,
        **facts,
    }
    if record.authorization_details:
        told["authorization_details"] = json.dumps(record.authorization_details, ensure_ascii=False)
    _decide(parts, attempt, event, record.citizen_id, told, now)
    parts.count("decisions", {"outcome": "authorized"})


def record_refusal(
    parts: Parts, attempt: LoginAttempt, refusal: OAuthError, *, citizen_id: str | None
) -> None:
    """Decide the attempt's request against the client.

    Raises: AlreadyDecided.
    """
    _decide(parts, attempt, events.DECLINED, citizen_id, {"reason": refusal.code}, parts.clock())
    parts.count("decisions", {"outcome": refusal.code})


def _decide(
    parts: Parts,
    attempt: LoginAttempt,
    event: str,
    citizen_id: str | None,
    facts: Facts,
    now: datetime,
) -> None:
    # Another attempt at the same request may have begun as late as the request_uri allowed; one for the same device
    # ends with this one, which may be later than any sign-in.
    latest = now + parts.policy.request_uri_lifetime + parts.policy.login_attempt_lifetime
    keep_until = max(latest, attempt.finish_by)

    told = {"client_id": attempt.request.client_id, **facts}

    def work(tx: ports.Tx) -> bool:
        if not parts.spent.spend(tx, _REQUEST, attempt.request_key, now=now, keep_until=keep_until):
            return False
        actor = events.BY_CITIZEN
        parts.ledger.append(tx, event=event, actor=actor, at=now, citizen_id=citizen_id, facts=told)
        return True

    if not parts.transact(work):
        raise AlreadyDecided
