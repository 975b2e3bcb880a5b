"""A signature that fitted is not computed again, and nothing else is let pass for it."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from keys.algorithms import SIGNING_ALGORITHMS, BadSignature
from keys.remembered_signatures import remembering

_ES256 = SIGNING_ALGORITHMS["ES256"]


class Counting:
    """A real key's check, and how often it was made."""

    def __init__(self) -> None:
        private = ec.generate_private_key(ec.SECP256R1())
        self.sign = _ES256.signer(private)
        self._verify = _ES256.verifier(private.public_key())
        self.made = 0

    def __call__(self, signature: bytes, data: bytes) -> None:
        self.made += 1
        self._verify(signature, data)


def test_what_fitted_is_computed_once() -> None:
    key = Counting()
    check, signature = remembering(key), key.sign(b"one")
    for _ in range(3):
        check(signature, b"one")
    assert key.made == 1


def test_what_did_not_fit_is_refused_each_time() -> None:
    """S-168: neither after the right one, nor by having been tried before."""
    key = Counting()
    check, signature = remembering(key), key.sign(b"one")
    check(signature, b"one")
    wrong = bytes([signature[0] ^ 1]) + signature[1:]
    for forged, data in ((signature, b"two"), (wrong, b"one"), (signature + b"e", b"on"), (b"", b"one")) * 2:
        with pytest.raises(BadSignature):
            check(forged, data)
    assert key.made == 9


def test_what_one_key_verified_says_nothing_about_another() -> None:
    one, other = Counting(), Counting()
    check, check_other = remembering(one), remembering(other)
    signature = one.sign(b"one")
    check(signature, b"one")
    with pytest.raises(BadSignature):
        check_other(signature, b"one")


def test_so_many_are_remembered_and_no_more() -> None:
    key = Counting()
    check = remembering(key, most=2)
    signed = [(key.sign(data), data) for data in (b"one", b"two", b"three")]
    for each in signed:
        check(*each)
    check(*signed[2])
    assert key.made == 3
    check(*signed[0])
    assert key.made == 4
