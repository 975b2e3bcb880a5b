"""Verifying recovery codes: counted like every other answer, and spent by one statement."""

from dataclasses import dataclass, field
from datetime import datetime

from mfa import recovery_codes
from mfa.attempts import NOBODY, Attempts, Claimant
from mfa.errors import FactorRejected, Rejection
from mfa.factors import Factor, FactorKind, VerifiedFactor
from mfa.ports import RecoverySets, Tx
from mfa.recovery_codes import RecoveryDigests


@dataclass(frozen=True, slots=True)
class RecoveryCodeAnswer:
    """A typed recovery code."""

    code: str = field(repr=False)


class RecoveryVerification:
    """Part of `mfa.verification.Verification`, which alone calls it."""

    def __init__(self, sets: RecoverySets, digests: RecoveryDigests) -> None:
        self._sets = sets
        self._digests = digests

    def check(
        self, tx: Tx, attempts: Attempts, claimant: Claimant, answer: RecoveryCodeAnswer, now: datetime
    ) -> VerifiedFactor | FactorRejected:
        """The proven set, one code poorer, or why not: returned, so that the transaction commits the count (S-242).

        Raises:
            FactorRejected: no answer is looked at now, and nothing was counted.
        """
        factor = self._sets.of_citizen(tx, claimant.citizen_id or NOBODY)
        attempt = attempts.open_for(tx, claimant, FactorKind.RECOVERY_CODE, factor, now)
        reason = self._obstacle(tx, factor, answer.code, now)
        if factor is not None and reason is None:
            return attempts.succeeded(tx, attempt, factor, FactorKind.RECOVERY_CODE.amr, now)
        return attempts.reject(tx, attempt, reason or Rejection.WRONG, now)

    def _obstacle(self, tx: Tx, factor: Factor | None, typed: str, now: datetime) -> Rejection | None:
        """Why the code is not accepted; None where it has just been spent.

        Looked for where there is no set too, so that this takes as long (S-237).
        """
        try:
            code = recovery_codes.parse_code(typed)
        except recovery_codes.MalformedRecoveryCode:
            return Rejection.MALFORMED
        factor_id = NOBODY if factor is None else factor.factor_id
        digest = self._digests.digest(factor_id, code)
        if self._sets.spend(tx, factor_id, digest, now):
            return None
        return Rejection.REPLAYED if self._sets.knows(tx, factor_id, digest) else Rejection.WRONG
