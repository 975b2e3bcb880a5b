"""Opaque access tokens, for resources that registered `token_form` "opaque": they say nothing, and mean the same claims.

The claims that a JWT would have are kept in Redis under the token's digest; losing them costs a new token. Whether the
token still counts is not decided there: its grant, its revocation by `jti`, its client are asked as for a JWT, so that a
record which came back from the dead opens nothing that SQL has ended (docs/decisions/0007). Three letters in front tell the
token from a refresh token and from a JWT wherever it is presented.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from idp.ids import new_secret
from idp.records import OpaqueToken
from idp.storage import ports

_PREFIX = "at_"
_WELL_FORMED = re.compile(rf"{_PREFIX}[A-Za-z0-9_-]{{43}}\Z")


def is_opaque(presented: str) -> bool:
    """Whether a token has the form of one of these."""
    return _WELL_FORMED.match(presented) is not None


def keep(store: ports.Records[OpaqueToken], claims: Mapping[str, Any]) -> str:
    """A token that stands for these claims until their `exp`."""
    token = _PREFIX + new_secret()
    store.put(token, OpaqueToken(dict(claims), datetime.fromtimestamp(int(claims["exp"]), UTC)))
    return token


def find_claims(store: ports.Records[OpaqueToken], presented: str) -> dict[str, Any] | None:
    """What a presented token stands for; None where it was never issued, or has expired."""
    found = store.find(presented)
    return None if found is None else found.claims
