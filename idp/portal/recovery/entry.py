"""The ends of a recovery that need no record: choosing what was lost, ordering a letter, stopping."""

from datetime import timedelta

from flask import Response

from idp.addresses import neighbourhood
from idp.cpr import ImpossibleCpr
from idp.errors import StoreUnavailable
from idp.ids import digest
from idp.login.address_limits import count_failure
from idp.login.visit import find_signed_in, peer_address
from idp.login.way_back import see_other
from idp.portal.recovery import pages
from idp.portal.recovery.flow import proceed
from idp.portal.recovery.visit import (
    ROOT,
    STEP,
    RecoveryVisit,
    TooManyTries,
    begin_visit,
    bind,
    check_neighbourhood,
    find_visit,
    open_page,
)
from idp.recovery.recovery import NotNow, Stage
from idp.recovery.rules import Lost
from idp.recovery.stopping import UnknownStopCode
from idp.services import Services
from idp.storage.citizens_in_sql import canonical_user_id
from idp.web import check_form_token, render
from idp.web.form_errors import ErrorKind, FormError
from mfa.errors import FactorRejected, Rejection

BEGIN, ORDER, STOP, STOP_MINE = "begin-recovery", "order-letter", "stop-recovery", "stop-my-recovery"
_WINDOW = timedelta(minutes=10)
_LONGEST_USER_ID = 200
_LIVING = (Stage.PROVING, Stage.COOLING, Stage.ALLOWED)


def show_entry(services: Services, error: FormError | None = None) -> Response:
    visit = find_visit(services)
    under_way = visit is not None and visit.recovery.stands(visit.now) in _LIVING
    return open_page(
        pages.Entry, BEGIN, path=ROOT, under_way=under_way, error=error, status=400 if error else 200
    )


def post_begin(services: Services, form: dict[str, str]) -> Response:
    check_neighbourhood(services)
    _count_here(services, "recovery-begun")
    wanted = form.get("lost", "")
    if wanted not in list(Lost):
        return show_entry(services, FormError(ErrorKind.MISSING_CHOICE))
    return bind(see_other(STEP), begin_visit(services, Lost(wanted)))


def post_who(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    """Remember the user ID. Whether anybody has it makes no difference to any page (S-238)."""
    user_id = form.get("user_id", "").strip()
    if not user_id or len(user_id) > _LONGEST_USER_ID:
        return proceed(services, visit, error=FormError(ErrorKind.MISSING_USER_ID))
    citizen = services.citizens.find_by_user_id(user_id)
    try:
        services.recoveries.name(
            visit.recovery.recovery_id,
            citizen.citizen_id if citizen else None,
            unknown_key=digest(canonical_user_id(user_id)),
            now=visit.now,
        )
    except NotNow:
        return see_other(STEP)
    return see_other(STEP)


def post_more(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    """After the user ID was told: the password or the factor is lost, too."""
    wanted = form.get("lost", "")
    if wanted in list(Lost) and wanted != Lost.USER_ID:
        try:
            services.recoveries.lose_more(visit.recovery.recovery_id, Lost(wanted), visit.now)
        except NotNow:
            return see_other(STEP)
    return see_other(STEP)


def post_wait(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    del form
    try:
        services.recoveries.wait(visit.recovery.recovery_id, visit.now)
    except NotNow:
        return see_other(STEP)
    return see_other(STEP)


def post_cancel(services: Services, visit: RecoveryVisit, form: dict[str, str]) -> Response:
    del form
    services.recovery_stops.cancel(visit.recovery.recovery_id, visit.now)
    return see_other(STEP)


def show_order(services: Services, error: FormError | None = None) -> Response:
    days = services.recoveries.times.between_letters.days
    return open_page(
        pages.OrderLetter,
        ORDER,
        path=f"{ROOT}/letter-order",
        days=days,
        error=error,
        status=400 if error else 200,
    )


def post_order(services: Services, form: dict[str, str]) -> Response:
    """The same answer in the same time for everybody: nothing is looked up here (S-238)."""
    check_neighbourhood(services)
    name = form.get("name", "").strip()
    if not name:
        return show_order(services, FormError(ErrorKind.MISSING_NAME))
    _count_here(services, "letter-ordered")
    try:
        services.letter_orders.order(name, form.get("cpr", ""))
    except ImpossibleCpr:
        return show_order(services, FormError(ErrorKind.CPR_FORM))
    return render(pages.RecoveryNotice(path=f"{ROOT}/letter-order", kind="letter_ordered"))


def show_stop(services: Services, error: FormError | None = None) -> Response:
    del services
    return open_page(pages.Stop, STOP, path="/stop", error=error, status=400 if error else 200)


def post_stop(services: Services, form: dict[str, str]) -> Response:
    check_neighbourhood(services)
    typed = form.get("stop_code", "").strip()
    if not typed:
        return show_stop(services, FormError(ErrorKind.MISSING_STOP_CODE))
    try:
        services.recovery_stops.stop_by_code(typed, services.clock())
    except UnknownStopCode:
        count_failure(services, FactorRejected(Rejection.WRONG), "stop-code")
        return show_stop(services, FormError(ErrorKind.STOP_CODE_WRONG))
    return render(pages.RecoveryNotice(path="/stop", kind="stop_done"))


def post_stop_mine(services: Services, form: dict[str, str]) -> Response:
    """From any browser in which the citizen is signed in."""
    signed_in = find_signed_in(services)
    check_form_token(form, signed_in.secret if signed_in else None, STOP_MINE)
    if signed_in is None:
        raise StoreUnavailable("the session ended between two looks")
    services.recovery_stops.stop_of_citizen(signed_in.session.citizen_id, services.clock())
    return render(pages.RecoveryNotice(path="/", kind="stop_done"))


def _count_here(services: Services, kind: str) -> None:
    """So that nobody fills the tables from one address."""
    reached = services.rates.count(kind, neighbourhood(peer_address()), _WINDOW)
    if reached > services.policy.failed_sign_ins_per_address:
        raise TooManyTries
