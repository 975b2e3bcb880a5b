"""GET and POST /authorize: the authorization endpoint (RFC 6749 §3.1, OpenID Connect Core §3.1.2).

What is wrong with the client or its redirect URI is told on a page; everything else to the client. A good request
becomes a login attempt of this browser.
"""

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode

from flask import Response, request

from idp.addresses import neighbourhood
from idp.errors import InvalidRequestUri, RedirectedError, TooManyRequests
from idp.ids import digest, new_secret
from idp.login.flow import begin
from idp.login.pages import FormPost
from idp.login.refusal import tell_client
from idp.login.visit import Visit, browser_secret, find_signed_in, load_registered, peer_address
from idp.login.way_back import see_other
from idp.protocol.authorization_request import (
    REQUEST_URI_PREFIX,
    OpenedRequest,
    authorization_parameters,
    open_request,
)
from idp.protocol.begun_sign_ins import check_begun
from idp.protocol.id_token_hint import HintVerifier
from idp.protocol.request_object import RequestObjects
from idp.protocol.resource_indicators import Apis
from idp.records import LoginAttempt, PushedRequest
from idp.services import Services
from idp.web import prefer_languages, render

_WAY_BACK_KNOWN_FOR = timedelta(minutes=30)
"""How long an attempt that is over still leads back to its service."""


def authorize(services: Services) -> Response:
    """Answer an authorization request.

    Raises:
        OAuthError: told on a page.
    """
    parameters = authorization_parameters(
        request.method, request.query_string, request.get_data(), request.headers.get("Content-Type")
    )
    try:
        opened = open_request(
            parameters,
            registry=services.registry,
            pushed_requests=services.pushed_requests,
            hints=HintVerifier(services.policy, services.key_ring),
            objects=RequestObjects(services.policy, services.seen),
            apis=Apis(services.registry, services.policy.issuer),
            now=services.clock(),
        )
    except RedirectedError as refusal:
        return _refuse(services, refusal)
    except InvalidRequestUri:
        _count_guess(services)
        raise
    if opened.request_key is None:  # a pushed one was noted when it was pushed
        services.repeated_values.note(opened.request)
    if request.method == "POST":
        return _come_by_get(services, opened, parameters)
    prefer_languages(opened.request.ui_locales)
    return begin(services, _begin_visit(services, opened))


def _count_guess(services: Services) -> None:
    """A request_uri that nobody has: an old one of an honest client, or a guess (RFC 9126 §7.1, S-049).

    Raises: TooManyRequests. A request_uri that exists is never refused for the guesses of others.
    """
    policy = services.policy
    misses = services.rates.count("request-uri-miss", neighbourhood(peer_address()), policy.failure_window)
    if misses > policy.request_uri_failures_per_window:
        raise TooManyRequests("Too many request_uris that were never issued; wait a minute.")


def _come_by_get(services: Services, opened: OpenedRequest, parameters: Mapping[str, str]) -> Response:
    """Keep the request as a pushed one and let the browser come again by GET.

    A POST from another site carries no `SameSite=Lax` cookie: the session would not be seen, and a new browser cookie
    would take the place of the one that other tabs need.
    """
    client_id = opened.registered.client.client_id
    if opened.request_key is not None:  # pushed already: a second name for it would be a second decision
        request_uri = parameters["request_uri"]
    else:
        request_uri = REQUEST_URI_PREFIX + new_secret()
        check_begun(services.rates, services.policy, "pushed-request", peer_address())
        lifetime = services.policy.request_uri_lifetime
        services.pushed_requests.put(request_uri, PushedRequest(opened.request, services.clock() + lifetime))
    return see_other(f"/authorize?{urlencode({'client_id': client_id, 'request_uri': request_uri})}")


def _begin_visit(services: Services, opened: OpenedRequest) -> Visit:
    secret, attempt_id, now = browser_secret(), new_secret(), services.clock()
    attempt = LoginAttempt(
        attempt_id=attempt_id,
        browser_digest=digest(secret),
        request=opened.request,
        request_key=opened.request_key or digest(attempt_id),
        started_at=now,
        finish_by=now + services.policy.login_attempt_lifetime,
        expires_at=now + services.policy.login_attempt_lifetime + _WAY_BACK_KNOWN_FOR,
    )
    registered = load_registered(services, attempt)  # a pushed request is older than this moment
    check_begun(services.rates, services.policy, "sign-in", peer_address())
    services.login_attempts.put(attempt_id, attempt)
    return Visit(
        attempt=attempt,
        registered=registered,
        browser_secret=secret,
        now=now,
        signed_in=find_signed_in(services),
        partial=None,
    )


def _refuse(services: Services, refusal: RedirectedError) -> Response:
    answer = tell_client(services, refusal)
    if answer.mode == "form_post":
        return render(
            FormPost(target_url=answer.redirect_uri, service_name="", fields=dict(answer.parameters))
        )
    response = see_other(answer.location)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
