"""How an error is told at a machine endpoint: once, here, for all of them (RFC 6749 §5.2, RFC 6750 §3.1, RFC 9449 §7.1).

JSON with the registered code, a constant description, the address of a page that says more, and the reference number.
Nothing of the request is in it, and nothing of a library's message.
"""

from collections.abc import Mapping

from idp.endpoints.machine import Headers, MachineResponse, json_response
from idp.errors import (
    InsufficientUserAuthentication,
    InvalidClient,
    InvalidToken,
    OAuthError,
    TemporarilyUnavailable,
    TooManyRequests,
    UseDpopNonce,
)
from idp.protocol import dpop
from idp.protocol.policy import ProtocolPolicy

_CHALLENGES = {"Bearer": 'Bearer realm="adgang"', "DPoP": dpop.CHALLENGE}
_RETRY_SECONDS = 5
"""After a store was away: soon, since it comes back by itself."""


class NoTokenPresented(InvalidToken):
    """RFC 6750 §3.1: a request without any authentication is told no error code in the challenge."""


class RefusedAtResource(OAuthError):
    """Whatever is wrong with an access token or its proof, told where the token was presented."""

    status = 401

    def __init__(self, refusal: OAuthError, scheme: str) -> None:
        self.code = refusal.code
        super().__init__(refusal.description, detail=refusal.detail)
        self.scheme = scheme
        """The scheme by which the token was sent."""
        self.nonce = refusal.nonce if isinstance(refusal, UseDpopNonce) else None
        self.parameters: Mapping[str, str] = (
            refusal.parameters if isinstance(refusal, InsufficientUserAuthentication) else {}
        )


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
        return tuple(("WWW-Authenticate", challenge) for challenge in _CHALLENGES.values())
    if isinstance(error, RefusedAtResource):
        return _challenges(error)
    if isinstance(error, UseDpopNonce):
        return (("DPoP-Nonce", error.nonce),)
    if isinstance(error, TooManyRequests):
        return (("Retry-After", str(int(policy.failure_window.total_seconds()))),)
    if isinstance(error, TemporarilyUnavailable):
        return (("Retry-After", str(_RETRY_SECONDS)),)
    return ()


def _challenges(error: RefusedAtResource) -> Headers:
    """What was wrong, by the scheme that was used; then the other scheme, since the token may be of that one."""
    # The description is constant and has neither quote nor backslash (idp.errors).
    wrong = f'{_CHALLENGES[error.scheme]}, error="{error.code}", error_description="{error.description}"'
    wrong += "".join(f', {name}="{value}"' for name, value in error.parameters.items())
    others = [challenge for scheme, challenge in _CHALLENGES.items() if scheme != error.scheme]
    nonce: Headers = () if error.nonce is None else (("DPoP-Nonce", error.nonce),)
    return (*(("WWW-Authenticate", challenge) for challenge in (wrong, *others)), *nonce)
