"""The protocol's errors, made once and told once.

An `OAuthError` carries the registered `code`, a constant English `description` for the developer, an HTTP
`status`, and a `detail` that only the log sees. Nothing in it is built from request input (RFC 6749 §5.2).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


class OAuthError(Exception):
    """A refusal in the protocol's own words.

    Subclasses fix `code` and `status`. `description` is printable ASCII without `"` and `\\` (RFC 6749 §5.2).
    """

    code = "server_error"
    status = 400

    def __init__(self, description: str, *, detail: str = "") -> None:
        super().__init__(f"{self.code}: {description}")
        self.description = description
        self.detail = detail


class InvalidRequest(OAuthError):
    code = "invalid_request"


class InvalidClient(OAuthError):
    code = "invalid_client"
    status = 401


class InvalidGrant(OAuthError):
    code = "invalid_grant"


class UnauthorizedClient(OAuthError):
    code = "unauthorized_client"


class UnsupportedGrantType(OAuthError):
    code = "unsupported_grant_type"


class UnsupportedResponseType(OAuthError):
    code = "unsupported_response_type"


class InvalidScope(OAuthError):
    code = "invalid_scope"


class InvalidTarget(OAuthError):
    """RFC 8707 §2."""

    code = "invalid_target"


class InvalidAuthorizationDetails(OAuthError):
    """RFC 9396 §5."""

    code = "invalid_authorization_details"


class AccessDenied(OAuthError):
    code = "access_denied"


class AuthorizationPending(OAuthError):
    """RFC 8628 §3.5."""

    code = "authorization_pending"


class SlowDown(OAuthError):
    """RFC 8628 §3.5."""

    code = "slow_down"


class ExpiredToken(OAuthError):
    """RFC 8628 §3.5."""

    code = "expired_token"


class LoginRequired(OAuthError):
    """OpenID Connect Core §3.1.2.6."""

    code = "login_required"


class ConsentRequired(OAuthError):
    """OpenID Connect Core §3.1.2.6."""

    code = "consent_required"


class InteractionRequired(OAuthError):
    """OpenID Connect Core §3.1.2.6."""

    code = "interaction_required"


class UnmetAuthenticationRequirements(OAuthError):
    """OpenID Connect Core Unmet Authentication Requirements 1.0."""

    code = "unmet_authentication_requirements"


class InvalidRequestUri(OAuthError):
    """OpenID Connect Core §3.1.2.6."""

    code = "invalid_request_uri"


class RequestUriNotSupported(OAuthError):
    """OpenID Connect Core §3.1.2.6."""

    code = "request_uri_not_supported"


class InvalidRequestObject(OAuthError):
    """RFC 9101 §6, OpenID Connect Core §3.1.2.6."""

    code = "invalid_request_object"


class InvalidDpopProof(OAuthError):
    """RFC 9449 §5, §7.1."""

    code = "invalid_dpop_proof"


class UseDpopNonce(OAuthError):
    """RFC 9449 §8, §9: the answer carries the `nonce` to use."""

    code = "use_dpop_nonce"

    def __init__(self, description: str, *, nonce: str) -> None:
        super().__init__(description)
        self.nonce = nonce


class InvalidToken(OAuthError):
    """RFC 6750 §3.1."""

    code = "invalid_token"
    status = 401


class InsufficientUserAuthentication(OAuthError):
    """RFC 9470 §3: the challenge carries the `parameters` of the sign-in that would do."""

    code = "insufficient_user_authentication"
    status = 401

    def __init__(self, description: str, *, parameters: Mapping[str, str]) -> None:
        super().__init__(description)
        self.parameters = parameters


class InsufficientScope(OAuthError):
    """RFC 6750 §3.1."""

    code = "insufficient_scope"
    status = 403


class MethodNotAllowed(OAuthError):
    """A wrong verb at a protocol endpoint; the answer carries `Allow`."""

    code = "invalid_request"
    status = 405


class TooLarge(OAuthError):
    """A body over its limit: a 400 like every other malformed request (protocol.md, errors)."""

    code = "invalid_request"
    status = 400


class TooManyRequests(OAuthError):
    """A limit by client or address was reached; the answer carries `Retry-After`."""

    code = "temporarily_unavailable"
    status = 429


class TemporarilyUnavailable(OAuthError):
    """A part we need is away; the answer carries `Retry-After`. Never a guess."""

    code = "temporarily_unavailable"
    status = 503


class ServerError(OAuthError):
    """Something we did not foresee. The reference number leads to it in the log."""

    code = "server_error"
    status = 500


class StoreUnavailable(Exception):
    """Redis or the database did not answer in time. Edges turn this into 503 with `Retry-After`."""


@dataclass(frozen=True)
class RedirectedError(Exception):
    """An `OAuthError` that may be told to the client, because client and redirect URI are verified.

    Raised by the authorization endpoint only after both checks (RFC 6749 §4.1.2.1).
    """

    error: OAuthError
    client_id: str
    redirect_uri: str = field(repr=False)
    response_mode: str
    state: str | None = field(repr=False)


class ConfigurationFaults(Exception):
    """The settings, the secret files or the stores forbid a start. One sentence for each fault."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
