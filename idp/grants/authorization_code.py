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
from idp.errors import InvalidGrant, InvalidRequest
from idp.grants.decision import AlreadyDecided, decide_for, decided_for
from idp.grants.guesses import check_guesses
from idp.grants.parts import Parts
from idp.grants.redemption import UNKNOWN, redeem, refuse_again, spend
from idp.ids import new_secret
from idp.ledger import events
from idp.protocol.confirmation import Confirmation
from idp.protocol.pkce import check_verifier
from idp.records import AuthorizationCode, BrowserSession, LoginAttempt
from idp.tokens.issuer import IssuedTokens

GRANT_TYPE = "authorization_code"

KIND = "code"

_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{43}\Z")
"""As idp.ids.new_secret makes them."""


# --- the first half: a decision and its code -------------------------------------------------------------------


def issue_code(parts: Parts, attempt: LoginAttempt, session: BrowserSession, *, lasting: bool = False) -> str:
    """Decide the attempt's request in favour of the client, and return the code.

    Without the citizen's consent to a `lasting` access the code gives none (OIDC Core §11).

    The code is kept before the decision commits and told after it: until then nobody knows it.

    Raises:
        AlreadyDecided: nothing was issued.
        UnmetAuthenticationRequirements: nothing was decided.
    """
    now = parts.clock()
    record = decided_for(
        parts, attempt.request, session, lasting=lasting, expires_at=now + parts.policy.code_lifetime
    )
    code = new_secret()
    parts.codes.put(code, record)
    try:
        decide_for(parts, attempt, record, events.AUTHORIZED, now=now)
    except AlreadyDecided:
        parts.codes.forget(code)
        raise
    parts.count("codes", {"outcome": "issued"})
    return code


# --- the second half: a redemption -----------------------------------------------------------------------------


def redeem_code(
    parts: Parts,
    client: Client,
    parameters: Mapping[str, str],
    *,
    confirmation: Confirmation | None,
    address: str,
    now: datetime,
) -> IssuedTokens:
    """Tokens for the code of an authenticated client (RFC 6749 §4.1.3).

    Raises: InvalidGrant, InvalidRequest, InvalidTarget, TooManyRequests.
    """
    if (code := parameters.get("code")) is None:
        raise InvalidRequest("The code is missing.")
    record = parts.codes.find(code) if _WELL_FORMED.match(code) else None
    if record is None:
        _refuse_unknown(parts, client, code, address, now)
    _check_terms(record, client, parameters, confirmation, now)
    try:
        check_verifier(record.code_challenge, parameters.get("code_verifier"))
    except InvalidGrant:
        _burn(parts, client, code, record, now)
        raise
    issued = redeem(
        parts,
        client,
        KIND,
        code,
        record,
        resource=parameters.get("resource"),
        details=parameters.get("authorization_details"),
        confirmation=confirmation,
        now=now,
    )
    parts.count("tokens", {"grant": GRANT_TYPE})
    return issued


def _check_terms(
    record: AuthorizationCode,
    client: Client,
    parameters: Mapping[str, str],
    confirmation: Confirmation | None,
    now: datetime,
) -> None:
    """Client, time, redirect URI and key must all be right; a wrong one spends nothing (S-070, S-071).

    Raises: InvalidGrant.
    """
    redirect_uri = parameters.get("redirect_uri", "")
    if record.client_id != client.client_id or now >= record.expires_at:
        raise InvalidGrant(UNKNOWN)
    if not hmac.compare_digest(record.redirect_uri.encode(), redirect_uri.encode()):
        raise InvalidGrant("The redirect_uri must be the one of the authorization request.")
    # RFC 9449 §10: a code that was asked for with a key is good with that key alone.
    if record.dpop_jkt is not None and (confirmation is None or confirmation.jkt != record.dpop_jkt):
        raise InvalidGrant(
            "The code must be redeemed with a DPoP proof by the key that it was asked for with."
        )


def _burn(parts: Parts, client: Client, code: str, record: AuthorizationCode, now: datetime) -> None:
    """A wrong verifier comes from a thief or a mistake; neither gets a second try (S-040)."""
    if not parts.transact(lambda tx: spend(parts, tx, KIND, code, record, now, gave="", until=now)):
        refuse_again(parts, client, KIND, code, now)
    parts.codes.forget(code)
    parts.count("codes", {"outcome": "refused"})


def _refuse_unknown(parts: Parts, client: Client, code: str, address: str, now: datetime) -> NoReturn:
    """A code that was never issued, or whose contents have expired: it may still have been spent (S-068, S-075)."""
    check_guesses(parts, "code", client.client_id, address)
    refuse_again(parts, client, KIND, code, now)
