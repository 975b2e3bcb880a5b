"""Every page with fictional data, behind the real front door, each at an address of its own: `/gallery/<name>`."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from flask import Flask, Response

from idp.asking_device import AskingDevice
from idp.login.pages import (
    Asker,
    AtApi,
    Consent,
    Device,
    DeviceAnswered,
    ErrorKind,
    FirstFactor,
    FormError,
    FormPost,
    Notice,
    NoticeKind,
    OrganisationKind,
    Return,
    SecondFactor,
    Unmet,
    Words,
)
from idp.login.sign_out_pages import AskSignOut, ServiceOutcome, SignedOut, Told
from idp.portal import portal_pages
from idp.portal.device.pages import DeviceEntry
from idp.portal.pages import FrontPage, ServiceLink, SignedIn
from idp.web import ErrorPage, FailureKind, Page, WebConfig, make_flask, render
from idp.web.static_files import StaticFiles

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

_OPTIONS = {
    "challenge": "A" * 43,
    "timeout": 300_000,
    "rpId": "localhost",
    "allowCredentials": [],
    "userVerification": "required",
}
_OWN: dict[str, Any] = {
    "organisation_name": "Adgang",
    "organisation_kind": OrganisationKind.STATE,
    "service_name": "Adgang",
    "purpose_text": {},
}

PUBLIC_PATHS = ("/help", "/help/errors", "/help/security", "/accessibility", "/privacy", "/no-such-page")

_BUILDING = {
    "da": "se og rette din byggesag",
    "en": "see and change your building permit case",
    "nb": "se og rette byggesaken din",
}
_HOUSING = {
    "da": "Søge om boligstøtte og følge din ansøgning.",
    "en": "Apply for housing support and follow your application.",
    "nb": "Søke om bostøtte og følge søknaden din.",
}


def make_gallery(issuer: str) -> Flask:
    """The gallery as it would stand at `issuer`."""
    config = WebConfig(
        issuer=issuer,
        operator_name="Digital Service Nordhavn",
        contact="adgang@nordhavn.example",
        demonstration=True,
        logo_directory=ROOT / "demo" / "static",
    )
    app = make_flask(config)
    app.register_blueprint(portal_pages())
    pages = gallery_pages(app.extensions["adgang.static"], issuer)
    app.config["GALLERY"] = tuple(pages)

    def show(name: str) -> Response:
        return render(pages[name])

    def show_step(attempt_id: str) -> Response:
        return render(pages[attempt_id])

    app.add_url_rule("/gallery/<name>", "gallery", show, methods=["GET"])
    app.add_url_rule("/login/<attempt_id>", "gallery_step", show_step, methods=["GET"])
    app.add_url_rule("/", "front", lambda: render(pages["front_signed_out"]), methods=["GET"])
    return app


def gallery_pages(files: StaticFiles, issuer: str) -> dict[str, Page]:
    """Every view model in every state that changes what is shown, by name."""
    building = Asker(
        organisation_name="Nordhavn Kommune",
        organisation_kind=OrganisationKind.MUNICIPALITY,
        service_name="Byggesager",
        purpose_text=_BUILDING,
        claims=("name", "address", "email"),
        logo_url=files.find_url("logos/nordhavn.svg"),
        service_url="http://localhost:8001/",
    )
    housing = Asker(
        organisation_name="Statens Boligstøtte",
        organisation_kind=OrganisationKind.STATE,
        service_name="Boligstøtte",
        purpose_text=_HOUSING,
        claims=("name", "birthdate", "cpr", "address", "phone_number", "phone_number_verified"),
        logo_url=files.find_url("logos/boligstotte.svg"),
    )
    health = Asker(
        organisation_name="Region Midtsund",
        organisation_kind=OrganisationKind.REGION,
        service_name="Tider hos lægen og på sygehuset",
        purpose_text={},
        logo_url=files.find_url("logos/midtsund.svg"),
    )
    return {
        **_steps(building, housing, health),
        **_ways_back(issuer),
        **_notices(),
        **_failures(),
        **_front_pages(),
    }


def _steps(building: Asker, housing: Asker, health: Asker) -> dict[str, Page]:
    errors = {
        "no_match": FormError(ErrorKind.CREDENTIALS_DO_NOT_MATCH),
        "no_match_wait": FormError(ErrorKind.CREDENTIALS_DO_NOT_MATCH, seconds=10),
        "slowed": FormError(ErrorKind.SLOWED, seconds=150),
        "blocked": FormError(ErrorKind.BLOCKED, until=NOW),
        "no_user_id": FormError(ErrorKind.MISSING_USER_ID),
        "no_password": FormError(ErrorKind.MISSING_PASSWORD),
        "busy": FormError(ErrorKind.BUSY, seconds=1),
        "passkey": FormError(ErrorKind.PASSKEY_WRONG),
    }
    code_errors = {
        "wrong": FormError(ErrorKind.CODE_WRONG),
        "used": FormError(ErrorKind.CODE_USED),
        "missing": FormError(ErrorKind.MISSING_CODE),
        "disabled": FormError(ErrorKind.FACTOR_DISABLED),
    }

    key_errors = {
        "wrong": FormError(ErrorKind.KEY_WRONG),
        "suspect": FormError(ErrorKind.KEY_SUSPECT),
        "late": FormError(ErrorKind.KEY_LATE),
        "disabled": FormError(ErrorKind.KEY_DISABLED),
        "missing": FormError(ErrorKind.MISSING_KEY),
    }

    def first(name: str, asker: Asker, error: FormError | None = None, again: bool = False) -> FirstFactor:
        return FirstFactor(
            asker=asker,
            attempt_id=name,
            csrf_token="t" * 64,
            passkey=_OPTIONS,
            user_id="karla-holm" if error else "",
            error=error,
            signed_in_again=again,
        )

    def second(
        name: str, error: FormError | None = None, reason: str = "second", **more: Any
    ) -> SecondFactor:
        return SecondFactor(
            asker=building, attempt_id=name, csrf_token="t" * 64, error=error, reason=reason, **more
        )

    return {
        "first": first("first", building),
        "first_no_purpose": first("first_no_purpose", health),
        "first_again": first("first_again", housing, again=True),
        **{f"first_{name}": first(f"first_{name}", building, error) for name, error in errors.items()},
        "second": second("second"),
        "second_another_way": second("second_another_way", another_way="key"),
        "second_fresh": second("second_fresh", reason="fresh"),
        "key": second("key", key=_OPTIONS, another_way="totp"),
        "key_step_up": second("key_step_up", reason="level", key=_OPTIONS),
        "key_fresh": second("key_fresh", reason="fresh", key=_OPTIONS),
        **{f"key_{name}": second(f"key_{name}", error, key=_OPTIONS) for name, error in key_errors.items()},
        "own_pages": first("own_pages", Asker(**_OWN, own_pages=True)),
        **_unmet(building),
        **{f"second_{name}": second(f"second_{name}", error) for name, error in code_errors.items()},
        **_devices(building, housing),
        "consent_law": _consent("consent_law", building, "law"),
        "consent_asked": _consent("consent_asked", housing, "consent"),
        "consent_details": _consent("consent_details", building, "law", details=_DETAILS),
        "consent_api": replace(_consent("consent_api", housing, "consent"), at_api=_AT_API),
        "consent_lasting": _consent("consent_lasting", housing, "consent", lasting_days=30),
        "consent_lasting_law": _consent("consent_lasting_law", building, "law", lasting_days=30),
    }


def _devices(building: Asker, housing: Asker) -> dict[str, Page]:
    asking = AskingDevice("lille bæver", "da", "WDJB-MJHT", NOW, "Odense", "DK")

    def page(name: str, asker: Asker, lasting_days: int = 0) -> Device:
        return Device(
            asker=asker,
            attempt_id=name,
            csrf_token="t" * 64,
            ground="consent",
            released=asker.claims,
            lasting_days=lasting_days,
            details=_DETAILS[:1] if lasting_days else (),
            citizen_name="Karla Holm",
            device=asking,
            place="Odense, Danmark",
        )

    def entry(kind: ErrorKind | None = None) -> DeviceEntry:
        return DeviceEntry(csrf_token="t" * 64, error=FormError(kind) if kind else None)

    return {
        "device": page("device", building),
        "device_lasting": page("device_lasting", housing, 30),
        "device_yes": DeviceAnswered(approved=True, service_name="Byggesager"),
        "device_no": DeviceAnswered(approved=False, service_name="Byggesager"),
        "device_entry": entry(),
        "device_entry_missing": entry(ErrorKind.MISSING_USER_CODE),
        "device_entry_unknown": entry(ErrorKind.USER_CODE_UNKNOWN),
    }


def _unmet(asker: Asker) -> dict[str, Page]:
    def page(wanted: Literal["key", "hardware", "high"], has_keys: bool) -> Unmet:
        name = f"unmet_{wanted}"
        return Unmet(
            asker=asker, attempt_id=name, csrf_token="t" * 64, wanted=wanted, has_keys=has_keys, cap_days=7
        )

    pages = (page("key", False), page("hardware", True), page("high", True))
    return {page.attempt_id: page for page in pages}


_DETAILS: tuple[Words, ...] = (
    (("rette", True), (" sag ", False), ("2026-17", True), (" fra ", False), ("2025, 2026", True)),
    (("se", True), (" sag ", False), ("<b>2026-18</b>", True), (" fra ", False), ("2024", True)),
)


_AT_API = AtApi("Region Midtsund", ("læse dine aftaler", "Flytte en aftale, som du selv har <i>lavet</i>."))


def _consent(
    name: str, asker: Asker, ground: str, lasting_days: int = 0, details: tuple[Words, ...] = ()
) -> Consent:
    return Consent(
        asker=asker,
        attempt_id=name,
        csrf_token="t" * 64,
        ground="law" if ground == "law" else "consent",
        released=asker.claims,
        lasting_days=lasting_days,
        details=details,
        citizen_name="Karla Holm",
    )


def _ways_back(issuer: str) -> dict[str, Page]:
    return {
        "return": Return(
            target_url=f"{issuer}/gallery/landed?code=c&state=%22%3E<b>'s", service_name="Byggesager"
        ),
        "form_post": FormPost(
            target_url=f"{issuer}/gallery/landed",
            service_name="Byggesager",
            fields={"code": "c", "state": "s"},
        ),
    }


def _notices() -> dict[str, Page]:
    led_back = {
        f"notice_{kind.value}": Notice(
            kind=kind, service_name="Byggesager", service_url="http://localhost:8001/"
        )
        for kind in NoticeKind
    }
    signed_out = SignedOut(service_name="Byggesager", service_url="http://localhost:8001/")
    return {
        **led_back,
        "notice_nowhere": Notice(kind=NoticeKind.EXPIRED),
        "signed_out": signed_out,
        "was_not_signed_in": SignedOut(was_signed_in=False),
        "signed_out_told": SignedOut(
            service_name="Byggesager",
            service_url="http://localhost:8001/",
            outcomes=tuple(
                ServiceOutcome(
                    client_id=str(number),
                    organisation_name="Nordhavn Kommune",
                    service_name=f"Tjeneste {number}",
                    told=told,
                    lasting=number % 2 == 1,
                )
                for number, told in enumerate(Told)
            ),
            waits=True,
            leads_on=True,
        ),
        "ask_sign_out": AskSignOut(path="/sign-out/x", service_name="Byggesager", csrf_token="t" * 64),
        "ask_sign_out_nobody": AskSignOut(path="/sign-out/x", service_name=None, csrf_token="t" * 64),
        "ask_sign_out_outdated": AskSignOut(
            path="/sign-out/x", service_name=None, csrf_token="t" * 64, outdated=True
        ),
    }


def _failures() -> dict[str, Page]:
    plain = {
        f"error_{kind.value}": ErrorPage(status=400, kind=kind, reference="7F3K-2QXA") for kind in FailureKind
    }
    told = ErrorPage(
        status=400,
        kind=FailureKind.REQUEST,
        reference="7F3K-2QXA",
        service_name="Byggesager",
        service_url="http://localhost:8001/",
        error_code="invalid_request",
        error_description="The redirect_uri is not one of the registered ones.",
    )
    return {**plain, "error_told": told}


def _front_pages() -> dict[str, Page]:
    services = (
        ServiceLink(
            organisation_name="Nordhavn Kommune",
            service_name="Byggesager",
            url="http://localhost:8001/",
            used_at=NOW,
        ),
        ServiceLink(organisation_name="Statens Boligstøtte", service_name="Boligstøtte"),
    )

    def signed_in(level: str) -> SignedIn:
        return SignedIn(
            citizen_name="Karla Holm",
            since=NOW,
            ends_at=NOW.replace(hour=20),
            level="high" if level == "high" else "substantial",
            csrf_token="t" * 64,
        )

    return {
        "front_signed_in": FrontPage(signed_in=signed_in("substantial"), services=services),
        "front_high": FrontPage(signed_in=signed_in("high")),
        "front_signed_out": FrontPage(services=services),
    }
