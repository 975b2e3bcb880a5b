"""Verifying a TOTP code: count, check and step in one transaction, whose count stays when the answer is no.

A typed code does not say which of a citizen's devices made it. It is tried on each that is open, and a failure
counts on each, since each was guessed at; a success forgives each, or typing mistakes at one would in time disable
a spare one.
"""

from dataclasses import dataclass, field
from datetime import datetime

from mfa import totp
from mfa.attempts import Attempt, Attempts, Claimant
from mfa.errors import FactorRejected, Rejection
from mfa.factors import FactorKind, VerifiedFactor
from mfa.ports import Factors, Sealer, TotpFactor, TotpSteps, Tx


@dataclass(frozen=True, slots=True)
class TotpAnswer:
    """Six typed digits."""

    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Device:
    attempt: Attempt
    totp: TotpFactor


class TotpVerification:
    """Part of `mfa.verification.Verification`, which alone calls it."""

    def __init__(self, factors: Factors, steps: TotpSteps, sealer: Sealer) -> None:
        self._factors = factors
        self._steps = steps
        self._sealer = sealer

    def check(
        self, tx: Tx, attempts: Attempts, claimant: Claimant, answer: TotpAnswer, now: datetime
    ) -> VerifiedFactor | FactorRejected:
        """The proven device, or why not: returned, so that the transaction commits the count (S-242).

        Raises:
            FactorRejected: no answer is looked at now, and nothing was counted.
        """
        found = [] if claimant.citizen_id is None else self._factors.totps_of(tx, claimant.citizen_id)
        if not found:
            nothing = attempts.open_for(tx, claimant, FactorKind.TOTP, None, now)
            return attempts.reject(tx, nothing, Rejection.WRONG, now)
        devices = self._open(tx, attempts, claimant, found, now)
        reason = Rejection.WRONG
        for device in devices:
            try:
                step = totp.verify_code(self._seed(device.totp), answer.code, now=now)
            except totp.MalformedCode:
                reason = Rejection.MALFORMED
            except totp.WrongCode:
                continue
            else:
                factor = device.totp.factor
                if self._steps.advance(tx, factor.factor_id, step):
                    for each in devices:
                        attempts.forgive(tx, each.attempt)
                    return attempts.succeeded(tx, device.attempt, factor, FactorKind.TOTP.amr, now)
                reason = Rejection.REPLAYED
        first, *_ = [attempts.reject(tx, device.attempt, reason, now) for device in devices]  # counts on each
        return first

    def _open(
        self, tx: Tx, attempts: Attempts, claimant: Claimant, found: list[TotpFactor], now: datetime
    ) -> list[_Device]:
        """The devices whose codes are looked at now; if none is, the refusal that ends first."""
        devices: list[_Device] = []
        refusals: list[FactorRejected] = []
        for each in found:
            try:
                attempt = attempts.open_for(tx, claimant, FactorKind.TOTP, each.factor, now)
            except FactorRejected as refusal:
                refusals.append(refusal)
            else:
                devices.append(_Device(attempt, each))
        if not devices:
            raise min(refusals, key=lambda refusal: (refusal.retry_at is None, refusal.retry_at or now))
        return devices

    def _seed(self, device: TotpFactor) -> totp.Seed:
        factor = device.factor
        return totp.unseal_seed(self._sealer, device.sealed_seed, factor.citizen_id, factor.factor_id)
