"""POST /login/<attempt>/unmet: the citizen goes back without what the service asked for."""

from flask import Response

from idp.errors import UnmetAuthenticationRequirements
from idp.login.cancel import refuse
from idp.login.flow import after_post, step_of
from idp.login.steps import Step
from idp.login.visit import Visit
from idp.services import Services


def post_unmet(services: Services, visit: Visit, form: dict[str, str]) -> Response:
    """Tell the service (OpenID Connect Core Unmet Authentication Requirements 1.0; RFC 9470 §5)."""
    del form
    if step_of(services, visit) is not Step.UNMET:
        return after_post(visit)
    return refuse(
        services,
        visit,
        UnmetAuthenticationRequirements("The citizen has no factor that reaches the asked level."),
    )
