"""What a registration of a resource, and of a scope of it, may contain (RFC 8707 §2, RFC 9728 §2, RFC 6749 §3.3).

All faults are told at once, and unknown members are refused by name, as for clients (metadata). That a scope's word has
a colon keeps it apart from every scope of OpenID Connect, those of today and those to come.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from clients_registry.client_keys import ClientKeys
from clients_registry.errors import InvalidResourceMetadata, MetadataFault
from clients_registry.field_readers import (
    MAX_NAME_LETTERS,
    Reader,
    Reading,
    Unfit,
    any_of,
    list_of,
    matching,
    members_of,
    one_of,
    text,
)
from clients_registry.metadata_fields import jwks, organisation, texts
from clients_registry.policy import RegistrationPolicy
from clients_registry.profiles import FAPI2
from clients_registry.resource import (
    AUTH_METHODS,
    CITIZENS,
    MACHINES,
    TOKEN_ALGORITHMS,
    TOKEN_FORMS,
    Scope,
)
from clients_registry.uris import UnfitUri, check_api_address

MAX_SCOPES = 50
TOKEN_SECONDS = range(60, 3600 + 1)
"""protocol.md, Access token: at most 60 minutes; below one minute a token is of no use to a slow network."""

_WORD = re.compile(r"(?=.{3,100}\Z)[a-z0-9][a-z0-9_.-]*(?::[a-z0-9][a-z0-9_./-]*)+")
_PRINTABLE_NAME = re.compile(r"[!-~]{1,64}")
_REQUIRED = ("identifier", "name", "organisation")


def check_resource(given: Mapping[str, Any], policy: RegistrationPolicy) -> dict[str, Any]:
    """Every member of the resource, defaults filled in, with `organisation` as it was given.

    Raises:
        InvalidResourceMetadata: with every fault.
    """
    faults = [*_name_faults(given), *_absence_faults(given)]
    reading, fields = Reading(policy, FAPI2, "web"), dict(_DEFAULTS)
    for name, read in _READERS.items():
        if given.get(name) is None:
            continue
        try:
            fields[name] = read(given[name], reading)
        except Unfit as unfit:
            faults += [MetadataFault(f"{name}{inside}", sentence) for inside, sentence in unfit.faults]
    if not faults:
        faults += [*_key_faults(fields), *_unsignable(fields, policy)]
    if faults:
        raise InvalidResourceMetadata(faults)
    return fields


def check_scope(given: Mapping[str, Any]) -> Scope:
    """The scope that is to be added to a resource.

    Raises:
        InvalidResourceMetadata: with every fault.
    """
    try:
        return _scope(given, Reading(RegistrationPolicy(), FAPI2, "web"))  # its readers look at neither
    except Unfit as unfit:
        faults = [MetadataFault(inside.removeprefix(".") or "scope", told) for inside, told in unfit.faults]
        raise InvalidResourceMetadata(faults) from None


def _scope(value: Any, reading: Reading) -> Scope:
    """`{scope, text: {da, en, nb}, used_by}`, nothing else and nothing less."""
    if not isinstance(value, Mapping) or value.keys() != _SCOPE_READERS.keys():
        raise Unfit("must be an object with scope, text and used_by, and nothing else")
    return Scope.from_json(members_of(value, _SCOPE_READERS, reading))


def _identifier(value: Any, reading: Reading) -> str:
    try:
        return check_api_address(value, reading.policy)
    except UnfitUri as unfit:
        raise Unfit(str(unfit)) from None


def _token_seconds(value: Any, _reading: Reading) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value not in TOKEN_SECONDS:
        raise Unfit(f"must be a whole number of seconds from {TOKEN_SECONDS[0]} to {TOKEN_SECONDS[-1]}")
    return value


_SCOPE_READERS: dict[str, Reader] = {
    "scope": matching(
        _WORD, "must be 3 to 100 of a-z, 0-9 and _ . - / with a colon inside, as in nordhavn:building.read"
    ),
    "text": texts,
    "used_by": list_of(one_of((MACHINES, CITIZENS)), at_least=1, at_most=2),
}

_READERS: dict[str, Reader] = {
    "identifier": _identifier,
    "name": text(MAX_NAME_LETTERS),
    "organisation": organisation,
    "scopes": list_of(_scope, at_least=0, at_most=MAX_SCOPES),
    "token_algorithm": one_of(TOKEN_ALGORITHMS),
    "token_form": one_of(TOKEN_FORMS),
    "token_seconds": _token_seconds,
    "introspection_auth_method": one_of(AUTH_METHODS),
    "introspection_signed_response_alg": one_of(TOKEN_ALGORITHMS),
    "jwks": jwks,
}

_DEFAULTS: dict[str, Any] = {
    "scopes": (),
    "token_algorithm": "ES256",
    "token_form": "jwt",
    "token_seconds": None,
    "introspection_auth_method": "client_secret_basic",
    "introspection_signed_response_alg": None,
    "jwks": None,
}

_SIGNED_BY_US = ("token_algorithm", "introspection_signed_response_alg")

CHANGEABLE = frozenset(_READERS) - {"identifier", "organisation", "scopes"}
"""What may be another tomorrow; tokens and grants name the rest."""


def _name_faults(given: Mapping[str, Any]) -> Iterator[MetadataFault]:
    for name in given:
        if name not in _READERS:
            shown = name if _PRINTABLE_NAME.fullmatch(name) else "(a member)"
            yield MetadataFault(shown, "is not a member of a resource; leave it out or mend its spelling")


def _absence_faults(given: Mapping[str, Any]) -> Iterator[MetadataFault]:
    for name in _REQUIRED:
        if given.get(name) is None:
            yield MetadataFault(name, "is missing; a resource cannot be registered without it")


def _unsignable(fields: Mapping[str, Any], policy: RegistrationPolicy) -> Iterator[MetadataFault]:
    """What we would sign for the resource with a key that we do not keep; opaque tokens' answers are signed so, too."""
    for name in _SIGNED_BY_US:
        if fields[name] is not None and fields[name] not in policy.signing_algorithms:
            offered = any_of(policy.signing_algorithms)
            yield MetadataFault(
                name, f"would be {fields[name]}, and this provider has keys for {offered} only"
            )


def _key_faults(fields: Mapping[str, Any]) -> Iterator[MetadataFault]:
    """RFC 7523 §2.2."""
    keys = fields["jwks"]
    if fields["introspection_auth_method"] != "private_key_jwt":
        if keys is not None:
            yield MetadataFault("jwks", "is only for private_key_jwt; leave it out")
    elif keys is None:
        yield MetadataFault("jwks", "is missing; private_key_jwt needs the resource's public keys (RFC 7523)")
    elif not ClientKeys.parse(keys).fits(FAPI2.signing_algorithms):
        yield MetadataFault("jwks", "has no key that can verify a signature; add one")
