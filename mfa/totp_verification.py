"""Verifying a TOTP code: count, check and step in one transaction, whose count stays when the answer is no.

A typed code does not say which of a citizen's devices made it. It is tried on each that is open, and a failure
counts on each, since each was guessed at.
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

    def __init__(self, factors: Factors, steps: TotpSteps, attempts: Attempts, sealer: Sealer) -> None:
        self._factors = factors
        self._steps = steps
        self._attempts = attempts
        self._sealer = sealer

    def check(
        self, tx: Tx, claimant: Claimant, answer: TotpAnswer, now: datetime
    ) -> VerifiedFactor | FactorRejected:
        """The proven device, or why not: returned, so that the transaction commits the count (S-242).

        Raises:
            FactorRejected: no answer is looked at now, and nothing was counted.
        """
        found = [] if claimant.citizen_id is None else self._factors.totps_of(tx, claimant.citizen_id)
        if not found:
            return self._fail(
                tx, [self._attempts.open_for(tx, claimant, FactorKind.TOTP, None, now)], Rejection.WRONG, now
            )
        devices = self._open(tx, claimant, found, now)
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
                    return self._attempts.succeeded(tx, device.attempt, factor, FactorKind.TOTP.amr, now)
                reason = Rejection.REPLAYED
        return self._fail(tx, [device.attempt for device in devices], reason, now)

    def _open(self, tx: Tx, claimant: Claimant, found: list[TotpFactor], now: datetime) -> list[_Device]:
        """The devices whose codes are looked at now; if none is, the refusal that ends first."""
        devices: list[_Device] = []
        refusals: list[FactorRejected] = []
        for each in found:
            try:
                attempt = self._attempts.open_for(tx, claimant, FactorKind.TOTP, each.factor, now)
            except FactorRejected as refusal:
                refusals.append(refusal)
            else:
                devices.append(_Device(attempt, each))
        if not devices:
            raise min(refusals, key=lambda refusal: (refusal.retry_at is None, refusal.retry_at or now))
        return devices

    def _fail(self, tx: Tx, attempts: list[Attempt], reason: Rejection, now: datetime) -> FactorRejected:
        rejections = []
        for attempt in attempts:
            counted = self._attempts.count(tx, attempt, now)
            self._attempts.failed(tx, counted, reason, now)
            rejections.append(counted.rejection(reason))
        return rejections[0]

    def _seed(self, device: TotpFactor) -> totp.Seed:
        factor = device.factor
        return totp.unseal_seed(self._sealer, device.sealed_seed, factor.citizen_id, factor.factor_id)
