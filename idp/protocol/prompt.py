"""`prompt`, `max_age` and `display` (OpenID Connect Core §3.1.2.1): how a sign-in may and must interact.

Only the words are read here; what they mean for the next page is login/steps.py's table.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from idp.errors import InvalidRequest

_PROMPTS = ("none", "login", "consent", "select_account")
_DISPLAYS = ("page", "popup", "touch", "wap")

METADATA: Mapping[str, object] = MappingProxyType(
    {"prompt_values_supported": list(_PROMPTS), "display_values_supported": ["page", "popup"]}
)

_SECONDS = re.compile(r"[0-9]{1,9}\Z")
"""Up to thirty years, and no arithmetic that could overflow."""


def parse_prompt(value: str | None) -> tuple[str, ...]:
    """The words of `prompt`.

    Raises: InvalidRequest.
    """
    if value is None:
        return ()
    words = tuple(dict.fromkeys(value.split(" "))) if len(value) <= 64 else ("",)
    if any(word not in _PROMPTS for word in words):
        raise InvalidRequest("The prompt must be one or more of none, login, consent and select_account.")
    if "none" in words and len(words) > 1:
        raise InvalidRequest("The prompt none cannot be combined with another.")
    return words


def parse_max_age(value: str | None, *, default: int | None) -> int | None:
    """`max_age` in seconds, else what the client registered.

    Raises: InvalidRequest.
    """
    if value is None:
        return default
    if not _SECONDS.match(value):
        raise InvalidRequest("The max_age must be a whole number of seconds.")
    return int(value)


def parse_display(value: str | None) -> str:
    """`display`; a device we make no page of its own for gets the ordinary one.

    Raises: InvalidRequest.
    """
    if value is None:
        return "page"
    if value not in _DISPLAYS:
        raise InvalidRequest("The display must be page, popup, touch or wap.")
    return "popup" if value == "popup" else "page"
