"""Adding passwords and TOTP devices; naming and removing any factor. Never removes the last way in (S-315). Who may do so is decided outside:
the caller has checked a fresh proof at the highest level the citizen can reach (S-260, S-302).
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mfa import events, totp
from mfa.errors import EnrolmentFault, EnrolmentRefused, FactorRejected, Rejection
from mfa.factor_changes import check_name, check_room, new_factor_id, tell
from mfa.factors import Factor, FactorKind, leaves_a_way_in
from mfa.password import HashedPassword, Passwords
from mfa.ports import Factors, Journal, PendingTotp, PendingTotps, Sealer, Transact, Tx

PENDING_LIFETIME = timedelta(minutes=10)
"""NIST SP 800-63B-4 §4.1.2: a binding is finished within ten minutes (S-259)."""
MOST_TOTP_DEVICES = 3
"""Each device makes a guess more likely to hit; three phones are enough for one person."""


@dataclass(frozen=True, slots=True)
class TotpOffer:
    """A device that is being added: what it must be told."""

    seed: totp.Seed = field(repr=False)
    expires_at: datetime


class Enrolment:
    """Changes to a citizen's factors; each with its ledger entry, in one transaction."""

    def __init__(
        self,
        transact: Transact,
        factors: Factors,
        pending: PendingTotps,
        journal: Journal,
        passwords: Passwords,
        sealer: Sealer,
        *,
        service_names: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        """`service_names`: what else no password may be, whoever chooses it."""
        self._transact = transact
        self._factors = factors
        self._pending = pending
        self._journal = journal
        self._passwords = passwords
        self._sealer = sealer
        self._service_names = service_names

    def hash_new_password(self, password: str, *, personal: Iterable[str] = ()) -> HashedPassword:
        """Check and hash a password that a citizen chose; to be kept with `keep_password`.

        Raises:
            PasswordRefused: it may not be chosen; nothing was hashed.
            Busy
        """
        self._passwords.check_new(password, personal=personal, services=self._service_names())
        with self._passwords.turn() as turn:
            return turn.hash(password)

    def keep_password(
        self,
        tx: Tx,
        citizen_id: str,
        hashed: HashedPassword,
        *,
        actor: str,
        now: datetime,
        part_of: str = "",
    ) -> Factor:
        """Make it the citizen's password, in place of any other; failures at the old one end with it.

        `part_of`, here and below: the ledger event of which this is a part, as of an activation.
        """
        factor = Factor(new_factor_id(), citizen_id, FactorKind.PASSWORD, "", now)
        self._factors.set_password(tx, factor, hashed.encoded)
        tell(self._journal, tx, events.FACTOR_ADDED, factor, actor, now, part_of=part_of)
        return factor

    def set_password(
        self,
        citizen_id: str,
        password: str,
        *,
        personal: Iterable[str] = (),
        actor: str = "citizen",
        now: datetime,
    ) -> Factor:
        """Both of the above.

        Raises:
            PasswordRefused, Busy
        """
        hashed = self.hash_new_password(password, personal=personal)
        return self._transact(lambda tx: self.keep_password(tx, citizen_id, hashed, actor=actor, now=now))

    def begin_totp(
        self, citizen_id: str, binding: str, *, now: datetime, leaving: Collection[str] = ()
    ) -> TotpOffer:
        """Offer a seed for a new device, to whoever holds `binding` (a digest of the session or attempt).

        `leaving`, here and below: factors that the caller takes away when this one has come. A second call within ten minutes, from a reload or another tab, gets the same seed.

        Raises:
            EnrolmentRefused: too many devices.
        """
        factor_id, seed = new_factor_id(), totp.new_seed()
        sealed = totp.seal_seed(self._sealer, seed, citizen_id, factor_id)
        offered = PendingTotp(factor_id, citizen_id, binding, sealed, now + PENDING_LIFETIME)

        def work(tx: Tx) -> PendingTotp:
            check_room(self._factors, tx, citizen_id, FactorKind.TOTP, MOST_TOTP_DEVICES, leaving=leaving)
            return self._pending.put(tx, offered, now=now)

        kept = self._transact(work)
        return TotpOffer(self._seed_of(kept), kept.expires_at)

    def standing_totp(self, citizen_id: str, binding: str, *, now: datetime) -> TotpOffer | None:
        """What `begin_totp` has offered to `binding`, if it still stands: nothing is offered here."""
        kept = self._transact(lambda tx: self._pending.find(tx, citizen_id, binding))
        if kept is None or kept.expires_at <= now:
            return None
        return TotpOffer(self._seed_of(kept), kept.expires_at)

    def confirm_totp(
        self, citizen_id: str, binding: str, code: str, *, name: str, now: datetime, part_of: str = ""
    ) -> Factor:
        """Add the device, which a first code proves to hold the seed that was offered to `binding`.

        Raises:
            EnrolmentRefused: nothing was offered or it expired; or a bad name; or too many devices.
            FactorRejected: wrong or malformed code; the offer stands.
        """
        return self._transact(
            lambda tx: self.keep_totp(tx, citizen_id, binding, code, name=name, now=now, part_of=part_of)
        )

    def keep_totp(
        self,
        tx: Tx,
        citizen_id: str,
        binding: str,
        code: str,
        *,
        name: str,
        now: datetime,
        part_of: str = "",
        leaving: Collection[str] = (),
    ) -> Factor:
        """The same in the caller's transaction, which what it raises must roll back: the offer then stands."""
        label = check_name(name)
        check_room(self._factors, tx, citizen_id, FactorKind.TOTP, MOST_TOTP_DEVICES, leaving=leaving)
        offer = self._pending.take(tx, citizen_id, binding)
        if offer is None or offer.expires_at <= now:
            raise EnrolmentRefused(EnrolmentFault.UNKNOWN)
        step = _first_step(self._seed_of(offer), code, now)
        factor = Factor(offer.factor_id, citizen_id, FactorKind.TOTP, label, now)
        self._factors.add_totp(tx, factor, offer.sealed_seed, used_step=step)
        tell(self._journal, tx, events.FACTOR_ADDED, factor, "citizen", now, part_of=part_of)
        return factor

    def rename(self, citizen_id: str, factor_id: str, name: str, *, now: datetime) -> None:
        """
        Raises:
            EnrolmentRefused: no such factor of this citizen, or a bad name.
        """
        label = check_name(name)

        def work(tx: Tx) -> None:
            factor, _ = self._lock(tx, citizen_id, factor_id)
            self._factors.rename(tx, factor_id, label)
            tell(self._journal, tx, events.FACTOR_RENAMED, factor, "citizen", now)

        self._transact(work)

    def remove(self, citizen_id: str, factor_id: str, *, actor: str = "citizen", now: datetime) -> Factor:
        """Remove one factor. Of parallel removals, those that would leave no way in are refused.

        Raises:
            EnrolmentRefused: no such factor of this citizen, or the last.
        """

        return self._transact(lambda tx: self.take_away(tx, citizen_id, factor_id, actor=actor, now=now))

    def take_away(
        self, tx: Tx, citizen_id: str, factor_id: str, *, actor: str = "citizen", now: datetime
    ) -> Factor:
        """The same in the caller's transaction."""
        factor, others = self._lock(tx, citizen_id, factor_id)
        if not leaves_a_way_in(others):
            raise EnrolmentRefused(EnrolmentFault.LAST)
        self._factors.remove(tx, factor_id)
        tell(self._journal, tx, events.FACTOR_REMOVED, factor, actor, now)
        return factor

    def sweep(self, now: datetime) -> int:
        """Forget offers that expired; returns how many."""
        return self._transact(lambda tx: self._pending.sweep(tx, now))

    def _lock(self, tx: Tx, citizen_id: str, factor_id: str) -> tuple[Factor, list[Factor]]:
        """The citizen's factor, and the others."""
        all_factors = self._factors.lock_of_citizen(tx, citizen_id)
        for factor in all_factors:
            if factor.factor_id == factor_id:
                return factor, [other for other in all_factors if other is not factor]
        raise EnrolmentRefused(EnrolmentFault.UNKNOWN)

    def _seed_of(self, offer: PendingTotp) -> totp.Seed:
        return totp.unseal_seed(self._sealer, offer.sealed_seed, offer.citizen_id, offer.factor_id)


def _first_step(seed: totp.Seed, code: str, now: datetime) -> int:
    try:
        return totp.verify_code(seed, code, now=now)
    except totp.MalformedCode:
        raise FactorRejected(Rejection.MALFORMED) from None
    except totp.WrongCode:
        raise FactorRejected(Rejection.WRONG) from None
