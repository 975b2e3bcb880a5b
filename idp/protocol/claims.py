"""Which claims a request asks for and its purpose allows, and their values (OpenID Connect Core §5.1, §5.4, §5.5).

Claims about the citizen are released by userinfo, and by the ID token too where the `claims` parameter asks for them
there; the CPR number never, since ID tokens come back through browsers as hints. A claim that is asked for with a value is
released only where the citizen's is that value. A scope gives those of its claims that the purpose allows; asking by
scope or by name for something of which the purpose allows nothing is an error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from clients_registry.claims import CLAIMS, SCOPE_CLAIMS
from clients_registry.errors import MalformedJson
from clients_registry.purposes import Purpose
from clients_registry.strict_json import parse_object
from idp.errors import InvalidRequest
from idp.records import OFFLINE_ACCESS, Citizen

AUTHENTICATOR_AGE = "authenticator_age"
"""Our own claim, in the ID token where it is asked for: seconds since the youngest factor of the sign-in was added."""

METADATA: Mapping[str, object] = MappingProxyType(
    {
        "claims_parameter_supported": True,
        "claim_types_supported": ["normal"],
        "claims_supported": ["sub", *CLAIMS, "acr", "amr", "auth_time", "sid", AUTHENTICATOR_AGE],
    }
)

_MAX_CHARACTERS = 4_096
_MAX_VALUES = 10
_CPR = "cpr"
_NEVER_IN_ID_TOKENS = frozenset({_CPR})
_COMPARED = frozenset(CLAIMS) - {_CPR, "address", "updated_at"}
"""Whose `value` is looked at. The CPR number's is not: a comparison would be a release that no ledger row tells."""


@dataclass(frozen=True, slots=True)
class ClaimsParameter:
    """What a `claims` parameter asks for, as far as we know it."""

    named: tuple[str, ...] = ()
    """Claims about the citizen, for userinfo or for the ID token."""
    id_token: tuple[str, ...] = ()
    """Those of them that the ID token tells too."""
    wanted_values: Mapping[str, tuple[str | bool, ...]] = field(default_factory=dict)
    acr_values: tuple[str, ...] = ()
    acr_essential: bool = False
    subject: str | None = None
    """The sign-in must end as this subject (Core §5.5.1)."""
    authenticator_age: bool = False


def parse_claims(value: str | None) -> ClaimsParameter:
    """Read the `claims` parameter; names that we do not know are ignored (Core §5.5).

    Raises: InvalidRequest.
    """
    if value is None:
        return ClaimsParameter()
    if len(value) > _MAX_CHARACTERS:
        raise InvalidRequest("The claims parameter is too long.")
    try:
        members = parse_object(value.encode("utf-8"))
    except MalformedJson:
        raise InvalidRequest("The claims parameter is not one clean JSON object.") from None
    userinfo, id_token = _asked(members, "userinfo"), _asked(members, "id_token")
    acr = _texts(id_token, "acr")
    subject = _texts(id_token, "sub") or _texts(userinfo, "sub")
    if len(subject) > 1:
        raise InvalidRequest("The claims parameter asks for more than one subject.")
    return ClaimsParameter(
        named=tuple(name for name in CLAIMS if name in userinfo or name in id_token),
        id_token=tuple(name for name in CLAIMS if name in id_token and name not in _NEVER_IN_ID_TOKENS),
        wanted_values=_wanted_values(userinfo, id_token),
        acr_values=acr,
        acr_essential=bool(acr) and bool((id_token["acr"] or {}).get("essential", False)),
        subject=subject[0] if subject else None,
        authenticator_age=AUTHENTICATOR_AGE in id_token,
    )


def claims_within(purpose: Purpose, scope: tuple[str, ...], named: tuple[str, ...]) -> tuple[str, ...]:
    """The claims to release, in the table's order.

    Raises: InvalidRequest where the purpose does not allow what was asked for.
    """
    allowed = set(purpose.claims)
    asked = set(named)
    if not asked <= allowed:
        raise InvalidRequest("The claims parameter asks for more than the purpose allows.")
    for word in scope:
        if word in ("openid", OFFLINE_ACCESS):
            continue
        given = allowed.intersection(SCOPE_CLAIMS[word])
        if not given:
            raise InvalidRequest("The scope asks for more than the purpose allows.")
        asked |= given
    return tuple(name for name in CLAIMS if name in asked)


