"""Whose letter it is: shown in part, so that whoever opened another's letter learns no name."""

from dataclasses import replace

from flask import Response

from idp.letters.ports import Invitation
from idp.portal.activation import pages
from idp.portal.activation.visit import ActivationVisit, finish_visit, keep
from idp.services import Services
from idp.web import render


def show_person(visit: ActivationVisit) -> Response:
    return render(
        pages.Person(
            csrf_token=visit.token,
            name_in_part=name_in_part(visit.person),
            birth_year=visit.person.birthdate[:4],
        )
    )


def post_person(services: Services, visit: ActivationVisit, form: dict[str, str]) -> Response:
    """Yes goes on, no ends it here; the letter stays good for the one it was sent to."""
    answer = form.get("answer")
    if answer == "yes":
        return keep(services, visit, replace(visit.record, confirmed=True))
    if answer == "no":
        return finish_visit(services, render(pages.NotYours()))
    return show_person(visit)


def name_in_part(person: Invitation) -> str:
    """`Freja Marie Holm` as `F*** M*** H***`: as many stars for every name."""
    words = f"{person.given_name} {person.family_name}".split()
    return " ".join(f"{word[0]}***" for word in words)
