"""POST /sign-out: our own "log ud", which ends this browser's session; pressing twice is harmless.

A page may be older than the session's secret, which each sign-in makes anew, a step-up in another tab too. Its button
proves nothing then, so the citizen is asked (S-217).
"""

from flask import Response

from idp.login.browser_handle import find_to_end
from idp.login.end_session import ask_instead
from idp.login.sign_out import SIGN_OUT_FORM, end_here, signed_out
from idp.services import Services
from idp.web import ForeignForm, check_form_token, read_form


def sign_out(services: Services) -> Response:
    """The view.

    Raises: InvalidRequest.
    """
    form = read_form()
    signed_in = find_to_end(services)
    if signed_in is None:
        return signed_out(services)
    try:
        check_form_token(form, signed_in.secret, SIGN_OUT_FORM)
    except ForeignForm:
        return ask_instead(services, signed_in)
    return end_here(services, signed_in, after_form=True)
