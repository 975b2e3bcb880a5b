"""A new citizen with a first password and a first authenticator app, made together and shown once."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta

import pyotp

from idp.citizens import CitizenRefused, Citizens, NewCitizen
from idp.ids import digest, new_id
from idp.ledger import events
from idp.records import Address, Citizen, ProfileClaims
from idp.storage.ports import Tx
from mfa.enrolment import Enrolment
from mfa.errors import PasswordRefused

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_PASSWORD_LETTERS = 20
"""99 bits of the 31 letters above; written in groups of four so that it can be typed."""

_STEP = timedelta(seconds=30)

_PART_OF = events.CITIZEN_ADDED


@dataclass(frozen=True, slots=True)
class FirstAccess:
    """What a new citizen signs in with. Never kept by us in this form."""

    citizen: Citizen
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)
    totp_uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Contact:
    """How a citizen is reached; all of it may be missing."""

    email: str | None = None
    phone_number: str | None = None
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class NewCitizens:
    citizens: Citizens
    enrolment: Enrolment
    provider: str
    """What authenticator apps show beside the code."""

    def add(
        self,
        new: NewCitizen,
        *,
        actor: str,
        reason: str,
        contact: Contact | None = None,
        profile: ProfileClaims | None = None,
        password: str | None = None,
    ) -> FirstAccess:
        """Add the citizen; the password is made here unless the caller has one (a demonstration has).

        Raises:
            CitizenRefused: with every fault in sentences.
        """
        faults = new.faults()
        if faults:
            raise CitizenRefused(" ".join(faults))
        contact = contact or Contact()
        now = self.citizens.clock()
        citizen = Citizen(
            citizen_id=new_id(),
            user_id=new.user_id,
            status="active",
            given_name=new.given_name,
            family_name=new.family_name,
            birthdate=new.birthdate,
            locale=new.locale,
            created_at=now,
            email=contact.email,
            phone_number=contact.phone_number,
            address=contact.address,
            profile=profile or ProfileClaims(),
        )
        chosen = password or _new_password()
        try:
            hashed = self.enrolment.hash_new_password(chosen, personal=(new.user_id, citizen.name))
        except PasswordRefused as refusal:
            raise CitizenRefused(f"This password may not be used: {refusal.fault.value}.") from None

        def work(tx: Tx) -> None:
            self.citizens.record_added(tx, citizen, new.cpr, actor=actor, reason=reason)
            self.enrolment.keep_password(
                tx, citizen.citizen_id, hashed, actor=actor, now=now, part_of=_PART_OF
            )

        self.citizens.transact(work)
        return self._with_app(citizen, chosen)

    def _with_app(self, citizen: Citizen, password: str) -> FirstAccess:
        """Confirm the app with the code of the step before this one, so that the present one can still be used."""
        now = self.citizens.clock()
        binding = digest(new_id())
        offer = self.enrolment.begin_totp(citizen.citizen_id, binding, now=now)
        code = pyotp.TOTP(offer.seed.base32).at(now - _STEP)
        self.enrolment.confirm_totp(citizen.citizen_id, binding, code, name="App", now=now, part_of=_PART_OF)
        return FirstAccess(
            citizen,
            password,
            offer.seed.base32,
            offer.seed.uri(account=citizen.user_id, issuer=self.provider),
        )


def _new_password() -> str:
    letters = [secrets.choice(_LETTERS) for _ in range(_PASSWORD_LETTERS)]
    return "-".join("".join(letters[start : start + 4]) for start in range(0, _PASSWORD_LETTERS, 4))
