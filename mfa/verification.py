"""The one way in: an answer to one factor becomes a `VerifiedFactor`, or raises.

Every route that proves a factor calls `Verification.verify`, so that none can forget to count, to slow or to tell
(S-246). What a session needs, and which page comes next, is not decided here.
"""

from datetime import datetime, timedelta

from mfa.attempts import Attempts, Claimant
from mfa.errors import FactorRejected
from mfa.factors import VerifiedFactor
from mfa.password import Passwords
from mfa.password_verification import PasswordAnswer, PasswordVerification
from mfa.ports import Factors, Failures, Journal, Sealer, TotpSteps, Transact
from mfa.totp_verification import TotpAnswer, TotpVerification

__all__ = ["Answer", "PasswordAnswer", "TotpAnswer", "Verification"]

FORGOTTEN_AFTER = timedelta(days=30)
"""How long failures at user IDs that nobody has are kept. A citizen's own are kept until they sign in."""

Answer = PasswordAnswer | TotpAnswer


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
    ) -> None:
        self._transact = transact
        self._failures = failures
        attempts = Attempts(factors, failures, journal)
        self._password = PasswordVerification(transact, factors, attempts, passwords)
        self._totp = TotpVerification(factors, totp_steps, attempts, sealer)

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
        then names what is counted, and the answer is the one that a citizen's wrong answer gets.

        Raises:
            FactorRejected: with the reason, and when the next try is looked at.
            Busy: nothing was checked or counted; try again in a while.
        """
        claimant = Claimant(citizen_id, unknown_key, known_browser)
        if isinstance(answer, PasswordAnswer):
            return self._password.verify(claimant, answer, now)
        outcome = self._transact(lambda tx: self._totp.check(tx, claimant, answer, now))
        if isinstance(outcome, FactorRejected):
            raise outcome  # only now: raised inside, it would take its own count back (S-242)
        return outcome

    def sweep(self, now: datetime) -> int:
        """Forget failures at user IDs that nobody has, after long silence; returns how many."""
        return self._transact(lambda tx: self._failures.sweep(tx, now - FORGOTTEN_AFTER))
