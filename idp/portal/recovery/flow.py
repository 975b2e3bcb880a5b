"""The dispatcher of a recovery: every step comes back here, and the stored record decides which page comes next."""

from typing import Any

from flask import Response

from idp.ceremonies import ADD_KEY, RECOVER
from idp.portal.recovery import pages
from idp.portal.recovery.visit import ROOT, STEP, RecoveryVisit
from idp.records import Citizen
from idp.recovery.recovery import Stage
from idp.recovery.rules import Lost, Permission, Proof, ways_on
from idp.services import Services
from idp.web import RETRY_AFTER_SECONDS, render
from idp.web.enrolment import enrolment_error, totp_to_add
from idp.web.form_errors import FormError
from mfa.errors import EnrolmentRefused
from mfa.factors import Factor, FactorKind

_ONLY_AFTER_A_PROOF = frozenset({Proof.TOTP, Proof.KEY})
"""A stranger who knows a user ID must not be able to guess at an app until it is closed, nor learn of keys (S-240)."""
_KIND = {
    Proof.TOTP: FactorKind.TOTP,
    Proof.KEY: FactorKind.WEBAUTHN,
    Proof.PASSKEY: FactorKind.WEBAUTHN,
    Proof.PASSWORD: FactorKind.PASSWORD,
    Proof.RECOVERY_CODE: FactorKind.RECOVERY_CODE,
}


def ways_of(services: Services, visit: RecoveryVisit) -> tuple[Proof, ...]:
    """The proofs that may be shown now. Before the first one they are the same for everybody (S-238)."""
    recovery = visit.recovery
    ways = ways_on(recovery.lost, recovery.proofs)
    if not recovery.shown or recovery.citizen_id is None:
        return tuple(way for way in ways if way not in _ONLY_AFTER_A_PROOF)
    kinds = {factor.kind for factor in services.factors.of_citizen(recovery.citizen_id)}
    theirs = tuple(way for way in ways if way not in _KIND or _KIND[way] in kinds)
    return tuple(way for way in theirs if not (way is Proof.PASSKEY and Proof.KEY in theirs))


def proceed(
    services: Services, visit: RecoveryVisit, *, way: str = "", error: FormError | None = None
) -> Response:
    """The page that the recovery is at."""
    response = render(_page(services, visit, way, error), 200 if error is None else error.status)
    if response.status_code in (429, 503):
        response.headers["Retry-After"] = str((error and error.seconds) or RETRY_AFTER_SECONDS)
    return response


def _page(services: Services, visit: RecoveryVisit, way: str, error: FormError | None) -> pages.RecoveryPage:
    recovery, facts = visit.recovery, {"path": STEP, "csrf_token": visit.token, "error": error}
    stands = recovery.stands(visit.now)
    if stands is Stage.DONE:
        return done_page(services)
    if stands is Stage.OVER:
        return pages.RecoveryNotice(path=ROOT, kind="over")
    if stands is Stage.STOPPED:
        return pages.RecoveryNotice(path=ROOT, kind="stopped")
    if stands is Stage.COOLING and recovery.cooling_until is not None:
        until = recovery.cooling_until
        return pages.Waiting(path=STEP, csrf_token=visit.token, until=until, finish_by=recovery.expires_at)
    citizen = services.citizens.find(recovery.citizen_id) if recovery.citizen_id else None
    if stands is Stage.ALLOWED and citizen is not None:
        return _change(services, visit, citizen, way, facts)
    return _prove(services, visit, citizen, way, facts)


def done_page(services: Services, codes: tuple[str, ...] = ()) -> pages.Done:
    """The end; new recovery codes are shown this once."""
    return pages.Done(path=STEP, cap_days=services.recoveries.times.cap.days, codes=codes)


