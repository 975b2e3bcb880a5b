"""What mfa needs kept and done, as promises. tests/storage proves them on every database.

Methods that take `tx` work inside that transaction; the others read committed rows.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from mfa.factors import Factor
from mfa.lockout import Failures as FailuresInARow

Tx = Any
"""An open transaction. Opaque: made by `Transact`, handed on, never looked into."""

T = TypeVar("T")


class Transact(Protocol):
    """Runs `work(tx)` in one transaction: all of it is kept, or nothing. May run it again after a conflict."""

    def __call__(self, work: Callable[[Tx], T]) -> T: ...


class Journal(Protocol):
    """The ledger, as mfa sees it."""

    def append(
        self,
        tx: Tx,
        *,
        event: str,
        actor: str,
        at: datetime,
        citizen_id: str | None = None,
        facts: Mapping[str, str | int | list[str]] | None = None,
    ) -> None: ...


class Sealer(Protocol):
    """Authenticated encryption under a key that the database does not hold."""

    def seal(self, plaintext: bytes, associated: bytes) -> bytes: ...

    def unseal(self, envelope: bytes, associated: bytes) -> bytes:
        """Raises where the envelope was altered, or sealed with other associated data."""


@dataclass(frozen=True, slots=True)
class PasswordFactor:
    factor: Factor
    password_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TotpFactor:
    factor: Factor
    sealed_seed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PendingTotp:
    """A device that is being added: its seed waits for a first code."""

    factor_id: str
    citizen_id: str
    binding: str
    """What began it: only the same sign-in or session may go on with it."""
    sealed_seed: bytes = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A passkey or security key, with what was true of it when last used."""

    factor: Factor
    user_handle: bytes
    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: str
    backup_eligible: bool
    backed_up: bool
    attested: bool
    suspected_at: datetime | None = None


class Factors(Protocol):
    """The factors of citizens."""

    def of_citizen(self, citizen_id: str) -> list[Factor]:
        """All of a citizen's factors, oldest first; disabled ones too."""

    def lock_of_citizen(self, tx: Tx, citizen_id: str) -> list[Factor]:
        """The same, and nobody else removes one of them before `tx` ends."""

    def add(self, tx: Tx, factor: Factor) -> None: ...

    def rename(self, tx: Tx, factor_id: str, name: str) -> bool:
        """False where there is no such factor."""

    def remove(self, tx: Tx, factor_id: str) -> bool:
        """Remove the factor, its secret and its failures. False where there is no such factor."""

    def use(self, tx: Tx, factor_id: str, at: datetime) -> bool:
        """Note the use. False where the factor was removed or disabled meanwhile: then it proves nothing (S-301)."""

    def disable(self, tx: Tx, factor_id: str, at: datetime) -> None: ...

    def set_password(self, tx: Tx, factor: Factor, password_hash: str) -> None:
        """Add the password, and remove the one before it: of parallel callers one password is left."""

    def password_of(self, tx: Tx, citizen_id: str) -> PasswordFactor | None:
        """The password, also where it is disabled."""

    def replace_hash(self, tx: Tx, factor_id: str, *, old: str, new: str) -> bool:
        """One conditional UPDATE: of many callers with the same old hash one gets True (S-234)."""

    def add_totp(self, tx: Tx, factor: Factor, sealed_seed: bytes, *, used_step: int) -> None:
        """Add the device; the step that confirmed it counts as used."""

    def totps_of(self, tx: Tx, citizen_id: str) -> list[TotpFactor]:
        """All devices, in the order of `factor_id`; disabled ones too."""


class TotpSteps(Protocol):
    """The last time step used by each device."""

    def advance(self, tx: Tx, factor_id: str, step: int) -> bool:
        """One conditional UPDATE: True for exactly one caller per step; a step only ever rises (S-251, S-252)."""


class PendingTotps(Protocol):
    """Devices being added, one for each (citizen, binding)."""

    def put(self, tx: Tx, pending: PendingTotp, *, now: datetime) -> PendingTotp:
        """Keep it, or return the one that was kept before and still lives at `now`: two tabs see one seed."""

    def find(self, tx: Tx, citizen_id: str, binding: str) -> PendingTotp | None:
        """Expiry is the caller's rule, here and below."""

    def take(self, tx: Tx, citizen_id: str, binding: str) -> PendingTotp | None:
        """Read and forget: of many callers one gets it."""

    def sweep(self, tx: Tx, before: datetime) -> int:
        """Forget what expired before then; returns how many."""


class Failures(Protocol):
    """Failures in a row, by authenticator: a factor's id, or a name for one that does not exist."""

    def lock(self, tx: Tx, authenticator: str, *, citizen_id: str | None) -> FailuresInARow:
        """The present count. Until `tx` ends, every other caller for this authenticator waits here (S-241).

        `citizen_id` is None where no factor stands behind the authenticator: only such counts are ever swept.
        """

    def keep(self, tx: Tx, authenticator: str, failures: FailuresInARow) -> None: ...

    def of(self, authenticators: Iterable[str]) -> dict[str, FailuresInARow]:
        """Committed counts, for showing; authenticators that never failed may be missing."""

    def sweep(self, tx: Tx, before: datetime) -> int:
        """Forget the counts of what does not exist, last raised before then; returns how many."""


class Credentials(Protocol):
    """Passkeys and security keys."""

    def user_handle(self, tx: Tx, citizen_id: str, *, new: bytes) -> bytes:
        """The citizen's handle for authenticators; `new` becomes it where there is none yet."""

    def add(self, tx: Tx, credential: StoredCredential) -> bool:
        """Add the key. False, changing nothing, where its credential id is known, whoever has it."""

    def find(self, tx: Tx, credential_id: bytes) -> StoredCredential | None: ...

    def of_citizen(self, citizen_id: str) -> list[StoredCredential]: ...

    def owner(self, credential_id: bytes) -> str | None:
        """Whose key this is."""

    def advance(self, tx: Tx, factor_id: str, sign_count: int, *, backed_up: bool) -> bool:
        """One conditional UPDATE: the counter rises, or was and stays 0; it never falls (S-273, S-274)."""

    def suspect(self, tx: Tx, factor_id: str, at: datetime) -> None:
        """Note that there may be a copy of the key; the first time is kept."""


class RecoverySets(Protocol):
    """Recovery codes, as digests."""

    def replace(self, tx: Tx, factor: Factor, digests: Iterable[str]) -> None:
        """Keep these, and end the citizen's earlier set: of parallel callers one set is left."""

    def of_citizen(self, tx: Tx, citizen_id: str) -> Factor | None: ...

    def spend(self, tx: Tx, factor_id: str, digest: str, at: datetime) -> bool:
        """One conditional UPDATE: True for exactly one caller per code."""

    def knows(self, tx: Tx, factor_id: str, digest: str) -> bool:
        """Whether the code is of this set, spent or not."""

    def left(self, citizen_id: str) -> int:
        """How many codes are unspent."""
