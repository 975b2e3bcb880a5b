"""The authorization code grant, both halves (RFC 6749 §4.1; OpenID Connect Core §3.1.3).

A code's contents are in Redis and expire; that it was spent is in SQL and does not. An authorization request is decided
once, a code is redeemed once, each by one row with a unique constraint in the transaction that also writes the ledger; only
after its commit is anything minted. Not here: client authentication, which comes before, and the pages that lead to a
decision.

    request ──decided──▶ (spent) ──▶ code ──redeemed──▶ (spent) ──▶ grant ──▶ tokens
                                      │ └──a second time──▶ the grant is revoked
                                      └──wrong verifier──▶ (spent, gave nothing)
"""

import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import NoReturn

from clients_registry.client import Client
from clients_registry.purposes import Purpose
from idp.errors import InvalidGrant, InvalidRequest, OAuthError
from idp.grants import refresh_token
from idp.grants.guesses import check_guesses
from idp.grants.parts import Parts
from idp.grants.released import purpose_of, released_claims, told_in_id_token
from idp.ids import digest, new_id, new_secret
from idp.ledger import events
from idp.protocol.acr import acr_of
from idp.protocol.pkce import check_verifier
from idp.protocol.profile import signing_algorithm
from idp.records import OFFLINE_ACCESS, AuthorizationCode, BrowserSession, Grant, LoginAttempt
from idp.storage import ports
from idp.tokens.access_token import ALGORITHM as ACCESS_TOKEN_ALGORITHM
from idp.tokens.issuer import IssuedTokens, issue_tokens

GRANT_TYPE = "authorization_code"

_Facts = dict[str, str | int | list[str]]

_REQUEST = "request"
_CODE = "code"
_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{43}\Z")
"""As idp.ids.new_secret makes them."""


class AlreadyDecided(Exception):
    """The authorization request was decided before: in another tab, or before a reload."""


# --- the first half: a decision and its code -------------------------------------------------------------------


def issue_code(parts: Parts, attempt: LoginAttempt, session: BrowserSession, *, lasting: bool = False) -> str:
    """Decide the attempt's request in favour of the client, and return the code.

    Without the citizen's consent to a `lasting` access the code gives none (OIDC Core §11).

    The code is kept before the decision commits and told after it: until then nobody knows it.

    Raises:
        AlreadyDecided: nothing was issued.
        UnmetAuthenticationRequirements: nothing was decided.
    """
    now, request = parts.clock(), attempt.request
    record = AuthorizationCode(
        client_id=request.client_id,
        redirect_uri=request.redirect_uri,
        code_challenge=request.code_challenge,
        citizen_id=session.citizen_id,
        session_id=session.session_id,
        session_expires_at=session.expires_at,
        scope=tuple(word for word in request.scope if lasting or word != OFFLINE_ACCESS),
        claims=released_claims(parts, request, session),
        id_token_claims=request.id_token_claims,
        purpose_id=request.purpose_id,
        nonce=request.nonce,
        acr=acr_of(request, session, parts.policy),
        amr=session.amr,
        authenticated_at=session.authenticated_at,
        expires_at=now + parts.policy.code_lifetime,
        authenticator_age_seconds=session.authenticator_age_seconds if request.authenticator_age else None,
    )
    code = new_secret()
    parts.codes.put(code, record)
    facts: _Facts = {"purpose": record.purpose_id, "claims": list(record.claims), "acr": record.acr}
    try:
        _decide(parts, attempt, events.AUTHORIZED, session.citizen_id, facts, now)
    except AlreadyDecided:
        parts.codes.forget(code)
        raise
    parts.count("decisions", {"outcome": "authorized"})
    parts.count("codes", {"outcome": "issued"})
    return code


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
    facts: _Facts,
    now: datetime,
) -> None:
    # Another attempt at the same request may have begun as late as the request_uri allowed.
    keep_until = now + parts.policy.request_uri_lifetime + parts.policy.login_attempt_lifetime

    told = {"client_id": attempt.request.client_id, **facts}

    def work(tx: ports.Tx) -> bool:
        if not parts.spent.spend(tx, _REQUEST, attempt.request_key, now=now, keep_until=keep_until):
            return False
        actor = events.BY_CITIZEN
        parts.ledger.append(tx, event=event, actor=actor, at=now, citizen_id=citizen_id, facts=told)
        return True

    if not parts.transact(work):
        raise AlreadyDecided


# --- the second half: a redemption -----------------------------------------------------------------------------


