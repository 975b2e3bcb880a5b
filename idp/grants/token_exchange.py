"""Token exchange (RFC 8693): a service that holds a citizen's token asks another service on the citizen's behalf.

The one who asks is always the client that authenticates: it becomes the actor, and the citizen stays the subject. What it
may hold is a token for an API of its own organisation, or one of its own grants (userinfo's); what it may get is a token for
one API, with scopes that were granted to this client for use on a citizen's behalf, no longer alive than what it held, and
over when that or the citizen's grant is. Each exchange is a row in the citizen's ledger. `actor_token`, tokens of other kinds,
and chains beyond `policy.exchange_depth` are refused.

Only ever narrower: at an API where the chain has been it gets no more than the least that it had there, by whatever way it
comes back; at the API that the citizen's grant names, no more than the citizen agreed to; and a service's own sign-in for a
purpose that rests on consent opens no API that was not in the consent (docs/decisions/0009).

    subject token ─▶ alive? ─▶ meant for the caller? ─▶ which API, which scopes? ─▶ recorded ─▶ minted
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clients_registry.client import Client
from clients_registry.profiles import TOKEN_EXCHANGE
from clients_registry.registry import RegisteredResource
from clients_registry.resource import CITIZENS
from idp.errors import InvalidRequest, InvalidScope, InvalidTarget, InvalidToken, UnauthorizedClient
from idp.grants.kept_tokens import check_kept
from idp.grants.live_tokens import SignedToken, live_grant, verify_access_token
from idp.grants.parts import Parts
from idp.ledger import events
from idp.protocol.authorization_details import meant_for, narrowed
from idp.protocol.confirmation import Confirmation
from idp.protocol.resource_indicators import Target, target_for, usable_scopes
from idp.records import Grant
from idp.storage import ports
from idp.tokens.access_token import AccessToken
from idp.tokens.exchanged_token import ACCESS_TOKEN_TYPE, actors_of, issue_exchanged_token
from idp.tokens.issuer import IssuedTokens
from idp.tokens.token_chain import narrowed_at
from keys.errors import InvalidToken as NotOurToken

GRANT_TYPE = TOKEN_EXCHANGE

_UNFIT = (
    "The subject_token is not a live access token that was meant for this client or its organisation's API."
)


@dataclass(frozen=True, slots=True)
class _Held:
    """What the client holds, checked."""

    token: AccessToken
    claims: Mapping[str, Any]
    grant: Grant


def exchange(
    parts: Parts,
    client: Client,
    parameters: Mapping[str, str],
    *,
    confirmation: Confirmation | None,
    address: str,
    now: datetime,
) -> IssuedTokens:
    """A token for another API, for an authenticated client that acts for a citizen (RFC 8693 §2).

    Raises: InvalidAuthorizationDetails, InvalidRequest, InvalidScope, InvalidTarget, TooManyRequests, UnauthorizedClient.
    """
    del address
    if client.is_public:  # its name is anybody's, and with it the actor's would be
        raise UnauthorizedClient("Only a client that authenticates may exchange tokens.")
    subject_token = _asked(parameters)
    held = _held(parts, client, subject_token, now)
    asked = _api_of(parts, parameters)
    _check_agreed(client, held, asked)
    target = _target_of(parts, client, parameters, held, asked, now)
    theirs = held.claims.get("authorization_details", ())
    details = narrowed(
        meant_for(target.audience, theirs, parts.registry), parameters.get("authorization_details")
    )
    parts.key_ring.signer(target.algorithm)  # what cannot be signed is not recorded
    check_kept(parts, client.client_id, target)
    _record(parts, client, held, asked, target.scope, now)
    parts.count("tokens", {"grant": GRANT_TYPE})
    return issue_exchanged_token(
        parts.policy,
        parts.key_ring,
        parts.subjects,
        parts.opaque_tokens,
        client=client,
        grant=held.grant,
        held=held.claims,
        target=target,
        details=details,
        confirmation=confirmation,
        now=now,
    )


def _asked(parameters: Mapping[str, str]) -> str:
    """The subject token. Raises: InvalidRequest."""
    token = parameters.get("subject_token")
    if token is None or parameters.get("subject_token_type") != ACCESS_TOKEN_TYPE:
        raise InvalidRequest("Send subject_token, with the subject_token_type of an access token.")
    if "actor_token" in parameters or "actor_token_type" in parameters:
        raise InvalidRequest("The client that authenticates is the actor; leave actor_token out.")
    if parameters.get("requested_token_type", ACCESS_TOKEN_TYPE) != ACCESS_TOKEN_TYPE:
        raise InvalidRequest("Only access tokens are given; leave requested_token_type out.")
    return token


def _held(parts: Parts, client: Client, subject_token: str, now: datetime) -> _Held:
    """RFC 8693 §2.2.2: whatever is wrong with the subject token is an invalid_request.

    Raises: InvalidRequest.
    """
    try:
        signed = verify_access_token(parts, subject_token, now)
        if not _meant_for(parts, client, signed):
            raise InvalidRequest(_UNFIT)
        found = live_grant(parts, signed, now)
    except (NotOurToken, InvalidToken):
        raise InvalidRequest(_UNFIT) from None
    if found is None:
        raise InvalidRequest("The subject_token stands for no citizen; ask with client_credentials instead.")
    if len(actors_of(signed.claims)) >= parts.policy.exchange_depth:
        raise InvalidRequest("The subject_token was exchanged too many times already.")
    return _Held(signed.token, signed.claims, found[0])


def _meant_for(parts: Parts, client: Client, signed: SignedToken) -> bool:
    """A token that passes by somebody it was not meant for is never worth another (RFC 8693 §2.1, §5)."""
    token = signed.token
    if token.audience == parts.policy.issuer:
        return token.client_id == client.client_id
    own = parts.registry.find_resource(token.audience)
    return own is not None and not own.disabled and own.resource.organisation_id == client.organisation_id


def _api_of(parts: Parts, parameters: Mapping[str, str]) -> RegisteredResource:
    """The one API that the token is to be for; `audience` may name it as well. Raises: InvalidTarget."""
    named = {parameters[name] for name in ("resource", "audience") if name in parameters}
    if len(named) != 1:
        raise InvalidTarget("Name one API: its identifier, as resource.")
    found = parts.registry.find_resource(named.pop())
    if found is None or found.disabled:
        raise InvalidTarget("There is no such API, or it is disabled.")
    return found


def _check_agreed(client: Client, held: _Held, asked: RegisteredResource) -> None:
    """A service that asks its citizens for consent could have named this API there (RFC 8707). Raises: InvalidTarget."""
    if held.grant.client_id != client.client_id or held.grant.resource == asked.resource.identifier:
        return
    if held.grant.purpose_id not in {
        purpose.id for purpose in client.purposes if purpose.legal_ground == "law"
    }:
        raise InvalidTarget("The citizen was not asked about this API; name it as resource at the sign-in.")


def _target_of(
    parts: Parts,
    client: Client,
    parameters: Mapping[str, str],
    held: _Held,
    asked: RegisteredResource,
    now: datetime,
) -> Target:
    """What was granted to this client at this API, for citizens, and no more than the chain and the citizen's grant had there.

    Raises: InvalidScope, InvalidTarget.
    """
    identifier = asked.resource.identifier
    granted = usable_scopes(parts.registry, client.client_id, CITIZENS, now)
    there = {word for word, scope in granted.items() if scope.identifier == identifier}
    if held.grant.resource == identifier:
        there &= set(held.grant.resource_scope)
    narrowest = narrowed_at(parts.subjects, held.claims, identifier, there)
    usable = {word: granted[word] for word in narrowest}
    if not usable:
        raise InvalidTarget("No scope of this API may be used by the client with what it holds.")
    words = set(parameters["scope"].split(" ")) if "scope" in parameters else usable.keys()
    if not words <= usable.keys():
        raise InvalidScope("A scope of this API may not be used by the client with what it holds.")
    return target_for(asked.resource, tuple(sorted(words)), usable)


def _record(
    parts: Parts,
    client: Client,
    held: _Held,
    asked: RegisteredResource,
    scope: tuple[str, ...],
    now: datetime,
) -> None:
    """In words that stay true when a name changes: who asked whom, for what, and where the citizen had signed in."""
    asker = parts.registry.find_client(client.client_id)
    facts: dict[str, str | int | list[str]] = {
        "client_id": client.client_id,
        "service": client.client_name,
        "organisation": asker.organisation.name if asker else "",
        "resource": asked.resource.identifier,
        "asked": asked.resource.name,
        "asked_organisation": asked.organisation.name,
        "scope": list(scope),
        "purpose": held.grant.purpose_id,
        "signed_in_at": held.grant.client_id,
    }

    def work(tx: ports.Tx) -> None:
        parts.ledger.append(
            tx,
            event=events.TOKEN_EXCHANGED,
            actor=events.by_client(client.client_id),
            at=now,
            citizen_id=held.grant.citizen_id,
            facts=facts,
        )

    parts.transact(work)
