"""What we sign with, held against joserfc and against RFC 7638's own example."""

from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from joserfc.jwk import JWKRegistry

from keys.algorithms import (
    SIGNING_ALGORITHMS,
    base64url,
    parse_private,
    parse_public,
    private_bytes,
    public_jwk,
    thumbprint,
)

RFC_7638_EXAMPLE = {
    "kty": "RSA",
    "n": (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
        "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
        "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
        "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    ),
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}


@pytest.fixture(scope="module", params=list(SIGNING_ALGORITHMS))
def made(request: pytest.FixtureRequest) -> tuple[str, Any]:
    return request.param, SIGNING_ALGORITHMS[request.param].generate()


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    assert thumbprint(RFC_7638_EXAMPLE) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_a_published_key_shows_public_members_only(made: tuple[str, Any]) -> None:
    """S-385: alg, use and a thumbprint as kid; nothing private, no x5u, no jku."""
    algorithm, private = made
    jwk = public_jwk(algorithm, private.public_key())
    assert (jwk["alg"], jwk["use"], jwk["kid"]) == (algorithm, "sig", thumbprint(jwk))
    assert set(jwk) <= {"kty", "crv", "x", "y", "n", "e", "alg", "use", "kid"}
    assert JWKRegistry.import_key(dict(jwk)).thumbprint() == jwk["kid"]


def test_a_key_survives_its_own_encoding(made: tuple[str, Any]) -> None:
    algorithm, private = made
    rules = SIGNING_ALGORITHMS[algorithm]
    signature = rules.signer(parse_private(private_bytes(private)))(b"data")
    rules.verifier(parse_public(public_jwk(algorithm, private.public_key())))(signature, b"data")


def test_a_signature_over_other_data_is_refused(made: tuple[str, Any]) -> None:
    algorithm, private = made
    rules = SIGNING_ALGORITHMS[algorithm]
    verify = rules.verifier(private.public_key())
    with pytest.raises(InvalidSignature):
        verify(rules.signer(private)(b"data"), b"other data")


def test_no_two_keys_are_alike() -> None:
    """S-388, the short form."""
    rules = SIGNING_ALGORITHMS["ES256"]
    assert len({public_jwk("ES256", rules.generate().public_key())["kid"] for _ in range(1000)}) == 1000


@pytest.mark.parametrize("algorithm", ["PS256", "RS256"])
def test_an_rsa_key_is_large_enough_and_its_primes_are_far_apart(algorithm: str) -> None:
    """S-388: at least 3072 bits, e = 65537, and Fermat's method finds nothing (FIPS 186-5 A.1.3)."""
    private = SIGNING_ALGORITHMS[algorithm].generate()
    numbers = private.private_numbers()
    assert private.key_size >= 3072
    assert numbers.public_numbers.e == 65537
    assert abs(numbers.p - numbers.q) > 2 ** (private.key_size // 2 - 100)


def test_coordinates_with_leading_zeros_keep_their_length() -> None:
    """RFC 7518 §6.2.1.2: 32 octets, whatever the number."""
    rules = SIGNING_ALGORITHMS["ES256"]
    for _ in range(2000):
        private = rules.generate()
        jwk = rules.public_members(private.public_key())
        assert len(jwk["x"]) == len(jwk["y"]) == len(base64url(bytes(32)))
