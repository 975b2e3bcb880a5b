"""The envelope (NIST SP 800-38D)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys.errors import UnsealFailed
from keys.sealing import Sealer

KEY, OTHER = b"k" * 32, b"o" * 32
SEALER = Sealer(KEY, "signing keys")


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_what_was_sealed_opens(plaintext: bytes, associated: bytes) -> None:
    assert SEALER.unseal(SEALER.seal(plaintext, associated), associated) == plaintext


def test_the_same_secret_is_never_sealed_alike_and_does_not_show() -> None:
    envelopes = {SEALER.seal(b"a secret of a citizen", b"") for _ in range(100)}
    assert len(envelopes) == 100
    assert not any(b"secret" in envelope for envelope in envelopes)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_an_envelope_with_any_byte_altered_does_not_open(place: int, change: int) -> None:
    envelope = bytearray(SEALER.seal(b"a secret", b"row 1"))
    envelope[place % len(envelope)] ^= change
    with pytest.raises(UnsealFailed):
        SEALER.unseal(bytes(envelope), b"row 1")


@given(st.integers(min_value=0, max_value=44))
def test_an_envelope_cut_short_does_not_open(length: int) -> None:
    envelope = SEALER.seal(b"a secret", b"row 1")
    assert len(envelope) == 45
    with pytest.raises(UnsealFailed):
        SEALER.unseal(envelope[:length], b"row 1")


def test_an_envelope_moved_to_another_row_does_not_open() -> None:
    envelope = SEALER.seal(b"a secret", b"row 1")
    with pytest.raises(UnsealFailed):
        SEALER.unseal(envelope, b"row 2")


def test_an_envelope_of_another_purpose_does_not_open() -> None:
    """S-384: one key-encryption key, but each purpose a key of its own."""
    with pytest.raises(UnsealFailed):
        Sealer(KEY, "totp secrets").unseal(SEALER.seal(b"a secret", b""), b"")


def test_another_key_encryption_key_is_named_as_the_cause() -> None:
    with pytest.raises(UnsealFailed, match="another key-encryption key"):
        Sealer(OTHER, "signing keys").unseal(SEALER.seal(b"a secret", b""), b"")


def test_a_new_key_encryption_key_opens_what_the_previous_one_sealed() -> None:
    renewed = Sealer(OTHER, "signing keys", others=(KEY,))
    old = SEALER.seal(b"a secret", b"")
    assert renewed.unseal(old, b"") == b"a secret"
    assert not renewed.is_current(old)
    assert renewed.is_current(renewed.seal(b"a secret", b""))
    assert Sealer(OTHER, "signing keys").unseal(renewed.seal(b"a secret", b""), b"") == b"a secret"


@pytest.mark.parametrize("key", [b"", b"k" * 16, b"k" * 31, b"k" * 33])
def test_a_key_encryption_key_of_another_length_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(key, "signing keys")
