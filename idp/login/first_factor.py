"""POST /login/<attempt>/password: the user ID and the password."""

from datetime import timedelta

from flask import Response

from idp.addresses import neighbourhood, wider_network
from idp.ids import digest, new_secret
from idp.login.flow import after_post, proceed
from idp.login.pages import ErrorKind, FormError, NoticeKind
from idp.login.rejections import password_error
from idp.login.sign_in import proven
from idp.login.visit import KNOWN, PROOF, Visit, peer_address, turn_back
from idp.records import PartialSignIn, ProvenFactor
from idp.services import Services
from idp.storage.citizens_in_sql import canonical_user_id
from idp.web import read_cookie, set_cookie
from mfa.errors import Busy, FactorRejected
from mfa.verification import PasswordAnswer

_WINDOW = timedelta(minutes=10)
_FAILURES, _FAILURES_AROUND = "failed-sign-in", "failed-sign-in-around"
_LONGEST_USER_ID = 200


def post_password(services: Services, visit: Visit, form: dict[str, str]) -> Response:
    """Check user ID and password together; whatever is wrong, the answer is the same (S-237)."""
    user_id, password = form.get("user_id", "").strip(), form.get("password", "")
    if not user_id:
        return proceed(services, visit, error=FormError(ErrorKind.MISSING_USER_ID))
    if not password:
        return proceed(services, visit, error=FormError(ErrorKind.MISSING_PASSWORD), user_id=user_id)
    check_neighbourhood(services, visit)
    citizen = services.citizens.find_by_user_id(user_id) if len(user_id) <= _LONGEST_USER_ID else None
    citizen_id = citizen.citizen_id if citizen else None
    try:
        verified = services.verification.verify(
            citizen_id,
            PasswordAnswer(password),
            known_browser=services.known_browsers.knows(read_cookie(KNOWN), citizen_id, visit.now),
            now=visit.now,
            unknown_key=digest(canonical_user_id(user_id)),
        )
    except (FactorRejected, Busy) as rejection:
        count_failure(services, rejection, "password")
        return proceed(services, visit, error=password_error(rejection, visit.now), user_id=user_id)
    services.count("factors", {"kind": "password", "outcome": "proven"})
    factor = proven(services, verified)
    return remember_proof(services, visit, verified.citizen_id, (factor,))


def remember_proof(
    services: Services, visit: Visit, citizen_id: str, factors: tuple[ProvenFactor, ...]
) -> Response:
    """Keep what was proven under a secret of its own, made anew at each step (S-214)."""
    secret = new_secret()
    services.partial_sign_ins.put(
        secret,
        PartialSignIn(
            attempt_id=visit.attempt.attempt_id,
            citizen_id=citizen_id,
            factors=factors,
            started_at=visit.now,
            expires_at=visit.attempt.finish_by,
        ),
    )
    before = read_cookie(PROOF)
    if before is not None:
        services.partial_sign_ins.forget(before)
    response = after_post(visit)
    set_cookie(response, PROOF, secret)
    return response


def check_neighbourhood(services: Services, visit: Visit) -> None:
    """A coarse limit on failures from one neighbourhood of addresses (S-244, S-250).

    The exact counting is by authenticator, in SQL; this one slows whoever tries many citizens.
    """
    if neighbourhood_must_wait(services):
        turn_back(visit.registered, NoticeKind.TOO_MANY_ATTEMPTS, 429)


def neighbourhood_must_wait(services: Services) -> bool:
    """Whether so much failed from around this address that nothing is looked at now."""
    address, limit = peer_address(), services.policy.failed_sign_ins_per_address
    wider_limit = limit * services.policy.networks_to_addresses
    here, around = services.rates.reached(
        (_FAILURES, neighbourhood(address)), (_FAILURES_AROUND, wider_network(address))
    )
    return here >= limit or around >= wider_limit


def count_failure(services: Services, rejection: FactorRejected | Busy, kind: str) -> None:
    """Towards the neighbourhood's limit, and for operations."""
    outcome = "busy" if isinstance(rejection, Busy) else rejection.reason.value
    services.count("factors", {"kind": kind, "outcome": outcome})
    if isinstance(rejection, FactorRejected):
        count_failed_guess(services)


def count_failed_guess(services: Services) -> None:
    """Towards the limits of this address and of those around it, whatever was guessed."""
    services.rates.count(_FAILURES, neighbourhood(peer_address()), _WINDOW)
    services.rates.count(_FAILURES_AROUND, wider_network(peer_address()), _WINDOW)
