"""Whether an access token of ours still stands for what it was issued for (RFC 7662 §4; S-142).

The strictest word wins: its key, its time, its own revocation and that of every token it came from, its client and every other that it has passed through, its
scope at an API, its grant with session and citizen. One read, of the grant; a token that no citizen stands behind costs
none. For whom it is meant is the caller's question.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from clients_registry.resource import CITIZENS, MACHINES
from idp.errors import InvalidToken
from idp.grants.parts import Parts
from idp.protocol.resource_indicators import usable_scopes
from idp.records import Citizen, Grant
from idp.tokens import access_token, opaque_token
from idp.tokens.access_token import AccessToken, read_access_token
from idp.tokens.exchanged_token import actors_of
from idp.tokens.token_chain import tokens_before
from keys.algorithms import SIGNING_ALGORITHMS
from keys.errors import InvalidToken as NotOurToken
from keys.own_tokens import verify_token


@dataclass(frozen=True, slots=True)
class SignedToken:
    """An access token whose signature and end were checked."""

    token: AccessToken
    claims: dict[str, Any] = field(repr=False)


def verify_access_token(parts: Parts, presented: str, now: datetime) -> SignedToken:
    """A token that we signed, for whomever, and that has not expired.

    Raises:
        keys.errors.InvalidToken: we never issued it, or its key is trusted no more.
        idp.errors.InvalidToken: it has expired.
    """
    if opaque_token.is_opaque(presented):
        claims = opaque_token.find_claims(parts.opaque_tokens, presented)
        if claims is None:
            raise NotOurToken("no such opaque token")
        return SignedToken(read_access_token(claims, policy=parts.policy, now=now), claims)
    claims = verify_token(parts.key_ring, presented, typ=access_token.TYP, algorithms=SIGNING_ALGORITHMS)
    return SignedToken(read_access_token(claims, policy=parts.policy, now=now), claims)


def live_grant(parts: Parts, signed: SignedToken, now: datetime) -> tuple[Grant, Citizen] | None:
    """The grant behind a token, with its citizen; None for a token that no citizen stands behind.

    Raises: InvalidToken where the token is dead.
    """
    token = signed.token
    if parts.revoked_tokens.has_any((token.token_id, *tokens_before(signed.claims))):
        raise InvalidToken("The access token was revoked.")
    actors = actors_of(signed.claims)
    for client_id in {token.client_id, *actors}:
        _check_client(parts, client_id)
    _check_scope(parts, token, now)
    if token.grant_id is None:
        return None
    found = parts.grants.find_live(token.grant_id, issued_at=token.issued_at)
    if found is None:
        raise InvalidToken("The access token was revoked.")
    if actors:  # it was exchanged: the grant is that of the service where the citizen signed in
        _check_client(parts, found[0].client_id)
    elif found[0].client_id != token.client_id:
        raise InvalidToken("The access token was revoked.")
    return found


def _check_scope(parts: Parts, token: AccessToken, now: datetime) -> None:
    """At an API, what its organisation has taken back, or granted no longer than until now, is not given on (S-035).

    Raises: InvalidToken.
    """
    if token.audience == parts.policy.issuer:
        return
    by = MACHINES if token.grant_id is None else CITIZENS
    if not set(token.scope) <= usable_scopes(parts.registry, token.client_id, by, now).keys():
        raise InvalidToken("A scope of the access token is granted to its client no more.")


def _check_client(parts: Parts, client_id: str) -> None:
    """Raises: InvalidToken where the client, or its organisation, is served no more."""
    registered = parts.registry.find_client(client_id)
    if registered is None or registered.disabled:
        raise InvalidToken("The client of the access token is disabled.")
