"""Inviting people: each gets an activation letter, and none gets two by running the same list again.

    unknown ──invite──▶ invited ──again, a day later at the earliest──▶ invited, with a new letter
                           └──activates──▶ a citizen, who needs no letter

Where the list comes from and how letters are printed is decided outside.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from clients_registry.purposes import LANGUAGES
from idp.clock import Clock
from idp.cpr import ImpossibleCpr, birthdate_of, parse_cpr
from idp.ids import new_id
from idp.ledger import events
from idp.letters.letter import LetterKind
from idp.letters.letters import Letters
from idp.letters.ports import Invitation, Invitations
from idp.records import Address
from idp.storage.ports import AlreadyKnown, Citizens, Ledger, Transact, Tx

_AGAIN_AFTER = timedelta(days=1)
"""A list that is run again with new letters, and was broken off, goes on where it stopped."""

_LONGEST = 200
_POSTAL_CODE = re.compile(r"[A-Z0-9-]*[0-9][A-Z0-9-]*", re.IGNORECASE)
_COUNTRY = re.compile(r"[A-Z]{2}")


class InviteeRefused(Exception):
    """This person cannot be invited; `faults` says why, in sentences that repeat nothing of the person."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Invitee:
    """Who is to be invited."""

    cpr: str = field(repr=False)
    given_name: str = field(repr=False)
    family_name: str = field(repr=False)
    birthdate: str = field(repr=False)
    address: Address = field(repr=False)
    language: str = "da"


class Outcome(StrEnum):
    """What became of an invitee."""

    INVITED = "invited"
    RENEWED = "renewed"
    INVITED_BEFORE = "invited-before"
    CITIZEN = "citizen"
    """Has an access already."""


def parse_invitee(*, cpr: str, name: str, address: str, language: str) -> Invitee:
    """An invitee from the four columns of a list.

    Raises:
        InviteeRefused: with every fault.
    """
    from idp.letters.pdf import missing_letters  # fonts, which no process that serves loads

    faults: list[str] = []
    number = born = ""
    try:
        number = parse_cpr(cpr)
        born = birthdate_of(number).isoformat()
    except ImpossibleCpr as fault:
        faults.append(str(fault))
    given_name, family_name = split_name(_tidy(name))
    if not given_name or not family_name:
        faults.append("The name must have a given name and a family name, or be written “Family, Given”.")
    where = _parse_address(address)
    if where is None:
        faults.append(
            "The address must end with postal code and town, such as “Havnegade 1, 9990 Nordhavn”; "
            "abroad with a country code after that, such as “, NO”."
        )
    if max(len(name), len(address)) > _LONGEST:
        faults.append(f"Name and address may have {_LONGEST} signs each.")
    if missing := missing_letters(_tidy(name) + _tidy(address)):
        faults.append(f"The letter cannot show {len(missing)} of the signs in name or address.")
    spoken = language.strip().lower() or "da"
    if spoken not in LANGUAGES:
        faults.append(f"The language must be one of {', '.join(LANGUAGES)}.")
    if faults or where is None:
        raise InviteeRefused(faults)
    return Invitee(number, given_name, family_name, born, where, spoken)


def split_name(name: str) -> tuple[str, str]:
    """Given names and family name; the family name is the last word, or what stands before a comma."""
    if "," in name:
        family, _, given = name.partition(",")
    else:
        given, _, family = name.rpartition(" ")
    return given.strip(), family.strip()


def _parse_address(text: str) -> Address | None:
    separator = r"[\r\n;]+" if re.search(r"[\r\n;]", text) else ","
    parts = [_tidy(part) for part in re.split(separator, text) if part.strip()]
    country = parts.pop() if parts and _COUNTRY.fullmatch(parts[-1]) else "DK"
    postal_code, _, locality = parts.pop().partition(" ") if parts else ("", "", "")
    if not parts or not locality or not _POSTAL_CODE.fullmatch(postal_code):
        return None
    street = "\n".join(parts) if separator != "," else ", ".join(parts)
    return Address(street, postal_code, locality, country)


def _tidy(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


@dataclass(frozen=True, slots=True)
class Inviting:
    """Invites, a batch in each transaction."""

    transact: Transact
    invitations: Invitations
    citizens: Citizens
    letters: Letters
    ledger: Ledger
    clock: Clock

    def invite(
        self, invitees: Sequence[Invitee], *, again: bool = False, actor: str, reason: str
    ) -> list[Outcome]:
        """What became of each, in their order. `again`: a new letter also for who was invited before."""
        now = self.clock()
        known = self.invitations.known(invitee.cpr for invitee in invitees)
        citizens = {invitee.cpr for invitee in invitees if self.citizens.find_by_cpr(invitee.cpr) is not None}

        def work(tx: Tx) -> list[Outcome]:
            seen = dict(known)
            outcomes = []
            for invitee in invitees:
                if invitee.cpr in citizens:
                    outcomes.append(Outcome.CITIZEN)
                elif invitee.cpr in seen:
                    outcomes.append(self._renew(tx, invitee, seen[invitee.cpr], again, now, actor, reason))
                else:
                    outcomes.append(self._add(tx, invitee, now, actor, reason))
                    seen[invitee.cpr] = ""
            return outcomes

        return self.transact(work)

    def _add(self, tx: Tx, invitee: Invitee, now: datetime, actor: str, reason: str) -> Outcome:
        invitation = _invitation(new_id(), invitee)
        try:
            self.invitations.add(tx, invitation, cpr=invitee.cpr, at=now)
        except AlreadyKnown:
            return Outcome.INVITED_BEFORE
        self.ledger.append(
            tx,
            event=events.INVITED,
            actor=actor,
            at=now,
            citizen_id=invitation.citizen_id,
            facts={"reason": reason},
        )
        self._issue(tx, invitation.citizen_id, now, actor, reason)
        return Outcome.INVITED

    def _renew(
        self, tx: Tx, invitee: Invitee, citizen_id: str, again: bool, now: datetime, actor: str, reason: str
    ) -> Outcome:
        if not again or not citizen_id:
            return Outcome.INVITED_BEFORE
        last = self.letters.last_issued(kind=LetterKind.ACTIVATION, citizen_id=citizen_id)
        if last is not None and now - last < _AGAIN_AFTER:
            return Outcome.INVITED_BEFORE
        self.invitations.renew(tx, _invitation(citizen_id, invitee), at=now)
        self._issue(tx, citizen_id, now, actor, reason)
        return Outcome.RENEWED

    def _issue(self, tx: Tx, citizen_id: str, now: datetime, actor: str, reason: str) -> None:
        self.letters.issue(
            tx, kind=LetterKind.ACTIVATION, citizen_id=citizen_id, actor=actor, now=now, reason=reason
        )


def _invitation(citizen_id: str, invitee: Invitee) -> Invitation:
    return Invitation(
        citizen_id=citizen_id,
        given_name=invitee.given_name,
        family_name=invitee.family_name,
        birthdate=invitee.birthdate,
        address=invitee.address,
        language=invitee.language,
    )
