"""Which claims each scope asks for (OpenID Connect Core §5.4, §11; `cpr` is our own scope).

The registry checks purposes against this table and idp releases by it. Values of claims are not made here.
"""

from collections.abc import Iterable
from types import MappingProxyType

SCOPE_CLAIMS = MappingProxyType(
    {
        "openid": ("sub",),
        "profile": (
            "name",
            "family_name",
            "given_name",
            "middle_name",
            "nickname",
            "preferred_username",
            "profile",
            "picture",
            "website",
            "gender",
            "birthdate",
            "zoneinfo",
            "locale",
            "updated_at",
        ),
        "email": ("email", "email_verified"),
        "phone": ("phone_number", "phone_number_verified"),
        "address": ("address",),
        "cpr": ("cpr",),
        "offline_access": (),
    }
)

CLAIMS: tuple[str, ...] = tuple(
    claim for scope, claims in SCOPE_CLAIMS.items() if scope != "openid" for claim in claims
)
"""Every claim about a citizen that a purpose may release. `sub` needs no purpose: it names nobody."""


def claims_of(scope: Iterable[str]) -> tuple[str, ...]:
    """The claims that these scopes ask for, in the table's order, without `sub`; unknown scopes ask for nothing."""
    asked = set(scope) - {"openid"}
    return tuple(claim for name, claims in SCOPE_CLAIMS.items() if name in asked for claim in claims)
