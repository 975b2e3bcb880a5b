"""The access token that a request brings to an endpoint of ours, and whether it opens that (RFC 6750, RFC 9449 §7).

The token is read from the Authorization header; from the body of a POST only where the client's profile allows it, from
the query never (S-136). Its scheme must be that of its binding: a token that is bound to a key is refused as Bearer,
another one as DPoP. Whatever is wrong with a token or its proof is told as a challenge (refusals).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from clients_registry.registry import RegisteredClient
from idp.endpoints.machine import Headers, MachineRequest
from idp.endpoints.refusals import NoTokenPresented, RefusedAtResource
from idp.endpoints.sender import Senders
from idp.errors import (
    InsufficientUserAuthentication,
    InvalidDpopProof,
    InvalidRequest,
    InvalidToken,
    UseDpopNonce,
)
from idp.protocol.confirmation import holds, token_type
from idp.protocol.step_up_challenge import WantedSignIn, check_sign_in
from idp.records import Citizen, Grant
from idp.services import Services
from idp.tokens import access_token
from idp.tokens.access_token import AccessToken, check_access_token
from keys.errors import InvalidToken as NotOurToken
from keys.own_tokens import verify_token

_ALGORITHMS = frozenset({access_token.ALGORITHM})
_SCHEMES = ("Bearer", "DPoP")


@dataclass(frozen=True, slots=True)
class Presented:
    """A token as it came. Nothing of it is verified."""

    text: str = field(repr=False)
    scheme: str
    """One of `_SCHEMES`."""
    from_body: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """What a request may do."""

    token: AccessToken
    registered: RegisteredClient
    grant: Grant
    citizen: Citizen
    headers: Headers
    """To go with the answer."""


def access_of(
    services: Services,
    senders: Senders,
    request: MachineRequest,
    *,
    url: str,
    now: datetime,
    wanted: WantedSignIn,
) -> Access:
    """The access that the request's token opens at `url`.

    Raises: InvalidRequest, NoTokenPresented, RefusedAtResource.
    """
    # 1. The token, from exactly one place.
    presented = _presented_token(request)
    try:
        # 2. Signed by us, meant for here, not expired.
        token = _verify(services, presented.text, now)
        # 3. Its client may still be served.
        registered = _client_of(services, token, presented)
        # 4. Whoever presents it holds what it is bound to.
        headers = _check_sender(senders, request, presented, token, url, now)
        # 5. Its grant still lives: the one read.
        grant, citizen = _live_grant(services, token)
        # 6. The sign-in behind it is strong and recent enough for this.
        check_sign_in(wanted, acr=token.acr, authenticated_at=token.authenticated_at, now=now)
    except (InvalidToken, InvalidDpopProof, UseDpopNonce, InsufficientUserAuthentication) as refusal:
        raise RefusedAtResource(refusal, presented.scheme) from None
    return Access(token, registered, grant, citizen, headers)


def _presented_token(request: MachineRequest) -> Presented:
    """Raises: NoTokenPresented, InvalidRequest."""
    if request.query_string:
        raise InvalidRequest("Nothing may be sent in the query string of this endpoint.")
    if request.body and request.method != "POST":  # RFC 6750 §2.2
        raise InvalidRequest("A body is sent with POST, and with no other method.")
    body: Mapping[str, str] = request.form() if request.body else {}
    authorization, in_body = request.header("authorization"), body.get("access_token")
    if authorization is not None and in_body is not None:
        raise InvalidRequest("The access token was sent in more than one way.")
    if in_body is not None:
        return Presented(in_body, "Bearer", from_body=True)
    if authorization is None:
        raise NoTokenPresented("An access token is needed.")
    name, _, credentials = authorization.partition(" ")
    # RFC 9110 §11.1: the name of a scheme has no case.
    scheme = next((scheme for scheme in _SCHEMES if scheme.lower() == name.lower()), None)
    if scheme is None or not credentials:
        raise NoTokenPresented(
            "The Authorization header must have the scheme DPoP or Bearer and an access token."
        )
    return Presented(credentials, scheme)


def _verify(services: Services, text: str, now: datetime) -> AccessToken:
    try:
        claims = verify_token(services.key_ring, text, typ=access_token.TYP, algorithms=_ALGORITHMS)
    except NotOurToken:
        raise InvalidToken("The access token is not valid.") from None
    return check_access_token(claims, policy=services.policy, now=now)


def _client_of(services: Services, token: AccessToken, presented: Presented) -> RegisteredClient:
    registered = services.registry.find_client(token.client_id)
    if registered is None or registered.disabled:
        raise InvalidToken("The client of the access token is disabled.")
    if presented.from_body and not registered.client.rules.token_in_body:
        raise InvalidRequest("The access token must be sent in the Authorization header.")
    return registered


def _check_sender(
    senders: Senders,
    request: MachineRequest,
    presented: Presented,
    token: AccessToken,
    url: str,
    now: datetime,
) -> Headers:
    """RFC 9449 §7.1, RFC 8705 §3 (S-123). Raises: InvalidToken, InvalidDpopProof, UseDpopNonce."""
    bound = token.confirmation
    if presented.scheme != token_type(bound):
        raise InvalidToken("The access token was not sent with the scheme of its token_type.")
    if bound is None:
        return ()
    proof = None
    if bound.jkt is not None:
        proof = senders.verify(request, url=url, now=now, access_token=presented.text)
        if proof is None:
            raise InvalidDpopProof("A DPoP proof must come with this access token.")
    sender = senders.take(request, proof, now)
    if not holds(sender.confirmation, bound):
        raise InvalidToken("The access token is bound to a key that the request does not prove to hold.")
    return sender.headers


def _live_grant(services: Services, token: AccessToken) -> tuple[Grant, Citizen]:
    if token.grant_id is None:
        raise InvalidToken("The access token stands for no citizen.")
    if token.token_id in services.revoked_tokens:
        raise InvalidToken("The access token was revoked.")
    found = services.grants.find_live(token.grant_id, issued_at=token.issued_at)
    if found is None or found[0].client_id != token.client_id:
        raise InvalidToken("The access token was revoked.")
    return found
