"""A citizen who has signed in, without the pages: for tests that begin where a code is about to be issued."""

from urllib.parse import parse_qsl, urlencode

from idp.grants.authorization_code import issue_code
from idp.ids import digest, new_id, new_secret
from idp.protocol.authorization_request import OpenedRequest, authorization_parameters, open_request
from idp.protocol.id_token_hint import HintVerifier
from idp.protocol.request_object import RequestObjects
from idp.protocol.resource_indicators import Apis
from idp.records import BrowserSession, LoginAttempt, ProvenFactor
from tests.support.deployment import Deployment
from tests.support.relying_party import AuthorizationAsked, RelyingParty


def session_of(deployment: Deployment, user_id: str = "freja.holm", **changes: object) -> BrowserSession:
    """A session from password and TOTP, kept nowhere."""
    citizen = deployment.wiring.services.citizens.find_by_user_id(user_id)
    assert citizen is not None
    services, now = deployment.wiring.services, deployment.clock()
    factors = (ProvenFactor("f1", "password", ("pwd",), now), ProvenFactor("f2", "totp", ("otp",), now))
    acr = str(changes.get("acr", "urn:adgang:loa:substantial"))
    return services.sessions.begin(citizen.citizen_id, factors, acr=acr, now=now, device="a test")


def opened(deployment: Deployment, parameters: dict[str, str]) -> OpenedRequest:
    """The request that a browser would bring, checked."""
    services = deployment.wiring.services
    return open_request(
        authorization_parameters("GET", urlencode(parameters).encode(), b"", None),
        registry=services.registry,
        pushed_requests=services.pushed_requests,
        hints=HintVerifier(services.policy, services.key_ring),
        objects=RequestObjects(services.policy, services.seen),
        apis=Apis(services.registry, services.policy.issuer),
        now=deployment.clock(),
    )


def attempt_for(deployment: Deployment, asked: AuthorizationAsked) -> LoginAttempt:
    """The login attempt that opening the request's address would begin."""
    services, now = deployment.wiring.services, deployment.clock()
    request = opened(deployment, dict(parse_qsl(asked.url.partition("?")[2])))
    attempt_id = new_id()
    return LoginAttempt(
        attempt_id=attempt_id,
        browser_digest=digest(new_secret()),
        request=request.request,
        request_key=request.request_key or digest(attempt_id),
        started_at=now,
        finish_by=now + services.policy.login_attempt_lifetime,
        expires_at=now + services.policy.login_attempt_lifetime,
    )


def code_for(party: RelyingParty, asked: AuthorizationAsked, session: BrowserSession | None = None) -> str:
    """The code that the client gets when this citizen says yes."""
    deployment = party.deployment
    return issue_code(
        deployment.wiring.services,
        attempt_for(deployment, asked),
        session or session_of(deployment),
        lasting=True,
    )
