"""Purpose: why a client asks for data, on which legal ground, and which claims it may get.

Texts are shown to citizens in their language. Consent to a purpose is kept with its `version` (idp), so that a
changed purpose is asked about again. Whether a purpose may be registered is checked in metadata.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

LANGUAGES = ("da", "en", "nb")
LEGAL_GROUNDS = ("law", "consent")

_VERSION_LETTERS = 16
"""64 bits of SHA-256: a version is told apart from the few others of its purpose, it guards nothing."""


@dataclass(frozen=True)
class Purpose:
    """One purpose of one client."""

    id: str
    text: Mapping[str, str]
    """A sentence for the citizen in each of `LANGUAGES`."""
    legal_ground: str
    """`law`: the page informs. `consent`: the page asks."""
    claims: tuple[str, ...]
    """Claims that may be released for it, from `clients_registry.claims.CLAIMS`."""

    @cached_property
    def version(self) -> str:
        """Changes when the text, the ground or the set of claims change; the order of claims means nothing."""
        told = [sorted(self.text.items()), self.legal_ground, sorted(self.claims)]
        canonical = json.dumps(told, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:_VERSION_LETTERS]

    def as_json(self) -> dict[str, Any]:
        """As it stands in a registration."""
        return {
            "id": self.id,
            "text": dict(self.text),
            "legal_ground": self.legal_ground,
            "claims": list(self.claims),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Purpose":
        """From a registration that has been checked, or from the store."""
        return cls(
            id=value["id"],
            text=MappingProxyType(dict(value["text"])),
            legal_ground=value["legal_ground"],
            claims=tuple(value["claims"]),
        )
