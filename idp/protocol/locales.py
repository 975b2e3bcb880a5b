"""`ui_locales` (OpenID Connect Core §3.1.2.1): the languages a client prefers, as far as we speak them.

What we do not speak is dropped at once, so that nothing is ever kept or cached by a stranger's word (S-019).
"""

from collections.abc import Mapping
from types import MappingProxyType

from idp.errors import InvalidRequest

LANGUAGES = ("da", "en", "nb")

METADATA: Mapping[str, object] = MappingProxyType({"ui_locales_supported": list(LANGUAGES)})

_OURS = MappingProxyType({"da": "da", "en": "en", "nb": "nb", "no": "nb", "nn": "nb"})
"""Norwegian by any of its tags reads bokmål."""
_MAX_CHARACTERS = 512


def parse_locales(value: str | None) -> tuple[str, ...]:
    """Our languages among the tags asked for (BCP 47), in order of preference.

    Raises: InvalidRequest.
    """
    if value is None:
        return ()
    if len(value) > _MAX_CHARACTERS:
        raise InvalidRequest("The ui_locales is too long.")
    primary = (tag.partition("-")[0].lower() for tag in value.split(" "))
    return tuple(dict.fromkeys(_OURS[tag] for tag in primary if tag in _OURS))
