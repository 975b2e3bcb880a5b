"""What tests of factors stand on: the real tables, the real sealer, the real ledger, and cheap hashes."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Barrier
from typing import Any, TypeVar

import pyotp

from idp.ledger.in_sql import Ledger
from idp.storage.database import Database
from idp.storage.tables import metadata as idp_tables
from keys.sealing import Sealer
from mfa.enrolment import Enrolment
from mfa.errors import FactorRejected
from mfa.factors import Factor, VerifiedFactor
from mfa.in_sql import Factors, Failures, PendingTotps, TotpSteps
from mfa.password import HashCost, Passwords
from mfa.recovery_codes import RecoveryDigests
from mfa.recovery_enrolment import RecoveryEnrolment
from mfa.recovery_in_sql import RecoverySets
from mfa.tables import metadata as mfa_tables
from mfa.totp import Seed
from mfa.verification import (
    Answer,
    PasswordAnswer,
    RecoveryVerification,
    TotpAnswer,
    Verification,
    WebauthnAnswer,
    WebauthnVerification,
)
from mfa.webauthn import Attestation, Ceremony
from mfa.webauthn_enrolment import WebauthnEnrolment
from mfa.webauthn_in_sql import Credentials
from tests.storage.software_key import RELYING_PARTY, SoftwareKey
from tests.support.clock import FrozenClock

ASTRID = "astrid-0001"
BO = "bo-0002"
PASSWORD = "kær-Tove-mejse"
CHEAP = HashCost(memory_kib=64)

T = TypeVar("T")


class World:
    """One provider's factors. `node()` is another process with the same database."""

    def __init__(
        self, url: str, clock: FrozenClock, *, cost: HashCost = CHEAP, concurrency: int = 64
    ) -> None:
        self.url = url
        self.clock = clock
        self.database = Database(url, connections=20)
        self.factors = Factors(self.database.reading)
        self.failures = Failures(self.database.reading)
        self.steps = TotpSteps()
        self.ledger = Ledger(self.database.reading)
        self.sealer = Sealer(b"k" * 32, "mfa")
        self.passwords = Passwords(b"p" * 32, cost=cost, concurrency=concurrency)
        self.credentials = Credentials(self.database.reading)
        self.recovery_sets = RecoverySets(self.database.reading)
        digests = RecoveryDigests(b"p" * 32)
        self.verification = Verification(
            self.database.transact,
            self.factors,
            self.failures,
            self.steps,
            self.ledger,
            self.passwords,
            self.sealer,
            webauthn=WebauthnVerification(self.credentials, RELYING_PARTY),
            recovery=RecoveryVerification(self.recovery_sets, digests),
        )
        self.keys = WebauthnEnrolment(
            self.database.transact, self.factors, self.credentials, self.ledger, RELYING_PARTY, Attestation()
        )
        self.recovery = RecoveryEnrolment(self.database.transact, self.recovery_sets, self.ledger, digests)
        self.enrolment = Enrolment(
            self.database.transact, self.factors, PendingTotps(), self.ledger, self.passwords, self.sealer
        )

    def create_tables(self) -> "World":
        for metadata in (mfa_tables, idp_tables):
            metadata.create_all(self.database.writing)
        return self

    def give_password(self, citizen_id: str = ASTRID, password: str = PASSWORD) -> Factor:
        return self.enrolment.set_password(citizen_id, password, now=self.clock())

    def give_totp(self, citizen_id: str = ASTRID, name: str = "Telefon") -> "Device":
        """A confirmed device; afterwards the clock stands two steps later, so that its next code is fresh."""
        offer = self.enrolment.begin_totp(citizen_id, "session", now=self.clock())
        code = pyotp.TOTP(offer.seed.base32).at(self.clock())
        factor = self.enrolment.confirm_totp(citizen_id, "session", code, name=name, now=self.clock())
        self.clock.forward(seconds=60)
        return Device(offer.seed, factor, self.clock)

    def give_key(self, citizen_id: str = ASTRID, name: str = "Nøgle", **traits: Any) -> SoftwareKey:
        """A registered passkey or security key."""
        key = SoftwareKey(**traits)
        ceremony = Ceremony(secrets.token_bytes(32), user_verification_required=False)
        options = self.keys.begin(citizen_id, ceremony, user_id="astrid.holm", display_name="Astrid Holm")
        made = key.create(options)
        key.factor = self.keys.finish(citizen_id, made, ceremony, name=name, now=self.clock())
        return key

    def ask(
        self, citizen_id: str | None, *, user_verification: bool = False
    ) -> tuple[dict[str, Any], Ceremony]:
        """A sign-in ceremony as the caller begins it."""
        ceremony = Ceremony(secrets.token_bytes(32), user_verification_required=user_verification)
        return self.keys.options(citizen_id, ceremony), ceremony

    def touch(
        self,
        key: SoftwareKey,
        citizen_id: str | None = ASTRID,
        *,
        user_verification: bool = False,
        **changes: Any,
    ) -> WebauthnAnswer:
        """What the browser sends after a touch."""
        options, ceremony = self.ask(citizen_id, user_verification=user_verification)
        allowed = None if citizen_id is None else frozenset(self.keys.credential_ids(citizen_id))
        return WebauthnAnswer(key.get(options, **changes), ceremony, allowed)

    def verify(
        self, citizen_id: str | None, answer: Answer, *, known: bool = False, unknown_key: str = "nobody"
    ) -> VerifiedFactor:
        return self.verification.verify(
            citizen_id, answer, known_browser=known, now=self.clock(), unknown_key=unknown_key
        )

    def rejection(
        self, citizen_id: str | None, answer: Answer, *, known: bool = False, unknown_key: str = "nobody"
    ) -> FactorRejected:
        """Why this answer is rejected; it is an error where it is not."""
        try:
            self.verify(citizen_id, answer, known=known, unknown_key=unknown_key)
        except FactorRejected as rejected:
            return rejected
        raise AssertionError("the answer was accepted")

    def fail(self, citizen_id: str | None, answer: Answer, times: int, *, known: bool = False) -> None:
        """Fail, each time as soon as it is allowed."""
        for _ in range(times):
            rejected = self.rejection(citizen_id, answer, known=known)
            if rejected.retry_at is not None:
                self.clock.forward(rejected.retry_at - self.clock())

    def events(self, citizen_id: str = ASTRID) -> list[str]:
        return [entry.event for entry in self.ledger.of_citizen(citizen_id, limit=1000)]

    def close(self) -> None:
        self.database.close()