def matching(
    citizen: Citizen, claims: tuple[str, ...], wanted: Mapping[str, tuple[str | bool, ...]]
) -> tuple[str, ...]:
    """Those of the claims that have a value that was asked for, where one was (Core §5.5.1)."""
    return tuple(name for name in claims if name not in wanted or _READERS[name](citizen) in wanted[name])


def claim_values(citizen: Citizen, claims: tuple[str, ...], load_cpr: Callable[[str], str]) -> dict[str, Any]:
    """The values of these claims; what the citizen does not have is left out (Core §5.3.2).

    `load_cpr` is called only where the CPR number was granted.
    """
    values: dict[str, Any] = {}
    for name in claims:
        value = load_cpr(citizen.citizen_id) if name == "cpr" else _READERS[name](citizen)
        if value is not None:
            values[name] = value
    return values


def _verified(flag: bool, value: str | None) -> bool | None:
    return None if value is None else flag


def _address(citizen: Citizen) -> dict[str, str] | None:
    address = citizen.address
    if address is None:
        return None
    return {
        "formatted": f"{address.street_address}\n{address.postal_code} {address.locality}\n{address.country}",
        "street_address": address.street_address,
        "postal_code": address.postal_code,
        "locality": address.locality,
        "country": address.country,
    }


_READERS: Mapping[str, Callable[[Citizen], Any]] = MappingProxyType(
    {
        "name": lambda citizen: citizen.name,
        "family_name": lambda citizen: citizen.family_name,
        "given_name": lambda citizen: citizen.given_name,
        "birthdate": lambda citizen: citizen.birthdate,
        "locale": lambda citizen: citizen.locale,
        "middle_name": lambda citizen: citizen.profile.middle_name,
        "nickname": lambda citizen: citizen.profile.nickname,
        "preferred_username": lambda citizen: citizen.user_id,
        "profile": lambda citizen: citizen.profile.profile,
        "picture": lambda citizen: citizen.profile.picture,
        "website": lambda citizen: citizen.profile.website,
        "gender": lambda citizen: citizen.profile.gender,
        "zoneinfo": lambda citizen: citizen.profile.zoneinfo,
        "updated_at": lambda citizen: int((citizen.changed_at or citizen.created_at).timestamp()),
        "email": lambda citizen: citizen.email,
        "email_verified": lambda citizen: _verified(citizen.email_verified, citizen.email),
        "phone_number": lambda citizen: citizen.phone_number,
        "phone_number_verified": lambda citizen: _verified(
            citizen.phone_number_verified, citizen.phone_number
        ),
        "address": _address,
    }
)


def _asked(members: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """One of the two members, with each request either null or an object (Core §5.5.1)."""
    asked = members.get(name) or {}
    if not isinstance(asked, dict):
        raise InvalidRequest("A member of the claims parameter is not an object.")
    for request in asked.values():
        if request is None:
            continue
        if not isinstance(request, dict) or not isinstance(request.get("essential", False), bool):
            raise InvalidRequest("A claim in the claims parameter is neither null nor an object.")
    return asked


def _wanted_values(*members: Mapping[str, Any]) -> Mapping[str, tuple[str | bool, ...]]:
    """By claim; where both members name values, a value must be among both."""
    wanted: dict[str, tuple[str | bool, ...]] = {}
    for asked in members:
        for name in asked.keys() & _COMPARED:
            values = _values(asked, name)
            if values:
                wanted[name] = tuple(value for value in values if value in wanted.get(name, values))
    return wanted


def _texts(asked: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """`value` and `values` of a claim that has strings."""
    values = _values(asked, name)
    if any(isinstance(value, bool) for value in values):
        raise InvalidRequest("The values of acr and of sub must be strings.")
    return tuple(str(value) for value in values)


def _values(asked: Mapping[str, Any], name: str) -> tuple[str | bool, ...]:
    """`value` and `values` of one claim, each of them short."""
    request = asked.get(name) or {}
    values = request.get("values", [])
    single = [request["value"]] if "value" in request else []
    if not isinstance(values, list):
        raise InvalidRequest("The values of a claim must be an array.")
    found = [*single, *values]
    if len(found) > _MAX_VALUES or not all(
        isinstance(value, bool) or (isinstance(value, str) and 0 < len(value) <= 255) for value in found
    ):
        raise InvalidRequest("The values of a claim must be a few short strings, or true or false.")
    return tuple(dict.fromkeys(found))
