"""What we keep, as frozen dataclasses. Behaviour lives with the rules, not here.

Secrets never stand in a record in clear: keys of records are digests (see storage). Times are aware UTC datetimes;
`expires_at` is the truth about expiry and is checked against the injected clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from idp.asking_device import AskingDevice
from idp.citizen_records import Address as Address
from idp.citizen_records import Citizen as Citizen
from idp.citizen_records import ProfileClaims as ProfileClaims

OFFLINE_ACCESS = "offline_access"
"""The scope of access that goes on when nobody is signed in (OIDC Core §11)."""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """An authorization request that has been checked against its client (OIDC Core §3.1.2.1, RFC 9126).

    Immutable from here on: what was asked can no longer be altered by restart, reload or cookie (S-014).
    """

    client_id: str
    redirect_uri: str
    scope: tuple[str, ...]
    purpose_id: str
    claims: tuple[str, ...]
    """Names of the claims that the scopes ask for, already limited by the purpose; without `sub`."""
    response_mode: str = "query"
    state: str | None = None
    nonce: str | None = None
    code_challenge: str | None = None
    prompt: tuple[str, ...] = ()
    max_age_seconds: int | None = None
    acr_values: tuple[str, ...] = ()
    acr_essential: bool = False
    """One of `acr_values` must be met, or the request ends with an error (OIDC Core §5.5.1.1)."""
    login_hint: str | None = None
    ui_locales: tuple[str, ...] = ()
    display: str = "page"
    id_token_hint_subject: str | None = None
    """The `sub` of a verified id_token_hint; the sign-in must end as this subject or fail (OIDC Core §3.1.2.1)."""
    id_token_claims: tuple[str, ...] = ()
    """Those of `claims` that the ID token tells too (OIDC Core §5.5)."""
    wanted_values: Mapping[str, tuple[str | bool, ...]] = field(default_factory=dict)
    """Claims that are released only where the citizen's value is one of these (OIDC Core §5.5.1)."""
    authorization_details: tuple[Mapping[str, Any], ...] = ()
    """RFC 9396 §2: what the client asks to do, each of a registered kind and within its schema."""
    authenticator_age: bool = False
    """The ID token tells how old the youngest factor of the sign-in is (claim `authenticator_age`)."""
    dpop_jkt: str | None = None
    """Thumbprint of the only key for which its code may be redeemed (RFC 9449 §10)."""
    resource: str | None = None
    """The one API at which its tokens may be used, beside userinfo (RFC 8707)."""
    resource_scope: tuple[str, ...] = ()
    """What may be done there; `scope` has the words of OpenID Connect alone."""


@dataclass(frozen=True, slots=True)
class PushedRequest:
    """RFC 9126: a request that its client pushed and authenticated. Found by the digest of its request_uri."""

    request: AuthorizationRequest
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class OwnPage:
    """A page of ours that wants the citizen signed in: no client asks, and no code is issued."""

    path: str
    fresh: bool = False
    """A second factor must be proven anew, although somebody is signed in (S-302)."""


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """One sign-in under way, in one browser. It never changes; what was proven so far is a `PartialSignIn`."""

    attempt_id: str
    browser_digest: str
    """Digest of the cookie of the browser that began it: nobody else may go on with it (S-028, S-215)."""
    request: AuthorizationRequest
    request_key: str
    """What a decision spends, so that one request is decided once: the request_uri's digest, or the attempt's."""
    started_at: datetime
    finish_by: datetime
    """After this the attempt is over, but still knows the way back to its service."""
    expires_at: datetime
    own_page: OwnPage | None = None
    """Where an attempt of our own leads back to; `request` then names our own pages as the client."""
    device: AskingDevice | None = None
    """The answer goes to a device that polls for it (RFC 8628), not by this browser."""


@dataclass(frozen=True, slots=True)
class ProvenFactor:
    """A factor that was proven, as mfa reported it."""

    factor_id: str
    kind: str
    """A word of `mfa.factors.FactorKind`."""
    amr: tuple[str, ...]
    proven_at: datetime
    bound_at: datetime | None = None
    """When the citizen added it."""
    raises_level: bool = True
    """False for a factor that was added after a recovery, for some days: it signs in and proves no more than that."""


