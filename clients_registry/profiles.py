"""The two profiles of the protocol: all that differs between `fapi2` and `oidc`, in one table.

`fapi2` is FAPI 2.0 Security Profile Final; `oidc` is the named exception for standard software and public clients (OIDC
Core Basic). No other place compares a profile's name: what a client may register is read from here by metadata, what it
must do and may do by idp's rules, through `Client.rules`. A registered choice narrows what is allowed here.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

SECRET_METHODS = ("client_secret_basic", "client_secret_post")
CERTIFICATE_METHODS = ("tls_client_auth", "self_signed_tls_client_auth")
"""RFC 8705 §2. A deployment may offer neither, or only the second."""

_FAPI2_ALGORITHMS = ("ES256", "PS256", "EdDSA", "Ed25519")  # FAPI 2.0 §5.4.1; RFC 9864 for the name Ed25519

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
"""RFC 8628; not in `fapi2`: a citizen can be led to type a stranger's code (§5.4), which FAPI 2.0 does not look at."""
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
"""RFC 8693."""
CLIENT_CREDENTIALS = "client_credentials"
SIGN_IN_GRANTS = frozenset({"authorization_code", DEVICE_CODE})
"""Those that begin with a citizen."""
MACHINE_GRANTS = frozenset({CLIENT_CREDENTIALS, TOKEN_EXCHANGE})
"""Those of services among themselves, which authenticate."""
_GRANT_TYPES = ("authorization_code", "refresh_token", CLIENT_CREDENTIALS, TOKEN_EXCHANGE)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a client of this profile may register, must do and may do."""

    name: str

    token_endpoint_auth_methods: tuple[str, ...]
    default_token_endpoint_auth_method: str
    signing_algorithms: tuple[str, ...]
    """For assertions of the client and for what we sign for it; `none` and HS* are in no profile."""
    default_signing_algorithm: str
    pkce_may_be_waived: bool
    """A confidential client that cannot do PKCE may say so; its nonce then stands alone (RFC 9700 §2.1.1)."""

    requires_par: bool
    """FAPI 2.0 §5.3.2.2: requests only through the pushed authorization request endpoint."""
    assertion_lifetime: timedelta
    """How far ahead `exp` of a client assertion may lie, before the skew."""
    assertion_audience_may_be_endpoint: bool
    """Whether the token endpoint's address, and arrays with one such value, are accepted as `aud`."""
    assertion_needs_issued_at: bool
    request_object_needs_times: bool
    """Whether a request object must say from when to when it is good (`nbf`, `exp`)."""
    request_object_lifetime: timedelta
    """From `nbf` to `exp` at most."""
    requires_sender_constraint: bool
    """FAPI 2.0 §5.3.2.1: no access token that is not bound to a key or a certificate of the client's."""
    token_in_body: bool
    """RFC 6750 §2.2, which FAPI 2.0 §5.3.4 forbids."""
    grant_types: tuple[str, ...]


FAPI2 = Profile(
    name="fapi2",
    token_endpoint_auth_methods=("private_key_jwt", *CERTIFICATE_METHODS),
    default_token_endpoint_auth_method="private_key_jwt",
    signing_algorithms=_FAPI2_ALGORITHMS,
    default_signing_algorithm="ES256",
    pkce_may_be_waived=False,
    requires_par=True,
    assertion_lifetime=timedelta(minutes=5),
    assertion_audience_may_be_endpoint=False,
    assertion_needs_issued_at=True,
    request_object_needs_times=True,
    request_object_lifetime=timedelta(hours=1),  # FAPI 2.0 Message Signing §5.3.1
    requires_sender_constraint=True,
    token_in_body=False,
    grant_types=_GRANT_TYPES,
)
OIDC = Profile(
    name="oidc",
    token_endpoint_auth_methods=("private_key_jwt", *CERTIFICATE_METHODS, *SECRET_METHODS, "none"),
    default_token_endpoint_auth_method="client_secret_basic",  # RFC 7591 §2
    signing_algorithms=(*_FAPI2_ALGORITHMS, "RS256"),
    default_signing_algorithm="RS256",  # OIDC Registration §2
    pkce_may_be_waived=True,
    requires_par=False,
    assertion_lifetime=timedelta(hours=1),
    assertion_audience_may_be_endpoint=True,
    assertion_needs_issued_at=False,
    request_object_needs_times=False,
    request_object_lifetime=timedelta(hours=24),
    requires_sender_constraint=False,
    token_in_body=True,
    grant_types=(*_GRANT_TYPES, DEVICE_CODE),
)
PROFILES: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in (FAPI2, OIDC)})

EVERY_ALGORITHM = OIDC.signing_algorithms


def methods_offered(*, mutual_tls: bool, client_authorities: bool) -> tuple[str, ...]:
    """How clients can authenticate in a deployment: with certificates only where these reach it, and by an authority's
    word only where it knows an authority."""
    lacking = set() if mutual_tls else set(CERTIFICATE_METHODS)
    if not client_authorities:
        lacking.add("tls_client_auth")
    return tuple(method for method in OIDC.token_endpoint_auth_methods if method not in lacking)


def only_machine(grant_types: Collection[str]) -> bool:
    """Whether no citizen ever signs in to a client with these grants."""
    return MACHINE_GRANTS.issuperset(grant_types)
