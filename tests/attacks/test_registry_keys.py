"""Attacks with client keys: weak numbers, private parts, keys used for what they were not registered for."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import example, given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey
from joserfc.util import urlsafe_b64encode

from clients_registry.client_keys import MAX_KEYS, ClientKeys
from clients_registry.errors import InvalidKeys, UnknownKey
from clients_registry.key_policy import key_faults
from tests.storage.registry_world import ec_key, ed_key, public, rsa_jwk, rsa_key, rsa_primes

SMALL_PRIMES = [n for n in range(2, 702) if all(n % d for d in range(2, n))]


def sentences(*keys: Any) -> str:
    """Why these keys are refused; empty where they are taken."""
    try:
        ClientKeys.parse({"keys": list(keys)})
    except InvalidKeys as invalid:
        return "; ".join(map(str, invalid.faults))
    return ""


def next_prime(start: int) -> int:
    """The next probable prime; good enough to build a weak key from."""
    candidate = start | 1
    while pow(2, candidate - 1, candidate) != 1:
        candidate += 2
    return candidate


def roca_prime(start: int) -> int:
    """A prime as the flawed library made them: k*M + 65537**a mod M, with M the first 126 primes multiplied."""
    product = 1
    for prime in SMALL_PRIMES:
        product *= prime
    residue = pow(65537, start, product)
    factor = (3 << 1022) // product + start
    while pow(2, factor * product + residue - 1, factor * product + residue) != 1:
        factor += 1
    return factor * product + residue


# --- RSA -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [1024, 1536, 2040])
def test_a_short_rsa_key_is_refused(bits: int) -> None:
    """S-169."""
    modulus = rsa.generate_private_key(65537, bits).public_key().public_numbers().n
    assert f"of {bits} bits" in sentences(rsa_jwk(modulus))


def test_an_enormous_rsa_key_is_refused_before_any_arithmetic() -> None:
    """S-164, S-169: 100 kB of modulus costs the server nothing."""
    assert "of 4097 bits" in sentences(rsa_jwk(1 << 4096 | 1))
    assert "base64url numbers" in sentences(rsa_jwk(1 << 800_000 | 1))


@pytest.mark.parametrize("exponent", [1, 2, 3, 17, 65535, 65539, 2**32 + 15])
def test_an_odd_public_exponent_is_refused(exponent: int) -> None:
    """S-169: e = 1 makes every text its own signature."""
    p, q, *_ = rsa_primes()
    assert "exponent other than 65537" in sentences(rsa_jwk(p * q, exponent))
    assert sentences(rsa_jwk(p * q)) == ""


def test_a_key_is_judged_at_about_the_price_of_using_it() -> None:
    """S-111: anybody may send a DPoP proof with another key each time, before anything else is known of them."""
    modulus = (1 << 4095) + next(
        n for n in range(1, 10_000, 2) if all(((1 << 4095) + n) % p for p in SMALL_PRIMES)
    )
    jwk = rsa_jwk(modulus)
    assert key_faults(jwk) == []
    judged, used = [], []
    for _ in range(30):  # the shortest of many, so that a busy machine does not decide
        judged.append(_seconds(lambda: key_faults(jwk)))
        used.append(_seconds(lambda: pow(3, 65537, modulus)))
    assert min(judged) < 4 * min(used)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def test_primes_that_lie_close_are_found() -> None:
    """S-169: Fermat factors such a modulus at once."""
    p, *_ = rsa_primes()
    assert "lie too close" in sentences(rsa_jwk(p * next_prime(p + 2)))
    assert "lie too close" in sentences(rsa_jwk(p * p))


def test_the_fingerprint_of_the_roca_flaw_is_found() -> None:
    """S-169, CVE-2017-15361."""
    assert "ROCA" in sentences(rsa_jwk(roca_prime(11) * roca_prime(7_777)))


def test_a_modulus_with_a_small_factor_is_refused() -> None:
    """S-169."""
    p, q, *_ = rsa_primes()
    assert "small prime factor" in sentences(rsa_jwk(p * q * 3 >> 1 << 1))
    assert "small prime factor" in sentences(rsa_jwk(p * q * 701))


def test_two_keys_that_share_a_prime_are_refused() -> None:
    """S-169."""
    p, q, r, s = rsa_primes()
    assert "share a prime" in sentences(rsa_jwk(p * q), rsa_jwk(p * r))
    assert sentences(rsa_jwk(p * q), rsa_jwk(r * s)) == ""


# --- curves ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("curve", ["P-384", "P-521", "secp256k1"])
def test_another_curve_than_p256_is_refused(curve: str) -> None:
    """S-169: the curve must be the algorithm's."""
    assert "crv must be P-256" in sentences(public(ECKey.generate_key(curve)))


