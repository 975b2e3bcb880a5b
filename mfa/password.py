"""Passwords: which may be chosen, and how they are hashed (NIST SP 800-63B-4 §3.1.1, ASVS 5.0 §6.2).

NFC, then HMAC-SHA256 under a pepper that the database does not hold, then argon2id. Hashing is dear on purpose
(46 MiB each), so it is done in turns of which a process has few (S-235). Does not count failures.
"""

import base64
import hmac
import re
import secrets
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from argon2.exceptions import Argon2Error, InvalidHashError, VerifyMismatchError
from argon2.low_level import Type, hash_secret, verify_secret

from mfa.blocklist import Blocklist
from mfa.errors import Busy, PasswordFault, PasswordRefused

SHORTEST = 8
"""Code points. NIST SP 800-63B-4 §3.1.1.2: 8 where the password is never enough alone; here it never is."""
LONGEST_BYTES = 1024
_LONGEST_TYPED = 2 * LONGEST_BYTES
"""Code points looked at: decomposed text may be longer than its NFC form, and normalising a megabyte costs."""

_SALT_BYTES = 16
_HASH_BYTES = 32
_STORED = re.compile(
    r"\$argon2id\$v=19\$m=([0-9]{1,7}),t=([0-9]{1,2}),p=([0-9]{1,2})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}"
)


class WrongPassword(Exception):
    """Not the password behind this hash."""


class UnusableHash(WrongPassword):
    """The stored hash is not one that we wrote: it was not computed (S-236)."""


@dataclass(frozen=True, slots=True)
class HashCost:
    """argon2id's parameters. OWASP's first choice: 46 MiB, one pass, one lane."""

    memory_kib: int = 47104
    passes: int = 1
    lanes: int = 1

    @property
    def is_bearable(self) -> bool:
        """Whether a stored hash of this cost is computed at all: never above 256 MiB."""
        return (
            8 * self.lanes <= self.memory_kib <= 262_144 and 1 <= self.passes <= 10 and 1 <= self.lanes <= 8
        )


@dataclass(frozen=True, slots=True)
class HashedPassword:
    """A password that may be kept."""

    encoded: str = field(repr=False)


def to_bytes(typed: str) -> bytes:
    """The password as it is hashed: NFC (S-231), UTF-8, otherwise untouched and never cut (S-230).

    Raises:
        PasswordRefused: too long, or not text.
    """
    if len(typed) > _LONGEST_TYPED:
        raise PasswordRefused(PasswordFault.TOO_LONG)
    try:
        encoded = unicodedata.normalize("NFC", typed).encode("utf-8")
    except UnicodeEncodeError:
        raise PasswordRefused(PasswordFault.NOT_TEXT) from None
    if len(encoded) > LONGEST_BYTES:
        raise PasswordRefused(PasswordFault.TOO_LONG)
    return encoded


class Passwords:
    """Chooses and hashes passwords; one for each process."""

    def __init__(
        self,
        pepper: bytes,
        *,
        concurrency: int = 2,
        patience_seconds: float = 1.0,
        cost: HashCost | None = None,
        blocklist: Blocklist | None = None,
    ) -> None:
        self._pepper = pepper
        self._cost = cost or HashCost()
        self._blocklist = blocklist or Blocklist.ours()
        self._turns = threading.BoundedSemaphore(concurrency)
        self._patience_seconds = patience_seconds
        self._counting = threading.Lock()
        self.hashes_computed = 0
        """How often argon2 ran in this process: a metric, and how tests compare known with unknown (S-237)."""

    def check_new(
        self, typed: str, *, personal: Iterable[str] = (), services: frozenset[str] = frozenset()
    ) -> None:
        """Whether this password may be chosen; `personal` are the user ID and the names of whoever chooses it.

        Raises:
            PasswordRefused
        """
        encoded = to_bytes(typed)
        if len(encoded.decode("utf-8")) < SHORTEST:
            raise PasswordRefused(PasswordFault.TOO_SHORT)
        self._blocklist.check(typed, personal=personal, services=services)

    @contextmanager
    def turn(self) -> Iterator["Turn"]:
        """A place to hash in.

        Raises:
            Busy: none became free in time.
        """
        if not self._turns.acquire(timeout=self._patience_seconds):
            raise Busy
        try:
            yield Turn(self)
        finally:
            self._turns.release()

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash should be made anew when its password is next seen."""
        return _cost_of(stored) != self._cost

    def _hash(self, typed: str) -> str:
        keyed = self._keyed(typed)
        cost = self._cost
        salt = secrets.token_bytes(_SALT_BYTES)
        encoded = hash_secret(keyed, salt, cost.passes, cost.memory_kib, cost.lanes, _HASH_BYTES, Type.ID)
        return encoded.decode("ascii")

    def _verify(self, typed: str, stored: str) -> None:
        keyed = self._keyed(typed)
        try:
            verify_secret(stored.encode("ascii"), keyed, Type.ID)
        except VerifyMismatchError:
            raise WrongPassword from None
        except (Argon2Error, InvalidHashError):
            raise UnusableHash from None

    def _keyed(self, typed: str) -> bytes:
        encoded = to_bytes(typed)
        with self._counting:
            self.hashes_computed += 1
        return hmac.digest(self._pepper, encoded, "sha256")

    def _nobodys(self) -> str:
        """A hash of today's cost that no password has: a guess at nobody's costs what one at somebody's does."""
        cost, salt, nothing = self._cost, _base64(bytes(_SALT_BYTES)), _base64(bytes(_HASH_BYTES))
        return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}${salt}${nothing}"


class Turn:
    """What may be done in a turn. Made by `Passwords.turn` only, so that nobody hashes without one."""

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords

    def hash(self, typed: str) -> HashedPassword:
        """
        Raises:
            PasswordRefused: too long, or not text.
        """
        return HashedPassword(self._passwords._hash(typed))

    def verify(self, typed: str, stored: str | None) -> None:
        """Compare with a stored hash; with none, at the same cost, and in vain (S-237).

        Raises:
            WrongPassword: also for what cannot be a password; that is found before anything is hashed (S-229).
            UnusableHash: the stored hash is damaged; nobody's hash was computed in its place.
        """
        damaged = stored is not None and _cost_of(stored) is None
        compared = self._passwords._nobodys() if stored is None or damaged else stored
        try:
            self._passwords._verify(typed, compared)
        except PasswordRefused:
            raise WrongPassword from None
        except WrongPassword:
            if damaged:
                raise UnusableHash from None
            raise


def _cost_of(stored: str) -> HashCost | None:
    """The parameters of a stored hash, or None where we would not have written it."""
    found = _STORED.fullmatch(stored)
    if found is None:
        return None
    cost = HashCost(*(int(number) for number in found.groups()))
    return cost if cost.is_bearable else None


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii").rstrip("=")
