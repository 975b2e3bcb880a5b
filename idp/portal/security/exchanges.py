"""In words: a service asked another on the citizen's behalf (RFC 8693).

The ledger kept the names as they were; the language is the reader's where the registry still knows the service or the API.
"""

from collections.abc import Mapping
from typing import Any

from clients_registry.registry import Registry


def exchange_words(registry: Registry, facts: Mapping[str, Any], language: str) -> dict[str, Any]:
    """The facts of an exchange with names and scopes for this reader."""
    words = dict(facts)
    asker = registry.find_client(str(facts.get("client_id", "")))
    if asker is not None:
        words["service"] = asker.client.name_in(language)
    began = None
    if facts.get("signed_in_at") != facts.get("client_id"):
        began = registry.find_client(str(facts.get("signed_in_at", "")))
    words["began_at"] = "" if began is None else began.client.name_in(language)
    asked = registry.find_resource(str(facts.get("resource", "")))
    scopes = () if asked is None else (asked.resource.scope_named(word) for word in facts.get("scope", ()))
    words["about"] = [scope.text[language].rstrip(".") for scope in scopes if scope is not None]
    return words
