"""What each single field of a registration may hold: one reader per kind of value (RFC 7591 §2, OIDC Registration §2).

A reader returns the value as `Client` keeps it, or raises `Unfit` with sentences that say what to mend. How fields fit
together, and what an absent one means, is metadata's matter.
"""

import ipaddress
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clients_registry.claims import CLAIMS, SCOPE_CLAIMS
from clients_registry.client_keys import ClientKeys, public_jwks
from clients_registry.errors import InvalidKeys
from clients_registry.policy import RegistrationPolicy
from clients_registry.profiles import OIDC, PROFILES, Profile
from clients_registry.purposes import LANGUAGES, LEGAL_GROUNDS, Purpose
from clients_registry.redirect_uris import check_registrable
from clients_registry.uris import UnfitUri, check_public_url

MAX_URIS = 50
MAX_PURPOSES = 20
MAX_NAME_LETTERS = 100
MAX_TEXT_LETTERS = 500
"""A sentence or two: the citizen reads it before signing in."""
MAX_SECONDS = 604_800
"""A week: rotation waits for the slowest cache (keys.md), and no sign-in stays fresh longer."""

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, bidirectional overrides, line separators: they make a text look like another (S-183)."""

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}")
_PURPOSE_ID = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
_ACR = re.compile(r"[!#-\[\]-~]{1,200}")
_ORGANISATION = re.compile(r"[A-Za-z0-9]{1,64}")
_HANDLE = re.compile(r"[0-9a-f]{32}")


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
        if any(unicodedata.category(letter) in _INVISIBLE for letter in value):
            raise Unfit(
                "may hold no control characters, line breaks or marks that change the writing direction"
            )
        return value

    return read


def one_of(words: Iterable[str]) -> Reader:
    allowed = tuple(words)

    def read(value: Any, _reading: Reading) -> str:
        if value not in allowed:
            raise Unfit(f"must be {_or(allowed)}")
        return str(value)

    return read


def by_profile(allowed_in: Callable[[Profile], tuple[str, ...]]) -> Reader:
    """One of the words that the profile's row allows (profiles)."""

    def read(value: Any, reading: Reading) -> str:
        allowed = allowed_in(reading.profile)
        if value in allowed:
            return str(value)
        if value in allowed_in(OIDC):
            raise Unfit(f'{value} needs "profile": "oidc"; in fapi2 use {_or(allowed)}')
        raise Unfit(f"must be {_or(allowed)}")

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


def scope(value: Any, _reading: Reading) -> tuple[str, ...]:
    """RFC 7591 §2: one string with spaces."""
    words = value.split(" ") if isinstance(value, str) else [""]
    if len(set(words)) < len(words) or not set(words) <= SCOPE_CLAIMS.keys() or "openid" not in words:
        raise Unfit(
            f"must be openid and any of {_or(SCOPE_CLAIMS)}, each once, in one string with single spaces"
        )
    return tuple(words)


def redirect_uri(value: Any, reading: Reading) -> str:
    return _uri(lambda: check_registrable(value, reading.application_type, reading.policy))


def public_url(value: Any, reading: Reading) -> str:
    return _uri(lambda: check_public_url(value, reading.policy))


def jwks(value: Any, _reading: Reading) -> dict[str, Any]:
    """Checked by ClientKeys; what we do not understand in it is dropped."""
    try:
        ClientKeys.parse(value)
    except InvalidKeys as invalid:
        faults = [(fault.field.removeprefix("jwks"), fault.sentence) for fault in invalid.faults]
        raise Unfit.in_parts(faults) from None
    return public_jwks(value)


def purpose(value: Any, reading: Reading) -> Purpose:
    """`{id, text: {da, en, nb}, legal_ground, claims}`, nothing else and nothing less (protocol.md, Purposes)."""
    if not isinstance(value, Mapping) or value.keys() != {"id", "text", "legal_ground", "claims"}:
        raise Unfit("must be an object with id, text, legal_ground and claims, and nothing else")
    readers: dict[str, Reader] = {
        "id": matching(_PURPOSE_ID, "must be 1 to 64 of a-z, 0-9, - and _"),
        "text": _texts,
        "legal_ground": one_of(LEGAL_GROUNDS),
        "claims": list_of(one_of(CLAIMS), at_least=0, at_most=len(CLAIMS)),
    }
    return Purpose.from_json(_members(value, readers, reading))


def _texts(value: Any, reading: Reading) -> dict[str, Any]:
    if not isinstance(value, Mapping) or value.keys() != set(LANGUAGES):
        raise Unfit(
            f"must have a sentence for the citizen in each of {', '.join(LANGUAGES)}, and nothing else"
        )
    return _members(value, dict.fromkeys(LANGUAGES, text(MAX_TEXT_LETTERS)), reading)


def _members(value: Mapping[str, Any], readers: Mapping[str, Reader], reading: Reading) -> dict[str, Any]:
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


def jwks_uri_handle(value: Any, _reading: Reading) -> str:
    """A handle that we make where "new" is asked for; one that we made is kept."""
    if value == "new":
        return secrets.token_hex(16)
    if not isinstance(value, str) or _HANDLE.fullmatch(value) is None:
        raise Unfit('must be "new", for a handle that the provider makes, or the one that it made')
    return value


def _uri(check: Callable[[], str]) -> str:
    try:
        return check()
    except UnfitUri as unfit:
        raise Unfit(str(unfit)) from None


def _identity(item: Any) -> Any:
    return item.id if isinstance(item, Purpose) else item


def _or(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


FIELDS: dict[str, Reader] = {
    "profile": one_of(PROFILES),
    "organisation": matching(_ORGANISATION, "must be a CVR number or an organisation's id"),
    "client_name": text(MAX_NAME_LETTERS),
    "application_type": one_of(("web", "native")),
    "redirect_uris": list_of(redirect_uri, at_least=1, at_most=MAX_URIS),
    "post_logout_redirect_uris": list_of(redirect_uri, at_least=0, at_most=MAX_URIS),
    "response_types": list_of(one_of(("code",)), at_least=1, at_most=1),
    "grant_types": list_of(one_of(("authorization_code",)), at_least=1, at_most=1),
    "response_modes": list_of(one_of(("query", "form_post")), at_least=1, at_most=2),
    "token_endpoint_auth_method": by_profile(lambda profile: profile.token_endpoint_auth_methods),
    "token_endpoint_auth_signing_alg": by_profile(lambda profile: profile.signing_algorithms),
    "id_token_signed_response_alg": by_profile(lambda profile: profile.signing_algorithms),
    "userinfo_signed_response_alg": by_profile(lambda profile: profile.signing_algorithms),
    "scope": scope,
    "jwks": jwks,
    "subject_type": one_of(("pairwise", "public")),
    "purposes": list_of(purpose, at_least=1, at_most=MAX_PURPOSES),
    "client_uri": public_url,
    "logo_uri": public_url,
    "policy_uri": public_url,
    "tos_uri": public_url,
    "initiate_login_uri": public_url,
    "contacts": list_of(email, at_least=0, at_most=10),
    "default_max_age": seconds,
    "require_auth_time": boolean,
    "default_acr_values": list_of(matching(_ACR, "must be the name of a level"), at_least=0, at_most=10),
    "require_pkce": boolean,
    "jwks_cache_seconds": seconds,
    "jwks_fetch_addresses": list_of(network, at_least=0, at_most=MAX_URIS),
    "jwks_uri_handle": jwks_uri_handle,
}

LOCALIZED = ("client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri")
"""The fields that may come in several languages, as `client_name#en` (RFC 7591 §2.2)."""
