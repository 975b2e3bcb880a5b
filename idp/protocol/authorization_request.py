"""The authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2, RFC 9126): from parameters to a checked record.

First the client and its redirect URI; until both are verified no error goes to any redirect URI (S-012). Everything else
after that, in one function for a plain and a pushed request, so that neither forgets a check. A foreign `request_uri` is
refused with its registered error. What comes of a request is the login's matter.

    parameters ─▶ request_uri of ours? ──yes──▶ the pushed request of this client
                        │ no
                        ▼
        client ─▶ request object? ─▶ redirect URI ─▶ must it be pushed? ─▶ every other parameter ─▶ AuthorizationRequest
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from clients_registry.client import Client
from clients_registry.errors import UnknownPurpose, UnregisteredRedirectUri
from clients_registry.redirect_uris import check_redirect_uri
from clients_registry.registry import RegisteredClient, Registry
from idp.errors import (
    InvalidRequest,
    InvalidRequestUri,
    OAuthError,
    RedirectedError,
    RequestUriNotSupported,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from idp.ids import digest
from idp.protocol import claims, prompt
from idp.protocol.acr import parse_acr_values
from idp.protocol.authorization_details import check_details, check_not_plain
from idp.protocol.encryption import check_can_encrypt
from idp.protocol.id_token_hint import HintVerifier
from idp.protocol.locales import parse_locales
from idp.protocol.pkce import parse_challenge
from idp.protocol.profile import pkce_required
from idp.protocol.request_object import RequestObjects
from idp.protocol.resource_indicators import Apis
from idp.protocol.response_mode import JWT_MODES, mode_of_refusal, parse_response_mode
from idp.protocol.scope import parse_scope
from idp.protocol.strict_form import parse_form, parse_query
from idp.records import AuthorizationRequest, PushedRequest

METADATA: Mapping[str, object] = MappingProxyType(
    {
        # RFC 9126 §5: true would say that every client must push; `fapi2` clients must, by registration.
        "require_pushed_authorization_requests": False,
    }
)

REQUEST_URI_PREFIX = "urn:ietf:params:oauth:request_uri:"
"""RFC 9126 §2.2."""

MAX_STATE = 2_048
"""FAPI 2.0 §5.3.2.2 note: a state may exceed 1,000 characters."""
MAX_NONCE = 384
"""FAPI 2.0 §5.3.2.2: 64 characters must work."""
_MAX_REDIRECT_URI = 2_048

_STATE = re.compile(rf"[\x20-\x7e]{{1,{MAX_STATE}}}\Z")  # RFC 6749 Appendix A.5
_NONCE = re.compile(rf"[\x20-\x7e]{{1,{MAX_NONCE}}}\Z")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_LOGIN_HINT = re.compile(r"[^\x00-\x1f\x7f]{1,256}\Z")


class PushedRequests(Protocol):
    """See idp.storage.ports.PushedRequests."""

    def find(self, secret: str) -> PushedRequest | None: ...


@dataclass(frozen=True, slots=True)
class OpenedRequest:
    """A request that may be answered with pages."""

    registered: RegisteredClient
    request: AuthorizationRequest
    request_key: str | None
    """What its decision spends: the digest of the request_uri; None where the request was not pushed."""


def authorization_parameters(
    method: str, query_string: bytes, body: bytes, content_type: str | None
) -> dict[str, str]:
    """The parameters of a request by GET or POST (OpenID Connect Core §3.1.2.1), none of them twice.

    Raises: InvalidRequest, TooLarge.
    """
    parameters = parse_query(query_string)
    if method != "POST":
        return parameters
    posted = parse_form(body, content_type)
    if posted.keys() & parameters.keys():
        raise InvalidRequest("A parameter occurs more than once.")
    return parameters | posted


def open_request(
    parameters: Mapping[str, str],
    *,
    registry: Registry,
    pushed_requests: PushedRequests,
    hints: HintVerifier,
    objects: RequestObjects,
    apis: Apis,
    now: datetime,
) -> OpenedRequest:
    """The request that a browser brought to the authorization endpoint.

    Raises:
        OAuthError: tell it on a page; nothing may be sent to any redirect URI.
        RedirectedError: tell it to the client.
    """
    if "request" in parameters and "request_uri" in parameters:  # RFC 9101 §5
        raise InvalidRequest("A request and a request_uri must not be sent together.")
    if parameters.get("request_uri", "").startswith(REQUEST_URI_PREFIX):
        return _open_pushed(parameters, registry, pushed_requests)
    registered, plain = _find_client(parameters, registry), "request" not in parameters
    try:
        parameters = objects.stated(parameters, registered, now=now, once=False)
    except OAuthError as error:
        raise _told_beside(error, parameters, registered) from None
    redirect_uri = check_redirect(parameters, registered)
    try:
        if "request_uri" in parameters:
            raise RequestUriNotSupported(
                "A request_uri must come from our pushed authorization request endpoint."
            )
        if registered.client.must_push:
            raise InvalidRequest("This client must push its authorization requests (RFC 9126).")
        if plain:
            check_not_plain(parameters)
        request = check_request(parameters, registered, redirect_uri, apis=apis, hints=hints, now=now)
    except OAuthError as error:
        raise _redirected(error, parameters, registered, redirect_uri) from None
    return OpenedRequest(registered, request, None)


def check_redirect(parameters: Mapping[str, str], registered: RegisteredClient) -> str:
    """The redirect URI that a request of this client names, verified.

    Raises: InvalidRequest, which must be told on a page.
    """
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None or len(redirect_uri) > _MAX_REDIRECT_URI:
        raise InvalidRequest("The redirect_uri is missing or too long.")
    try:
        return check_redirect_uri(registered.client, redirect_uri)
    except UnregisteredRedirectUri:
        raise InvalidRequest("The redirect_uri is not registered for this client.") from None


def check_request(
    parameters: Mapping[str, str],
    registered: RegisteredClient,
    redirect_uri: str,
    *,
    apis: Apis,
    hints: HintVerifier,
    now: datetime,
) -> AuthorizationRequest:
    """Everything but the client and its redirect URI, for a plain and for a pushed request.

    Raises: OAuthError.
    """
    client = registered.client
    _check_kind(parameters, client)
    response_mode = parse_response_mode(parameters.get("response_mode"), registered=client.response_modes)
    check_can_encrypt(registered, answer_is_signed=response_mode in JWT_MODES)
    what, asked = check_what_is_asked(parameters, client, apis.registry)
    resource, resource_scope = apis.asked(parameters, client.client_id, now)
    return replace(
        what,
        resource=resource,
        resource_scope=resource_scope,
        redirect_uri=redirect_uri,
        response_mode=response_mode,
        state=_parse_text(parameters, "state", _STATE),
        nonce=_parse_text(parameters, "nonce", _NONCE),
        code_challenge=parse_challenge(parameters, required=pkce_required(client)),
        prompt=prompt.parse_prompt(parameters.get("prompt")),
        login_hint=_parse_text(parameters, "login_hint", _LOGIN_HINT),
        display=prompt.parse_display(parameters.get("display")),
        id_token_hint_subject=_subject(parameters, client.client_id, asked.subject, hints),
        dpop_jkt=_parse_text(parameters, "dpop_jkt", _THUMBPRINT),
    )


def check_what_is_asked(
    parameters: Mapping[str, str], client: Client, registry: Registry
) -> tuple[AuthorizationRequest, claims.ClaimsParameter]:
    """What a request asks the citizen for, whatever way its answer takes: scope, purpose, claims, details and level.

    Raises: OAuthError.
    """
    scope = parse_scope(parameters.get("scope"), registered=client.scope)
    asked = claims.parse_claims(parameters.get("claims"))
    try:
        purpose = client.purpose(parameters.get("purpose"))
    except UnknownPurpose:
        raise InvalidRequest("The purpose must name one of the client's registered purposes.") from None
    request = AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri="",
        scope=scope,
        purpose_id=purpose.id,
        claims=claims.claims_within(purpose, scope, asked.named),
        id_token_claims=asked.id_token,
        wanted_values=asked.wanted_values,
        max_age_seconds=prompt.parse_max_age(parameters.get("max_age"), default=client.default_max_age),
        acr_values=asked.acr_values
        or parse_acr_values(parameters.get("acr_values"), default=client.default_acr_values),
        acr_essential=asked.acr_essential,
        ui_locales=parse_locales(parameters.get("ui_locales")),
        authenticator_age=asked.authenticator_age,
        authorization_details=check_details(parameters.get("authorization_details"), client, registry),
    )
    return request, asked


def _check_kind(parameters: Mapping[str, str], client: Client) -> None:
    if "authorization_code" not in client.grant_types:
        raise UnauthorizedClient("The client is not registered for the authorization code grant.")
    response_type = parameters.get("response_type")
    if response_type is None:
        raise InvalidRequest("The response_type is missing; it must be code.")
    if response_type != "code":
        raise UnsupportedResponseType("The only supported response_type is code.")


def _subject(
    parameters: Mapping[str, str], client_id: str, asked: str | None, hints: HintVerifier
) -> str | None:
    """The subject as which the sign-in must end, by `id_token_hint` or by the `claims` parameter."""
    hint = parameters.get("id_token_hint")
    hinted = None if hint is None else hints.verify(hint, client_id)
    if hinted is not None and asked is not None and hinted != asked:
        raise InvalidRequest("The id_token_hint and the claims parameter name different subjects.")
    return hinted or asked


def _open_pushed(
    parameters: Mapping[str, str], registry: Registry, pushed_requests: PushedRequests
) -> OpenedRequest:
    """RFC 9126 §4. Other parameters than client_id are ignored, never merged (S-052)."""
    registered = _find_client(parameters, registry)
    request_uri = parameters["request_uri"]
    pushed = pushed_requests.find(request_uri)
    # Another client's try is told the same as a guess, and changes nothing (S-048).
    if pushed is None or pushed.request.client_id != registered.client.client_id:
        raise InvalidRequestUri("The request_uri is unknown, has expired or belongs to another client.")
    try:
        check_redirect_uri(registered.client, pushed.request.redirect_uri)
    except UnregisteredRedirectUri:
        raise InvalidRequest("The redirect_uri is no longer registered for this client.") from None
    return OpenedRequest(registered, pushed.request, digest(request_uri))


def _find_client(parameters: Mapping[str, str], registry: Registry) -> RegisteredClient:
    client_id = parameters.get("client_id")
    registered = None if client_id is None else registry.find_client(client_id)
    if registered is None:
        raise InvalidRequest("The client_id is missing or unknown.")
    if registered.disabled:
        raise UnauthorizedClient("The client is disabled.")
    return registered


def _told_beside(
    error: OAuthError, parameters: Mapping[str, str], registered: RegisteredClient
) -> OAuthError | RedirectedError:
    """How to tell what is wrong with a request object: to a redirect URI beside it that is registered, else on a page."""
    try:
        return _redirected(error, parameters, registered, check_redirect(parameters, registered))
    except InvalidRequest:
        return error


def _redirected(
    error: OAuthError, parameters: Mapping[str, str], registered: RegisteredClient, redirect_uri: str
) -> RedirectedError:
    """How to tell the client, even where its response_mode or state is what was wrong."""
    client, state = registered.client, parameters.get("state")
    mode = mode_of_refusal(parameters.get("response_mode"), registered=client.response_modes)
    told_state = state if state and _STATE.match(state) else None
    return RedirectedError(error, client.client_id, redirect_uri, mode, told_state)


def _parse_text(parameters: Mapping[str, str], name: str, pattern: re.Pattern[str]) -> str | None:
    value = parameters.get(name)
    if value is not None and not pattern.match(value):
        raise InvalidRequest(f"The {name} is too long or has characters that are not allowed.")
    return value
