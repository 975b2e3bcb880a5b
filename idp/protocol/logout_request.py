"""What a service asks of the end session endpoint (OpenID Connect RP-Initiated Logout 1.0 §2, §3).

Supported: `id_token_hint`, also one that has expired; `client_id`; `post_logout_redirect_uri`, exactly as registered;
`state`; `ui_locales`. `logout_hint` is taken and not used: nobody but who is signed in here can be signed out here.
Refused: a hint that is none or is another client's, an unknown client, an address that this client did not register.
Without a client that is known nothing leads back. Whether the citizen is asked is for whoever knows the session.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlencode

from clients_registry.client import Client
from clients_registry.registry import Registry
from idp.errors import InvalidRequest
from idp.protocol.authorization_request import MAX_STATE
from idp.protocol.id_token_hint import Hint, HintVerifier
from idp.protocol.locales import parse_locales

METADATA: Mapping[str, object] = MappingProxyType(
    {
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
    }
)
"""Back-Channel Logout §2.1, by idp/logout; Front-Channel Logout §3, by login/signed_out.py."""


@dataclass(frozen=True, slots=True)
class LogoutRequest:
    """A request that was checked."""

    client_id: str | None = None
    """Who asks, as far as that is known."""
    sid: str | None = None
    """Of the hint: the client's own name for the session that it means."""
    return_url: str | None = field(default=None, repr=False)
    """A registered post_logout_redirect_uri of the client, with its `state`."""
    ui_locales: tuple[str, ...] = ()


def check_logout_request(
    parameters: Mapping[str, str], *, registry: Registry, hints: HintVerifier
) -> LogoutRequest:
    """The request that a browser brought to the end session endpoint.

    Raises: InvalidRequest, which must be told on a page: an error leads nowhere (§4).
    """
    hint = _hint(parameters, hints)
    client = _client(parameters, hint, registry)
    return LogoutRequest(
        client_id=None if client is None else client.client_id,
        sid=None if client is None or hint is None else hint.sid,
        return_url=_return_url(parameters, client),
        ui_locales=parse_locales(parameters.get("ui_locales")),
    )


def _hint(parameters: Mapping[str, str], hints: HintVerifier) -> Hint | None:
    hint = parameters.get("id_token_hint")
    return None if hint is None else hints.read(hint)


def _client(parameters: Mapping[str, str], hint: Hint | None, registry: Registry) -> Client | None:
    """Who asks: the hint's client, which a client_id must not contradict (§2, S-204)."""
    named = parameters.get("client_id")
    if hint is not None and named is not None and named != hint.client_id:
        raise InvalidRequest("The id_token_hint was issued to another client than client_id names.")
    client_id = hint.client_id if hint is not None else named
    if client_id is None:
        return None
    registered = registry.find_client(client_id)
    if registered is None:
        raise InvalidRequest("The client_id is unknown.")
    return None if registered.disabled else registered.client


def _return_url(parameters: Mapping[str, str], client: Client | None) -> str | None:
    """Where the browser may go afterwards; None where nobody is known who could have registered it (§3, S-202)."""
    wanted, state = parameters.get("post_logout_redirect_uri"), parameters.get("state")
    if state is not None and not (len(state) <= MAX_STATE and state.isascii() and state.isprintable()):
        raise InvalidRequest("The state is too long or has characters that are not allowed.")
    if wanted is None or client is None:
        return None
    if wanted not in client.post_logout_redirect_uris:
        raise InvalidRequest("The post_logout_redirect_uri is not registered for this client.")
    if state is None:
        return wanted
    return f"{wanted}{'&' if '?' in wanted else '?'}{urlencode({'state': state})}"