def test_a_point_off_the_curve_is_refused() -> None:
    """S-169, S-170."""
    other = public(ec_key(1))
    assert "not a point" in sentences(public(ec_key(), y=other["y"]))
    assert "32 bytes" in sentences(public(ec_key(), x="AQ"))


@pytest.mark.parametrize("curve", ["Ed448", "X25519", "X448"])
def test_another_okp_curve_than_ed25519_is_refused(curve: Any) -> None:
    assert "crv must be Ed25519" in sentences(public(OKPKey.generate_key(curve)))


@pytest.mark.parametrize(
    "raw",
    [
        bytes(32),
        b"\x01" + bytes(31),
        b"\xec" + b"\xff" * 30 + b"\x7f",
        b"\xed" + b"\xff" * 30 + b"\x7f",
        b"\xff" * 32,
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ],
    ids=lambda raw: raw.hex()[:8],
)
def test_an_ed25519_key_of_small_order_is_refused(raw: bytes) -> None:
    """S-170: with such a key one signature fits many texts."""
    assert "anyone could sign" in sentences(
        {"kty": "OKP", "crv": "Ed25519", "x": urlsafe_b64encode(raw).decode()}
    )


# --- what a key carries ----------------------------------------------------------------------------------------


def test_a_private_key_is_refused_and_never_repeated() -> None:
    for key in (ec_key(), ed_key(), rsa_key()):
        private = key.as_dict(private=True)
        told = sentences(private)
        assert "private members" in told
        assert str(private["d"]) not in told
    assert "private members" in sentences({"kty": "oct", "k": "c2VjcmV0"})


@pytest.mark.parametrize("kid", ["", "x" * 129, "a b", "a\n", "æ", 7, None, []])
def test_a_kid_is_a_short_printable_text(kid: Any) -> None:
    assert bool(sentences(public(ec_key()) | {"kid": kid})) == (kid is not None)


def test_a_kid_names_one_key() -> None:
    assert "same kid" in sentences(public(ec_key(), kid="a"), public(ed_key(), kid="a"))
    assert "same kid" in sentences(public(ec_key(2)), public(ec_key(2)))


@pytest.mark.parametrize(
    "members",
    [
        {"alg": "ES384"}, {"alg": "RS256"}, {"alg": "none"}, {"alg": "HS256"}, {"alg": 7}, {"use": "sign"}, {"use": []},
        {"use": "sig", "alg": "ECDH-ES"}, {"use": "enc", "alg": "ES256"}, {"key_ops": ["sign"]}, {"key_ops": []},
        {"key_ops": "verify"}, {"key_ops": ["verify", "verify"]}, {"key_ops": [7]}, {"use": "enc", "key_ops": ["verify"]},
        {"alg": "ES256", "key_ops": ["encrypt"]},
    ],
    ids=repr,
)  # fmt: skip
def test_members_that_contradict_the_key_are_refused(members: dict[str, Any]) -> None:
    assert sentences(public(ec_key(), **members))


def test_an_ed25519_key_cannot_be_for_encryption() -> None:
    assert sentences(public(ed_key(), use="enc"))


