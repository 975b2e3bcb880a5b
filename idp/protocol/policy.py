"""The protocol's values: one frozen object with every lifetime and limit that the rules obey.

`settings.py` reads what a deployment may change and refuses what lies beyond a bound; here stand the values that a
deployment gets unless it says otherwise, each with its source. No rule reads a setting by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from idp.protocol.step_up_challenge import WantedSignIn


@dataclass(frozen=True, slots=True)
class ProtocolPolicy:
    """What the rules need to know of a deployment."""

    issuer: str
    """The issuer identifier: an origin, without a path and without a trailing slash (RFC 8414 §2)."""

    code_lifetime: timedelta = timedelta(seconds=30)
    """RFC 9700 §2.1.1 wants it short; FAPI 2.0 §5.3.2.1 allows 60 s at most."""
    request_uri_lifetime: timedelta = timedelta(seconds=60)
    """FAPI 2.0 §5.3.2.2: less than 600 s."""
    id_token_lifetime: timedelta = timedelta(minutes=5)
    """iGov OpenID Connect §3.1."""
    authorization_response_lifetime: timedelta = timedelta(minutes=5)
    """Of a signed authorization response; JARM §2.1 recommends ten minutes at most."""
    access_token_lifetime: timedelta = timedelta(minutes=5)
    offline_access_lifetime: timedelta = timedelta(days=30)
    """Of what a citizen agreed to be lasting; it never moves (S-087)."""
    offline_access_unused: timedelta = timedelta(days=7)
    """A lasting access that is not used for so long is over."""
    device_code_lifetime: timedelta = timedelta(minutes=10)
    """RFC 8628 §6.1: short, since a user code is short; no longer than a login attempt."""
    device_requests_per_window: int = 30
    """Devices of one public client that ask from one address in a minute, before the answer is 429."""
    device_codes_per_citizen: int = 10
    """User codes that one citizen types in ten minutes, right or wrong (RFC 8628 §5.1)."""
    device_codes_per_day: int = 50
    login_attempt_lifetime: timedelta = timedelta(minutes=10)
    challenge_lifetime: timedelta = timedelta(minutes=5)

    substantial_idle: timedelta = timedelta(minutes=30)
    """NIST SP 800-63B-4 §2.2.3."""
    substantial_absolute: timedelta = timedelta(hours=8)
    high_idle: timedelta = timedelta(minutes=15)
    """NIST SP 800-63B-4 §2.3.3."""
    high_absolute: timedelta = timedelta(hours=8)

    dpop_nonce_required: bool = False
    """Whether a DPoP proof without our nonce is refused (RFC 9449 §8); one with another nonce always is."""
    userinfo_sign_in: WantedSignIn = field(default_factory=WantedSignIn)
    """What userinfo wants of the sign-in behind a token, else it sends a challenge (RFC 9470)."""
    skew: timedelta = timedelta(seconds=60)
    """How far ahead another clock may be: at least 10 s, at most 60 s (FAPI 2.0 §5.3.2.1)."""
    published_max_age: timedelta = timedelta(seconds=300)
    """`Cache-Control: max-age` of JWKS and discovery."""

    client_failures_per_window: int = 30
    """Failed authentications of one client, or from one address, before the answer is 429 (S-111)."""
    code_failures_per_window: int = 30
    """Codes that nobody issued, by one client from one address, before the answer is 429 (S-075)."""
    code_failures_anywhere: int = 300
    """The same by one client from all addresses together: a guesser may have a thousand."""
    request_uri_failures_per_window: int = 30
    """Values of request_uri that nobody issued, from one address, before the answer is 429 (S-049)."""
    unknown_tokens_per_window: int = 300
    """Tokens that nobody issued, asked about by one resource server, before the answer is 429 (S-144); strangers bring
    them to it, so it is a wide limit, and a token that was issued is answered beyond it."""
    failed_sign_ins_per_address: int = 100
    """Wrong passwords and codes from one neighbourhood of addresses in ten minutes; a coarse guard beside the exact
    count of each authenticator (S-250)."""
    sign_ins_begun_per_address: int = 1_000
    """Sign-ins begun from one neighbourhood of addresses in a minute (plain requests; the same number of sign-outs, and of
    requests that public clients push), before the answer is 429: each is kept for minutes."""
    networks_to_addresses: int = 10
    """How many times as many from the wider network around an address (IPv4 /24, IPv6 /48): a sprayer has many."""
    opaque_tokens_per_client: int = 6_000
    """Opaque tokens that one client asks for by itself in a minute, before the answer is 429: each is kept until it ends."""
    failure_window: timedelta = timedelta(minutes=1)

    exchange_depth: int = 3
    """How many services may ask one another in a row on a citizen's behalf (RFC 8693 §4.1)."""

    acr_names: Mapping[str, str] = field(default_factory=dict)
    """Names of the deployment's own, each mapped onto `urn:adgang:loa:substantial` or `urn:adgang:loa:high`."""
    mtls_origin: str = ""
    """Where the client endpoints are reached with a client certificate (RFC 8705 §5). Empty: nowhere."""
    client_authorities: bool = False
    """Whether the deployment knows authorities for client certificates: without, no `tls_client_auth`."""
    high_offered: bool = False
    """Whether this deployment can reach `high` at all; software alone never claims it."""

    def addresses_of(self, endpoint: str) -> tuple[str, ...]:
        """Every address at which clients reach an endpoint of ours; with a certificate it may be another host's."""
        if self.mtls_origin in ("", self.issuer):
            return (endpoint,)
        return endpoint, self.mtls_origin + endpoint.removeprefix(self.issuer)

    @property
    def authorization_endpoint(self) -> str:
        return f"{self.issuer}/authorize"

    @property
    def pushed_authorization_request_endpoint(self) -> str:
        return f"{self.issuer}/par"

    @property
    def device_authorization_endpoint(self) -> str:
        return f"{self.issuer}/device_authorization"

    @property
    def verification_uri(self) -> str:
        """Where a citizen types a device's code: short, since a person types it, too (RFC 8628 §3.2)."""
        return f"{self.issuer}/device"

    @property
    def token_endpoint(self) -> str:
        return f"{self.issuer}/token"

    @property
    def revocation_endpoint(self) -> str:
        return f"{self.issuer}/revoke"

    @property
    def introspection_endpoint(self) -> str:
        return f"{self.issuer}/introspect"

    @property
    def userinfo_endpoint(self) -> str:
        return f"{self.issuer}/userinfo"

    @property
    def end_session_endpoint(self) -> str:
        return f"{self.issuer}/end-session"

    @property
    def offers_mutual_tls(self) -> bool:
        return bool(self.mtls_origin)

    def mtls_alias(self, address: str) -> str:
        """The same endpoint where clients show a certificate (RFC 8705 §5); the address itself where that is nowhere."""
        return (self.mtls_origin or self.issuer) + address.removeprefix(self.issuer)

    @property
    def client_endpoints(self) -> Mapping[str, str]:
        """What clients call themselves, by their names in discovery."""
        return {
            "pushed_authorization_request_endpoint": self.pushed_authorization_request_endpoint,
            "token_endpoint": self.token_endpoint,
            "revocation_endpoint": self.revocation_endpoint,
            "device_authorization_endpoint": self.device_authorization_endpoint,
            "userinfo_endpoint": self.userinfo_endpoint,
        }

    @property
    def jwks_uri(self) -> str:
        return f"{self.issuer}/jwks"
