"""GET /signed-out: what came of a sign-out in this browser, service by service, and the way on.

The page never waits for a service: it shows what is known, and comes again by itself for some seconds while an answer is
out. Services that registered for it are told by frames on its first showing (OpenID Connect Front-Channel Logout 1.0 §3),
which may do nothing to this page. It leads on by itself to the service that asked, unless the citizen wants to stay.
"""

from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from flask import Response, request

from clients_registry.client import Client
from idp.login.outcomes import frames_of, outcomes_of
from idp.login.pages import Return
from idp.login.sign_out import SIGNED_OUT
from idp.login.sign_out_pages import ServiceOutcome, SignedOut, Told
from idp.login.visit import SIGN_OUT, find_signed_in
from idp.login.way_back import see_other
from idp.logout.records import SignOut
from idp.protocol.logout_request import LogoutRequest
from idp.services import Services
from idp.web import current_language, prefer_languages, read_cookie, render

_AGAIN_SECONDS = 2
_AGAIN_FOR = timedelta(seconds=8)
"""A service that answers at all answers within its deadline, which is shorter."""
_ON_SECONDS = 6
"""To read some lines; the page has a link to go on at once, and one to stay (WCAG 2.2, 2.2.1)."""


def show_signed_out(services: Services) -> Response:
    """The page, for the browser that signed out; for any other one that nobody is signed in."""
    if find_signed_in(services) is not None:  # again, since
        return see_other("/")
    secret = read_cookie(SIGN_OUT)
    done = services.sign_outs.find(secret) if secret else None
    if done is None:
        return render(SignedOut(was_signed_in=False))
    prefer_languages(done.asked.ui_locales)
    outcomes = outcomes_of(services, done.session_ids, services.clock())
    frames = _frames(services, done)
    if done.asked.return_url is not None and not _concerns_others(done, outcomes, frames):
        return _lead_on(services, done, done.asked.return_url)
    return _page(services, done, outcomes, frames)


def _page(
    services: Services,
    done: SignOut,
    outcomes: tuple[ServiceOutcome, ...],
    frames: tuple[str, ...],
) -> Response:
    waits = any(outcome.told is Told.WAITING for outcome in outcomes)
    again = waits and services.clock() - done.ended_at < _AGAIN_FOR
    return_url, stays = done.asked.return_url, "stay" in request.args
    page = SignedOut(
        was_signed_in=bool(done.session_ids),
        service_name=_service_name(services, done.asked),
        service_url=return_url,
        outcomes=outcomes,
        waits=waits,
        frames=frames,
        leads_on=return_url is not None and not stays,
    )
    response = render(page)
    if again:
        # Leaving the page cuts off what a frame still waits for.
        wait = _ON_SECONDS if frames else _AGAIN_SECONDS
        response.headers["Refresh"] = f"{wait};url={_seen(stays)}"
    elif return_url is not None and not stays:
        response.headers["Refresh"] = f"{_ON_SECONDS};url={return_url}"
    return response


def _seen(stays: bool) -> str:
    """This page once more, without the frames."""
    return f"{SIGNED_OUT}?seen=1{'&stay=1' if stays else ''}"


def _concerns_others(done: SignOut, outcomes: tuple[ServiceOutcome, ...], frames: tuple[str, ...]) -> bool:
    """Whether there is more to tell than that the service that asked is left."""
    others = any(outcome.client_id != done.asked.client_id for outcome in outcomes)
    return others or bool(frames) or "stay" in request.args


def _lead_on(services: Services, done: SignOut, return_url: str) -> Response:
    if done.after_form:
        name = _service_name(services, done.asked) or urlsplit(return_url).netloc
        return render(Return(target_url=return_url, service_name=name))
    response = see_other(return_url)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _frames(services: Services, done: SignOut) -> tuple[str, ...]:
    """Addresses of the frames, on the first showing."""
    if not done.session_ids or "seen" in request.args or "stay" in request.args:
        return ()
    own = done.session_ids[0]
    return tuple(_frame(services, client, own) for client in frames_of(services, own))


def _frame(services: Services, client: Client, session_id: str) -> str:
    """With `iss` and `sid`, by which the service knows whose session it is (§2)."""
    address = client.frontchannel_logout_uri or ""
    told = {"iss": services.policy.issuer, "sid": services.subjects.sid_for(client.client_id, session_id)}
    return f"{address}{'&' if '?' in address else '?'}{urlencode(told)}"


def _service_name(services: Services, asked: LogoutRequest) -> str | None:
    registered = services.registry.find_client(asked.client_id) if asked.client_id else None
    return registered.client.name_in(current_language()) if registered else None
