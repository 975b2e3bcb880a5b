"""Our own tokens, held against joserfc in both directions, for every algorithm."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws, jwt
from joserfc.jwk import KeySet, import_key

from keys.algorithms import SIGNING_ALGORITHMS, parse_private
from keys.errors import KnowledgeTooOld
from keys.key_ring import KeyRing
from keys.own_tokens import issue_token, verify_token
from keys.policy import KeyPolicy
from keys.sealed_keys import unseal_key
from tests.storage.keys_world import World
from tests.support.clock import FrozenClock

ALGORITHMS = list(SIGNING_ALGORITHMS)
CLAIMS = {
    "sub": "Ærlig Ø",
    "aud": ["a", "b"],
    "exp": 1_790_000_000,
    "acr": None,
    "nested": {"x": [1, 2.5, True]},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path: Path = tmp_path_factory.mktemp("keys")
    made = World(f"sqlite:///{path / 'keys.sqlite3'}", FrozenClock(), KeyPolicy(algorithms=tuple(ALGORITHMS)))
    made.ensure()
    yield made
    made.close()


@pytest.fixture(scope="module")
def ring(world: World) -> KeyRing:
    return world.ring()


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864; joserfc says so each time
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_joserfc_verifies_what_we_issue_with_the_published_jwks(ring: KeyRing, algorithm: str) -> None:
    published = KeySet.import_key_set(json.loads(ring.public_jwks().body))
    decoded = jwt.decode(
        issue_token(ring, algorithm, "at+jwt", CLAIMS),
        published,
        algorithms=[algorithm],
        registry=jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False),
    )
    kid = ring.signer(algorithm).kid
    assert decoded.header == {"alg": algorithm, "kid": kid, "typ": "at+jwt"}
    assert decoded.claims == CLAIMS


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864; joserfc says so each time
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_we_verify_what_joserfc_signs_with_our_key(world: World, ring: KeyRing, algorithm: str) -> None:
    key = world.active(algorithm)
    private = parse_private(unseal_key(world.sealer, key))
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    token = jwt.encode(
        {"alg": algorithm, "kid": key.kid, "typ": "JWT"},
        CLAIMS,
        import_key(pem, key.public_jwk["kty"]),
        algorithms=[algorithm],
        default_type=None,
    )
    assert verify_token(ring, token, typ="JWT", algorithms=(algorithm,)) == CLAIMS


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_token_of_ours_verifies(ring: KeyRing, algorithm: str) -> None:
    token = issue_token(ring, algorithm, "logout+jwt", CLAIMS)
    assert verify_token(ring, token, typ="logout+jwt", algorithms=ALGORITHMS) == CLAIMS


def test_the_name_a_client_registered_stands_in_the_header(ring: KeyRing) -> None:
    """RFC 9864: EdDSA and Ed25519 are two names; a JWK's alg equals the header's."""
    published = {key["kid"]: key["alg"] for key in json.loads(ring.public_jwks().body)["keys"]}
    for name in ("EdDSA", "Ed25519"):
        header = jws.extract_compact(issue_token(ring, name, "JWT", {}).encode()).headers()
        assert header["alg"] == name == published[header["kid"]]


def test_a_kid_is_unique_in_the_jwks(ring: KeyRing) -> None:
    """S-385."""
    kids = [key["kid"] for key in json.loads(ring.public_jwks().body)["keys"]]
    assert len(set(kids)) == len(kids) == 2 * len(ALGORITHMS)


def test_nothing_is_issued_on_old_knowledge(world: World) -> None:
    """S-379."""
    ring = world.ring(max_age=timedelta(0))
    world.clock.forward(timedelta(milliseconds=1))
    with pytest.raises(KnowledgeTooOld):
        issue_token(ring, "ES256", "JWT", {})
