"""What every verification does around its check: count before, tell after.

`open_for` and `count` come before an answer is looked at, in a transaction that is kept whatever the answer was
(S-242); `failed` and `succeeded` write what became of it, with the ledger row in the same transaction.
"""

from dataclasses import dataclass
from datetime import datetime

from mfa import events, lockout
from mfa.errors import FactorRejected, Rejection
from mfa.factors import Factor, FactorKind, VerifiedFactor
from mfa.ports import Factors, Failures, Journal, Tx

NOBODY = ""
"""No citizen's id and no factor's."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who says they can prove a factor, and from what kind of browser."""

    citizen_id: str | None
    unknown_key: str
    known_browser: bool

    def authenticator(self, kind: FactorKind, factor: Factor | None) -> str:
        """Under which name failures are counted: the factor's, or one that stands for what does not exist.

        A guess at nobody is counted like a guess at somebody, so that both are slowed alike (S-237, S-243).
        """
        if factor is not None:
            return factor.factor_id
        whose = f"unknown:{self.unknown_key}" if self.citizen_id is None else f"citizen:{self.citizen_id}"
        return f"{kind.value}:{whose}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One counted try at one authenticator."""

    claimant: Claimant
    kind: FactorKind
    factor: Factor | None
    failures: lockout.Failures

    @property
    def authenticator(self) -> str:
        return self.claimant.authenticator(self.kind, self.factor)

    def rejection(self, reason: Rejection) -> FactorRejected:
        return FactorRejected(
            reason, lockout.retry_at(self.failures, known_browser=self.claimant.known_browser)
        )


class Attempts:
    """Counts tries and records what became of them."""

    def __init__(self, factors: Factors, failures: Failures, journal: Journal) -> None:
        self._factors = factors
        self._failures = failures
        self._journal = journal

    def open_for(
        self, tx: Tx, claimant: Claimant, kind: FactorKind, factor: Factor | None, now: datetime
    ) -> Attempt:
        """Lock the authenticator's count; nothing is counted yet.

        Raises:
            FactorRejected: slowed, blocked or disabled; the answer is not looked at.
        """
        name = claimant.authenticator(kind, factor)
        failures = self._failures.lock(tx, name, citizen_id=None if factor is None else factor.citizen_id)
        if factor is not None and factor.disabled_at is not None:
            raise FactorRejected(Rejection.DISABLED)
        lockout.check_open(
            failures, known_browser=claimant.known_browser, now=now, guessable=_is_guessable(kind)
        )
        return Attempt(claimant, kind, factor, failures)

    def count(self, tx: Tx, attempt: Attempt, now: datetime) -> Attempt:
        """Count the try, as if it had failed."""
        raised = lockout.counted(attempt.failures, known_browser=attempt.claimant.known_browser, now=now)
        self._failures.keep(tx, attempt.authenticator, raised)
        return Attempt(attempt.claimant, attempt.kind, attempt.factor, raised)

    def reject(self, tx: Tx, attempt: Attempt, reason: Rejection, now: datetime) -> FactorRejected:
        """Count and tell in one, for checks that take no time; the caller commits and then raises."""
        counted = self.count(tx, attempt, now)
        self.failed(tx, counted, reason, now)
        return counted.rejection(reason)

    def failed(self, tx: Tx, attempt: Attempt, reason: Rejection, now: datetime) -> None:
        """Tell the ledger that a counted try failed, and what that brought about."""
        claimant = attempt.claimant
        if claimant.citizen_id is None:
            # Nobody has no ledger. The write keeps this answer's time like that for a citizen (S-237).
            self._failures.lock(tx, attempt.authenticator, citizen_id=None)
            return
        facts = _facts(attempt.kind, attempt.factor) | {"reason": reason.value}
        self._append(tx, events.FACTOR_FAILED, claimant.citizen_id, facts, now, actor="system")
        consequence = lockout.consequence(
            attempt.failures, known_browser=claimant.known_browser, guessable=_is_guessable(attempt.kind)
        )
        if consequence is None:
            return
        event = events.FACTOR_DISABLED if consequence is Rejection.DISABLED else events.FACTOR_BLOCKED
        if consequence is Rejection.DISABLED and attempt.factor is not None:
            self._factors.disable(tx, attempt.factor.factor_id, now)
        self._append(
            tx, event, claimant.citizen_id, _facts(attempt.kind, attempt.factor), now, actor="system"
        )

    def forgive(self, tx: Tx, attempt: Attempt) -> None:
        """End the row of failures."""
        if attempt.failures != lockout.Failures():
            self._failures.keep(tx, attempt.authenticator, lockout.Failures())

    def suspected(self, tx: Tx, attempt: Attempt, now: datetime) -> None:
        """Tell the ledger that there may be a copy of this key."""
        if attempt.factor is not None:
            facts = _facts(attempt.kind, attempt.factor)
            self._append(tx, events.FACTOR_SUSPECTED, attempt.factor.citizen_id, facts, now, actor="system")

    def succeeded(
        self, tx: Tx, attempt: Attempt, factor: Factor, amr: tuple[str, ...], now: datetime
    ) -> VerifiedFactor:
        """Forget the failures, note the use, tell the ledger.

        Raises:
            FactorRejected: the factor was removed, replaced or disabled while it was being checked (S-301).
        """
        self.forgive(tx, attempt)
        if not self._factors.use(tx, factor.factor_id, now):
            raise FactorRejected(Rejection.WRONG)
        self._append(
            tx, events.FACTOR_VERIFIED, factor.citizen_id, _facts(factor.kind, factor), now, actor="citizen"
        )
        return VerifiedFactor(factor.factor_id, factor.citizen_id, factor.kind, amr, now, factor.created_at)

    def _append(
        self, tx: Tx, event: str, citizen_id: str, facts: dict[str, str], now: datetime, *, actor: str
    ) -> None:
        self._journal.append(tx, event=event, actor=actor, at=now, citizen_id=citizen_id, facts={**facts})


def _is_guessable(kind: FactorKind) -> bool:
    """Everything but 80 random bits, of which NIST SP 800-63B-4 §3.1.2.2 limits no guesses."""
    return kind is not FactorKind.RECOVERY_CODE


def _facts(kind: FactorKind, factor: Factor | None) -> dict[str, str]:
    facts = {"kind": kind.value}
    return facts if factor is None else facts | {"factor_id": factor.factor_id, "name": factor.name}
