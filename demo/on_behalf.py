"""A service asks another authority's API on a citizen's behalf: the token it holds is exchanged for one that opens the API.

RFC 8693 with DPoP: the new token is bound to the service's own key, lives no longer than the one it came from, and names
the service as the one who acts. The citizen finds the exchange under recent activity at the provider.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from authlib.integrations.base_client import OAuthError

from demo.relying_party import PushingApp

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
_TIMEOUT_SECONDS = 10
_TOLD = re.compile(r'(\w+)="([^"]*)"')
_STEP_UP = ("acr_values", "max_age")


class StepUpWanted(Exception):
    """The API wants a stronger or younger sign-in. `parameters` are what the authorization request has to ask for."""

    def __init__(self, parameters: dict[str, str]) -> None:
        super().__init__(" ".join(parameters))
        self.parameters = parameters


@dataclass(frozen=True, slots=True)
class Answered:
    """What the API said, and the token that opened it."""

    members: dict[str, Any]
    access_token: str = field(repr=False)


def ask(provider: PushingApp, held: str, *, api: str, scope: str, url: str) -> Answered:
    """GET `url` of the API `api`, for the citizen whose access token is `held`.

    Raises: StepUpWanted; OAuthError where the provider or the API refuses; requests.RequestException.
    """
    with provider.open_session() as session:
        token = session.fetch_token(
            grant_type=GRANT_TYPE,
            subject_token=held,
            subject_token_type=_ACCESS_TOKEN,
            resource=api,
            scope=scope,
        )
        answer = session.get(url, timeout=_TIMEOUT_SECONDS)
    if answer.status_code != 200:
        challenge = answer.headers.get("WWW-Authenticate", "")
        told = dict(_TOLD.findall(challenge))
        if told.get("error") == "insufficient_user_authentication":  # RFC 9470 §3, §4
            raise StepUpWanted({name: told[name] for name in _STEP_UP if name in told})
        raise OAuthError("access_denied", challenge)
    return Answered(answer.json(), str(token["access_token"]))