@dataclass(frozen=True)
class Device:
    """A citizen's authenticator app."""

    seed: Seed
    factor: Factor
    clock: FrozenClock

    def code(self, at: datetime | None = None) -> str:
        return pyotp.TOTP(self.seed.base32).at(at or self.clock())

    def answer(self) -> TotpAnswer:
        return TotpAnswer(self.code())

    def wrong(self) -> TotpAnswer:
        """A code that this device shows at none of the accepted steps."""
        steps = int(self.clock().timestamp()) // 30
        near = {pyotp.TOTP(self.seed.base32).generate_otp(steps + offset) for offset in range(-2, 3)}
        return TotpAnswer(next(code for code in (f"{n:06}" for n in range(9)) if code not in near))


RIGHT = PasswordAnswer(PASSWORD)
WRONG = PasswordAnswer("mejse-Tove-kær")


def all_at_once(callers: int, call: Callable[[int], T]) -> list[T | Exception]:
    """What `call(n)` returned or raised for each of the callers, who start together."""
    barrier = Barrier(callers)

    def run(number: int) -> T | Exception:
        barrier.wait()
        try:
            return call(number)
        except Exception as raised:  # noqa: BLE001  # the test looks at it
            return raised

    with ThreadPoolExecutor(callers) as pool:
        return list(pool.map(run, range(callers)))
