"""What is still to be proven, by whom, and by which of the citizen's own factors.

Asked only where the citizen is known: after a right password, or with a session. So nothing about anybody's factors
is told to a stranger (S-238). Which page shows the question is flow.py's matter, whether there is one steps.py's.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from idp.ledger import events
from idp.protocol.acr import (
    HIGH,
    PHISHING_RESISTANT,
    PHISHING_RESISTANT_HARDWARE,
    levels_asked,
)
from idp.records import BrowserSession
from idp.safety import Safety
from idp.services import Services
from mfa.factors import Factor, FactorKind
from mfa.ports import StoredCredential

FRESH_FOR = timedelta(minutes=5)
"""NIST SP 800-63B-4 §4.1.2.1: before a change of factors the citizen proves anew who it is."""


class Way(StrEnum):
    """How a second factor may be shown."""

    KEY = "key"
    TOTP = "totp"


class Reason(StrEnum):
    """Why a factor is asked for."""

    SECOND = "second"
    """The first was proven; two are needed."""
    LEVEL = "level"
    """The service asks for more than the session has."""
    FRESH = "fresh"
    """Our own page is about something that needs a fresh proof."""


@dataclass(frozen=True, slots=True)
class OwnFactors:
    """What a citizen could show beside the password."""

    in_force: frozenset[str]
    """Ids of all that are not disabled."""
    has_totp: bool
    keys: tuple[StoredCredential, ...]
    """Those that are not disabled."""
    safety: Safety
    is_proofed: bool
    """An officer has checked the citizen's identity; looked up only where level High is offered."""

    @property
    def strongest(self) -> FactorKind:
        """The kind that a fresh proof must be of."""
        trusted = any(key.suspected_at is None for key in self.keys)
        return FactorKind.WEBAUTHN if trusted or not self.has_totp else FactorKind.TOTP

    @property
    def ways(self) -> tuple[Way, ...]:
        """Dearest first. A citizen whose factors are all disabled is asked for the six digits, and told so then."""
        ways = ((Way.KEY, bool(self.keys)), (Way.TOTP, self.has_totp))
        return tuple(way for way, there in ways if there) or (Way.TOTP,)

    def is_fresh(self, session: BrowserSession, now: datetime) -> bool:
        """Whether a factor of the strongest kind, which is still the citizen's, was proven in this session a moment ago."""
        return any(
            factor.factor_id in self.in_force
            and factor.kind == self.strongest
            and now - factor.proven_at < FRESH_FOR
            for factor in session.factors
        )

    def keys_for(self, level: str, now: datetime) -> tuple[StoredCredential, ...]:
        """The keys that could raise a session to this level."""
        raising = (key for key in self.keys if not self.safety.caps(key.factor.created_at, now))
        if level == PHISHING_RESISTANT:
            return tuple(raising)
        hardware = (key for key in raising if key.attested and not key.backup_eligible)
        if level == PHISHING_RESISTANT_HARDWARE:
            return tuple(hardware)
        if level == HIGH and self.is_proofed:
            return tuple(key for key in hardware if key.factor.proves_two)
        return ()


@dataclass(frozen=True, slots=True)
class Question:
    """One factor that is asked for."""

    citizen_id: str
    reason: Reason
    ways: tuple[Way, ...]
    keys: tuple[StoredCredential, ...] = ()
    """Those that may answer."""
    user_verification_required: bool = False

    @property
    def allowed(self) -> frozenset[bytes]:
        return frozenset(key.credential_id for key in self.keys)


def own_factors(services: Services, citizen_id: str) -> OwnFactors:
    """Read them: one query, and another where there are keys."""
    usable = [f for f in services.factors.of_citizen(citizen_id) if f.disabled_at is None]
    return OwnFactors(
        in_force=frozenset(factor.factor_id for factor in usable),
        has_totp=any(factor.kind is FactorKind.TOTP for factor in usable),
        keys=_keys_of(services, citizen_id, usable),
        safety=services.safeties.find(citizen_id),
        is_proofed=is_proofed(services, citizen_id),
    )


def is_proofed(services: Services, citizen_id: str) -> bool:
    """Whether an officer's proofing stands in the citizen's ledger; not asked where nothing depends on it."""
    if not services.policy.high_offered:
        return False
    return services.ledger.last_time(citizen_id, events.CITIZEN_PROOFED) is not None


def second_question(services: Services, citizen_id: str, asked: Collection[str], now: datetime) -> Question:
    """After the first factor: any other, or where the service asks for more, what reaches that."""
    own = own_factors(services, citizen_id)
    better = _level_question(own, citizen_id, levels_asked(asked, services.policy), Reason.SECOND, now)
    return better or Question(citizen_id, Reason.SECOND, own.ways, own.keys)


def step_up_question(
    services: Services, session: BrowserSession, asked: Collection[str], now: datetime
) -> Question | None:
    """In a session that reaches none of the asked levels: the factor that is missing; None where the citizen has none."""
    own = own_factors(services, session.citizen_id)
    return _level_question(own, session.citizen_id, asked, Reason.LEVEL, now)


def fresh_question(services: Services, session: BrowserSession) -> Question:
    """A fresh proof, by the strongest kind there is."""
    own = own_factors(services, session.citizen_id)
    if own.strongest is FactorKind.WEBAUTHN and own.keys:
        return Question(session.citizen_id, Reason.FRESH, (Way.KEY,), own.keys)
    return Question(session.citizen_id, Reason.FRESH, (Way.TOTP,))


def _level_question(
    own: OwnFactors, citizen_id: str, levels: Collection[str], reason: Reason, now: datetime
) -> Question | None:
    """The first of these levels that a key of the citizen's can reach."""
    for level in levels:
        keys = own.keys_for(level, now)
        if keys:
            return Question(citizen_id, reason, (Way.KEY,), keys, user_verification_required=level == HIGH)
    return None


def _keys_of(services: Services, citizen_id: str, usable: Collection[Factor]) -> tuple[StoredCredential, ...]:
    ids = {factor.factor_id for factor in usable if factor.kind is FactorKind.WEBAUTHN}
    if not ids:
        return ()
    return tuple(key for key in services.webauthn.keys_of(citizen_id) if key.factor.factor_id in ids)
