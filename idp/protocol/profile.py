"""The one place of the protocol's rules that decides by profile: `fapi2` and `oidc` (FAPI 2.0; OIDC Core Basic).

Every rule that differs between the two asks a `Profile` here; none compares a profile's name by itself. What a client
may register by profile stands in clients_registry.profiles, and a registered choice narrows what is allowed here.
Sender-constrained tokens are not demanded of `fapi2` clients yet: neither DPoP nor mutual TLS is offered, and
discovery says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from clients_registry.client import Client


@dataclass(frozen=True, slots=True)
class Profile:
    """What a client of this profile must do and may do."""

    name: str
    requires_par: bool
    """FAPI 2.0 §5.3.2.2: requests only through the pushed authorization request endpoint."""
    requires_pkce: bool
    """Of every client, whatever its registration says."""
    assertion_lifetime: timedelta
    """How far ahead `exp` of a client assertion may lie, before the skew."""
    assertion_audience_may_be_endpoint: bool
    """Whether the token endpoint's address, and arrays with one such value, are accepted as `aud`."""
    assertion_needs_issued_at: bool
    token_in_body: bool
    """RFC 6750 §2.2, which FAPI 2.0 §5.3.4 forbids."""


FAPI2 = Profile(
    name="fapi2",
    requires_par=True,
    requires_pkce=True,
    assertion_lifetime=timedelta(minutes=5),
    assertion_audience_may_be_endpoint=False,
    assertion_needs_issued_at=True,
    token_in_body=False,
)

OIDC = Profile(
    name="oidc",
    requires_par=False,
    requires_pkce=False,
    assertion_lifetime=timedelta(hours=1),
    assertion_audience_may_be_endpoint=True,
    assertion_needs_issued_at=False,
    token_in_body=True,
)

_PROFILES: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in (FAPI2, OIDC)})

METADATA: Mapping[str, object] = MappingProxyType(
    {
        # RFC 8705 §3.3, and a word of our own for DPoP and mutual TLS together: not yet.
        "tls_client_certificate_bound_access_tokens": False,
        "adgang_sender_constrained_access_tokens": False,
    }
)


def profile_of(client: Client) -> Profile:
    """The profile of a client; a name that the registry should never have taken is a KeyError."""
    return _PROFILES[client.profile]


def pkce_required(client: Client) -> bool:
    """RFC 9700 §2.1.1: always, except of a confidential `oidc` client whose registration says it cannot."""
    return profile_of(client).requires_pkce or client.require_pkce or client.is_public


def signing_algorithm(client: Client) -> str:
    """The one algorithm for everything that we sign for this client; the registry filled in its profile's own."""
    return client.id_token_signed_response_alg