def _prove(
    services: Services, visit: RecoveryVisit, citizen: Citizen | None, way: str, facts: dict[str, Any]
) -> pages.RecoveryPage:
    recovery, ways = visit.recovery, ways_of(services, visit)
    decision = services.recoveries.decision(recovery, visit.now) if recovery.shown else None
    if decision is not None and decision.permission is Permission.NOW and citizen is not None:
        return pages.Told(**facts, user_id=citizen.user_id)  # a user ID is told as soon as it may be
    chosen = next((each for each in ways if each.value == way), None)
    needs_name = not recovery.is_about_somebody and recovery.lost is not Lost.USER_ID
    if chosen in (Proof.PASSKEY, Proof.KEY):
        return pages.Way(**facts, way=way, options=key_options(services, visit))
    if chosen is Proof.LETTER or (chosen is not None and not needs_name):
        return pages.Way(**facts, way=way)
    if needs_name:
        return pages.Who(**facts)
    return pages.Ways(
        **facts,
        lost=recovery.lost.value,
        ways=tuple(each.value for each in ways),
        shown=tuple(sorted(proof.value for proof in recovery.proofs)),
        may_wait=decision is not None and decision.permission is Permission.LATER,
        wait_hours=int(services.recoveries.times.cooling.total_seconds() // 3600),
    )


def key_options(services: Services, visit: RecoveryVisit) -> dict[str, Any]:
    """For the browser. Whose key is asked for is named only after another proof (S-238)."""
    known = visit.recovery.citizen_id if visit.recovery.shown else None
    ceremony = services.ceremonies.begin(RECOVER, visit.binding, user_verification_required=known is None)
    return services.webauthn.options(known, ceremony)


def _change(
    services: Services, visit: RecoveryVisit, citizen: Citizen, way: str, facts: dict[str, Any]
) -> pages.RecoveryPage:
    recovery = visit.recovery
    if citizen.status == "closed" or (citizen.status == "blocked" and citizen.blocked_by != "citizen"):
        return pages.RecoveryNotice(path=ROOT, kind="closed")
    if services.recoveries.awaits_password(recovery):
        return pages.NewPassword(**facts, user_id=citizen.user_id)
    bound = may_be_lost(services, visit)
    if recovery.lost_factors is None and bound:
        return pages.LostFactors(**facts, factors=bound)
    kinds = (_new_key, _new_app) if way == "key" else (_new_app, _new_key)
    for new in kinds:
        try:
            return new(services, visit, citizen, facts)
        except EnrolmentRefused as refusal:
            facts = {**facts, "error": enrolment_error(refusal)}
    return pages.LostFactors(**facts, factors=bound)  # as many of both as one may have, and none is lost


def _new_app(
    services: Services, visit: RecoveryVisit, citizen: Citizen, facts: dict[str, Any]
) -> pages.NewFactor:
    offer = services.enrolment.begin_totp(
        citizen.citizen_id, visit.binding, now=visit.now, leaving=visit.recovery.lost_factors or ()
    )
    return pages.NewFactor(**facts, kind="totp", offer=totp_to_add(offer, account=citizen.user_id))


def _new_key(
    services: Services, visit: RecoveryVisit, citizen: Citizen, facts: dict[str, Any]
) -> pages.NewFactor:
    ceremony = services.ceremonies.begin(ADD_KEY, visit.binding, user_verification_required=True)
    options = services.webauthn.begin(
        citizen.citizen_id,
        ceremony,
        user_id=citizen.user_id,
        display_name=citizen.name,
        leaving=visit.recovery.lost_factors or (),
    )
    return pages.NewFactor(**facts, kind="key", options=options)


def may_be_lost(services: Services, visit: RecoveryVisit) -> tuple[Factor, ...]:
    """The bound apps and keys that were not shown in this recovery."""
    shown = {proof.factor_id for proof in visit.recovery.shown}
    found = services.factors.of_citizen(visit.recovery.citizen_id or "")
    kinds = (FactorKind.TOTP, FactorKind.WEBAUTHN)
    return tuple(factor for factor in found if factor.kind in kinds and factor.factor_id not in shown)
