"""Where a new citizen goes when all is done: back to the service that asked, else to the security page."""

from dataclasses import dataclass

from idp.ids import digest
from idp.login.own_client import CLIENT_ID
from idp.login.visit import BROWSER, WrongTurn, load_registered, service_url
from idp.portal.activation.visit import ATTEMPT
from idp.services import Services
from idp.web import current_language, read_cookie

_HOME = "/me/security"


@dataclass(frozen=True, slots=True)
class WayOn:
    """An address, and the service that it leads to."""

    address: str
    service_name: str | None = None


def way_on(services: Services) -> WayOn:
    """The attempt that led here, if this very browser began it; its service, where the attempt is over (S-215)."""
    attempt_id, browser = read_cookie(ATTEMPT), read_cookie(BROWSER)
    attempt = services.login_attempts.find(attempt_id) if attempt_id and browser else None
    if attempt is None or browser is None or attempt.browser_digest != digest(browser):
        return WayOn(_HOME)
    try:
        client = load_registered(services, attempt).client
    except WrongTurn:
        return WayOn(_HOME)
    name = None if client.client_id == CLIENT_ID else client.name_in(current_language())
    if services.clock() < attempt.finish_by:
        return WayOn(f"/login/{attempt.attempt_id}", name)
    return WayOn((service_url(client) if name else None) or _HOME, name)