def redeem_code(
    parts: Parts, client: Client, parameters: Mapping[str, str], *, address: str, now: datetime
) -> IssuedTokens:
    """Tokens for the code of an authenticated client (RFC 6749 §4.1.3).

    Raises: InvalidGrant, InvalidRequest, TooManyRequests.
    """
    if (code := parameters.get("code")) is None:
        raise InvalidRequest("The code is missing.")
    record = parts.codes.find(code) if _WELL_FORMED.match(code) else None
    if record is None:
        _refuse_unknown(parts, client, code, address, now)
    _check_terms(record, client, parameters, now)
    try:
        check_verifier(record.code_challenge, parameters.get("code_verifier"))
    except InvalidGrant:
        _burn(parts, client, code, record, now)
        raise
    purpose = purpose_of(client, record)
    if parts.redemptions.obstacle(record):
        raise InvalidGrant("The sign-in that the code stands for is no longer valid.")
    for algorithm in (ACCESS_TOKEN_ALGORITHM, signing_algorithm(client)):
        parts.key_ring.signer(algorithm)  # a key that cannot sign now must not cost the citizen the code
    grant = _grant_of(parts, client, record, purpose, now)
    refresh = refresh_token.first(client, grant, record, now)
    personal = told_in_id_token(parts, record, grant)
    if not _record(parts, code, record, purpose, grant, refresh, now):
        _refuse_again(parts, client, code, now)
    parts.count("codes", {"outcome": "redeemed"})
    parts.count("tokens", {"grant": GRANT_TYPE})
    return issue_tokens(
        parts.policy,
        parts.key_ring,
        parts.subjects,
        client=client,
        grant=grant,
        sign_in=record,
        now=now,
        refresh_token=None if refresh is None else refresh.secret,
        personal=personal,
    )


def _check_terms(
    record: AuthorizationCode, client: Client, parameters: Mapping[str, str], now: datetime
) -> None:
    """Client, time and redirect URI must all be right; a wrong one spends nothing (S-070, S-071).

    Raises: InvalidGrant.
    """
    redirect_uri = parameters.get("redirect_uri", "")
    if record.client_id != client.client_id or now >= record.expires_at:
        raise InvalidGrant("The code is unknown, has expired, was used before or belongs to another client.")
    if not hmac.compare_digest(record.redirect_uri.encode(), redirect_uri.encode()):
        raise InvalidGrant("The redirect_uri must be the one of the authorization request.")


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
        created_at=now,
        expires_at=refresh_token.end_of_grant(parts.policy, client, record, now),
    )


def _record(
    parts: Parts,
    code: str,
    record: AuthorizationCode,
    purpose: Purpose,
    grant: Grant,
    refresh: refresh_token.Issued | None,
    now: datetime,
) -> bool:
    """Spend the code, add what it gives and write the ledger row; False where the code was spent before."""
    facts: _Facts = {
        "client_id": grant.client_id,
        "purpose": purpose.id,
        "legal_ground": purpose.legal_ground,
        "claims": list(grant.claims),
        "acr": record.acr,
    }
    if grant.offline:
        facts["lasting"] = 1
    actor = events.by_client(grant.client_id)

    def work(tx: ports.Tx) -> bool:
        # A second use, for as long as what it gave may live, can still revoke it (RFC 6749 §4.1.2).
        if not _spend(parts, tx, code, record, now, gave=grant.grant_id, until=grant.expires_at):
            return False
        parts.grants.add(tx, grant)
        if refresh is not None:
            parts.refresh_tokens.add(tx, digest(refresh.secret), refresh.token)
        parts.ledger.append(
            tx, event=events.TOKEN_ISSUED, actor=actor, at=now, citizen_id=grant.citizen_id, facts=facts
        )
        return True

    return parts.transact(work)


def _spend(
    parts: Parts,
    tx: ports.Tx,
    code: str,
    record: AuthorizationCode,
    now: datetime,
    *,
    gave: str,
    until: datetime,
) -> bool:
    keep_until = max(record.expires_at, until) + parts.policy.access_token_lifetime
    return parts.spent.spend(tx, _CODE, digest(code), now=now, keep_until=keep_until, gave=gave)


def _burn(parts: Parts, client: Client, code: str, record: AuthorizationCode, now: datetime) -> None:
    """A wrong verifier comes from a thief or a mistake; neither gets a second try (S-040)."""
    if not parts.transact(lambda tx: _spend(parts, tx, code, record, now, gave="", until=now)):
        _refuse_again(parts, client, code, now)
    parts.codes.forget(code)
    parts.count("codes", {"outcome": "refused"})


def _refuse_unknown(parts: Parts, client: Client, code: str, address: str, now: datetime) -> NoReturn:
    """A code that was never issued, or whose contents have expired: it may still have been spent (S-068, S-075)."""
    check_guesses(parts, "code", client.client_id, address)
    _refuse_again(parts, client, code, now)


def _refuse_again(parts: Parts, client: Client, code: str, now: datetime) -> NoReturn:
    """Revoke what an earlier use of the code gave this client, if there was one (RFC 6749 §4.1.2)."""
    grant_id = parts.spent.gave_what(_CODE, digest(code))
    found = parts.grants.find_live(grant_id) if grant_id else None
    if found is not None and found[0].client_id == client.client_id:
        _revoke(parts, found[0], now)
    parts.count("codes", {"outcome": "refused" if found is None else "reused"})
    raise InvalidGrant("The code is unknown, has expired, was used before or belongs to another client.")


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
