"""Who takes part in the demo. All of it is invented; CPR numbers have the form of test numbers (day + 60)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service of one organisation: a client of the provider."""

    slug: str
    name: str
    localized_names: dict[str, str]
    purpose_id: str
    purpose: dict[str, str]
    """Goes on from "… asks you to sign in to"."""
    legal_ground: str
    scope: str
    claims: tuple[str, ...]
    port_offset: int | None
    """From the demo's first port; None for a service that is registered and has no application here."""
    invitation: str = ""
    """What its front page says, in Danish."""
    signed_in: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What an organisation answers other authorities, on behalf of a citizen."""

    identifier: str
    """The audience of its tokens; where it is reached is its organisation's service."""
    name: str
    scope: str
    text: dict[str, str]
    """Goes on from "… may"."""
    granted_to: str
    """The slug of the service that may ask."""
    granted_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    slug: str
    name: str
    kind: str
    cvr_number: str
    colour: str
    """Of its own pages; white on it has a contrast of at least 7 : 1."""
    service: Service
    api: Api | None = None

    @property
    def contact(self) -> str:
        return f"drift@{self.slug}.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Citizen:
    given_name: str
    family_name: str
    birthdate: date
    cpr: str
    language: str
    street_address: str
    postal_code: str
    locality: str
    phone: str
    profile: Mapping[str, str]
    """The rest of the scope `profile`, so that every standard claim has a value to show."""

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.profile['middle_name']} {self.family_name}"

    @property
    def user_id(self) -> str:
        return f"{self.given_name}.{self.family_name}".lower()

    @property
    def email(self) -> str:
        return f"{self.user_id}@post.example"


ORGANISATIONS = (
    Organisation(
        slug="nordhavn",
        name="Nordhavn Kommune",
        kind="municipality",
        cvr_number="99000001",
        colour="#0b5351",
        service=Service(
            slug="byggesager",
            name="Byggesager",
            localized_names={"en": "Building permits", "nb": "Byggesaker"},
            purpose_id="byggesag",
            purpose={
                "da": "se og rette din byggesag",
                "en": "see and change your building permit",
                "nb": "se og endre byggesaken din",
            },
            legal_ground="law",
            scope="openid profile address",
            claims=("name", "given_name", "family_name", "birthdate", "address"),
            port_offset=1,
            invitation="Se, hvor langt din byggesag er, og send det, vi mangler.",
            signed_in="Her er din byggesag: en carport på Havnegade. Vi venter på din tegning.",
        ),
    ),
    Organisation(
        slug="boligstoette",
        name="Statens Boligstøtte",
        kind="state",
        cvr_number="99000002",
        colour="#7a2e12",
        service=Service(
            slug="boligstoette",
            name="Boligstøtte",
            localized_names={"en": "Housing support", "nb": "Bostøtte"},
            purpose_id="boligstoette",
            purpose={
                "da": "beregne din boligstøtte",
                "en": "work out your housing support",
                "nb": "regne ut bostøtten din",
            },
            legal_ground="consent",
            scope="openid profile cpr",
            claims=("name", "given_name", "family_name", "birthdate", "cpr"),
            port_offset=2,
            invitation="Se, hvad du kan få i støtte til din husleje, og søg om den.",
            signed_in="Du får 1.214 kr. om måneden. Næste udbetaling er den første hverdag i måneden.",
        ),
        api=Api(
            identifier="https://api.boligstoette.example/",
            name="Boligstøtte for myndigheder",
            scope="boligstoette:belob",
            text={
                "da": "se, hvad du får i boligstøtte",
                "en": "see how much housing support you get",
                "nb": "se hvor mye du får i bostøtte",
            },
            granted_to="byggesager",
            granted_for="Gebyret for en byggesag afhænger af, om ansøgeren får boligstøtte.",
        ),
    ),
    Organisation(
        slug="midtsund",
        name="Region Midtsund",
        kind="region",
        cvr_number="99000003",
        colour="#4f2a63",
        service=Service(
            slug="sundhedstider",
            name="Sundhedstider",
            localized_names={"en": "Health bookings", "nb": "Helsetimer"},
            purpose_id="tid",
            purpose={
                "da": "bestille og flytte en tid på sygehuset",
                "en": "book or move an appointment at the hospital",
                "nb": "bestille og flytte en time på sykehuset",
            },
            legal_ground="law",
            scope="openid profile",
            claims=("name", "given_name", "family_name", "birthdate"),
            port_offset=None,
        ),
    ),
)


def _profile(middle_name: str, nickname: str, page: str, gender: str) -> dict[str, str]:
    return {
        "middle_name": middle_name,
        "nickname": nickname,
        "profile": f"https://borger.example/{page}",
        "picture": f"https://borger.example/{page}/billede.jpg",
        "website": f"https://{page}.example/",
        "gender": gender,
        "zoneinfo": "Europe/Copenhagen",
    }


@dataclass(frozen=True)
class InvitedPerson:
    """Somebody who has had a letter, and is no citizen until they use its code."""

    name: str
    cpr: str
    address: str
    language: str


INVITED = InvitedPerson("Alma Bech Dahl", "7104954027", "Strandvejen 8, 9990 Nordhavn", "da")

CITIZENS = (
    Citizen(
        given_name="Freja",
        family_name="Lindholm",
        birthdate=date(1990, 3, 12),
        cpr="7203902018",
        language="da",
        street_address="Havnegade 12, 2. tv.",
        postal_code="9990",
        locality="Nordhavn",
        phone="+4500001201",
        profile=_profile("Bech", "Fie", "freja", "female"),
    ),
    Citizen(
        given_name="Noah",
        family_name="Krogh",
        birthdate=date(2008, 11, 2),
        cpr="6211084035",
        language="en",
        street_address="Skolevej 3",
        postal_code="9991",
        locality="Midtsund",
        phone="+4500001202",
        profile=_profile("Aagaard", "Nono", "noah", "male"),
    ),
    Citizen(
        given_name="Inger",
        family_name="Mortensen",
        birthdate=date(1937, 6, 30),
        cpr="9006371046",
        language="da",
        street_address="Kirkestien 41",
        postal_code="9990",
        locality="Nordhavn",
        phone="+4500001203",
        profile=_profile("Margrethe", "Moster Inger", "inger", "female"),
    ),
)


def apis() -> tuple[tuple[Organisation, Api], ...]:
    """Those that other authorities may ask."""
    return tuple((organisation, organisation.api) for organisation in ORGANISATIONS if organisation.api)


def services_with_a_page() -> tuple[tuple[Organisation, int], ...]:
    """Those that have an application in the demo, with their port offset."""
    return tuple(
        (organisation, organisation.service.port_offset)
        for organisation in ORGANISATIONS
        if organisation.service.port_offset is not None
    )


DEVICE = {
    "organisation": ORGANISATIONS[0].cvr_number,
    "profile": "oidc",
    "client_name": "Vandmåler",
    "client_name#en": "Water meter",
    "client_name#nb": "Vannmåler",
    "application_type": "native",
    "token_endpoint_auth_method": "none",
    "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"],
    "scope": "openid profile",
    "purposes": [
        {
            "id": "vand",
            "text": {
                "da": "aflæse din vandmåler",
                "en": "read your water meter",
                "nb": "lese av vannmåleren din",
            },
            "legal_ground": "consent",
            "claims": ["given_name"],
        }
    ],
}
"""A device without a browser (RFC 8628), as the registration of its client: `demo.device` is one."""
