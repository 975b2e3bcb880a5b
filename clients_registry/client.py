"""Client: one relying party of one organisation. Field names are the metadata names of RFC 7591 and OIDC Registration.

It holds what was registered after metadata has checked it and filled in every default: nothing here is optional
because somebody forgot it. Parsed keys stand beside it (registry.RegisteredClient), secrets only as a digest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from clients_registry.errors import UnknownPurpose
from clients_registry.profiles import CERTIFICATE_METHODS, PROFILES, SECRET_METHODS, Profile
from clients_registry.purposes import Purpose


@dataclass(frozen=True, slots=True)
class Encryption:
    """`alg` and `enc` of RFC 7516 §4.1."""

    algorithm: str
    content_algorithm: str


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client. Immutable: a change makes another one."""

    client_id: str
    client_name: str
    """In Danish, or in the client's own language; `localized` has the others."""
    organisation_id: str
    sector: str
    """The organisation it was first registered with: pairwise subjects are made with it and survive a move."""
    profile: str
    redirect_uris: tuple[str, ...]
    purposes: tuple[Purpose, ...]
    created_at: datetime
    changed_at: datetime
    scope: tuple[str, ...]
    token_endpoint_auth_method: str
    id_token_signed_response_alg: str
    localized: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """`client_name#en` and the like (RFC 7591 §2.2), by their wire names."""
    response_types: tuple[str, ...] = ("code",)
    grant_types: tuple[str, ...] = ("authorization_code",)
    response_modes: tuple[str, ...] = ("query",)
    token_endpoint_auth_signing_alg: str | None = None
    """None: any algorithm of the profile that one of the client's keys fits."""
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str | None = None
    """Where it publishes its keys instead (published_keys)."""
    tls_client_auth_subject_dn: str | None = None
    """RFC 8705 §2.1.2: of this and the next four, a client of `tls_client_auth` has exactly one."""
    tls_client_auth_san_dns: str | None = None
    tls_client_auth_san_uri: str | None = None
    tls_client_auth_san_ip: str | None = None
    tls_client_auth_san_email: str | None = None
    tls_client_certificate_bound_access_tokens: bool = False
    """RFC 8705 §3.4: its access tokens work only with the certificate that they were issued to."""
    dpop_bound_access_tokens: bool = False
    """RFC 9449 §5.2: it gets no token without a proof of its key."""
    authorization_signed_response_alg: str | None = None
    """JARM; None: as its ID tokens."""
    id_token_encrypted_response_alg: str | None = None
    """None: ID tokens are signed only; the same for the two below."""
    id_token_encrypted_response_enc: str | None = None
    userinfo_encrypted_response_alg: str | None = None
    userinfo_encrypted_response_enc: str | None = None
    authorization_encrypted_response_alg: str | None = None
    """JARM."""
    authorization_encrypted_response_enc: str | None = None
    request_object_signing_alg: str | None = None
    """None: any algorithm of the profile that one of the client's keys fits."""
    require_signed_request_object: bool = False
    """RFC 9101 §10.5."""
    require_pushed_authorization_requests: bool = False
    """RFC 9126 §6; a client of `fapi2` must push whatever stands here."""
    userinfo_signed_response_alg: str | None = None
    """None: userinfo is plain JSON."""
    subject_type: str = "pairwise"
    client_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    initiate_login_uri: str | None = None
    post_logout_redirect_uris: tuple[str, ...] = ()
    backchannel_logout_uri: str | None = None
    backchannel_logout_session_required: bool = False
    """Ours always carry `sid`."""
    frontchannel_logout_uri: str | None = None
    frontchannel_logout_session_required: bool = False
    """Ours always carry `iss` and `sid`."""
    contacts: tuple[str, ...] = ()
    default_max_age: int | None = None
    """Seconds."""
    require_auth_time: bool = False
    default_acr_values: tuple[str, ...] = ()
    authorization_details_types: tuple[str, ...] = ()
    """RFC 9396 §10: kinds of details that it may ask for."""
    require_pkce: bool = True
    """Our extension; only a confidential `oidc` client may lift it."""
    application_type: str = "web"
    jwks_cache_seconds: int = 86_400
    """How long the client may go on using our JWKS before it fetches it again; rotation waits for the slowest."""
    jwks_fetch_addresses: tuple[str, ...] = ()
    """Addresses or networks from which the client fetches our JWKS."""
    jwks_uri_handle: str | None = None
    """The last segment of a JWKS address of its own, `/jwks/<handle>`, by which its fetches are known."""
    secret_digest: str | None = field(default=None, repr=False)
    disabled_at: datetime | None = None

    @property
    def rules(self) -> Profile:
        """What its profile allows and demands."""
        return PROFILES[self.profile]

    @property
    def is_public(self) -> bool:
        """RFC 6749 §2.1: it cannot keep a secret, so it authenticates by nothing."""
        return self.token_endpoint_auth_method == "none"

    @property
    def uses_secret(self) -> bool:
        return self.token_endpoint_auth_method in SECRET_METHODS

    @property
    def uses_certificate(self) -> bool:
        """RFC 8705 §2: it authenticates by the certificate of its TLS connection."""
        return self.token_endpoint_auth_method in CERTIFICATE_METHODS

    @property
    def assertion_algorithms(self) -> tuple[str, ...]:
        """With which algorithms it may sign a client assertion."""
        if self.token_endpoint_auth_signing_alg is not None:
            return (self.token_endpoint_auth_signing_alg,)
        return self.rules.signing_algorithms

    @property
    def request_object_algorithms(self) -> tuple[str, ...]:
        """With which algorithms it may sign a request object."""
        if self.request_object_signing_alg is not None:
            return (self.request_object_signing_alg,)
        return self.rules.signing_algorithms

    @property
    def authorization_response_algorithm(self) -> str:
        """By which algorithm its authorization responses are signed, where its response mode asks for that."""
        return self.authorization_signed_response_alg or self.id_token_signed_response_alg

    @property
    def id_token_encryption(self) -> Encryption | None:
        return _encryption(self.id_token_encrypted_response_alg, self.id_token_encrypted_response_enc)

    @property
    def userinfo_encryption(self) -> Encryption | None:
        return _encryption(self.userinfo_encrypted_response_alg, self.userinfo_encrypted_response_enc)

    @property
    def authorization_response_encryption(self) -> Encryption | None:
        """Where its response mode asks for signed answers."""
        return _encryption(
            self.authorization_encrypted_response_alg, self.authorization_encrypted_response_enc
        )

    @property
    def must_push(self) -> bool:
        """RFC 9126 §5, §6."""
        return self.rules.requires_par or self.require_pushed_authorization_requests

    def name_in(self, language: str) -> str:
        """Its name for a citizen who reads `language`."""
        return self.localized.get(f"client_name#{language}", self.client_name)

    def purpose(self, purpose_id: str | None) -> Purpose:
        """The purpose that a request names; with None, the only one.

        Raises:
            UnknownPurpose: no such purpose, or none was named and there are several.
        """
        if purpose_id is None and len(self.purposes) == 1:
            return self.purposes[0]
        for purpose in self.purposes:
            if purpose.id == purpose_id:
                return purpose
        raise UnknownPurpose("the client has no such purpose, or has several and none was named")


def _encryption(algorithm: str | None, content_algorithm: str | None) -> Encryption | None:
    return Encryption(algorithm, content_algorithm) if algorithm and content_algorithm else None
