"""What one process knows of the keys at one version: parsed once, never altered.

Does not read the store and does not know the time: see key_ring.py.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from keys.algorithms import SIGNING_ALGORITHMS, Verify, base64url, parse_public
from keys.errors import KeyDoesNotUnseal
from keys.key import KeySet, SigningKey
from keys.remembered_signatures import remembering
from keys.sealed_keys import unseal_key
from keys.sealing import Sealer
from keys.signing_backends import SOFTWARE, SigningBackends, try_out
from keys.states import IN_JWKS, KeyState

_ORDER = (KeyState.ACTIVE, KeyState.PUBLISHED, KeyState.DEACTIVATED)


class JwksDocument(NamedTuple):
    body: bytes
    etag: str
    """A strong entity tag with its quotes (RFC 9110 §8.8.3)."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key, parsed. `header(typ)` is the first segment of a token it signs."""

    kid: str
    algorithm: str
    sign: Callable[[bytes], bytes] = field(repr=False)
    _headers: dict[str, bytes] = field(default_factory=dict, repr=False)

    def header(self, typ: str) -> bytes:
        """Base64url of the JOSE header, made once for each `typ`; a handful exist."""
        made = self._headers.get(typ)
        if made is None:
            made = self._headers[typ] = header_segment(self.algorithm, self.kid, typ)
        return made


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key, parsed."""

    kid: str
    algorithm: str
    jwk: Mapping[str, str]
    compromised: bool
    verify: Verify = field(repr=False)


class _Opened(NamedTuple):
    """One key as it was read, with what was parsed of it."""

    key: SigningKey
    signer: Signer | None
    public: PublicKey


def header_segment(algorithm: str, kid: str, typ: str) -> bytes:
    """The one form that the JOSE header of our tokens has: these members, this order (RFC 7515 §4.1)."""
    return base64url(msgspec.json.encode({"alg": algorithm, "kid": kid, "typ": typ})).encode("ascii")


class KnownKeys:
    """Made by `none()` and then `following(...)`; what did not change is not parsed again."""

    def __init__(self, version: int, opened: Iterable[_Opened], faults: Iterable[KeyDoesNotUnseal]) -> None:
        self.version = version
        self.faults = tuple(faults)
        self._opened = {each.key.kid: each for each in opened}
        present = self._opened.values()
        self.publics: Mapping[str, PublicKey] = {each.key.kid: each.public for each in present}
        self.signers: Mapping[str, Signer] = {
            each.key.algorithm: each.signer
            for each in present
            if each.signer is not None and each.key.state is KeyState.ACTIVE
        }
        self.jwks = _jwks(each.key for each in present)
        self._headers: dict[str, Mapping[bytes, PublicKey]] = {}

    @classmethod
    def none(cls) -> "KnownKeys":
        return cls(0, (), ())

    def following(self, found: KeySet, sealer: Sealer, backends: SigningBackends = SOFTWARE) -> "KnownKeys":
        """What is known after reading `found`.

        A row that does not open is not believed: what was known of that key before stands, and `faults` names it.
        Only its word that the key is compromised is taken, since that is the safe side.
        """
        carried, opened, faults = [], [], []
        for key in found.keys:
            before = self._opened.get(key.kid)
            try:
                opened.append(_open(key, before, sealer, backends))
            except KeyDoesNotUnseal as fault:
                faults.append(fault)
                if before is not None and key.state is not KeyState.COMPROMISED:
                    carried.append(before)
        # What was proven comes last: where two keys claim to be active, that one signs.
        return KnownKeys(found.version, carried + opened, faults)

    def try_out(self) -> None:
        """Let every key that signs, or may come to, sign once.

        Raises:
            KeyDoesNotUnseal, HsmAway: as `signing_backends.try_out`.
        """
        for each in self._opened.values():
            if each.signer is not None:
                try_out(each.key, each.signer.sign)

    def by_header(self, typ: str) -> Mapping[bytes, PublicKey]:
        """Every header that a token of ours with this `typ` can have, and the key that it names."""
        made = self._headers.get(typ)
        if made is None:
            made = {header_segment(key.algorithm, key.kid, typ): key for key in self.publics.values()}
            self._headers[typ] = made
        return made


def _open(key: SigningKey, before: _Opened | None, sealer: Sealer, backends: SigningBackends) -> _Opened:
    if before is not None and before.key == key and before.key.sealed == key.sealed:
        return before
    private = unseal_key(sealer, key)
    signer = None
    if private:
        signer = before.signer if before is not None else None
        signer = signer or Signer(key.kid, key.algorithm, backends.signer(key, private))
    return _Opened(key, signer, _public(key, before))


def _public(key: SigningKey, before: _Opened | None) -> PublicKey:
    if before is not None:
        verify = before.public.verify
    else:
        verify = remembering(SIGNING_ALGORITHMS[key.algorithm].verifier(parse_public(key.public_jwk)))
    return PublicKey(key.kid, key.algorithm, key.public_jwk, key.compromised_at is not None, verify)


def _jwks(keys: Iterable[SigningKey]) -> JwksDocument:
    """RFC 7517 §5. The active key of an algorithm first: some clients take the first that fits."""
    served = [key for key in keys if key.state in IN_JWKS]
    served.sort(key=lambda key: (key.algorithm, _ORDER.index(key.state), key.created_at, key.kid))
    body = msgspec.json.encode({"keys": [dict(sorted(key.public_jwk.items())) for key in served]})
    return JwksDocument(body, f'"{base64url(hashlib.sha256(body).digest()[:16])}"')
