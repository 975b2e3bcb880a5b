"""The one way in: an answer to one factor becomes a `VerifiedFactor`, or raises.

Every route that proves a factor calls `Verification.verify`, so that none can forget to count, to slow or to tell
(S-246). What a session needs, and which page comes next, is not decided here.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from mfa.attempts import Attempts, Claimant
from mfa.errors import FactorRejected, Rejection
from mfa.factors import VerifiedFactor
from mfa.password import Passwords
from mfa.password_verification import PasswordAnswer, PasswordVerification
from mfa.ports import Factors, Failures, Journal, Sealer, TotpSteps, Transact, Tx
from mfa.recovery_verification import RecoveryCodeAnswer, RecoveryVerification
from mfa.totp_verification import TotpAnswer, TotpVerification
from mfa.webauthn_verification import WebauthnAnswer, WebauthnVerification

__all__ = [
    "Answer",
    "PasswordAnswer",
    "RecoveryCodeAnswer",
    "RecoveryVerification",
    "TotpAnswer",
    "Verification",
    "WebauthnAnswer",
    "WebauthnVerification",
]

FORGOTTEN_AFTER = timedelta(days=30)
"""How long failures at user IDs that nobody has are kept. A citizen's own are kept until they sign in."""

Answer = PasswordAnswer | TotpAnswer | WebauthnAnswer | RecoveryCodeAnswer


class Verification:
    """Verifies answers; one for each process."""

    def __init__(
        self,
        transact: Transact,
        factors: Factors,
        failures: Failures,
        totp_steps: TotpSteps,
        journal: Journal,
        passwords: Passwords,
        sealer: Sealer,
        *,
        webauthn: WebauthnVerification | None = None,
        recovery: RecoveryVerification | None = None,
    ) -> None:
        self._transact = transact
        self._factors = factors
        self._failures = failures
        self._attempts = Attempts(factors, failures, journal)
        self._password = PasswordVerification(transact, factors, self._attempts, passwords)
        self._totp = TotpVerification(factors, totp_steps, sealer)
        self._webauthn = webauthn
        self._recovery = recovery

    def verify(
        self,
        citizen_id: str | None,
        answer: Answer,
        *,
        known_browser: bool,
        now: datetime,
        unknown_key: str = "",
    ) -> VerifiedFactor:
        """Check one answer, counted before it is looked at.

        `citizen_id` None stands for a user ID that nobody has: `unknown_key`, a digest of the canonical user ID,
        then names what is counted, and the answer is the one that a citizen's wrong answer gets. A passkey says
        itself whose it is, and is verified with None too.

        Raises:
            FactorRejected: with the reason, and when the next try is looked at.
            Busy: nothing was checked or counted; try again in a while.
        """
        claimant = Claimant(citizen_id, unknown_key, known_browser)
        if isinstance(answer, PasswordAnswer):
            return self._password.verify(claimant, answer, now)
        outcome = self._transact(lambda tx: self._check(tx, claimant, answer, now))
        if isinstance(outcome, FactorRejected):
            raise outcome  # only now: raised inside, it would take its own count back (S-242)
        return outcome

    def _check(
        self,
        tx: Tx,
        claimant: Claimant,
        answer: TotpAnswer | WebauthnAnswer | RecoveryCodeAnswer,
        now: datetime,
    ) -> VerifiedFactor | FactorRejected:
        """The checks that take no time, each within one transaction."""
        if isinstance(answer, TotpAnswer):
            return self._totp.check(tx, self._attempts, claimant, answer, now)
        if isinstance(answer, WebauthnAnswer) and self._webauthn is not None:
            return self._webauthn.check(tx, self._attempts, claimant, answer, now)
        if isinstance(answer, RecoveryCodeAnswer) and self._recovery is not None:
            return self._recovery.check(tx, self._attempts, claimant, answer, now)
        return FactorRejected(Rejection.DISABLED)  # a kind that this deployment does not offer

    def check_in_force(self, tx: Tx, citizen_id: str, factor_ids: Collection[str]) -> None:
        """What was proven step by step still counts when the last step is taken; nobody changes it before `tx` ends.

        Raises:
            FactorRejected: one of these factors was removed, replaced or disabled since it was proven (S-301).
        """
        kept = self._factors.lock_of_citizen(tx, citizen_id)
        in_force = {factor.factor_id for factor in kept if factor.disabled_at is None}
        if not in_force.issuperset(factor_ids):
            raise FactorRejected(Rejection.WRONG)

    def sweep(self, now: datetime) -> int:
        """Forget failures at user IDs that nobody has, after long silence; returns how many."""
        return self._transact(lambda tx: self._failures.sweep(tx, now - FORGOTTEN_AFTER))
