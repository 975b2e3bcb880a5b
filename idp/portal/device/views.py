"""GET and POST /device: who is signed in types the code of a device, and goes on as in every sign-in.

No code is ever taken from the address: a link that brings one along is what a stranger would send (RFC 8628 §5.4).
"""

from flask import Blueprint, Response

from idp.login.device_entry import TooManyUserCodes, UnknownUserCode, open_device
from idp.login.flow import begin
from idp.login.own_pages import require_signed_in
from idp.login.views import notice
from idp.login.visit import SignedIn, WrongTurn
from idp.portal.device.pages import DeviceEntry
from idp.services import Services
from idp.web import RETRY_AFTER_SECONDS, check_form_token, form_token, read_form, render
from idp.web.form_errors import ErrorKind, FormError

PATH = "/device"


def device_pages(services: Services) -> Blueprint:
    """The blueprint."""
    blueprint = Blueprint("device", __name__)
    blueprint.register_error_handler(WrongTurn, notice)

    def show() -> Response:
        return _page(require_signed_in(services, back=PATH))

    def take() -> Response:
        form = read_form()
        signed_in = require_signed_in(services, back=PATH)
        check_form_token(form, signed_in.secret, PATH)
        return _take(services, signed_in, form.get("user_code", "").strip())

    blueprint.add_url_rule(PATH, "show", show, methods=["GET"])
    blueprint.add_url_rule(PATH, "take", take, methods=["POST"])
    return blueprint


def _take(services: Services, signed_in: SignedIn, typed: str) -> Response:
    if not typed:
        return _page(signed_in, FormError(ErrorKind.MISSING_USER_CODE))
    try:
        visit = open_device(services, signed_in, typed)
    except UnknownUserCode:
        return _page(signed_in, FormError(ErrorKind.USER_CODE_UNKNOWN))
    except TooManyUserCodes:
        response = _page(signed_in, FormError(ErrorKind.BLOCKED), 429)
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response
    return begin(services, visit)


def _page(signed_in: SignedIn, error: FormError | None = None, status: int = 400) -> Response:
    page = DeviceEntry(csrf_token=form_token(signed_in.secret, PATH), error=error)
    return render(page, status if error else 200)
