"""Userinfo (OpenID Connect Core §5.3): the claims of a grant, to whoever holds its access token (RFC 6750).

The token is read from the Authorization header; from the body only where the client's profile allows it, from the query
never (S-136). A release is covered by the ledger row that was written when the token was issued: it lists these claims.
"""

from collections.abc import Mapping
from datetime import datetime

from clients_registry.claims import claims_of
from clients_registry.registry import RegisteredClient
from idp.endpoints.machine import (
    MachineFunction,
    MachineRequest,
    MachineResponse,
    json_response,
    text_response,
)
from idp.endpoints.refusals import NoTokenPresented
from idp.endpoints.sender import proven_sender
from idp.errors import InvalidRequest, InvalidToken
from idp.protocol.claims import claim_values
from idp.protocol.confirmation import holds
from idp.protocol.encryption import envelope_for
from idp.records import Citizen, Grant
from idp.services import Services
from idp.tokens import access_token, userinfo_token
from idp.tokens.access_token import AccessToken, check_access_token
from keys.errors import InvalidToken as NotOurToken
from keys.own_tokens import verify_token

_ALGORITHMS = frozenset({access_token.ALGORITHM})


def userinfo(services: Services) -> MachineFunction:
    """The endpoint."""

    def respond(request: MachineRequest) -> MachineResponse:
        now = services.clock()
        # 1. The token, from exactly one place.
        presented, from_body = _presented_token(request)
        # 2. Signed by us, meant for here, not expired.
        token = _verify(services, presented, now)
        # 3. Its client may still be served.
        registered = _client_of(services, token, from_body=from_body)
        client = registered.client
        # 4. Whoever presents it holds what it is bound to.
        _check_sender(request, token, now)
        # 5. Its grant still lives: the one read.
        grant, citizen = _live_grant(services, token)
        # 6. The claims.
        members = {
            "sub": services.subjects.for_client(client, citizen.citizen_id),
            **claim_values(citizen, _released(grant, token), services.citizens.load_cpr),
        }
        return _render(services, registered, members, now)

    return respond


def _presented_token(request: MachineRequest) -> tuple[str, bool]:
    """The token and whether it came in the body. Raises: NoTokenPresented, InvalidRequest."""
    if request.query_string:
        raise InvalidRequest("Nothing may be sent in the query string of this endpoint.")
    body: Mapping[str, str] = request.form() if request.body else {}
    authorization, in_body = request.header("authorization"), body.get("access_token")
    if authorization is not None and in_body is not None:
        raise InvalidRequest("The access token was sent in more than one way.")
    if in_body is not None:
        return in_body, True
    if authorization is None:
        raise NoTokenPresented("An access token is needed.")
    scheme, _, credentials = authorization.partition(" ")
    if scheme.lower() != "bearer" or not credentials:
        raise NoTokenPresented("The Authorization header must have the scheme Bearer and an access token.")
    return credentials, False


def _verify(services: Services, presented: str, now: datetime) -> AccessToken:
    try:
        claims = verify_token(services.key_ring, presented, typ=access_token.TYP, algorithms=_ALGORITHMS)
    except NotOurToken:
        raise InvalidToken("The access token is not valid.") from None
    return check_access_token(claims, policy=services.policy, now=now)


def _client_of(services: Services, token: AccessToken, *, from_body: bool) -> RegisteredClient:
    registered = services.registry.find_client(token.client_id)
    if registered is None or registered.disabled:
        raise InvalidToken("The client of the access token is disabled.")
    if from_body and not registered.client.rules.token_in_body:
        raise InvalidRequest("The access token must be sent in the Authorization header.")
    return registered


def _check_sender(request: MachineRequest, token: AccessToken, now: datetime) -> None:
    """RFC 9449 §7.1, RFC 8705 §3. Raises: InvalidToken, InvalidRequest."""
    proven, bound = proven_sender(request, now), token.confirmation
    if bound is not None and not holds(proven, bound):
        raise InvalidToken("The access token is bound to a key that the request does not prove to hold.")


def _live_grant(services: Services, token: AccessToken) -> tuple[Grant, Citizen]:
    if token.grant_id is None:
        raise InvalidToken("The access token stands for no citizen.")
    if token.token_id in services.revoked_tokens:
        raise InvalidToken("The access token was revoked.")
    found = services.grants.find_live(token.grant_id, issued_at=token.issued_at)
    if found is None or found[0].client_id != token.client_id:
        raise InvalidToken("The access token was revoked.")
    return found


def _released(grant: Grant, token: AccessToken) -> tuple[str, ...]:
    """What the grant gives; a token that was refreshed with less scope opens no more than that (RFC 6749 §6)."""
    if set(token.scope) >= set(grant.scope):
        return grant.claims
    within = claims_of(token.scope)
    return tuple(name for name in grant.claims if name in within)


def _render(
    services: Services, registered: RegisteredClient, members: Mapping[str, object], now: datetime
) -> MachineResponse:
    """Plain, or signed, or signed and encrypted, as the client registered (OpenID Connect Core §5.3.2)."""
    client = registered.client
    algorithm, encryption = client.userinfo_signed_response_alg, client.userinfo_encryption
    if algorithm is None:
        if encryption is not None:
            raise AssertionError("a registration encrypts only what is signed")
        return json_response(members)
    envelope = envelope_for(registered, encryption)
    signed = userinfo_token.sign(
        services.key_ring, services.policy, client.client_id, algorithm, members, now=now
    )
    return text_response(envelope.seal(signed), content_type="application/jwt")
