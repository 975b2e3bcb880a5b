"""The list of factors; naming and removing one. Adding is new_factors.py."""

from flask import Response
from werkzeug.exceptions import NotFound

from idp.portal.security import pages
from idp.portal.security.visit import ROOT, Done, OwnVisit
from idp.services import Services
from idp.web import render
from idp.web.enrolment import enrolment_error
from mfa.errors import EnrolmentFault, EnrolmentRefused
from mfa.factors import FactorKind
from mfa.overview import FactorStanding

_LIST = f"{ROOT}/factors"
_NAMED = frozenset({FactorKind.TOTP, FactorKind.WEBAUTHN})
"""A password is changed and codes are renewed; these are named and removed."""


def show_factors(services: Services, visit: OwnVisit) -> pages.Factors:
    standings = services.factor_overview.of_citizen(visit.citizen_id, visit.now)
    return pages.Factors(
        secret=visit.secret, path=_LIST, now=visit.now, notice=visit.notice, factors=tuple(standings)
    )


def show_rename(services: Services, visit: OwnVisit, factor_id: str) -> pages.RenameFactor:
    standing = _own_factor(services, visit, factor_id)
    return pages.RenameFactor(
        secret=visit.secret,
        path=f"{_LIST}/{factor_id}/rename",
        now=visit.now,
        standing=standing,
        name=standing.factor.name,
    )


def show_remove(services: Services, visit: OwnVisit, factor_id: str) -> pages.RemoveFactor:
    return pages.RemoveFactor(
        secret=visit.secret,
        path=f"{_LIST}/{factor_id}/remove",
        now=visit.now,
        standing=_own_factor(services, visit, factor_id),
    )


def rename(services: Services, visit: OwnVisit, form: dict[str, str], factor_id: str) -> Response:
    standing = _own_factor(services, visit, factor_id)
    name = form.get("name", "")
    try:
        services.enrolment.rename(visit.citizen_id, factor_id, name, now=visit.now)
    except EnrolmentRefused as refusal:
        page = pages.RenameFactor(
            secret=visit.secret,
            path=f"{_LIST}/{factor_id}/rename",
            now=visit.now,
            standing=standing,
            name=name,
            error=enrolment_error(_or_not_found(refusal)),
        )
        return render(page, 400)
    return visit.after(_LIST, Done.RENAMED)


def remove(services: Services, visit: OwnVisit, form: dict[str, str], factor_id: str) -> Response:
    """Remove it and, where the citizen asks for that, sign out everywhere else (S-286)."""
    standing = _own_factor(services, visit, factor_id)
    try:
        services.enrolment.remove(visit.citizen_id, factor_id, now=visit.now)
    except EnrolmentRefused as refusal:
        page = pages.RemoveFactor(
            secret=visit.secret,
            path=f"{_LIST}/{factor_id}/remove",
            now=visit.now,
            standing=standing,
            error=enrolment_error(_or_not_found(refusal)),
        )
        return render(page, 409)
    if form.get("end_others") == "yes":
        services.self_service.end_other_sessions(visit.citizen_id, visit.signed_in.session.session_id)
    return visit.after(_LIST, Done.REMOVED)


def _own_factor(services: Services, visit: OwnVisit, factor_id: str) -> FactorStanding:
    """
    Raises:
        NotFound: nobody's, or somebody else's: the same answer (S-226).
    """
    for standing in services.factor_overview.of_citizen(visit.citizen_id, visit.now):
        if standing.factor.factor_id == factor_id and standing.factor.kind in _NAMED:
            return standing
    raise NotFound


def _or_not_found(refusal: EnrolmentRefused) -> EnrolmentRefused:
    """A factor that was removed in another tab meanwhile is not there any more."""
    if refusal.fault is EnrolmentFault.UNKNOWN:
        raise NotFound
    return refusal
