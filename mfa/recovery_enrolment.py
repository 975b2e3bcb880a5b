"""Giving out recovery codes. Removing a set without a new one is `mfa.enrolment`."""

from datetime import datetime

from mfa import events, recovery_codes
from mfa.factor_changes import new_factor_id, tell
from mfa.factors import Factor, FactorKind
from mfa.ports import Journal, RecoverySets, Transact, Tx
from mfa.recovery_codes import IssuedCodes, RecoveryDigests


class RecoveryEnrolment:
    """Gives out sets of codes."""

    def __init__(
        self, transact: Transact, sets: RecoverySets, journal: Journal, digests: RecoveryDigests
    ) -> None:
        self._transact = transact
        self._sets = sets
        self._journal = journal
        self._digests = digests

    def renew(self, citizen_id: str, *, actor: str = "citizen", now: datetime) -> IssuedCodes:
        """A new set, which ends the one before it."""
        return self._transact(lambda tx: self.renew_in(tx, citizen_id, actor=actor, now=now))

    def renew_in(
        self, tx: Tx, citizen_id: str, *, actor: str = "citizen", now: datetime, part_of: str = ""
    ) -> IssuedCodes:
        """The same in the caller's transaction; `part_of` is the ledger event of which it is a part."""
        factor = Factor(new_factor_id(), citizen_id, FactorKind.RECOVERY_CODE, "", now)
        codes = recovery_codes.new_codes()
        digests = [self._digests.digest(factor.factor_id, recovery_codes.parse_code(code)) for code in codes]
        self._sets.replace(tx, factor, digests)
        tell(self._journal, tx, events.FACTOR_ADDED, factor, actor, now, part_of=part_of)
        return IssuedCodes(factor, codes)
