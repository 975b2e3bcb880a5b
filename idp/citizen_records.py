"""What is kept of a person, as frozen dataclasses; records.py hands them on with the others."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Address:
    """OIDC Core §5.1.1, the parts we keep."""

    street_address: str
    postal_code: str
    locality: str
    country: str


@dataclass(frozen=True, slots=True)
class ProfileClaims:
    """What the scope `profile` has beside names, birthdate and language (OIDC Core §5.1); all of it may be missing."""

    middle_name: str | None = None
    nickname: str | None = None
    profile: str | None = None
    """A page about the citizen; like `picture` and `website` an https address."""
    picture: str | None = None
    website: str | None = None
    gender: str | None = None
    zoneinfo: str | None = None
    """A name of the time zone database, such as Europe/Copenhagen."""


@dataclass(frozen=True, slots=True)
class Citizen:
    """A person who may sign in. The CPR number is kept sealed and is not part of this record."""

    citizen_id: str
    user_id: str
    status: str
    """`active`, `blocked` or `closed`."""
    given_name: str
    family_name: str
    birthdate: str
    """ISO 8601 date."""
    locale: str
    """`da`, `en` or `nb`."""
    created_at: datetime
    email: str | None = None
    email_verified: bool = False
    phone_number: str | None = None
    phone_number_verified: bool = False
    address: Address | None = None
    blocked_by: str | None = None
    """While blocked: `citizen`, whose recovery opens the access again, or `operator`."""
    profile: ProfileClaims = ProfileClaims()
    changed_at: datetime | None = None
    """When what services may be told last changed; None where it never did."""

    @property
    def name(self) -> str:
        names = (self.given_name, self.profile.middle_name, self.family_name)
        return " ".join(name for name in names if name)
