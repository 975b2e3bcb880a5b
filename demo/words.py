"""What a service was told, in a citizen's words (Danish)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LEVELS = {
    "urn:adgang:loa:substantial": ("Betydelig", "to faktorer af forskellig slags"),
    "phr": ("Betydelig", "en nøgle, som ingen falsk side kan narre fra dig"),
    "urn:adgang:loa:high": ("Høj", "en nøgle, der ikke kan kopieres"),
}
_METHODS = {
    "pwd": "adgangskode",
    "otp": "kode fra kodeviser",
    "pop": "nøgle",
    "hwk": "adgangsnøgle",
    "swk": "adgangsnøgle",
    "user": "",
}
_LABELS = {
    "name": "Navn",
    "given_name": "Fornavn",
    "family_name": "Efternavn",
    "birthdate": "Fødselsdag",
    "address": "Adresse",
    "email": "E-mail",
    "email_verified": "E-mail er bekræftet",
    "phone_number": "Telefon",
    "phone_number_verified": "Telefon er bekræftet",
    "locale": "Sprog",
    "cpr": "CPR-nummer",
    "updated_at": "Oplysningerne er fra",
}
_MONTHS = (
    "januar", "februar", "marts", "april", "maj", "juni",
    "juli", "august", "september", "oktober", "november", "december",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A citizen who is signed in at this service, ready to show."""

    name: str
    acr: str
    level: str
    level_means: str
    methods: str
    at: datetime
    when: str
    pseudonym: str
    received: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    code: str
    title: str
    text: str


_REFUSALS = {
    "access_denied": (
        "Du er ikke logget ind",
        "Du valgte at gå tilbage. Vi har ikke fået noget at vide om dig.",
    ),
    "temporarily_unavailable": (
        "Log ind er ikke til at få fat på lige nu",
        "Det er ikke din fejl. Prøv igen om et par minutter.",
    ),
    "mismatching_state": (
        "Vi kunne ikke genkende din browser",
        "Måske tog det lang tid, eller måske er der flere faner åbne. Log ind igen herfra.",
    ),
    "mix_up": (
        "Svaret kom ikke fra den, vi spurgte",
        "Vi har derfor set bort fra det. Log ind igen herfra.",
    ),
    "step_up_declined": (
        "Vi kan ikke vise dig det",
        "Du gik tilbage uden at bruge din nøgle. Du er stadig logget ind her, og alt andet er, som det var.",
    ),
    "unmet_authentication_requirements": (
        "Du mangler en nøgle",
        "Det, du bad om, kan kun ses med en adgangsnøgle eller en sikkerhedsnøgle. Du er stadig logget ind her, "
        "og du kan tilføje en nøgle under Sikkerhed hos Adgang.",
    ),
    "not_found": ("Siden findes ikke", "Gå til forsiden, og find vej derfra."),
}


def refusal_in_words(code: str | None) -> Refusal:
    """What to say when a sign-in ended without a citizen; `code` is the protocol's word."""
    known = code if code is not None and code in _REFUSALS else ""
    title, text = _REFUSALS.get(
        known, ("Noget gik galt på vejen hertil", "Du er ikke logget ind. Prøv igen herfra.")
    )
    return Refusal(known or "server_error", title, text)


def signed_in_in_words(identity: dict[str, Any], told: dict[str, Any]) -> SignedIn:
    """From the claims of the ID token (`identity`) and of userinfo (`told`)."""
    level, level_means = _LEVELS.get(identity.get("acr", ""), ("Ukendt", str(identity.get("acr", ""))))
    methods = [word for value in identity.get("amr", []) if (word := _METHODS.get(value, ""))]
    at = datetime.fromtimestamp(identity["auth_time"], _zone())
    subject = str(identity["sub"])
    return SignedIn(
        name=str(told.get("name") or "Borger uden navn"),
        acr=str(identity.get("acr", "")),
        level=level,
        level_means=level_means,
        methods=" og ".join(dict.fromkeys(methods)),
        at=at,
        when=f"{at.day}. {_MONTHS[at.month - 1]} {at.year} kl. {at:%H.%M}",
        pseudonym=f"{subject[:8]}…",
        received=tuple((_LABELS[claim], _shown(claim, told[claim])) for claim in _LABELS if claim in told),
    )


def _shown(claim: str, value: Any) -> str:
    if claim == "address" and isinstance(value, dict):
        return (
            f"{value.get('street_address', '')}, {value.get('postal_code', '')} {value.get('locality', '')}"
        )
    if claim == "birthdate":
        day = date.fromisoformat(value)
        return f"{day.day}. {_MONTHS[day.month - 1]} {day.year}"
    if claim == "cpr":
        return f"{value[:6]}-{value[6:]}"
    if isinstance(value, bool):
        return "ja" if value else "nej"
    return str(value)


def _zone() -> Any:
    try:
        return ZoneInfo("Europe/Copenhagen")
    except ZoneInfoNotFoundError:  # a small system without a table of zones
        return UTC
