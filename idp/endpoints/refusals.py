"""How an error is told at a machine endpoint: once, here, for all of them (RFC 6749 §5.2, RFC 6750 §3.1, RFC 9110).

JSON with the registered code, a constant description, the address of a page that says more, and the reference number.
Nothing of the request is in it, and nothing of a library's message.
"""

from collections.abc import Mapping

from idp.endpoints.machine import Headers, MachineResponse, json_response
from idp.errors import (
    InsufficientScope,
    InvalidClient,
    InvalidToken,
    OAuthError,
    TemporarilyUnavailable,
    TooManyRequests,
)
from idp.protocol.policy import ProtocolPolicy

_RETRY_SECONDS = 5
"""After a store was away: soon, since it comes back by itself."""


class NoTokenPresented(InvalidToken):
    """RFC 6750 §3.1: a request without any authentication is told no error code in the challenge."""


def refusal_response(
    error: OAuthError, *, policy: ProtocolPolicy, reference: str, headers: Headers = ()
) -> MachineResponse:
    """The answer that tells an error."""
    members: Mapping[str, object] = {
        "error": error.code,
        "error_description": error.description,
        "error_uri": f"{policy.issuer}/help/errors#{error.code}",
        "reference": reference,
    }
    return json_response(members, status=error.status, headers=headers + _headers_of(error, policy))


def _headers_of(error: OAuthError, policy: ProtocolPolicy) -> Headers:
    if isinstance(error, InvalidClient):
        return (("WWW-Authenticate", 'Basic realm="adgang"'),)
    if isinstance(error, NoTokenPresented):
        return (("WWW-Authenticate", 'Bearer realm="adgang"'),)
    if isinstance(error, InvalidToken | InsufficientScope):
        # The description is constant and has neither quote nor backslash (idp.errors).
        challenge = f'Bearer realm="adgang", error="{error.code}", error_description="{error.description}"'
        return (("WWW-Authenticate", challenge),)
    if isinstance(error, TooManyRequests):
        return (("Retry-After", str(int(policy.failure_window.total_seconds()))),)
    if isinstance(error, TemporarilyUnavailable):
        return (("Retry-After", str(_RETRY_SECONDS)),)
    return ()
