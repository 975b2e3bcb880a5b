"""From the step that an attempt is at to the page that shows it. Decides nothing; the words are in templates/."""

from collections.abc import Collection
from typing import Any, Literal

from idp.asking_device import AskingDevice
from idp.ceremonies import SIGN_IN
from idp.login import pages
from idp.login.question import Question, Way
from idp.login.steps import Step
from idp.login.visit import PASSKEY, Visit, asker_of, ceremony_binding
from idp.protocol.acr import PHISHING_RESISTANT, PHISHING_RESISTANT_HARDWARE, levels_asked
from idp.records import OFFLINE_ACCESS, AuthorizationRequest, Place
from idp.services import Services
from idp.web import current_language
from idp.web.place_words import place_words
from mfa.factors import FactorKind


def page_of(
    services: Services, visit: Visit, step: Step, question: Question | None, again: pages.Again
) -> pages.Step:
    """The page, with a challenge of its own where a key may answer."""
    if question is not None:
        return _second_factor(services, visit, question, again)
    if step is Step.FIRST_FACTOR:
        return _first_factor(services, visit, again)
    if step is Step.UNMET:
        return _unmet(services, visit)
    if visit.attempt.device is not None:
        return _device(services, visit, visit.attempt.device)
    return _consent(services, visit)


def device_answered(visit: Visit, *, approved: bool) -> pages.DeviceAnswered:
    """The end of an attempt whose answer a device waits for."""
    name = visit.registered.client.name_in(current_language())
    return pages.DeviceAnswered(approved=approved, service_name=name)


def passkey_options(services: Services, visit: Visit) -> dict[str, Any]:
    """For any passkey of anybody's: no user is named, no key is listed (S-238)."""
    binding = ceremony_binding(visit, PASSKEY)
    ceremony = services.ceremonies.begin(SIGN_IN, binding, user_verification_required=True)
    return services.webauthn.options(None, ceremony)


def key_options(services: Services, visit: Visit, question: Question) -> dict[str, Any]:
    """For the keys that may answer the question."""
    ceremony = services.ceremonies.begin(
        SIGN_IN,
        ceremony_binding(visit, Way.KEY),
        user_verification_required=question.user_verification_required,
    )
    allowed = [key.credential_id for key in question.keys]
    return services.webauthn.options(question.citizen_id, ceremony, allowed=allowed)


def _first_factor(services: Services, visit: Visit, again: pages.Again) -> pages.FirstFactor:
    return pages.FirstFactor(
        asker=asker_of(visit),
        attempt_id=visit.attempt.attempt_id,
        csrf_token=visit.token,
        passkey=passkey_options(services, visit),
        user_id=again.user_id or visit.attempt.request.login_hint or "",
        error=again.error,
        signed_in_again=visit.signed_in is not None,
    )


def _second_factor(
    services: Services, visit: Visit, question: Question, again: pages.Again
) -> pages.SecondFactor:
    way = next((way for way in question.ways if way == again.way), question.ways[0])
    return pages.SecondFactor(
        asker=asker_of(visit),
        attempt_id=visit.attempt.attempt_id,
        csrf_token=visit.token,
        key=key_options(services, visit, question) if way is Way.KEY else None,
        another_way=next((str(other) for other in question.ways if other is not way), None),
        reason=question.reason,
        error=again.error,
    )


def _unmet(services: Services, visit: Visit) -> pages.Unmet:
    if visit.signed_in is None:
        raise AssertionError("the table found a session lacking where there is none")
    factors = services.factors.of_citizen(visit.signed_in.session.citizen_id)
    return pages.Unmet(
        asker=asker_of(visit),
        attempt_id=visit.attempt.attempt_id,
        csrf_token=visit.token,
        wanted=_easiest(levels_asked(visit.attempt.request.acr_values, services.policy)),
        has_keys=any(factor.kind is FactorKind.WEBAUTHN for factor in factors),
        cap_days=services.recoveries.times.cap.days,
    )


def _easiest(levels: Collection[str]) -> Literal["key", "hardware", "high"]:
    """What would do, with the least that a citizen must have."""
    if PHISHING_RESISTANT in levels:
        return "key"
    return "hardware" if PHISHING_RESISTANT_HARDWARE in levels else "high"


def _consent(services: Services, visit: Visit) -> pages.Consent:
    return pages.Consent(**_released(services, visit))


def _device(services: Services, visit: Visit, device: AskingDevice) -> pages.Device:
    place = Place(device.city, device.country_code)
    return pages.Device(device=device, place=place_words(place), **_released(services, visit))


def _released(services: Services, visit: Visit) -> dict[str, Any]:
    """What both pages say about the data."""
    request = visit.attempt.request
    purpose = visit.registered.client.purpose(request.purpose_id)
    lasting = services.policy.offline_access_lifetime.days if OFFLINE_ACCESS in request.scope else 0
    citizen = services.citizens.find(visit.signed_in.session.citizen_id) if visit.signed_in else None
    return {
        "asker": asker_of(visit),
        "attempt_id": visit.attempt.attempt_id,
        "csrf_token": visit.token,
        "ground": "law" if purpose.legal_ground == "law" else "consent",
        "released": request.claims,
        "details": _in_words(services, request),
        "lasting_days": lasting,
        "at_api": _at_api(services, request),
        "citizen_name": citizen.name if citizen else "",
    }


def _in_words(services: Services, request: AuthorizationRequest) -> tuple[pages.Words, ...]:
    """What is asked for by authorization details, as the API's organisation says it in the reader's language."""
    found = (
        (detail, services.registry.find_detail_type(detail["type"]))
        for detail in request.authorization_details
    )
    return tuple(
        known.detail_type.in_words(detail, current_language()) for detail, known in found if known is not None
    )


def _at_api(services: Services, request: AuthorizationRequest) -> pages.AtApi | None:
    known = None if request.resource is None else services.registry.find_resource(request.resource)
    if known is None:
        return None
    scopes = [scope for scope in known.resource.scopes if scope.word in request.resource_scope]
    texts = tuple(scope.text[current_language()] for scope in scopes)
    return pages.AtApi(known.organisation.name, texts)
