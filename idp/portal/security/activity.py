"""What happened lately, from the ledger; and "it was not me"."""

from collections.abc import Iterable
from dataclasses import replace

from flask import Response, request
from werkzeug.exceptions import NotFound

from idp.ledger import events
from idp.login.browser_handle import abandon_sign_ins, forget_sign_in
from idp.portal.security import pages
from idp.portal.security.exchanges import exchange_words
from idp.portal.security.visit import ROOT, OwnVisit
from idp.records import LedgerEntry, Place
from idp.self_service import NoSuchEntry
from idp.services import Services
from idp.web import render
from idp.web.language import current_language
from idp.web.place_words import place_words
from mfa import events as factor_events

_LIST = f"{ROOT}/activity"
_ON_A_PAGE = 40
_LARGEST_NUMBER = 9

SHOWN = frozenset(factor_events.ALL) - {factor_events.FACTOR_VERIFIED} | {
    events.SIGNED_IN,
    events.SESSION_ENDED,
    events.SIGN_IN_DISPUTED,
    events.DEVICE_AUTHORIZED,
    events.ACCESS_ENDED,
    events.TOKEN_EXCHANGED,
    events.REFRESH_TOKEN_REUSED,
    events.CITIZEN_ADDED,
    events.CITIZEN_BLOCKED,
    events.CITIZEN_UNBLOCKED,
    events.CITIZEN_LOOKED_UP,
    events.CITIZEN_PROOFED,
    events.CONTACT_CHANGED,
    events.PHRASE_CHANGED,
    events.ACTIVATED,
    events.LETTER_ISSUED,
    events.RECOVERY_BEGUN,
    events.RECOVERY_STOPPED,
    events.RECOVERY_DONE,
}
"""What concerns the citizen's access. What services were told is another page's matter."""


_ONE_LINE: dict[str, tuple[str, ...]] = {
    factor_events.FACTOR_FAILED: ("kind",),
    events.TOKEN_EXCHANGED: ("client_id", "resource", "scope", "signed_in_at"),
}
"""Events that become one line where they follow one another, and the facts that must then be the same."""


def show_activity(services: Services, visit: OwnVisit) -> pages.Activity:
    before = request.args.get("before", "")
    known = before.isascii() and before.isdigit() and len(before) <= _LARGEST_NUMBER
    entries = services.history.latest(
        visit.citizen_id, events=SHOWN, before=int(before) if known else None, limit=_ON_A_PAGE + 1
    )
    page = entries[:_ON_A_PAGE]
    return pages.Activity(
        secret=visit.secret,
        path=f"{_LIST}?before={before}" if known else _LIST,
        now=visit.now,
        notice=visit.notice,
        happenings=tuple(_in_words(services, happening) for happening in gathered(page)),
        older=page[-1].citizen_number if len(entries) > _ON_A_PAGE else None,
    )


def gathered(entries: Iterable[LedgerEntry]) -> list[pages.Happening]:
    """Failures at one kind of factor that follow one another become one line with their number, and so does a service
    that asks another again."""
    lines: list[pages.Happening] = []
    for entry in entries:
        last = lines[-1] if lines else None
        if last is not None and _goes_on(last, entry):
            lines[-1] = _happening(entry, last.count + 1, last)
        else:
            lines.append(_happening(entry, 1, None))
    return lines


def _goes_on(last: pages.Happening, entry: LedgerEntry) -> bool:
    same = _ONE_LINE.get(entry.event, ())
    return (
        bool(same)
        and last.event == entry.event
        and all(last.facts.get(n) == entry.facts.get(n) for n in same)
    )


def _in_words(services: Services, happening: pages.Happening) -> pages.Happening:
    if happening.event != events.TOKEN_EXCHANGED:
        return happening
    return replace(happening, facts=exchange_words(services.registry, happening.facts, current_language()))


def _happening(entry: LedgerEntry, count: int, newest: pages.Happening | None) -> pages.Happening:
    return pages.Happening(
        number=newest.number if newest else entry.citizen_number or 0,
        event=entry.event,
        at=newest.at if newest else entry.at,
        earliest=entry.at,
        count=count,
        facts=newest.facts if newest else entry.facts,
        own=entry.actor == events.BY_CITIZEN,
        place=_place_of(entry),
    )


def _place_of(entry: LedgerEntry) -> str:
    city, country = entry.facts.get("city", ""), entry.facts.get("country", "")
    return place_words(Place(str(city), str(country))) if city or country else ""


def dispute(services: Services, visit: OwnVisit, form: dict[str, str], number: int) -> Response:
    """Sign out everywhere, here too, and tell what to do next."""
    del form
    abandon_sign_ins(services)
    try:
        ended = services.self_service.dispute(visit.citizen_id, number)
    except NoSuchEntry:
        raise NotFound from None
    response = render(pages.Disputed(ended=ended))
    forget_sign_in(response)
    return response
