"""The two profiles of the protocol, and all that a registration may do in one and not in the other.

This table is the only place of the registry that decides by profile. `fapi2` is FAPI 2.0 Security Profile Final;
`oidc` is the named exception for standard software and public clients.
"""

from dataclasses import dataclass
from types import MappingProxyType

_FAPI2_ALGORITHMS = ("ES256", "PS256", "EdDSA", "Ed25519")  # FAPI 2.0 §5.4.1; RFC 9864 for the name Ed25519


@dataclass(frozen=True, slots=True)
class Profile:
    """What a client of this profile may register."""

    name: str
    token_endpoint_auth_methods: tuple[str, ...]
    default_token_endpoint_auth_method: str
    signing_algorithms: tuple[str, ...]
    """For assertions of the client and for what we sign for it; `none` and HS* are in no profile."""
    default_signing_algorithm: str
    pkce_may_be_waived: bool
    """A confidential client that cannot do PKCE may say so; its nonce then stands alone (RFC 9700 §2.1.1)."""


FAPI2 = Profile(
    name="fapi2",
    token_endpoint_auth_methods=("private_key_jwt",),
    default_token_endpoint_auth_method="private_key_jwt",
    signing_algorithms=_FAPI2_ALGORITHMS,
    default_signing_algorithm="ES256",
    pkce_may_be_waived=False,
)
OIDC = Profile(
    name="oidc",
    token_endpoint_auth_methods=("private_key_jwt", "client_secret_basic", "client_secret_post", "none"),
    default_token_endpoint_auth_method="client_secret_basic",  # RFC 7591 §2
    signing_algorithms=(*_FAPI2_ALGORITHMS, "RS256"),
    default_signing_algorithm="RS256",  # OIDC Registration §2
    pkce_may_be_waived=True,
)
PROFILES = MappingProxyType({profile.name: profile for profile in (FAPI2, OIDC)})

SECRET_METHODS = ("client_secret_basic", "client_secret_post")
EVERY_ALGORITHM = OIDC.signing_algorithms
