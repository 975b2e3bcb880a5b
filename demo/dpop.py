"""DPoP (RFC 9449) for any client that speaks through `requests`: an adapter that proves each request by a key.

Mounted on a session, it adds the proof, keeps the nonce that each server offers, and sends a request once more where a
server wants that nonce. Nothing of it knows Authlib; `speak_dpop` is what Authlib needs.
"""

import hashlib
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

_SCHEME = "DPoP "


class DpopAdapter(HTTPAdapter):
    """Sends each request with a proof."""

    def __init__(self, key: ECKey, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._key = key
        self._now = now
        self._nonces: dict[str, str] = {}
        """The newest that each server has offered."""

    def send(self, request: PreparedRequest, *arguments: Any, **options: Any) -> Response:
        answer = self._send(request, *arguments, **options)
        if _wants_nonce(answer):
            answer.close()
            answer = self._send(request, *arguments, **options)
        return answer

    def _send(self, request: PreparedRequest, *arguments: Any, **options: Any) -> Response:
        request.headers["DPoP"] = self._proof(request)
        answer = super().send(request, *arguments, **options)
        # RFC 9449 §8.2: the newest one is for the next request.
        if (offered := answer.headers.get("DPoP-Nonce")) is not None:
            self._nonces[urlsplit(str(request.url)).netloc] = offered
        return answer

    def _proof(self, request: PreparedRequest) -> str:
        """RFC 9449 §4.2."""
        public = self._key.as_dict(private=False)
        header = {
            "typ": "dpop+jwt",
            "alg": "ES256",
            "jwk": {name: public[name] for name in ("kty", "crv", "x", "y")},
        }
        claims = {
            "jti": secrets.token_urlsafe(16),
            "htm": request.method,
            "htu": str(request.url).partition("?")[0],
            "iat": int(self._now()),
        }
        if (nonce := self._nonces.get(urlsplit(str(request.url)).netloc)) is not None:
            claims["nonce"] = nonce
        authorization = str(request.headers.get("Authorization", ""))
        if authorization.startswith(_SCHEME):
            claims["ath"] = _hash(authorization.removeprefix(_SCHEME))
        return jwt.encode(header, claims, self._key)


def speak_dpop(key: ECKey, now: Callable[[], float] = time.time) -> Callable[[Any], None]:
    """Authlib's `compliance_fix`: its sessions send proofs, to the provider and to APIs, and know tokens of the type DPoP."""
    adapter = DpopAdapter(key, now)

    def fix(session: Any) -> None:
        for scheme in ("https://", "http://"):
            session.mount(scheme, adapter)
        session.token_auth.SIGN_METHODS = {**session.token_auth.SIGN_METHODS, "dpop": _present}

    return fix


def _present(
    token: str, uri: str, headers: Any, body: Any, placement: str = "header"
) -> tuple[str, Any, Any]:
    """RFC 9449 §7.1: the token in a header, always."""
    del placement
    headers["Authorization"] = _SCHEME + token
    return uri, headers, body


def _wants_nonce(answer: Response) -> bool:
    """RFC 9449 §8, §9: told in the body, or in the challenge of an API."""
    if answer.status_code not in (400, 401) or "DPoP-Nonce" not in answer.headers:
        return False
    return "use_dpop_nonce" in answer.headers.get("WWW-Authenticate", "") + answer.text


def _hash(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
