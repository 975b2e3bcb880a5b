"""DetailType: one kind of authorization details (RFC 9396 §2) of one resource, with the words that tell it to a citizen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from clients_registry.detail_schema import Schema

DETAIL_TYPE = re.compile(r"(?=.{3,100}\Z)[a-z0-9][a-z0-9_.-]*(?::[a-z0-9][a-z0-9_./-]*)+")
"""As a scope's word: the colon keeps types of different bodies apart (RFC 9396 §2)."""
_PLACEHOLDER = re.compile(r"\{([a-zA-Z0-9_]+)\}")


@dataclass(frozen=True, slots=True)
class DetailType:
    """A registered type. Immutable; another meaning is another type."""

    type: str
    """As in a request; it belongs to one resource only."""
    resource: str
    """The identifier of that resource: tokens for another say nothing of these details."""
    text: Mapping[str, str]
    """By language: what is asked, in words, with `{member}` where a value stands. Every member stands in every language."""
    schema: Schema
    created_at: datetime
    disabled_at: datetime | None = None

    def in_words(self, detail: Mapping[str, Any], language: str) -> tuple[tuple[str, bool], ...]:
        """Pieces of a sentence, each with whether it is a value that the service wrote."""
        pieces = _PLACEHOLDER.split(self.text[language])
        return tuple(
            (_said(detail[piece]), True) if place % 2 else (piece, False)
            for place, piece in enumerate(pieces)
            if piece
        )

    def as_json(self) -> dict[str, Any]:
        """As it stands in a registration."""
        return {"type": self.type, "resource": self.resource, "text": dict(self.text), "schema": self.schema}


@dataclass(frozen=True, slots=True)
class RegisteredDetailType:
    """A type, and whether it may be asked for."""

    detail_type: DetailType
    disabled: bool
    """It, its resource or that one's organisation was disabled."""


def placeholders(text: str) -> set[str]:
    """The members that a text names."""
    return set(_PLACEHOLDER.findall(text))


def detail_type_from(document: Mapping[str, Any], **ours: Any) -> DetailType:
    """From what was checked, or from the store."""
    return DetailType(
        type=document["type"],
        resource=document["resource"],
        text=MappingProxyType(dict(document["text"])),
        schema=document["schema"],
        **ours,
    )


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
