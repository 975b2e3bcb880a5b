"""Where private parts are made, and what signs with them: this process, or a token of a hardware security module.

What is *held* of a private part stands sealed in its key's row: the key itself (PKCS #8), or the handle of an object in
the token. Both kinds may stand side by side: `in_token` decides how keys are made from now on, and a rotation brings an
old one over.

Does not seal, and does not know the states of keys.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from keys.algorithms import (
    SIGNING_ALGORITHMS,
    BadSignature,
    Sign,
    parse_private,
    parse_public,
    private_bytes,
    public_jwk,
)
from keys.errors import HsmAway, KeyDoesNotUnseal
from keys.key import SigningKey
from keys.token_keys import TokenKeys, is_handle

_TRIAL = b"adgang: may this key sign?"
"""No JWS: it has no dot, so its signature is nobody's token."""


class MadeKey(NamedTuple):
    """`held` is to be sealed."""

    held: bytes
    jwk: dict[str, str]


class SigningBackends:
    """`token` is there where keys are, or were, made in one."""

    def __init__(self, token: TokenKeys | None = None, *, in_token: bool = False) -> None:
        self._token = token
        self._makes_in_token = in_token

    def make(self, algorithm: str) -> MadeKey:
        """A new key pair.

        Raises:
            MoveRefused: the token has no such keys.
            HsmAway
        """
        while True:
            made = self._make(algorithm)
            if made.jwk["kid"][
                0
            ].isalnum():  # a kid that begins with a dash would be an option on a command line
                return made
            self.forget([made.held])

    def _make(self, algorithm: str) -> MadeKey:
        if self._token is not None and self._makes_in_token:
            handle, public = self._token.make(algorithm)
            return MadeKey(handle, public_jwk(algorithm, public))
        private = SIGNING_ALGORITHMS[algorithm].generate()
        return MadeKey(private_bytes(private), public_jwk(algorithm, private.public_key()))

    def signer(self, key: SigningKey, held: bytes) -> Sign:
        """What signs with this key. A token is not asked before the first signature.

        Raises:
            KeyDoesNotUnseal: it belongs to another public part, or is in a token and none is configured.
        """
        if is_handle(held):
            if self._token is None:
                raise KeyDoesNotUnseal(
                    key.kid, "its private part is in an HSM, and ADGANG_SIGNING_TOKEN_PKCS11 names none"
                )
            return self._token.signer(key.algorithm, held)
        private: Any = parse_private(held)
        if public_jwk(key.algorithm, private.public_key()) != dict(key.public_jwk):
            raise KeyDoesNotUnseal(key.kid, "its private part belongs to another public part")
        return SIGNING_ALGORITHMS[key.algorithm].signer(private)

    def forget(self, held: Iterable[bytes]) -> None:
        """Destroy what is in the token; a token that is away keeps it, for `token_sweep` to find."""
        for each in held:
            if is_handle(each) and self._token is not None:
                with suppress(HsmAway):
                    self._token.forget(each)

    def in_token(self) -> list[bytes]:
        """What is held of every private part in the token, whether any key needs it or not.

        Raises:
            HsmAway
        """
        return [] if self._token is None else self._token.handles()

    def close(self) -> None:
        if self._token is not None:
            self._token.close()


def try_out(key: SigningKey, sign: Sign) -> None:
    """One signature, checked against the published part.

    Raises:
        KeyDoesNotUnseal: it does not verify.
        HsmAway: the token cannot be used, or has no such key.
    """
    try:
        SIGNING_ALGORITHMS[key.algorithm].verifier(parse_public(key.public_jwk))(sign(_TRIAL), _TRIAL)
    except BadSignature:
        raise KeyDoesNotUnseal(key.kid, "its private part belongs to another public part") from None


SOFTWARE = SigningBackends()
"""Private parts live in this process's memory."""
