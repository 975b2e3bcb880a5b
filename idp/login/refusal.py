"""A refusal that goes to the client by the browser: told once in the log, with a reference number that the client gets.

RFC 6749 §4.1.2.1 has no member for a reference number, so it stands in the query of `error_uri`.
"""

import logging

from idp.errors import OAuthError, RedirectedError
from idp.login.answer import sealed_for
from idp.protocol.response_mode import AuthorizationResponse, error_response
from idp.records import AuthorizationRequest
from idp.services import Services
from idp.web import request_reference

_log = logging.getLogger(__name__)


def refusal_of(
    services: Services, request: AuthorizationRequest, refusal: OAuthError
) -> AuthorizationResponse:
    """What the client is told where its request is refused."""
    return tell_client(
        services,
        RedirectedError(
            refusal, request.client_id, request.redirect_uri, request.response_mode, request.state
        ),
    )


def tell_client(services: Services, refusal: RedirectedError) -> AuthorizationResponse:
    """Log the refusal, and make the answer that tells it."""
    error, reference = refusal.error, request_reference()
    _log.info(
        "authorization refused: %s",
        error.detail or error.description,
        extra={"reference": reference, "code": error.code},
    )
    answer = error_response(services.policy.issuer, refusal, reference=reference)
    return sealed_for(services, refusal.client_id, answer)
