"""The first factor, and with it the citizen, the session and the recovery codes.

app offered ──first code──┐
key's challenge ──answer──┴──▶ one transaction ──▶ signed in, codes shown in this very answer
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Response, jsonify, request

from idp.activation.activation import Activated
from idp.activation.user_ids import UserIdRefused
from idp.ceremonies import ADD_KEY, CeremonyGone
from idp.ledger import events
from idp.login.browser_handle import left_idle
from idp.login.sign_in import AccessBlocked, SessionOver, begin_session, hand_out
from idp.login.visit import find_signed_in
from idp.login.way_back import see_other
from idp.portal.activation import pages
from idp.portal.activation.account import show_account, user_id_error
from idp.portal.activation.visit import ATTEMPT, ActivationVisit, finish_visit
from idp.portal.activation.way_on import way_on
from idp.records import ProvenFactor
from idp.services import Services
from idp.storage.ports import Tx
from idp.web import forget_cookie, render
from idp.web.enrolment import enrolment_error, totp_to_add
from idp.web.form_errors import ErrorKind, FormError
from mfa.errors import EnrolmentRefused, FactorRejected
from mfa.factors import Factor
from mfa.webauthn import WebauthnRejected

KeepFactor = Callable[[Tx], Factor]


def show_first_factor(services: Services, visit: ActivationVisit) -> Response:
    """An app, unless the citizen asked for a key."""
    return show_key(services, visit) if request.args.get("factor") == "key" else show_app(services, visit)


def show_app(
    services: Services, visit: ActivationVisit, *, error: FormError | None = None, name: str | None = None
) -> Response:
    citizen_id, user_id = visit.record.citizen_id, visit.record.user_id
    offer = services.enrolment.begin_totp(citizen_id, visit.binding, now=visit.now)
    shown = totp_to_add(offer, account=user_id)
    page = pages.App(csrf_token=visit.token, error=error, offer=shown, user_id=user_id, name=name)
    return render(page, 400 if error else 200)


def show_key(
    services: Services, visit: ActivationVisit, *, error: FormError | None = None, name: str | None = None
) -> Response:
    page = pages.Key(
        csrf_token=visit.token,
        error=error,
        options=_options(services, visit),
        user_id=visit.record.user_id,
        name=name,
    )
    return render(page, 400 if error else 200)


def key_options(services: Services, visit: ActivationVisit) -> Response:
    """Newer options for a page that has stood open (static/webauthn.js)."""
    return jsonify(_options(services, visit))


def _options(services: Services, visit: ActivationVisit) -> dict[str, Any]:
    ceremony = services.ceremonies.begin(ADD_KEY, visit.binding, user_verification_required=False)
    return services.webauthn.begin(
        visit.record.citizen_id, ceremony, user_id=visit.record.user_id, display_name=visit.person.name
    )


def post_app(services: Services, visit: ActivationVisit, form: dict[str, str]) -> Response:
    """Confirm the offered app with its first code (S-259); a wrong one leaves the offer, and the letter, as they are."""
    name, code = form.get("name", ""), form.get("code", "").strip()
    if not code:
        return show_app(services, visit, error=FormError(ErrorKind.MISSING_CODE), name=name)

    def keep(tx: Tx) -> Factor:
        return services.enrolment.keep_totp(
            tx,
            visit.record.citizen_id,
            visit.binding,
            code,
            name=name,
            now=visit.now,
            part_of=events.ACTIVATED,
        )

    try:
        return _finish(services, visit, keep)
    except (EnrolmentRefused, FactorRejected) as refusal:
        return show_app(services, visit, error=enrolment_error(refusal), name=name)


def post_key(services: Services, visit: ActivationVisit, form: dict[str, str]) -> Response:
    """Add the key that the browser's ceremony made; its challenge is spent first (S-265)."""
    name, credential = form.get("name", ""), form.get("credential", "")
    try:
        ceremony = services.ceremonies.take(ADD_KEY, visit.binding, credential)
        made = services.webauthn.verify_new(credential, ceremony)
        return _finish(
            services,
            visit,
            lambda tx: services.webauthn.keep_key(
                tx, visit.record.citizen_id, made, name=name, now=visit.now, part_of=events.ACTIVATED
            ),
        )
    except (CeremonyGone, WebauthnRejected):
        kind = ErrorKind.KEY_REJECTED if credential else ErrorKind.MISSING_KEY
        return show_key(services, visit, error=FormError(kind), name=name)
    except EnrolmentRefused as refusal:
        return show_key(services, visit, error=enrolment_error(refusal), name=name)


def _finish(services: Services, visit: ActivationVisit, keep: KeepFactor) -> Response:
    try:
        activated = services.activation.finish(visit.record, visit.person, keep)
    except UserIdRefused as refused:  # somebody took it while the app was being fetched
        services.activations.put(visit.secret, replace(visit.record, user_id="", password_hash=""))
        return show_account(visit, error=user_id_error(refused), user_id=visit.record.user_id)
    services.count("activations", {"factor": str(activated.first_factor.kind)})
    return _signed_in(services, visit, activated)


def _signed_in(services: Services, visit: ActivationVisit, activated: Activated) -> Response:
    """The session that both factors prove: they were given to us in this very activation."""
    factors = tuple(_proven(factor, visit.now) for factor in (activated.password, activated.first_factor))
    try:
        signed_in = begin_session(
            services,
            activated.citizen.citizen_id,
            factors,
            before=find_signed_in(services) or left_idle(services),
            now=visit.now,
        )
    except (FactorRejected, SessionOver, AccessBlocked):  # a citizen now, who can sign in or is told why not
        return finish_visit(services, see_other("/me/security"))
    onward = way_on(services)
    page = pages.Codes(
        codes=activated.recovery_codes, onward=onward.address, service_name=onward.service_name
    )
    response = finish_visit(services, hand_out(services, render(page), signed_in, visit.now))
    forget_cookie(response, ATTEMPT)
    return response


def _proven(factor: Factor, now: datetime) -> ProvenFactor:
    """What the citizen has just shown to have: as little as its kind says (S-316)."""
    return ProvenFactor(
        factor_id=factor.factor_id,
        kind=str(factor.kind),
        amr=factor.kind.amr,
        proven_at=now,
        bound_at=factor.created_at,
    )
