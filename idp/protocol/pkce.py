"""PKCE (RFC 7636): S256 only, at the authorization request and at the token request.

`plain` and a missing method are refused everywhere; whether a client may do without is profile.py's decision.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from types import MappingProxyType

from idp.errors import InvalidGrant, InvalidRequest

METADATA: Mapping[str, object] = MappingProxyType({"code_challenge_methods_supported": ["S256"]})

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
"""Base64url of a SHA-256 digest (RFC 7636 §4.2)."""
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")
"""RFC 7636 §4.1."""


def parse_challenge(parameters: Mapping[str, str], *, required: bool) -> str | None:
    """The challenge of an authorization request.

    Raises: InvalidRequest.
    """
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if challenge is None:
        if required or method is not None:
            raise InvalidRequest("PKCE is required: send code_challenge and code_challenge_method=S256.")
        return None
    # RFC 7636 §4.3 lets a missing method mean plain, which RFC 9700 §2.1.1 does not want.
    if method != "S256":
        raise InvalidRequest("The code_challenge_method must be S256.")
    if not _CHALLENGE.match(challenge):
        raise InvalidRequest("The code_challenge must be the base64url form of a SHA-256 digest.")
    return challenge


def check_verifier(challenge: str | None, verifier: str | None) -> None:
    """Check the verifier of a token request against the challenge its code was issued with (RFC 7636 §4.6).

    Raises: InvalidGrant.
    """
    if challenge is None:
        # A verifier for a code without a challenge is a downgrade under way (RFC 9700 §4.8.2).
        if verifier is not None:
            raise InvalidGrant(
                "The code was issued without a code_challenge, so code_verifier must not be sent."
            )
        return
    if verifier is None:
        raise InvalidGrant("The code_verifier is missing.")
    if not _VERIFIER.match(verifier):
        raise InvalidGrant("The code_verifier must have 43 to 128 unreserved characters.")
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    expected = urlsafe_b64encode(digest).rstrip(b"=")
    if not hmac.compare_digest(expected, challenge.encode("ascii")):
        raise InvalidGrant("The code_verifier does not match the code_challenge.")
