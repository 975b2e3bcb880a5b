"""What a service does about signing out: it asks the provider (RP-Initiated Logout), and obeys it (Back-Channel Logout).

The second is what certified libraries do for their users: a logout token is checked in the order of OpenID Connect
Back-Channel Logout 1.0 §2.6, and the session that it names ends.
"""

import time
from collections import OrderedDict
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from demo.relying_party import PushingApp

ALGORITHM = "ES256"
"""Of all that the provider signs for these services."""
_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_SKEW_SECONDS = 60
_REMEMBERED = 1_000


class NotObeyed(Exception):
    """What came is no logout token for us; the message is for our log."""


def sign_out_url(provider: PushingApp, id_token: str, back: str) -> str:
    """Where the browser goes, so that the citizen is signed out everywhere and comes back."""
    endpoint = provider.load_server_metadata()["end_session_endpoint"]
    return f"{endpoint}?{urlencode({'id_token_hint': id_token, 'post_logout_redirect_uri': back})}"


class LogoutTokens:
    """Checks them, each once."""

    def __init__(self, provider: PushingApp, issuer: str) -> None:
        self._provider = provider
        self._issuer = issuer
        self._seen: OrderedDict[str, None] = OrderedDict()

    def sid_of(self, token: str) -> str:
        """The session that has ended.

        Raises:
            NotObeyed
        """
        claims = self._verified(token)
        if claims.get("iss") != self._issuer or claims.get("aud") != self._provider.client_id:
            raise NotObeyed("it is not from our provider, or not for us")
        now, issued_at, expires_at = time.time(), claims.get("iat"), claims.get("exp")
        if not isinstance(issued_at, int) or not isinstance(expires_at, int):
            raise NotObeyed("it has no times")
        if now > expires_at + _SKEW_SECONDS or issued_at > now + _SKEW_SECONDS:
            raise NotObeyed("it has expired, or is from the future")
        events = claims.get("events")
        if not isinstance(events, dict) or not isinstance(events.get(_EVENT), dict) or "nonce" in claims:
            raise NotObeyed("it is no logout token")
        sid, jti = claims.get("sid"), claims.get("jti")
        if not isinstance(sid, str) or not isinstance(jti, str):
            raise NotObeyed("it names no session, or not itself")
        self._check_first_time(jti)
        return sid

    def _verified(self, token: str) -> dict[str, Any]:
        for fetch_again in (False, True):  # the key may be newer than our copy of the provider's
            try:
                keys = KeySet.import_key_set(self._provider.fetch_jwk_set(force=fetch_again))
                checked = jwt.decode(token, keys, algorithms=[ALGORITHM])
            except (JoseError, ValueError):
                continue
            if checked.header.get("typ") != "logout+jwt":
                raise NotObeyed("it is another kind of token")
            return dict(checked.claims)
        raise NotObeyed("its signature does not fit")

    def _check_first_time(self, jti: str) -> None:
        if jti in self._seen:
            raise NotObeyed("it came before")
        self._seen[jti] = None
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
