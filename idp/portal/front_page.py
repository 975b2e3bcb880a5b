"""`/`: whether you are signed in with this browser, to which services, and the button that signs you out.

Services that registered an `initiate_login_uri` are listed for everybody: their link begins a sign-in there (OIDC Core §4).
"""

from urllib.parse import urlencode

from flask import Blueprint, Response

from clients_registry.client import Client
from idp.login.sign_out import sign_out_token
from idp.login.visit import SignedIn, find_signed_in, service_url
from idp.portal import pages
from idp.portal.recovery.entry import STOP_MINE
from idp.protocol.acr import HIGH
from idp.services import Services
from idp.web import current_language, form_token, render

_LISTED_AT_MOST = 100
"""A page that people can read; whoever has more needs a catalogue."""


def front_page(services: Services) -> Blueprint:
    """The blueprint of the front page."""
    blueprint = Blueprint("front_page", __name__)

    @blueprint.get("/")
    def show() -> Response:
        signed_in = find_signed_in(services)
        citizen = services.citizens.find(signed_in.session.citizen_id) if signed_in else None
        if signed_in is None or citizen is None:
            return render(pages.FrontPage(services=_startable(services)))
        return render(_page_of(services, signed_in, citizen.name))

    return blueprint


def _page_of(services: Services, signed_in: SignedIn, citizen_name: str) -> pages.FrontPage:
    session = signed_in.session
    waiting = services.recovery_stops.waiting_of(session.citizen_id, services.clock())
    return pages.FrontPage(
        signed_in=pages.SignedIn(
            citizen_name=citizen_name,
            since=session.authenticated_at,
            ends_at=min(session.idle_expires_at, session.expires_at),
            level="high" if session.acr == HIGH else "substantial",
            csrf_token=sign_out_token(signed_in.secret),
        ),
        services=_services_of(services, session.session_id),
        others=_startable(services),
        recovery_until=waiting.cooling_until if waiting else None,
        stop_token=form_token(signed_in.secret, STOP_MINE),
    )


def _services_of(services: Services, session_id: str) -> tuple[pages.ServiceLink, ...]:
    """The services that were opened in this session, each once, last first."""
    links: dict[str, pages.ServiceLink] = {}
    for grant in services.grants.of_session(session_id):
        registered = services.registry.find_client(grant.client_id)
        if registered is None or grant.client_id in links:
            continue
        links[grant.client_id] = pages.ServiceLink(
            organisation_name=registered.organisation.name,
            service_name=registered.client.name_in(current_language()),
            url=_start_url(services, registered.client) or service_url(registered.client),
            used_at=grant.created_at,
        )
    return tuple(links.values())


def _startable(services: Services) -> tuple[pages.ServiceLink, ...]:
    """The services that may be shown to anybody."""
    return tuple(
        pages.ServiceLink(
            organisation_name=registered.organisation.name,
            service_name=registered.client.name_in(current_language()),
            url=_start_url(services, registered.client),
        )
        for registered in services.registry.startable_clients()[:_LISTED_AT_MOST]
    )


def _start_url(services: Services, client: Client) -> str | None:
    """Where the service begins a sign-in with us, and where it goes afterwards (§4)."""
    address = client.initiate_login_uri
    if address is None:
        return None
    told = {"iss": services.policy.issuer}
    if client.client_uri is not None:
        told["target_link_uri"] = client.client_uri
    return f"{address}{'&' if '?' in address else '?'}{urlencode(told)}"
