"""Signing in to our own pages: who is signed in, or a redirect to a sign-in that comes back.

A page that changes factors asks for a fresh proof too, by the strongest kind of factor that the citizen has
(S-260, S-302). What is asked for then is login/steps.py's table, as in every sign-in.
"""

import re
from datetime import timedelta

from flask import Response, abort, request

from idp.ids import digest, new_secret
from idp.login.own_client import own_request
from idp.login.question import own_factors
from idp.login.visit import SignedIn, browser_secret, ensure_browser, find_signed_in, peer_address
from idp.login.way_back import see_other
from idp.protocol.begun_sign_ins import check_begun
from idp.records import LoginAttempt, OwnPage
from idp.services import Services

_OUR_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9/_.~%?&=+-]{0,512}\Z")
_WAY_BACK_KNOWN_FOR = timedelta(minutes=30)


def require_signed_in(services: Services, *, fresh: bool = False, back: str | None = None) -> SignedIn:
    """The session of this browser; with `fresh`, one in which a second factor was proven in the last five minutes.

    Where that is missing the request ends here, with a redirect to a sign-in of our own. It comes back by GET to `back`,
    a path of ours, or to the address that was asked for.
    """
    signed_in = find_signed_in(services)
    if signed_in is None or (fresh and not _is_fresh(services, signed_in)):
        abort(_begin(services, OwnPage(_path(back), fresh)))
    return signed_in


def _is_fresh(services: Services, signed_in: SignedIn) -> bool:
    own = own_factors(services, signed_in.session.citizen_id)
    return own.is_fresh(signed_in.session, services.clock())


def _path(back: str | None) -> str:
    asked = back if back is not None else request.full_path if request.method == "GET" else request.path
    path = asked.rstrip("?")
    if not _OUR_PATH.match(path):
        return "/"
    return path


def _begin(services: Services, page: OwnPage) -> Response:
    secret, attempt_id, now = browser_secret(), new_secret(), services.clock()
    finish_by = now + services.policy.login_attempt_lifetime
    attempt = LoginAttempt(
        attempt_id=attempt_id,
        browser_digest=digest(secret),
        request=own_request(page.path),
        request_key=digest(attempt_id),
        started_at=now,
        finish_by=finish_by,
        expires_at=finish_by + _WAY_BACK_KNOWN_FOR,
        own_page=page,
    )
    check_begun(services.rates, services.policy, "sign-in", peer_address())
    services.login_attempts.put(attempt_id, attempt)
    response = see_other(f"/login/{attempt_id}")
    ensure_browser(response, secret)
    return response
