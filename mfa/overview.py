"""How a citizen's factors stand: for showing to that citizen. Changes nothing, proves nothing."""

from dataclasses import dataclass
from datetime import datetime

from mfa.factors import Factor, FactorKind, leaves_a_way_in
from mfa.lockout import LIMIT, FailureCount, Failures
from mfa.ports import Credentials, Factors, RecoverySets, StoredCredential
from mfa.ports import Failures as FailuresKept


@dataclass(frozen=True, slots=True)
class KeyStanding:
    """What is known of a passkey or security key."""

    synced: bool
    """It may be copied to the holder's other devices (backup eligible); else it is bound to one."""
    attested: bool
    suspected_at: datetime | None
    """There may be a copy of it that nobody meant."""


@dataclass(frozen=True, slots=True)
class FactorStanding:
    """One factor, and what happened to it since it was last proven."""

    factor: Factor
    failures: int
    """Since the last success."""
    opens_to_strangers_at: datetime | None
    """Until then browsers that the citizen has not used are not listened to; None means they are."""
    opens_at: datetime | None
    """The same for browsers that the citizen has used."""
    disabled: bool
    removable: bool
    """There is another way in beside it."""
    key: KeyStanding | None = None
    codes_left: int | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """Reads committed rows only."""

    factors: Factors
    failures: FailuresKept
    credentials: Credentials
    recovery_sets: RecoverySets

    def of_citizen(self, citizen_id: str, now: datetime) -> list[FactorStanding]:
        """All of a citizen's factors, oldest first."""
        factors = self.factors.of_citizen(citizen_id)
        failures = self.failures.of(factor.factor_id for factor in factors)
        keys = {stored.factor.factor_id: stored for stored in self.credentials.of_citizen(citizen_id)}
        left = self.recovery_sets.left(citizen_id)
        return [
            _standing(
                factor,
                failures.get(factor.factor_id, Failures()),
                keys.get(factor.factor_id),
                left if factor.kind is FactorKind.RECOVERY_CODE else None,
                removable=leaves_a_way_in(other for other in factors if other is not factor),
                now=now,
            )
            for factor in factors
        ]


def _standing(
    factor: Factor,
    failures: Failures,
    stored: StoredCredential | None,
    codes_left: int | None,
    *,
    removable: bool,
    now: datetime,
) -> FactorStanding:
    return FactorStanding(
        factor=factor,
        failures=failures.total,
        opens_to_strangers_at=_opens_at(failures.strangers, now),
        opens_at=_opens_at(failures.known, now),
        disabled=factor.disabled_at is not None or failures.total >= LIMIT,
        removable=removable,
        key=None if stored is None else _key(stored),
        codes_left=codes_left,
    )


def _opens_at(count: FailureCount, now: datetime) -> datetime | None:
    opens_at = count.opens_at
    return opens_at if opens_at is not None and opens_at > now else None


def _key(stored: StoredCredential) -> KeyStanding:
    return KeyStanding(stored.backup_eligible, stored.attested, stored.suspected_at)