@dataclass(frozen=True, slots=True)
class PartialSignIn:
    """What has been proven inside one login attempt, before a session exists.

    Found by the digest of a cookie that is made anew at each step (S-214); opens nothing but the next step of its
    own attempt (S-294, S-299).
    """

    attempt_id: str
    citizen_id: str
    factors: tuple[ProvenFactor, ...]
    started_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address is said to be, in words; the address itself is not kept."""

    city: str
    country_code: str
    """ISO 3166-1 alpha-2."""


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A citizen signed in with two factors, in one browser. Found by the digest of its cookie.

    `session_id` names it inside (never sent to anyone); each client sees a `sid` of its own (tokens/subject.py).
    """

    session_id: str
    citizen_id: str
    factors: tuple[ProvenFactor, ...]
    acr: str
    authenticated_at: datetime
    """The `auth_time` of tokens: when the citizen last proved factors."""
    started_at: datetime
    last_used_at: datetime
    idle_expires_at: datetime
    expires_at: datetime
    """The absolute end; using the session never moves it."""
    device: str = ""
    """Browser and system in words, for the security page."""
    place: Place | None = None
    """Where the browser was when it signed in, where the operator has a database of places."""

    @property
    def amr(self) -> tuple[str, ...]:
        """RFC 8176 values of all factors, without doubles, in order; `mfa` when they are two or more."""
        values = dict.fromkeys(value for factor in self.factors for value in factor.amr)
        if len(self.factors) > 1:
            values["mfa"] = None
        return tuple(values)

    @property
    def authenticator_age_seconds(self) -> int | None:
        """How long the youngest factor had been the citizen's when it was proven; None where one is of unknown age."""
        ages = [f.proven_at - f.bound_at for f in self.factors if f.bound_at is not None]
        return int(min(ages).total_seconds()) if ages and len(ages) == len(self.factors) else None


@dataclass(frozen=True, slots=True)
class Brought:
    """What the secrets of one visit to a sign-in open, as far as there is anything."""

    attempt: LoginAttempt | None
    partial: PartialSignIn | None
    session: BrowserSession | None


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What a code stands for. Found by the code's digest; spent in SQL, once."""

    client_id: str
    redirect_uri: str
    code_challenge: str | None
    citizen_id: str
    session_id: str
    session_expires_at: datetime
    scope: tuple[str, ...]
    claims: tuple[str, ...]
    purpose_id: str
    nonce: str | None
    acr: str
    amr: tuple[str, ...]
    authenticated_at: datetime
    expires_at: datetime
    authenticator_age_seconds: int | None = None
    """Where the client asked for it."""
    id_token_claims: tuple[str, ...] = ()
    authorization_details: tuple[Mapping[str, Any], ...] = ()
    dpop_jkt: str | None = None
    resource: str | None = None
    resource_scope: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpaqueToken:
    """What an opaque access token stands for. Found by the token's digest."""

    claims: dict[str, Any] = field(repr=False)
    """As a JWT would have them."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Grant:
    """What a citizen's client was given, in SQL. Every access token names its grant; a revoked grant ends them all."""

    grant_id: str
    citizen_id: str
    client_id: str
    session_id: str
    scope: tuple[str, ...]
    claims: tuple[str, ...]
    purpose_id: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    authorization_details: tuple[Mapping[str, Any], ...] = ()
    resource: str | None = None
    resource_scope: tuple[str, ...] = ()

    @property
    def offline(self) -> bool:
        """It outlives its session, since the citizen agreed to that (OIDC Core §11)."""
        return OFFLINE_ACCESS in self.scope


@dataclass(frozen=True, slots=True)
class Consent:
    """A citizen's answer to one version of one purpose of one client."""

    citizen_id: str
    client_id: str
    purpose_id: str
    version: str
    """`Purpose.version`: changes when text, ground or claims of the purpose change, so that we ask again."""
    claims: tuple[str, ...]
    given_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One thing that happened. `citizen_number` counts 1, 2, 3 … for each citizen."""

    number: int
    at: datetime
    event: str
    actor: str
    """`citizen`, `system`, `client:<client_id>` or `operator:<name>`."""
    citizen_id: str | None
    citizen_number: int | None
    facts: dict[str, str | int | list[str]]
