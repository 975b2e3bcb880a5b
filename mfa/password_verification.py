"""Verifying a password: count, hash, tell; two short transactions with no lock held while argon2 runs."""

import logging
from dataclasses import dataclass, field
from datetime import datetime

from mfa.attempts import NOBODY, Attempt, Attempts, Claimant
from mfa.errors import Rejection
from mfa.factors import FactorKind, VerifiedFactor
from mfa.password import HashedPassword, Passwords, Turn, UnusableHash, WrongPassword
from mfa.ports import Factors, PasswordFactor, Transact, Tx

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PasswordAnswer:
    """A typed password."""

    password: str = field(repr=False)


class PasswordVerification:
    """Part of `mfa.verification.Verification`, which alone calls it."""

    def __init__(
        self, transact: Transact, factors: Factors, attempts: Attempts, passwords: Passwords
    ) -> None:
        self._transact = transact
        self._factors = factors
        self._attempts = attempts
        self._passwords = passwords

    def verify(self, claimant: Claimant, answer: PasswordAnswer, now: datetime) -> VerifiedFactor:
        """
        Raises:
            FactorRejected, Busy
        """
        with self._passwords.turn() as turn:  # before counting, so that a busy house counts nothing
            attempt, found = self._transact(lambda tx: self._begin(tx, claimant, now))
            renewed = self._check(turn, answer.password, found)
        if found is None or isinstance(renewed, WrongPassword):
            self._transact(lambda tx: self._attempts.failed(tx, attempt, Rejection.WRONG, now))
            raise attempt.rejection(Rejection.WRONG)
        proven, better_hash = found, renewed
        return self._transact(lambda tx: self._end(tx, attempt, proven, better_hash, now))

    def _begin(self, tx: Tx, claimant: Claimant, now: datetime) -> tuple[Attempt, PasswordFactor | None]:
        # Asked for nobody too: one question less to the database would be an answer to a stranger (S-237).
        found = self._factors.password_of(tx, claimant.citizen_id or NOBODY)
        factor = None if found is None else found.factor
        attempt = self._attempts.open_for(tx, claimant, FactorKind.PASSWORD, factor, now)
        return self._attempts.count(tx, attempt, now), found

    def _check(
        self, turn: Turn, typed: str, found: PasswordFactor | None
    ) -> HashedPassword | WrongPassword | None:
        """What is wrong, or a new hash in place of an outdated one, or None: right, and nothing to do (S-234)."""
        try:
            turn.verify(typed, None if found is None else found.password_hash)
        except WrongPassword as wrong:
            if found is not None and isinstance(wrong, UnusableHash):
                _log.error("the stored hash of factor %s is damaged", found.factor.factor_id)
            return wrong
        if found is not None and self._passwords.is_outdated(found.password_hash):
            return turn.hash(typed)
        return None

    def _end(
        self,
        tx: Tx,
        attempt: Attempt,
        proven: PasswordFactor,
        renewed: HashedPassword | None,
        now: datetime,
    ) -> VerifiedFactor:
        factor = proven.factor
        verified = self._attempts.succeeded(tx, attempt, factor, FactorKind.PASSWORD.amr, now)
        if renewed is not None:
            self._factors.replace_hash(tx, factor.factor_id, old=proven.password_hash, new=renewed.encoded)
        return verified
