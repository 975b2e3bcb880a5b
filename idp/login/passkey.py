"""POST /login/<attempt>/passkey: passkey first. The key says whose it is, and proves two factors by itself.

Offered by autofill and by a button on the first page; user verification is required, by what the server remembers of
the ceremony (S-270, S-272). It names no keys, so it tells nobody who has one (S-238).
"""

from datetime import datetime

from flask import Response

from idp.ceremonies import SIGN_IN, CeremonyGone
from idp.login.address_limits import KEYS, check_neighbourhood, count_failure
from idp.login.flow import after_post, proceed, step_of
from idp.login.pages import ErrorKind, FormError
from idp.login.rejections import passkey_error
from idp.login.sign_in import proven, sign_in
from idp.login.steps import Step
from idp.login.visit import KNOWN, PASSKEY, Visit, ceremony_binding
from idp.services import Services
from idp.web import read_cookie
from mfa.errors import Busy, FactorRejected
from mfa.factors import categories_of
from mfa.verification import WebauthnAnswer


def post_passkey(services: Services, visit: Visit, form: dict[str, str]) -> Response:
    """One touch: a session, or the first page with the reason."""
    if step_of(services, visit) is not Step.FIRST_FACTOR:
        return after_post(visit)
    credential = form.get("credential", "")
    if not credential:
        return proceed(services, visit, error=FormError(ErrorKind.MISSING_KEY))
    check_neighbourhood(services, visit, KEYS)
    try:
        ceremony = services.ceremonies.take(SIGN_IN, ceremony_binding(visit, PASSKEY), credential)
    except CeremonyGone:
        services.count("factors", {"kind": "passkey", "outcome": "late"})
        return proceed(services, visit, error=FormError(ErrorKind.KEY_LATE))
    known = is_known_to_the_owner(services, credential, visit.now)
    try:
        verified = services.verification.verify(
            None, WebauthnAnswer(credential, ceremony), known_browser=known, now=visit.now
        )
    except (FactorRejected, Busy) as rejection:
        count_failure(services, rejection, "passkey", KEYS)
        return proceed(services, visit, error=passkey_error(rejection, visit.now))
    services.count("factors", {"kind": "passkey", "outcome": "proven"})
    factor = proven(services, verified)
    if len(categories_of((factor,))) < 2:
        raise AssertionError("a ceremony that required user verification let a key through without it")
    return sign_in(services, visit, verified.citizen_id, (factor,))


def is_known_to_the_owner(services: Services, credential: str, now: datetime) -> bool:
    """Whoever's key it claims to be: a stranger who knows its id must not slow its owner down (S-240)."""
    mark = read_cookie(KNOWN)
    if mark is None:
        return False
    return services.known_browsers.knows(mark, services.webauthn.owner_of(credential), now)
