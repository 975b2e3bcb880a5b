"""From a user code that a citizen typed to a login attempt: the device's request in the citizen's own browser.

The citizen is signed in already, and whoever says yes in the end must be the same (RFC 8628 §5.4, S-028). Tries are
counted before a code is looked at, by citizen; what failed, with all other guesses from around the address (§5.1, S-246).
"""

from dataclasses import replace
from datetime import datetime, timedelta

from idp.device_records import DeviceRequest
from idp.ids import digest, new_secret
from idp.login.address_limits import count_failed_guess, neighbourhood_must_wait
from idp.login.visit import SignedIn, Visit, browser_secret, load_registered
from idp.protocol.device_authorization import parse_user_code
from idp.records import LoginAttempt
from idp.services import Services

_WINDOW, _DAY = timedelta(minutes=10), timedelta(days=1)


class UnknownUserCode(Exception):
    """Nobody shows this code, or no longer."""


class TooManyUserCodes(Exception):
    """So many codes were typed that none is looked at now."""


def open_device(services: Services, signed_in: SignedIn, typed: str) -> Visit:
    """The visit of a new attempt at the request of the device that shows this code.

    Raises:
        UnknownUserCode, TooManyUserCodes
        WrongTurn: the service may ask for nothing any more.
    """
    _count_try(services, signed_in.session.citizen_id)
    user_code = parse_user_code(typed)
    found = services.device_requests.find_by_user_code(user_code) if user_code is not None else None
    if found is None:
        count_failed_guess(services)
        raise UnknownUserCode
    key, asked = found
    return _begin_visit(services, signed_in, key, asked, services.clock())


def _count_try(services: Services, citizen_id: str) -> None:
    """Raises: TooManyUserCodes."""
    policy, count = services.policy, services.rates.count
    lately = count("device-user-code", citizen_id, _WINDOW)
    today = count("device-user-code-day", citizen_id, _DAY)
    too_many = lately > policy.device_codes_per_citizen or today > policy.device_codes_per_day
    if too_many or neighbourhood_must_wait(services):
        raise TooManyUserCodes


def _begin_visit(
    services: Services, signed_in: SignedIn, key: str, asked: DeviceRequest, now: datetime
) -> Visit:
    secret, attempt_id = browser_secret(), new_secret()
    attempt = LoginAttempt(
        attempt_id=attempt_id,
        browser_digest=digest(secret),
        request=asked.request,
        request_key=key,
        started_at=now,
        finish_by=asked.expires_at,
        expires_at=asked.expires_at,
        device=asked.device,
    )
    registered = load_registered(services, attempt)  # the device's request is older than this moment
    subject = services.subjects.for_client(registered.client, signed_in.session.citizen_id)
    attempt = replace(attempt, request=replace(asked.request, id_token_hint_subject=subject))
    services.login_attempts.put(attempt_id, attempt)
    return Visit(
        attempt=attempt,
        registered=registered,
        browser_secret=secret,
        now=now,
        signed_in=signed_in,
        partial=None,
    )
