"""Readers for the kinds of value that a registration may hold: texts, words, lists, addresses, numbers.

A reader returns the value as `Client` keeps it, or raises `Unfit` with sentences that say what to mend. Which field has
which reader is metadata_fields' matter.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clients_registry.policy import RegistrationPolicy
from clients_registry.profiles import OIDC, Profile
from clients_registry.purposes import Purpose
from clients_registry.redirect_uris import check_registrable
from clients_registry.resource import Scope
from clients_registry.uris import UnfitUri, check_public_url

MAX_URIS = 50
MAX_NAME_LETTERS = 100
MAX_SECONDS = 604_800
"""A week: rotation waits for the slowest cache (keys.md), and no sign-in stays fresh longer."""

INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, bidirectional overrides, line separators: they make a text look like another (S-183)."""

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")


class Unfit(Exception):
    """Pairs of where inside the field (empty for the whole of it) and what to mend."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(*sentences)
        self.faults = [("", sentence) for sentence in sentences]

    @classmethod
    def in_parts(cls, faults: list[tuple[str, str]]) -> "Unfit":
        """Of the faults of its parts."""
        unfit = cls()
        unfit.faults = faults
        return unfit


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader may need to know of the rest."""

    policy: RegistrationPolicy
    profile: Profile
    application_type: str


Reader = Callable[[Any, Reading], Any]


def text(limit: int) -> Reader:
    """A line for people, in any language."""

    def read(value: Any, _reading: Reading) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= limit or value != value.strip():
            raise Unfit(f"must be a text of 1 to {limit} characters, without spaces around it")
        if any(unicodedata.category(letter) in INVISIBLE for letter in value):
            raise Unfit(
                "may hold no control characters, line breaks or marks that change the writing direction"
            )
        return value

    return read


def one_of(words: Iterable[str]) -> Reader:
    allowed = tuple(words)

    def read(value: Any, _reading: Reading) -> str:
        if value not in allowed:
            raise Unfit(f"must be {any_of(allowed)}")
        return str(value)

    return read


def by_profile(allowed_in: Callable[[Profile], tuple[str, ...]]) -> Reader:
    """One of the words that the profile's row allows (profiles)."""

    def read(value: Any, reading: Reading) -> str:
        allowed = allowed_in(reading.profile)
        if value in allowed:
            return str(value)
        if value in allowed_in(OIDC):
            raise Unfit(f'{value} needs "profile": "oidc"; in fapi2 use {any_of(allowed)}')
        raise Unfit(f"must be {any_of(allowed)}")

    return read


def boolean(value: Any, _reading: Reading) -> bool:
    if not isinstance(value, bool):
        raise Unfit("must be true or false")
    return value


def seconds(value: Any, _reading: Reading) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_SECONDS:
        raise Unfit(f"must be a whole number of seconds from 0 to {MAX_SECONDS}")
    return value


def list_of(read_one: Reader, *, at_least: int, at_most: int) -> Reader:
    """A list without doubles; every fault of every item is told."""

    def read(value: Any, reading: Reading) -> tuple[Any, ...]:
        if not isinstance(value, list) or not at_least <= len(value) <= at_most:
            raise Unfit(f"must be a list of {at_least} to {at_most} entries")
        items: list[Any] = []
        faults: list[tuple[str, str]] = []
        for index, item in enumerate(value):
            try:
                items.append(read_one(item, reading))
            except Unfit as unfit:
                faults += [(f"[{index}]{inside}", sentence) for inside, sentence in unfit.faults]
        if faults:
            raise Unfit.in_parts(faults)
        if len(set(map(_identity, items))) < len(items):
            raise Unfit("names something twice; keep one of them")
        return tuple(items)

    return read


def redirect_uri(value: Any, reading: Reading) -> str:
    return _uri(lambda: check_registrable(value, reading.application_type, reading.policy))


def public_url(value: Any, reading: Reading) -> str:
    return _uri(lambda: check_public_url(value, reading.policy))


def matching(pattern: re.Pattern[str], sentence: str) -> Reader:
    def read(value: Any, _reading: Reading) -> str:
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise Unfit(sentence)
        return value

    return read


email = matching(_EMAIL, "must be an e-mail address")


def network(value: Any, _reading: Reading) -> str:
    try:
        return str(ipaddress.ip_network(value if isinstance(value, str) else ""))
    except ValueError:
        raise Unfit("must be an IP address or a network such as 192.0.2.0/24") from None


def members_of(value: Mapping[str, Any], readers: Mapping[str, Reader], reading: Reading) -> dict[str, Any]:
    members: dict[str, Any] = {}
    faults: list[tuple[str, str]] = []
    for name, read in readers.items():
        try:
            members[name] = read(value[name], reading)
        except Unfit as unfit:
            faults += [(f".{name}{inside}", sentence) for inside, sentence in unfit.faults]
    if faults:
        raise Unfit.in_parts(faults)
    return members


def _uri(check: Callable[[], str]) -> str:
    try:
        return check()
    except UnfitUri as unfit:
        raise Unfit(str(unfit)) from None


def _identity(item: Any) -> Any:
    if isinstance(item, Scope):
        return item.word
    return item.id if isinstance(item, Purpose) else item


def any_of(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last
