"""Scopes (RFC 6749 §3.3; OpenID Connect Core §5.4).

A request needs `openid`. Words we do not know are dropped, as OpenID Connect Core §3.1.2.1 asks, and `offline_access` where it is not registered; a scope that we know
and the client may not have is an error, never silently less. What a scope releases is the purpose's matter: claims.py.
"""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType

from clients_registry.claims import SCOPE_CLAIMS
from idp.errors import InvalidScope
from idp.records import OFFLINE_ACCESS

METADATA: Mapping[str, object] = MappingProxyType({"scopes_supported": list(SCOPE_CLAIMS)})

_MAX_CHARACTERS = 1_024
_MAX_WORDS = 32
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*\Z")


def parse_scope(value: str | None, *, registered: Collection[str]) -> tuple[str, ...]:
    """The known scopes of a request, in the order they were asked for.

    Raises: InvalidScope.
    """
    if value is None:
        raise InvalidScope("The scope is missing; it must contain openid.")
    words = scope_words(value)
    if "openid" not in words:
        raise InvalidScope("The scope must contain openid.")
    # OIDC Core §11: a client that may not have offline access asks for it in vain, and is otherwise served.
    unwanted = {OFFLINE_ACCESS}.difference(registered)
    known = tuple(word for word in words if word in SCOPE_CLAIMS and word not in unwanted)
    if any(word != "openid" and word not in registered for word in known):
        raise InvalidScope("The client is not registered for one of these scopes.")
    return known


def scope_words(value: str) -> list[str]:
    """The words of a scope, each once (RFC 6749 §3.3). Raises: InvalidScope."""
    if len(value) > _MAX_CHARACTERS or not _SCOPE.match(value):
        raise InvalidScope("The scope must be a short list of words, each separated by one space.")
    words = value.split(" ")
    if len(words) > _MAX_WORDS or len(set(words)) != len(words):
        raise InvalidScope("The scope has too many words, or the same word twice.")
    return words
