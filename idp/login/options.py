"""GET /login/<attempt>/options: a new challenge for a page that has waited, as JSON for static/webauthn.js."""

from flask import Response, json
from werkzeug.exceptions import NotFound

from idp.login.flow import question_of, step_of
from idp.login.page_of import key_options, passkey_options
from idp.login.question import Way
from idp.login.steps import Step
from idp.login.visit import Visit
from idp.services import Services


def show_options(services: Services, visit: Visit) -> Response:
    """The options of the ceremony that the attempt's page offers.

    Raises:
        NotFound: it offers none.
    """
    if step_of(services, visit) is Step.FIRST_FACTOR:
        return _answer(passkey_options(services, visit))
    question = question_of(services, visit)
    if question is None or Way.KEY not in question.ways:
        raise NotFound
    return _answer(key_options(services, visit, question))


def _answer(options: dict[str, object]) -> Response:
    return Response(json.dumps(options), mimetype="application/json", headers={"Cache-Control": "no-store"})