@pytest.mark.parametrize("x", ["AQ==", "A Q", "A+/Q", "AQ\n", "", None, 7, "A", "AR"])
def test_numbers_are_canonical_base64url(x: Any) -> None:
    """S-163."""
    assert sentences(public(ec_key()) | {"x": x})
    assert sentences(public(ed_key()) | {"x": x})
    assert sentences(public(rsa_key()) | {"n": x})
    assert sentences(public(rsa_key()) | {"e": x})


@pytest.mark.parametrize(
    "jwks", [None, [], {}, {"keys": {}}, {"keys": []}, {"keys": [7]}, {"keys": None}, "x"]
)
def test_what_is_no_jwk_set_is_refused(jwks: Any) -> None:
    with pytest.raises(InvalidKeys):
        ClientKeys.parse(jwks)


def test_the_number_of_keys_is_bounded() -> None:
    assert sentences(*[public(ec_key(n)) for n in range(MAX_KEYS)]) == ""
    assert f"more than {MAX_KEYS}" in sentences(*[public(ec_key(n)) for n in range(MAX_KEYS + 1)])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    members=st.dictionaries(
        st.sampled_from(["kty", "kid", "use", "alg", "key_ops", "n", "e", "crv", "x", "y", "x5c"]), JSON
    )
)
@example(members={"key_ops": None, "kid": None, "use": None, "alg": None})
def test_no_jwk_breaks_the_guard(members: dict[str, Any]) -> None:
    """S-169: any JSON is taken or refused, with no other exception."""
    for kty in ("EC", "RSA", "OKP"):
        sentences({"kty": kty} | members)
        sentences(public(ec_key()) | members)


# --- which key verifies ----------------------------------------------------------------------------------------


def test_a_key_is_found_only_for_its_own_algorithm() -> None:
    keys = ClientKeys.parse({"keys": [public(ec_key(), kid="e"), public(rsa_key(), kid="r", alg="PS256")]})
    assert keys.find("ES256", "e")
    assert keys.find("PS256", "r")
    for alg, kid in (
        ("RS256", "r"),
        ("PS256", "e"),
        ("ES256", "r"),
        ("none", "e"),
        ("HS256", "e"),
        ("HS256", None),
    ):
        with pytest.raises(UnknownKey):
            keys.find(alg, kid)


@pytest.mark.parametrize("members", [{"use": "enc"}, {"alg": "ECDH-ES"}, {"key_ops": ["deriveKey"]}])
def test_a_key_for_encryption_verifies_nothing(members: dict[str, Any]) -> None:
    keys = ClientKeys.parse({"keys": [public(ec_key(), kid="e", **members)]})
    with pytest.raises(UnknownKey):
        keys.find("ES256", "e")


def test_without_a_kid_only_one_key_may_fit() -> None:
    one = ClientKeys.parse({"keys": [public(ec_key(), kid="a"), public(ed_key(), kid="b")]})
    assert one.find("ES256", None)
    two = ClientKeys.parse({"keys": [public(ec_key(), kid="a"), public(ec_key(1), kid="b")]})
    with pytest.raises(UnknownKey):
        two.find("ES256", None)
    with pytest.raises(UnknownKey):
        two.find("ES256", "c")


def test_a_key_without_a_kid_is_found_by_its_thumbprint() -> None:
    """RFC 7638: what most libraries send where no kid was registered."""
    keys = ClientKeys.parse({"keys": [public(ec_key()), public(ec_key(1))]})
    assert keys.find("ES256", ec_key(1).thumbprint()).thumbprint() == ec_key(1).thumbprint()


@pytest.mark.parametrize("registered", ["EdDSA", "Ed25519", None])
@pytest.mark.parametrize("used", ["EdDSA", "Ed25519"])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_both_names_of_ed25519_are_one_algorithm(registered: str | None, used: str) -> None:
    """RFC 9864; the key that is found is ready for joserfc under either name."""
    jwk = public(ed_key(), kid="ed") | ({"alg": registered} if registered else {})
    token = jws.serialize_compact({"alg": used}, b"x", ed_key(), algorithms=[used])
    key = ClientKeys.parse({"keys": [jwk]}).find(used, "ed")
    assert jws.deserialize_compact(token, key, algorithms=[used]).payload == b"x"
