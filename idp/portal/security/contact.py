"""How the citizen is reached, and the phrase by which they know our messages.

The registered address is shown and cannot be changed here: letters with codes go there. What is typed is never
verified by being typed (S-303, S-304).
"""

from flask import Response

from idp.portal.security import pages
from idp.portal.security.visit import ROOT, Done, OwnVisit
from idp.records import Address
from idp.safety import PhraseRefused, check_phrase
from idp.self_service import ContactRefused, parse_contact
from idp.services import Services
from idp.web import render
from idp.web.form_errors import ErrorKind, FormError

_PATH = f"{ROOT}/contact"
_FAULTS = {"email": ErrorKind.EMAIL, "phone-number": ErrorKind.PHONE_NUMBER}


def show_contact(services: Services, visit: OwnVisit) -> pages.Contact:
    return _page(services, visit, {})


def change_contact(services: Services, visit: OwnVisit, form: dict[str, str]) -> Response:
    try:
        contact = parse_contact(form.get("email", ""), form.get("phone_number", ""))
    except ContactRefused as refusal:
        return render(_page(services, visit, form, FormError(_FAULTS[refusal.part])), 400)
    changed = services.self_service.change_contact(visit.citizen_id, contact)
    return visit.after(_PATH, Done.CONTACT_CHANGED if changed else Done.NOTHING_CHANGED)


def change_phrase(services: Services, visit: OwnVisit, form: dict[str, str]) -> Response:
    try:
        phrase = check_phrase(form.get("phrase", ""))
    except PhraseRefused:
        return render(_page(services, visit, form, FormError(ErrorKind.PHRASE)), 400)
    services.self_service.change_phrase(visit.citizen_id, phrase)
    return visit.after(_PATH, Done.PHRASE_CHANGED)


def _page(
    services: Services, visit: OwnVisit, typed: dict[str, str], error: FormError | None = None
) -> pages.Contact:
    citizen = visit.citizen
    address = citizen.address
    return pages.Contact(
        secret=visit.secret,
        path=_PATH,
        now=visit.now,
        notice=visit.notice,
        error=error,
        email=typed.get("email", citizen.email or ""),
        phone_number=typed.get("phone_number", citizen.phone_number or ""),
        registered_address=None if address is None else _in_one_line(address),
        phrase=typed.get("phrase", services.safeties.find(citizen.citizen_id).phrase or ""),
    )


def _in_one_line(address: Address) -> str:
    return f"{address.street_address}, {address.postal_code} {address.locality}"
