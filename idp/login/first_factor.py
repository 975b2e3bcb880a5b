"""POST /login/<attempt>/password: the user ID and the password."""

from flask import Response

from idp.ids import digest, new_secret
from idp.login.address_limits import check_neighbourhood, count_failure
from idp.login.flow import after_post, proceed
from idp.login.pages import ErrorKind, FormError
from idp.login.rejections import password_error
from idp.login.sign_in import proven
from idp.login.visit import KNOWN, PROOF, Visit
from idp.records import PartialSignIn, ProvenFactor
from idp.services import Services
from idp.storage.citizens_in_sql import canonical_user_id
from idp.web import read_cookie, set_cookie
from mfa.errors import Busy, FactorRejected
from mfa.verification import PasswordAnswer

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
