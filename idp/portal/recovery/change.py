"""The change that a recovery allows: a new password, a new app, a new key. The last one ends it."""

from datetime import datetime

from flask import Response

from idp.ceremonies import ADD_KEY, CeremonyGone
from idp.ledger import events
from idp.login.visit import SESSION
from idp.login.way_back import see_other
from idp.portal.recovery.flow import done_page, may_be_lost, proceed
from idp.portal.recovery.visit import STEP, RecoveryVisit
from idp.recovery.moves import Change
from idp.recovery.recovery import NotNow, Stage
from idp.services import Services
from idp.storage.ports import Tx
from idp.web import forget_cookie, render
from idp.web.enrolment import enrolment_error, new_password_error
from idp.web.form_errors import ErrorKind, FormError
from mfa.errors import Busy, EnrolmentFault, EnrolmentRefused, FactorRejected, PasswordRefused
from mfa.webauthn import WebauthnRejected


def post_new_password(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    """S-307: the other factors stay, and all sessions end."""
    citizen = services.citizens.find(visit.recovery.citizen_id or "")
    if citizen is None or not _may_change(services, visit, is_password=True):
        return see_other(STEP)
    password = form.get("new_password", "")
    if not password:
        return proceed(services, visit, error=FormError(ErrorKind.PASSWORD_TOO_SHORT))
    try:
        hashed = services.enrolment.hash_new_password(password, personal=(citizen.user_id, citizen.name))
    except PasswordRefused as refusal:
        return proceed(services, visit, error=new_password_error(refusal))
    except Busy:
        return proceed(services, visit, error=FormError(ErrorKind.BUSY))

    def change(tx: Tx, citizen_id: str) -> None:
        services.enrolment.keep_password(tx, citizen_id, hashed, actor=events.BY_CITIZEN, now=visit.now)

    return _make(services, visit, change, is_password=True)


def post_lost(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    """Which apps and keys are lost; of this citizen's own only."""
    chosen = [f.factor_id for f in may_be_lost(services, visit) if form.get(f"lost-{f.factor_id}") == "yes"]
    try:
        services.recoveries.lose_factors(visit.recovery.recovery_id, chosen, visit.now)
    except NotNow:
        return see_other(STEP)
    return see_other(STEP)


def post_new_totp(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    if not _may_change(services, visit, is_password=False):
        return see_other(STEP)
    code, name = form.get("code", "").strip(), form.get("name", "")

    def change(tx: Tx, citizen_id: str) -> None:
        services.enrolment.keep_totp(
            tx,
            citizen_id,
            visit.binding,
            code,
            name=name,
            now=visit.now,
            leaving=visit.recovery.lost_factors or (),
        )
        _take_lost_away(services, tx, visit, citizen_id, visit.now)

    try:
        return _make(services, visit, change, is_password=False)
    except (EnrolmentRefused, FactorRejected) as refusal:
        return proceed(services, visit, way="totp", error=enrolment_error(refusal))


def post_new_key(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    if not _may_change(services, visit, is_password=False):
        return see_other(STEP)
    credential, name = form.get("credential", ""), form.get("name", "")
    try:
        ceremony = services.ceremonies.take(ADD_KEY, visit.binding, credential)
        made = services.webauthn.verify_new(credential, ceremony)
    except (CeremonyGone, WebauthnRejected):
        return proceed(services, visit, way="key", error=FormError(ErrorKind.KEY_REJECTED))

    def change(tx: Tx, citizen_id: str) -> None:
        services.webauthn.keep_key(
            tx, citizen_id, made, name=name, now=visit.now, leaving=visit.recovery.lost_factors or ()
        )
        _take_lost_away(services, tx, visit, citizen_id, visit.now)

    try:
        return _make(services, visit, change, is_password=False)
    except EnrolmentRefused as refusal:
        return proceed(services, visit, way="key", error=enrolment_error(refusal))


def _may_change(services: Services, visit: RecoveryVisit, *, is_password: bool) -> bool:
    """Whether this form belongs here: a form of another step changes nothing (S-295)."""
    recovery = visit.recovery
    if recovery.stands(visit.now) is not Stage.ALLOWED:
        return False
    if services.recoveries.awaits_password(recovery) is not is_password:
        return False
    citizen = services.citizens.find(recovery.citizen_id or "")
    return citizen is not None and (citizen.status == "active" or citizen.blocked_by == "citizen")


def _make(services: Services, visit: RecoveryVisit, change: Change, *, is_password: bool) -> Response:
    try:
        after, codes = services.recoveries.change(
            visit.recovery.recovery_id, change, is_password=is_password, now=visit.now
        )
    except NotNow:
        return see_other(STEP)
    if after.stage is not Stage.DONE:
        return see_other(STEP)
    # New codes are shown once, so not behind a redirect.
    response = see_other(STEP) if codes is None else render(done_page(services, codes.codes))
    forget_cookie(response, SESSION)
    return response


def _take_lost_away(services: Services, tx: Tx, visit: RecoveryVisit, citizen_id: str, now: datetime) -> None:
    for factor_id in visit.recovery.lost_factors or ():
        try:
            services.enrolment.take_away(tx, citizen_id, factor_id, now=now)
        except EnrolmentRefused as refusal:
            if refusal.fault is not EnrolmentFault.UNKNOWN and refusal.fault is not EnrolmentFault.LAST:
                raise
