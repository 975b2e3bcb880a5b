"""Adding an authenticator app, a passkey or security key, and new recovery codes.

    GET, with a fresh proof ──▶ offer or challenge, bound to this session ──POST──▶ added

An app's offer was made to a freshly proven session and lives ten minutes, so its confirmation asks for no other
proof: fetching an app from a store may take longer than a proof is fresh.
"""

from typing import Any

from flask import Response, jsonify

from idp.ceremonies import ADD_KEY, CeremonyGone
from idp.portal.security import pages
from idp.portal.security.visit import ROOT, Done, OwnVisit
from idp.services import Services
from idp.web import render
from idp.web.enrolment import enrolment_error, totp_to_add
from idp.web.form_errors import ErrorKind, FormError
from mfa.enrolment import TotpOffer
from mfa.errors import EnrolmentRefused, FactorRejected
from mfa.factors import Factor, FactorKind
from mfa.webauthn import WebauthnRejected

_LIST = f"{ROOT}/factors"
_APP, _KEY, _CODES = f"{_LIST}/add-app", f"{_LIST}/add-key", f"{_LIST}/new-codes"


def show_add_app(services: Services, visit: OwnVisit) -> pages.AddApp:
    """The one place that offers a secret: whoever sees it has shown a fresh proof."""
    try:
        offer = services.enrolment.begin_totp(visit.citizen_id, visit.binding, now=visit.now)
    except EnrolmentRefused as refusal:
        return _app_page(visit, None, error=enrolment_error(refusal))
    return _app_page(visit, offer)


def _app_page(
    visit: OwnVisit, offer: TotpOffer | None, *, error: FormError | None = None, name: str | None = None
) -> pages.AddApp:
    shown = None if offer is None else totp_to_add(offer, account=visit.citizen.user_id)
    return pages.AddApp(secret=visit.secret, path=_APP, now=visit.now, offer=shown, error=error, name=name)


def add_app(services: Services, visit: OwnVisit, form: dict[str, str]) -> Response:
    """Confirm the offered app with its first code (S-259); whatever is wrong leaves the offer as it is."""
    name, code = form.get("name", ""), form.get("code", "").strip()
    try:
        services.enrolment.confirm_totp(visit.citizen_id, visit.binding, code, name=name, now=visit.now)
    except (EnrolmentRefused, FactorRejected) as refusal:
        error = enrolment_error(refusal) if code else FormError(ErrorKind.MISSING_CODE)
        offer = services.enrolment.standing_totp(visit.citizen_id, visit.binding, now=visit.now)
        if offer is None:  # by GET, then, which wants a fresh proof before a new offer
            return visit.after(_APP, Done.NOTHING_CHANGED)
        return render(_app_page(visit, offer, error=error, name=name), 400)
    return visit.after(_LIST, Done.APP_ADDED)


def show_add_key(
    services: Services, visit: OwnVisit, *, error: FormError | None = None, name: str | None = None
) -> pages.AddKey:
    options, refused = _key_options(services, visit)
    return pages.AddKey(
        secret=visit.secret, path=_KEY, now=visit.now, options=options, error=refused or error, name=name
    )


def _key_options(services: Services, visit: OwnVisit) -> tuple[dict[str, Any] | None, FormError | None]:
    # Preferred: a key without a PIN may be added too, and then counts as one factor.
    ceremony = services.ceremonies.begin(ADD_KEY, visit.binding, user_verification_required=False)
    citizen = visit.citizen
    try:
        return services.webauthn.begin(
            citizen.citizen_id, ceremony, user_id=citizen.user_id, display_name=citizen.name
        ), None
    except EnrolmentRefused as refusal:
        return None, enrolment_error(refusal)


def key_options(services: Services, visit: OwnVisit) -> Response:
    """Newer options for a page that has stood open (static/webauthn.js)."""
    options, refused = _key_options(services, visit)
    return jsonify(options) if refused is None else Response(status=409)


def add_key(services: Services, visit: OwnVisit, form: dict[str, str]) -> Response:
    """Add the key that the browser's ceremony made; its challenge is spent first (S-265)."""
    name = form.get("name", "")
    try:
        _finish(services, visit, form.get("credential", ""), name)
    except (CeremonyGone, WebauthnRejected):
        return _key_refused(services, visit, FormError(ErrorKind.KEY_REJECTED), name)
    except EnrolmentRefused as refusal:
        return _key_refused(services, visit, enrolment_error(refusal), name)
    return visit.after(_LIST, Done.KEY_ADDED)


def _finish(services: Services, visit: OwnVisit, credential: str, name: str) -> Factor:
    ceremony = services.ceremonies.take(ADD_KEY, visit.binding, credential)
    return services.webauthn.finish(visit.citizen_id, credential, ceremony, name=name, now=visit.now)


def _key_refused(services: Services, visit: OwnVisit, error: FormError, name: str) -> Response:
    return render(show_add_key(services, visit, error=error, name=name), 400)


def show_new_codes(services: Services, visit: OwnVisit) -> pages.NewCodes:
    present = _present_set(services, visit)
    left = [
        standing.codes_left or 0
        for standing in services.factor_overview.of_citizen(visit.citizen_id, visit.now)
        if standing.factor.factor_id == present
    ]
    return pages.NewCodes(
        secret=visit.secret, path=_CODES, now=visit.now, notice=visit.notice, present=present, left=sum(left)
    )


def make_codes(services: Services, visit: OwnVisit, form: dict[str, str]) -> Response:
    """Make a new set and show it in this very answer, the only time that it is shown.

    The form names the set that it ends, so that a reload of the answer does not end the codes just printed.
    """
    if form.get("present", "") != _present_set(services, visit):
        return visit.after(_CODES, Done.NOTHING_CHANGED)
    issued = services.recovery_codes.renew(visit.citizen_id, now=visit.now)
    return render(pages.CodesOnce(secret=visit.secret, path=_CODES, now=visit.now, codes=issued.codes))


def _present_set(services: Services, visit: OwnVisit) -> str:
    """Id of the citizen's set of codes, or nothing."""
    for factor in services.factors.of_citizen(visit.citizen_id):
        if factor.kind is FactorKind.RECOVERY_CODE:
            return factor.factor_id
    return ""
