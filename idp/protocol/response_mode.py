"""The authorization response: `query`, `form_post` (OAuth 2.0 Multiple Response Types §2.1; Form Post Response Mode), JARM.

Every answer, good or bad, says whose it is (`iss`, RFC 9207) and gives `state` back. Values are percent-encoded here and
nowhere else, so no value can end a line or a parameter. The page that carries a `form_post` is the login's; how the
modes that end in `.jwt` sign an answer is jarm.py's matter.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import quote, urlencode

from idp.errors import InvalidRequest, RedirectedError
from idp.records import AuthorizationRequest

JWT_MODES = ("query.jwt", "form_post.jwt")
RESPONSE_MODES = ("query", "form_post", "jwt", *JWT_MODES)

METADATA: Mapping[str, object] = MappingProxyType(
    {
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "authorization_response_iss_parameter_supported": True,
    }
)


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """An answer on its way to the client."""

    redirect_uri: str
    mode: str
    """`query`: send the browser to `location`. `form_post`: a page posts `parameters` to `redirect_uri`.
    A mode of `JWT_MODES`: it must be signed before it goes anywhere."""
    parameters: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def location(self) -> str:
        """Where to send the browser in the mode `query`."""
        if self.mode != "query":
            raise AssertionError("an answer of another mode must not stand in an address")
        # RFC 6749 §3.1.2: a query that the client registered is kept.
        joint = "&" if "?" in self.redirect_uri else "?"
        return self.redirect_uri + joint + urlencode(self.parameters, quote_via=quote, safe="")


def parse_response_mode(value: str | None, *, registered: Collection[str]) -> str:
    """The mode of a request.

    Raises: InvalidRequest.
    """
    mode = _plainly("query" if value is None else value)
    if mode not in RESPONSE_MODES or mode not in map(_plainly, registered):
        raise InvalidRequest("The response_mode is not one that the client is registered for.")
    return mode


def mode_of_refusal(value: str | None, *, registered: Collection[str]) -> str:
    """How to tell an error, even where the `response_mode` is what is wrong: never outside what was registered."""
    try:
        return parse_response_mode(value, registered=registered)
    except InvalidRequest:
        return "query" if "query" in registered else _plainly(next(iter(registered)))


def _plainly(mode: str) -> str:
    """JARM §2.3.4: `jwt` is the default of the response type, which for a code is `query.jwt`."""
    return "query.jwt" if mode == "jwt" else mode


def code_response(issuer: str, request: AuthorizationRequest, code: str) -> AuthorizationResponse:
    """The answer to a request that was granted."""
    return _response(issuer, request.redirect_uri, request.response_mode, request.state, {"code": code})


def error_response(issuer: str, refusal: RedirectedError, *, reference: str) -> AuthorizationResponse:
    """The answer to a request that was refused (RFC 6749 §4.1.2.1); operators find `reference` in the log."""
    code = refusal.error.code
    parameters = {
        "error": code,
        "error_description": refusal.error.description,
        "error_uri": f"{issuer}/help/errors?reference={reference}#{code}",
    }
    return _response(issuer, refusal.redirect_uri, refusal.response_mode, refusal.state, parameters)


def _response(
    issuer: str, redirect_uri: str, mode: str, state: str | None, parameters: Mapping[str, str]
) -> AuthorizationResponse:
    given = {} if state is None else {"state": state}
    return AuthorizationResponse(redirect_uri, mode, tuple({**parameters, **given, "iss": issuer}.items()))
