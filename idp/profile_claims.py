"""What an operator may add to a citizen beside names and contact: the rest of the scope `profile` (OIDC Core §5.1).

Read strictly from one JSON object. Nothing here decides who is told: purposes do.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from clients_registry.errors import MalformedJson
from clients_registry.strict_json import parse_object
from idp.citizens import CitizenRefused
from idp.records import ProfileClaims

_MAX_LETTERS = 100
_ADDRESS = re.compile(r"https://[a-z0-9.-]{1,253}(?:/[!-~]{0,400})?", re.IGNORECASE)
_ZONE = re.compile(r"[A-Z][A-Za-z_]{1,30}(?:/[A-Z][A-Za-z_-]{1,30}){1,2}")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_NAMES = tuple(field.name for field in fields(ProfileClaims))


def parse_profile(text: str) -> ProfileClaims:
    """The claims of a JSON object such as {"middle_name": "Bech", "zoneinfo": "Europe/Copenhagen"}.

    Raises:
        CitizenRefused: with every fault in sentences.
    """
    try:
        members = parse_object(text.encode("utf-8", "surrogatepass"))
    except MalformedJson as fault:
        raise CitizenRefused(f"The profile cannot be read: {fault}.") from None
    unknown = members.keys() - set(_NAMES)
    faults = [f"A profile may hold {', '.join(_NAMES)}, and nothing else."] if unknown else []
    faults += [
        f"{name} {_RULES[name][1]}." for name in _NAMES if name in members and not _fits(name, members)
    ]
    if faults:
        raise CitizenRefused(" ".join(faults))
    return ProfileClaims(**members)


def _fits(name: str, members: dict[str, Any]) -> bool:
    value = members[name]
    return isinstance(value, str) and _RULES[name][0](value)


def _is_line(value: str) -> bool:
    shown = all(unicodedata.category(letter) not in _INVISIBLE for letter in value)
    return 0 < len(value) <= _MAX_LETTERS and value == value.strip() and shown


def _is_address(value: str) -> bool:
    return _ADDRESS.fullmatch(value) is not None


def _is_zone(value: str) -> bool:
    return _ZONE.fullmatch(value) is not None


_LINE = (_is_line, f"must be a text of 1 to {_MAX_LETTERS} letters")
_PAGE = (_is_address, "must be an https address")
_RULES: dict[str, tuple[Callable[[str], bool], str]] = {
    "middle_name": _LINE,
    "nickname": _LINE,
    "gender": _LINE,
    "profile": _PAGE,
    "picture": _PAGE,
    "website": _PAGE,
    "zoneinfo": (_is_zone, "must be a time zone such as Europe/Copenhagen"),
}
