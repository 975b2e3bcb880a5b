"""The keys as a serving process knows them: signs, and gives the JWKS (RFC 7517 §5).

Parses each key once. Follows what other processes change by the version of the key set, read at most once a second
and by one thread at a time; a change is seen within 5 s by whoever asks. When the store is away, JWKS and
verification go on with what is known; signing goes on until that knowledge is older than `max_age`, since the key
may have been retired or compromised meanwhile (S-379).

Does not decide which key is active, and does not change any.
"""

from datetime import datetime, timedelta
from threading import Lock
from typing import NamedTuple

from keys.errors import KeysBehind, KeysError, KnowledgeTooOld, NoActiveKey
from keys.key import KeySet
from keys.known_keys import JwksDocument, KnownKeys, PublicKey, Signer
from keys.ports import Clock, HighWater, Keys
from keys.sealing import Sealer
from keys.signing_backends import SOFTWARE, SigningBackends

_CHECK_EVERY = timedelta(seconds=1)
_BOUND = timedelta(seconds=5)
"""Nobody acts on knowledge older than this without having tried to renew it (keys.md, rule 6)."""


class Signature(NamedTuple):
    kid: str
    value: bytes


class _Confirmed(NamedTuple):
    """What is known, and when the store last said that it is so."""

    keys: KnownKeys
    at: datetime


class RingStatus(NamedTuple):
    """For readiness, metrics and the doctor. `fault` is empty when all is well."""

    version: int
    age: timedelta
    fault: str


class KeyRing:
    """Call `load()` before anything else."""

    def __init__(
        self,
        keys: Keys,
        sealer: Sealer,
        clock: Clock,
        max_age: timedelta = timedelta(seconds=300),
        high_water: HighWater | None = None,
        backends: SigningBackends = SOFTWARE,
    ) -> None:
        self._keys = keys
        self._sealer = sealer
        self._clock = clock
        self._max_age = max_age
        self._high_water = high_water
        self._backends = backends
        self._behind: KeysBehind | None = None
        self._reading = Lock()
        self._tried_at = clock()
        self._confirmed = _Confirmed(KnownKeys.none(), self._tried_at)
        self._fault = ""

    def load(self) -> None:
        """Read every key, at start.

        Raises:
            KeyDoesNotUnseal: names the first that does not open, or does not sign, and why.
            NoActiveKey: there is none; a deployment makes its first keys before it serves.
            KeysUnavailable: the store does not answer, or the HSM.
        """
        with self._reading:
            now = self._clock()
            found = self._keys.load_all()
            self._hold_against_high_water(found)
            known = KnownKeys.none().following(found, self._sealer, self._backends)
            if known.faults:
                raise known.faults[0]
            if not known.signers:
                raise NoActiveKey("There is no active signing key. Make one with `adgang keys generate`.")
            known.try_out()
            self._confirmed, self._tried_at = _Confirmed(known, now), now
            self._fault = str(self._behind or "")

    def signer(self, algorithm: str) -> Signer:
        """The active key of an algorithm, ready to sign.

        Raises:
            NoActiveKey: the algorithm has none.
            KnowledgeTooOld: nobody has confirmed for `max_age` that the key is still active.
            KeysBehind: an old backup was restored.
        """
        now = self._clock()
        confirmed = self._current(now)
        if abs(now - confirmed.at) > self._max_age:
            raise KnowledgeTooOld(f"Nothing is signed until the store of keys is back. {self._fault}".strip())
        if self._behind is not None:
            raise self._behind
        try:
            return confirmed.keys.signers[algorithm]
        except KeyError:
            raise NoActiveKey(
                f"There is no active {algorithm} key. Look with `adgang keys list`; `adgang keys activate` lets a "
                f"published one sign, `adgang keys generate --algorithm {algorithm}` makes a new one."
            ) from None

    def sign(self, algorithm: str, signing_input: bytes) -> Signature:
        """Sign with the active key of the algorithm. Raises as `signer` does."""
        signer = self.signer(algorithm)
        return Signature(signer.kid, signer.sign(signing_input))

    def algorithms(self) -> tuple[str, ...]:
        """Those that can sign now, for discovery."""
        return tuple(sorted(self.known().signers))

    def public_jwks(self) -> JwksDocument:
        """The JWKS, as bytes made once per version."""
        return self.known().jwks

    def find_public(self, kid: str) -> PublicKey | None:
        """A key of ours that may still verify something; None for one that is unknown or compromised.

        Deactivated and destroyed keys are found: an `id_token_hint` may be older than the JWKS.
        """
        found = self.known().publics.get(kid)
        return None if found is None or found.compromised else found

    def known(self) -> KnownKeys:
        """All that this process knows of the keys now."""
        return self._current(self._clock()).keys

    def status(self) -> RingStatus:
        now = self._clock()
        confirmed = self._current(now)
        return RingStatus(confirmed.keys.version, abs(now - confirmed.at), self._fault)

    def _current(self, now: datetime) -> _Confirmed:
        since = abs(now - self._tried_at)
        if since >= _CHECK_EVERY:
            self._renew(wait=since > _BOUND and not self._fault)
        return self._confirmed

    def _renew(self, *, wait: bool) -> None:
        """Ask the store. Who finds another thread asking goes on, unless nobody has asked within the bound."""
        if not self._reading.acquire(blocking=wait):
            return
        try:
            now = self._clock()
            if abs(now - self._tried_at) >= _CHECK_EVERY:
                self._ask(now)
                self._tried_at = now
        finally:
            self._reading.release()

    def _ask(self, now: datetime) -> None:
        known = self._confirmed.keys
        try:
            if self._keys.version() != known.version or known.faults or self._behind is not None:
                found = self._keys.load_all()
                self._hold_against_high_water(found)
                known = known.following(found, self._sealer, self._backends)
        except KeysError as fault:
            self._fault = str(fault)
            return
        self._fault = str(self._behind or (known.faults[0] if known.faults else ""))
        # A key that does not open leaves the rest in force, but nothing is confirmed: signing will stop.
        self._confirmed = _Confirmed(known, self._confirmed.at if known.faults else now)

    def _hold_against_high_water(self, found: KeySet) -> None:
        """Notice a restored backup, and leave a mark of anything newer than the last one (S-381)."""
        if self._high_water is None:
            return
        mark = self._high_water.read()
        if mark is not None and found.version < mark.version:
            self._behind = KeysBehind(found.version, mark.version)
            return
        self._behind = None
        if mark is None or found.version > mark.version:
            self._high_water.raise_to(found.mark())
