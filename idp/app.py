"""What a worker process serves: machine endpoints and pages, put together from one `Wiring`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Flask

from idp import metrics
from idp.access_log import AccessLog
from idp.addresses import TrustedProxies
from idp.clock import Clock, system_clock
from idp.endpoints.entry import MachineEntry
from idp.endpoints.routes import routes
from idp.ids import new_reference
from idp.login.views import login_pages
from idp.portal import portal_pages
from idp.portal.activation.views import activation_pages
from idp.portal.device.views import device_pages
from idp.portal.front_page import front_page
from idp.portal.recovery.views import recovery_pages
from idp.portal.security.views import security_pages
from idp.settings import Settings
from idp.web import WebConfig, make_flask
from idp.web.password_door import PasswordDoor
from idp.wiring import Wiring

StartResponse = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Provider:
    """The WSGI application: machine endpoints by exact path, every other path to the pages."""

    wiring: Wiring
    pages: Flask
    door: PasswordDoor
    """Before the pages."""
    machine: MachineEntry
    proxies: TrustedProxies
    takes_certificates: bool
    """Whether a proxy's word on client certificates is asked for at all."""
    access_log: AccessLog | None

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        environ["adgang.reference"] = new_reference()
        environ["adgang.peer"] = self.proxies.client_address(environ)
        # RFC 9440 §4: from our proxy it is the client's certificate, from anybody else it is a forgery (S-108).
        certificate = environ.pop("HTTP_CLIENT_CERT", None)
        if certificate is not None and self.takes_certificates and self.proxies.speaks_in(environ):
            environ["adgang.client_certificate"] = certificate
        route = self.machine.route_of(environ.get("PATH_INFO", ""))
        if self.access_log is not None:
            start_response = self.access_log.watching(environ, route, start_response)
        if route is not None:
            return self.machine(environ, start_response)
        return self.door(environ, start_response)


def create_app(settings: Settings, clock: Clock = system_clock) -> Provider:
    """The whole provider, ready to serve.

    Raises:
        ConfigurationFaults: secrets are missing, malformed or open to others.
        keys.errors.KeysError: a signing key does not unseal, or there is none.
    """
    wiring = Wiring(settings, clock)
    services = wiring.services
    pages = make_flask(
        WebConfig(
            issuer=settings.issuer,
            operator_name=settings.operator_name,
            contact=settings.operator_contact,
            demonstration=settings.environment == "demo",
            logo_directory=settings.logo_directory,
            count=metrics.count,
        )
    )
    pages.register_blueprint(portal_pages())
    pages.register_blueprint(front_page(services))
    pages.register_blueprint(device_pages(services))
    pages.register_blueprint(login_pages(services))
    pages.register_blueprint(security_pages(services))
    pages.register_blueprint(activation_pages(services))
    pages.register_blueprint(recovery_pages(services))
    return Provider(
        wiring=wiring,
        pages=pages,
        door=PasswordDoor(pages, settings.password_places),
        machine=MachineEntry(routes(services), services),
        proxies=TrustedProxies(settings.trusted_proxies),
        takes_certificates=services.policy.offers_mutual_tls,
        access_log=AccessLog(rule.rule for rule in pages.url_map.iter_rules())
        if settings.access_log
        else None,
    )
