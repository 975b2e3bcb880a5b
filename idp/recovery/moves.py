"""The moves of a recovery. Each is one transaction that locks the record first, so that of parallel callers one moves.

A proof comes here after mfa or idp.letters has verified it. What it is worth is rules.py's matter; whether the
recovery may go on is decided here, again at each move (S-298).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from idp.ids import digest, new_id
from idp.ledger import events
from idp.letters.letter import LetterFault, LetterKind, LetterRejected
from idp.letters.letters import Letters
from idp.messages.message import MessageKind, Topic
from idp.messages.ports import Outbox, Sealer
from idp.messages.stop_code import new_stop_code, seal_stop_code
from idp.recovery import ports
from idp.recovery.completion import Completion
from idp.recovery.noting import note
from idp.recovery.recovery import NotNow, Recovery, RecoveryTimes, ShownProof, SomebodyElses, Stage
from idp.recovery.rules import Decision, Lost, Permission, Proof, decide
from idp.storage import ports as stores
from mfa.ports import Factors
from mfa.recovery_codes import IssuedCodes

Change = Callable[[stores.Tx, str], None]
"""Writes a new factor for this citizen; what it raises changes nothing."""


@dataclass(frozen=True, slots=True)
class RecoveryMoves:
    """One for each process."""

    transact: stores.Transact
    store: ports.Recoveries
    proofings: ports.Proofings
    letters: Letters
    citizens: stores.Citizens
    factors: Factors
    outbox: Outbox
    sealer: Sealer
    ledger: stores.Ledger
    completion: Completion
    times: RecoveryTimes

    def begin(self, lost: Lost, *, browser_digest: str, now: datetime) -> Recovery:
        """A recovery for the browser that holds the secret behind the digest."""
        recovery = Recovery(new_id(), lost, Stage.PROVING, now, now + self.times.proving)
        self.transact(lambda tx: self.store.add(tx, recovery, browser_digest=browser_digest))
        return recovery

    def find(self, browser_digest: str) -> Recovery | None:
        """The recovery of this browser, as it stands."""
        found = self.store.find(browser_digest)
        return None if found is None else self._as_it_stands(found)

    def decision(self, recovery: Recovery, now: datetime) -> Decision:
        """What the proofs at hand allow, an officer's proofing among them."""
        return decide(recovery.lost, self._at_hand(recovery, now))

    def name(self, recovery_id: str, citizen_id: str | None, *, unknown_key: str, now: datetime) -> Recovery:
        """Whose recovery it is to be, by the user ID that was typed; nothing is proven by that.

        Raises:
            NotNow
        """

        def change(_tx: stores.Tx, recovery: Recovery) -> Recovery:
            if recovery.shown:
                raise NotNow(recovery.stage)
            return replace(recovery, citizen_id=citizen_id, unknown_key=unknown_key)

        return self._move(recovery_id, Stage.PROVING, change, now)

    def show(
        self,
        recovery_id: str,
        proof: Proof,
        citizen_id: str,
        *,
        now: datetime,
        factor_id: str = "",
        letter_digest: str = "",
    ) -> Recovery:
        """Add a proof that was verified for this citizen; go on where it is enough.

        Raises:
            NotNow, SomebodyElses
            LetterRejected: the letter was used or replaced meanwhile; the recovery stands where it stood.
        """

        def change(tx: stores.Tx, recovery: Recovery) -> Recovery:
            if recovery.is_about_somebody and recovery.citizen_id != citizen_id:
                raise SomebodyElses
            shown = ShownProof(proof, now, factor_id)
            added = replace(
                recovery,
                citizen_id=citizen_id,
                shown=(*recovery.shown, shown),
                letter_digest=letter_digest or recovery.letter_digest,
            )
            return self._go_on(tx, added, now)

        return self._move(recovery_id, Stage.PROVING, change, now)

    def lose_more(self, recovery_id: str, lost: Lost, now: datetime) -> Recovery:
        """Somebody who was told the user ID has lost more than that; the proofs stay.

        Raises:
            NotNow, LetterRejected
        """

        def change(tx: stores.Tx, recovery: Recovery) -> Recovery:
            if recovery.lost is not Lost.USER_ID or not recovery.shown:
                raise NotNow(recovery.stage)
            return self._go_on(tx, replace(recovery, lost=lost), now)

        return self._move(recovery_id, Stage.PROVING, change, now)

    def wait(self, recovery_id: str, now: datetime) -> Recovery:
        """Begin the cooling-off: the letter and the proofing are used up, and every channel is told.

        Raises:
            NotNow: the proofs allow no waiting.
            LetterRejected
        """
        code = new_stop_code()

        def change(tx: stores.Tx, recovery: Recovery) -> Recovery:
            citizen_id = recovery.citizen_id or ""
            if self.decision(recovery, now).permission is not Permission.LATER:
                raise NotNow(recovery.stage)
            self._spend_letter(tx, recovery, now)
            if not self.proofings.spend(tx, citizen_id, now):
                raise NotNow(recovery.stage)
            until = now + self._cooling(citizen_id)
            waiting = replace(
                recovery,
                stage=Stage.COOLING,
                cooling_until=until,
                expires_at=until + self.times.finishing,
                shown=(*recovery.shown, ShownProof(Proof.PROOFING, now)),
            )
            self.store.keep(tx, waiting, stop_digest=digest(code))
            note(self.ledger, tx, waiting, events.RECOVERY_BEGUN, now)
            self.outbox.write(
                tx,
                citizen_id,
                Topic(MessageKind.RECOVERY_BEGUN, until.replace(microsecond=0).isoformat()),
                at=now,
                sealed_secret=seal_stop_code(self.sealer, citizen_id, code),
            )
            return waiting

        return self._move(recovery_id, Stage.PROVING, change, now)

    def lose_factors(self, recovery_id: str, factor_ids: Iterable[str], now: datetime) -> Recovery:
        """Note which of the bound factors the citizen has lost: they go when the new one comes.

        Raises:
            NotNow
        """
        chosen = tuple(factor_ids)

        def change(_tx: stores.Tx, recovery: Recovery) -> Recovery:
            if self.awaits_password(recovery):
                raise NotNow(recovery.stage)
            return replace(recovery, lost_factors=chosen)

        return self._move(recovery_id, Stage.ALLOWED, change, now)

    def change(
        self, recovery_id: str, change: Change, *, is_password: bool, now: datetime
    ) -> tuple[Recovery, IssuedCodes | None]:
        """Make a change that the recovery allows; the last one ends it. New recovery codes where one was used.

        Raises:
            NotNow
            whatever `change` raises: nothing was changed then.
        """

        def work(tx: stores.Tx) -> tuple[Recovery, IssuedCodes | None]:
            recovery = self._locked(tx, recovery_id, Stage.ALLOWED, now)
            if is_password is not (self.awaits_password(recovery)) or recovery.citizen_id is None:
                raise NotNow(recovery.stage)
            # Done first: what `change` writes stops every other recovery of the citizen (stopping_ledger.py).
            self.store.keep(tx, replace(recovery, stage=Stage.DONE))
            change(tx, recovery.citizen_id)
            if is_password and recovery.lost is Lost.BOTH:
                kept = replace(recovery, password_set=True)
                self.store.keep(tx, kept)
                return kept, None
            done = replace(recovery, stage=Stage.DONE, password_set=recovery.password_set or is_password)
            self.store.keep(tx, done)
            return done, self.completion.record(tx, done, recovery.citizen_id, now)

        done, codes = self.transact(work)
        if done.stage is Stage.DONE and done.citizen_id is not None:
            self.completion.forget_sessions(done.citizen_id)
        return done, codes

    @staticmethod
    def awaits_password(recovery: Recovery) -> bool:
        """Whether a new password is what comes next, once it is allowed."""
        return recovery.lost in (Lost.PASSWORD, Lost.BOTH) and not recovery.password_set

    def _move(
        self,
        recovery_id: str,
        stage: Stage,
        change: Callable[[stores.Tx, Recovery], Recovery],
        now: datetime,
    ) -> Recovery:
        def work(tx: stores.Tx) -> Recovery:
            moved = change(tx, self._locked(tx, recovery_id, stage, now))
            self.store.keep(tx, moved)
            return moved

        return self.transact(work)

    def _locked(self, tx: stores.Tx, recovery_id: str, stage: Stage, now: datetime) -> Recovery:
        kept = self.store.lock(tx, recovery_id)
        if kept is None:
            raise NotNow(Stage.OVER)
        recovery = self._as_it_stands(kept)
        if recovery.stands(now) is not stage:
            raise NotNow(recovery.stands(now))
        return recovery

    def _as_it_stands(self, recovery: Recovery) -> Recovery:
        """Stopped, where a factor that was shown is the citizen's no more: a proof must hold until the end."""
        if recovery.citizen_id is None or not recovery.shown_factors or recovery.stage is Stage.DONE:
            return recovery
        theirs = self.factors.of_citizen(recovery.citizen_id)
        if recovery.shown_factors <= {factor.factor_id for factor in theirs if factor.disabled_at is None}:
            return recovery
        return replace(recovery, stage=Stage.STOPPED)

    def _go_on(self, tx: stores.Tx, recovery: Recovery, now: datetime) -> Recovery:
        """Allowed, where two independent proofs are at hand; being told a user ID changes nothing."""
        if recovery.lost is Lost.USER_ID:
            if self.decision(recovery, now).permission is Permission.NOW:
                note(self.ledger, tx, recovery, events.USER_ID_TOLD, now)
            return recovery
        if self.decision(recovery, now).permission is not Permission.NOW:
            return recovery
        if decide(recovery.lost, recovery.proofs - {Proof.LETTER}).permission is not Permission.NOW:
            self._spend_letter(tx, recovery, now)
        return replace(recovery, stage=Stage.ALLOWED, expires_at=now + self.times.proving)

    def _spend_letter(self, tx: stores.Tx, recovery: Recovery, now: datetime) -> None:
        whose = self.letters.store.spend(tx, recovery.letter_digest, LetterKind.RECOVERY, now)
        if whose is None or whose != recovery.citizen_id:
            raise LetterRejected(LetterFault.USED, LetterKind.RECOVERY)

    def _at_hand(self, recovery: Recovery, now: datetime) -> frozenset[Proof]:
        citizen_id = recovery.citizen_id
        if citizen_id is None or self.proofings.missing(citizen_id, now):
            return recovery.proofs
        return recovery.proofs | {Proof.PROOFING}

    def _cooling(self, citizen_id: str) -> timedelta:
        citizen = self.citizens.find(citizen_id)
        reached_at_once = citizen is not None and bool(citizen.email)
        return self.times.cooling if reached_at_once else max(self.times.cooling, self.times.cooling_by_post)
