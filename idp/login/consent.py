"""POST /login/<attempt>/consent: the citizen was told, or agrees, or does not."""

from flask import Response

from idp.errors import AccessDenied
from idp.ledger import events
from idp.login.cancel import refuse
from idp.login.flow import after_post, decide, step_of
from idp.login.steps import Step
from idp.login.visit import Visit
from idp.records import OFFLINE_ACCESS, Consent
from idp.services import Services
from idp.storage.ports import Tx


def post_consent(services: Services, visit: Visit, form: dict[str, str]) -> Response:
    """Record the answer of the citizen who is signed in; an answer that is neither yes nor no changes nothing."""
    if visit.signed_in is None or step_of(services, visit) not in (Step.INFORM, Step.ASK):
        return after_post(visit)
    decision = form.get("decision")
    if decision == "decline":
        return refuse(services, visit, AccessDenied("The citizen declined to share the data."))
    if decision in ("accept", "once"):
        return _accept(services, visit, visit.signed_in.session.citizen_id, lasting=decision == "accept")
    return after_post(visit)


def _accept(services: Services, visit: Visit, citizen_id: str, *, lasting: bool) -> Response:
    request = visit.attempt.request
    lasting = lasting and OFFLINE_ACCESS in request.scope
    if not request.authorization_details:
        settle(services, visit, citizen_id, lasting=lasting)
        return after_post(visit)
    # RFC 9396: a yes to details is remembered nowhere, so that it speaks for no other tab; it decides here and now.
    if request.claims or lasting:
        settle(services, visit, citizen_id, lasting=lasting)
    return decide(services, visit, lasting=lasting)


def settle(services: Services, visit: Visit, citizen_id: str, *, lasting: bool) -> None:
    """What the citizen was told or said yes to; scopes of an API and lasting access stand among the claims of a consent."""
    request, client = visit.attempt.request, visit.registered.client
    purpose = client.purpose(request.purpose_id)
    agreed = (*request.claims, *request.resource_scope, *((OFFLINE_ACCESS,) if lasting else ()))
    consent = Consent(
        citizen_id=citizen_id,
        client_id=client.client_id,
        purpose_id=purpose.id,
        version=purpose.version,
        claims=agreed,
        given_at=visit.now,
    )

    def work(tx: Tx) -> None:
        services.consents.give(tx, consent)
        services.ledger.append(
            tx,
            event=events.CONSENT_GIVEN if lasting or purpose.legal_ground == "consent" else events.INFORMED,
            actor=events.BY_CITIZEN,
            at=visit.now,
            citizen_id=citizen_id,
            facts={
                "client_id": client.client_id,
                "purpose": purpose.id,
                "version": purpose.version,
                "legal_ground": purpose.legal_ground,
                "claims": list(agreed),
            },
        )

    services.transact(work)
