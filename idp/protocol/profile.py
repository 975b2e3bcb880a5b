"""The one place that decides by profile: `fapi2` (FAPI 2.0 Security Profile) and `oidc` (OpenID Connect Basic).

Every rule that differs between the two asks a `Profile` here; none compares a profile's name by itself. A client's
registered choices narrow what its profile allows and never widen it. Sender-constrained tokens are not demanded of
`fapi2` clients yet: neither DPoP nor mutual TLS is offered, and discovery says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Profile:
    """What a client of this profile must do and may do."""

    name: str
    requires_par: bool
    """FAPI 2.0 §5.3.2.2: requests only through the pushed authorization request endpoint."""
    requires_pkce: bool
    """Of every client, whatever its registration says."""
    client_auth_methods: frozenset[str]
    assertion_algorithms: frozenset[str]
    """FAPI 2.0 §5.4.1."""
    assertion_lifetime: timedelta
    """How far ahead `exp` of a client assertion may lie, before the skew."""
    assertion_audience_may_be_endpoint: bool
    """Whether the token endpoint's address, and arrays with one such value, are accepted as `aud`."""
    assertion_needs_issued_at: bool
    default_signing_algorithm: str
    """For clients that registered none."""
    token_in_body: bool
    """RFC 6750 §2.2, which FAPI 2.0 §5.3.4 forbids."""


FAPI2 = Profile(
    name="fapi2",
    requires_par=True,
    requires_pkce=True,
    client_auth_methods=frozenset({"private_key_jwt"}),
    assertion_algorithms=frozenset({"ES256", "PS256", "EdDSA", "Ed25519"}),
    assertion_lifetime=timedelta(minutes=5),
    assertion_audience_may_be_endpoint=False,
    assertion_needs_issued_at=True,
    default_signing_algorithm="ES256",
    token_in_body=False,
)

OIDC = Profile(
    name="oidc",
    requires_par=False,
    requires_pkce=False,
    client_auth_methods=frozenset({"private_key_jwt", "client_secret_basic", "client_secret_post", "none"}),
    assertion_algorithms=frozenset({"ES256", "PS256", "EdDSA", "Ed25519", "RS256"}),
    assertion_lifetime=timedelta(hours=1),
    assertion_audience_may_be_endpoint=True,
    assertion_needs_issued_at=False,
    default_signing_algorithm="RS256",
    token_in_body=True,
)

PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in (FAPI2, OIDC)}


class Profiled(Protocol):
    """The parts of a client that its profile decides on."""

    @property
    def profile(self) -> str: ...
    @property
    def require_pkce(self) -> bool: ...
    @property
    def token_endpoint_auth_method(self) -> str: ...
    @property
    def id_token_signed_response_alg(self) -> str | None: ...


def profile_of(client: Profiled) -> Profile:
    """The profile of a client; a name that the registry should never have taken is a KeyError."""
    return PROFILES[client.profile]


def pkce_required(client: Profiled) -> bool:
    """RFC 9700 §2.1.1: always, except of a confidential `oidc` client whose registration says it cannot."""
    return (
        profile_of(client).requires_pkce or client.require_pkce or client.token_endpoint_auth_method == "none"
    )


def signing_algorithm(client: Profiled) -> str:
    """The one algorithm for everything that we sign for this client."""
    return client.id_token_signed_response_alg or profile_of(client).default_signing_algorithm
