"""`ui_locales` (OpenID Connect Core §3.1.2.1): the languages a client prefers, as far as we speak them.

What we do not speak is dropped at once, so that nothing is ever kept or cached by a stranger's word (S-019).
`claims_locales` is taken like any parameter that we do not know: no claim of ours exists in several languages.
"""

from collections.abc import Mapping
from types import MappingProxyType

from clients_registry.purposes import LANGUAGES
from idp.errors import InvalidRequest

METADATA: Mapping[str, object] = MappingProxyType({"ui_locales_supported": list(LANGUAGES)})

_NORWEGIAN = frozenset({"no", "nn"})
"""Readers of these read bokmål sooner than Danish."""
_MAX_CHARACTERS = 512


def parse_locales(value: str | None) -> tuple[str, ...]:
    """Our languages among the tags asked for (BCP 47), in order of preference.

    Raises: InvalidRequest.
    """
    if value is None:
        return ()
    if len(value) > _MAX_CHARACTERS:
        raise InvalidRequest("The ui_locales is too long.")
    ours = (language_of(tag) for tag in value.split(" "))
    return tuple(dict.fromkeys(language for language in ours if language is not None))


def language_of(tag: str) -> str | None:
    """Which of our languages a reader of this one reads, or None."""
    primary = tag.lower().replace("_", "-").partition("-")[0]
    language = "nb" if primary in _NORWEGIAN else primary
    return language if language in LANGUAGES else None
