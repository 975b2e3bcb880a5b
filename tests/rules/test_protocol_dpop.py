"""DPoP proofs by themselves: RFC 9449 §4.3, its checks one by one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from idp.errors import InvalidDpopProof, UseDpopNonce
from idp.protocol.dpop import METADATA, DpopProofs
from idp.protocol.dpop_nonce import WINDOW_SECONDS, DpopNonces
from idp.protocol.http_uri import normalised
from idp.protocol.policy import ProtocolPolicy
from tests.support.dpop import DpopKey, ath, ed25519_key, rsa_key

ISSUER = "https://id.nordhavn.example"
URL = f"{ISSUER}/token"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEY = DpopKey()


class FirstTimes:
    """`ports.Seen` in a set."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], datetime] = {}

    def first_time(self, kind: str, key: str, *, issued_at: datetime, until: datetime) -> bool:
        first = (kind, key) not in self.kept
        self.kept[kind, key] = until
        return first


def proofs(*, nonce_required: bool = False) -> DpopProofs:
    policy = ProtocolPolicy(ISSUER, dpop_nonce_required=nonce_required)
    return DpopProofs(policy, FirstTimes(), DpopNonces(b"n" * 32))


def take(taking: DpopProofs, proof: str, **request: Any) -> str:
    """Verified and counted, as endpoints do; its key."""
    verified = taking.verify(proof, **{"method": "POST", "url": URL, "now": NOW, **request})
    taking.take(verified)
    return verified.jkt


def taken(proof: str, access_token: str | None = None, now: datetime = NOW) -> bool:
    try:
        take(proofs(), proof, now=now, access_token=access_token)
    except InvalidDpopProof:
        return False
    return True


def proof(key: DpopKey = KEY, **changes: Any) -> str:
    return key.proof("POST", URL, NOW, **changes)


@pytest.mark.parametrize(
    "key", [KEY, ed25519_key(), ed25519_key("EdDSA"), rsa_key(2048), rsa_key(3072)], ids=lambda key: key.alg
)
def test_a_proof_by_each_announced_algorithm_is_taken(key: DpopKey) -> None:
    """S-122: with RSA keys too, whose header is longer than the library's own limit."""
    assert key.alg in METADATA["dpop_signing_alg_values_supported"]  # type: ignore[operator]
    assert take(proofs(), proof(key)) == key.jkt


def test_a_header_has_a_limit_of_its_own() -> None:
    """S-122: tested on both sides."""
    for length, fits in ((3_000, True), (5_000, False)):
        head = {"jwk": {**KEY.jwk, "note": "x" * (length * 3 // 4 - 200)}}
        assert taken(proof(header=head)) is fits


PUBLIC, PRIVATE = KEY.jwk, KEY.key.as_dict(private=True)
FOREIGN_KEYS: list[Any] = [
    None,
    "x",
    [],
    {},
    {"kty": "EC", "crv": "P-256"},
    PRIVATE,
    {**PUBLIC, "d": ""},
    {**PUBLIC, "k": "AA"},
    OctKey.generate_key(256).as_dict(),
    ECKey.generate_key("P-384").as_dict(private=False),
    DpopKey().jwk,
    RSAKey.generate_key(2048).as_dict(private=False),
    {**PUBLIC, "y": PUBLIC["x"]},
    {**PUBLIC, "x": 1},
    {**PUBLIC, "x5c": ["AA"]},
    {**PUBLIC, "jku": "https://rp.example/jwks"},
    {**PUBLIC, "x5u": "https://rp.example/chain"},
]


@pytest.mark.parametrize("jwk", FOREIGN_KEYS, ids=range(len(FOREIGN_KEYS)))
def test_a_key_that_is_not_simply_the_public_key_of_the_signature_is_refused(jwk: Any) -> None:
    """S-121, S-169."""
    assert not taken(proof(header={"jwk": jwk}))


@pytest.mark.parametrize(
    "header",
    [
        {"typ": None}, {"typ": "JWT"}, {"typ": "at+jwt"}, {"typ": "client-authentication+jwt"}, {"typ": 1},
        {"alg": None}, {"alg": "none"}, {"alg": "None"}, {"alg": ""}, {"alg": ["ES256"]}, {"alg": "HS256"},
        {"alg": "RS256"}, {"alg": "RS1"}, {"alg": "PS256"}, {"alg": "ES384"}, {"alg": "ES256K"},
        {"kid": "k"}, {"jku": "https://rp.example/jwks"}, {"x5c": ["AA"]}, {"x5u": "https://rp.example/c"},
        {"crit": ["exp"]}, {"b64": False}, {"zip": "DEF"},
    ],
)  # fmt: skip
def test_a_header_that_says_anything_else_is_refused(header: dict[str, Any]) -> None:
    """S-121, S-153."""
    assert not taken(proof(header=header))


def test_rs256_is_refused_even_with_a_key_that_could() -> None:
    """S-121: FAPI 2.0 §5.4."""
    assert not taken(proof(rsa_key(2048, "RS256")))


def test_type_and_members_of_a_key_that_say_no_more_than_the_key_are_ignored() -> None:
    assert taken(proof(header={"typ": "DPOP+JWT"}))
    assert taken(proof(header={"typ": "application/dpop+jwt"}))
    assert taken(proof(header={"jwk": {**PUBLIC, "use": "sig", "alg": "ES256", "kid": "x"}}))


@pytest.mark.parametrize("text", ["", ".", "..", "x", "a.b.c", "æ", "{}", "\ud800.a.b", "x" * 8_000])
def test_what_is_no_jwt_is_refused(text: str) -> None:
    """S-120."""
    assert not taken(text)


def test_two_proofs_at_once_are_none() -> None:
    """S-120: a server joins what comes twice."""
    for joined in (f"{proof()}, {proof()}", f"{proof()},{proof()}", f"{proof()},", f",{proof()}"):
        assert not taken(joined)


def test_a_changed_proof_is_refused() -> None:
    head, payload, signature = proof().split(".")
    other = proof().split(".")
    for changed in (f"{head}.{other[1]}.{signature}", f"{head}.{payload}.{other[2]}", f"{head}.{payload}."):
        assert not taken(changed)


@pytest.mark.parametrize(
    "changes",
    [
        {"jti": None}, {"jti": ""}, {"jti": 1}, {"jti": "x" * 257}, {"jti": ["a"]},
        {"htm": None}, {"htm": "GET"}, {"htm": "post"}, {"htm": ["POST"]},
        {"htu": None}, {"htu": 1}, {"iat": None},
    ],
)  # fmt: skip
def test_what_a_proof_must_say_is_said_once_and_well(changes: dict[str, Any]) -> None:
    """RFC 9449 §4.3 (3), (8)."""
    assert not taken(proof(**changes))


TIME = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("iat", "fits"),
    [
        (TIME - 61, False), (TIME - 60, True), (TIME - 10, True), (TIME, True), (TIME + 10, True),
        (TIME + 60, True), (TIME + 61, False), (str(TIME), False), (TIME + 0.5, False), (-TIME, False), (0, False),
        (True, False), ([TIME], False), (float("nan"), False), (float("inf"), False), (10**20, False),
    ],
)  # fmt: skip
def test_a_proof_is_taken_for_a_minute_either_way(iat: Any, fits: bool) -> None:
    """S-116."""
    assert taken(proof(iat=iat)) is fits


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"exp": TIME + 60, "nbf": TIME}, True), ({"exp": TIME}, False), ({"nbf": TIME + 10}, True),
        ({"nbf": TIME + 61}, False), ({"exp": "x"}, False), ({"aud": "anybody", "sub": "x"}, True),
    ],
)  # fmt: skip
def test_other_claims_may_be_there_and_their_times_count(changes: dict[str, Any], fits: bool) -> None:
    """Conformance, DPoP: `nbf` and `exp` in the proof."""
    assert taken(proof(**changes)) is fits


@pytest.mark.parametrize(
    ("htu", "fits"),
    [
        (URL, True), (f"{URL}?a=b", True), (f"{URL}#f", True), (f"{URL}?a=b#f", True), (f"{URL}?", True),
        ("HTTPS://ID.NORDHAVN.EXAMPLE/token", True), (f"{ISSUER}:443/token", True), (f"{ISSUER}:/token", True),
        (f"{ISSUER}/%74oken", True), (f"{ISSUER}/%74%6F%6b%65n", True), (f"{ISSUER}/a/../token", True),
        (f"{ISSUER}/./token", True), (f"{ISSUER}/%2e%2E/token", True),
        ("http://id.nordhavn.example/token", False), ("https://id.nordhavn.example.evil.test/token", False),
        ("https://evil.test/token", False), (f"{ISSUER}:8443/token", False), (f"{ISSUER}:80/token", False),
        (f"{ISSUER}/Token", False), (f"{ISSUER}/token/", False), (f"{ISSUER}//token", False),
        (f"{ISSUER}/%2Ftoken", False), (f"{ISSUER}/token%00", False), (f"{ISSUER}/token ", False),
        (f"{ISSUER}/token\n", False), (f"{ISSUER}/userinfo", False), (ISSUER, False), ("/token", False),
        ("https://x@id.nordhavn.example/token", False), ("https://id.nordhavn.example\\@evil.test/token", False),
        ("https:/id.nordhavn.example/token", False), ("https://iđ.nordhavn.example/token", False), ("x", False),
    ],
)  # fmt: skip
def test_an_address_is_compared_in_its_normal_form_without_its_query(htu: str, fits: bool) -> None:
    """S-118: RFC 3986 §6.2.2, §6.2.3."""
    assert taken(proof(htu=htu)) is fits


def test_what_is_no_address_equals_nothing() -> None:
    assert normalised("nonsense") is None
    with pytest.raises(InvalidDpopProof):
        take(proofs(), proof(htu="nonsense"), url="nonsense")


def test_the_access_token_beside_a_proof_is_named_in_it() -> None:
    """S-124."""
    token = "an.access.token"
    assert taken(proof(access_token=token), token)
    sha512 = "z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg_SpIdNs6c5H0NE8XYXysP-DGNKHfuwvY7kxvUdBeoGlODJ6-SfaPg"
    for wrong in (None, "", ath("another"), ath(token) + "=", ath(token).upper(), sha512, "0" * 64, 1):
        assert not taken(proof(ath=wrong), token)
    assert taken(proof(ath="whatever")), "where no token comes with it, nothing is compared"


def test_a_proof_is_remembered_as_long_as_it_could_be_taken() -> None:
    """S-117: one from the future too, at the last second of its life."""
    for ahead in (-60, 0, 60):
        made, taking = proof(iat=TIME + ahead), proofs()
        take(taking, made)
        (until,) = taking.seen.kept.values()  # type: ignore[attr-defined]
        assert until > NOW and until >= NOW + timedelta(seconds=ahead + 60)
        for later in (0, 60 + ahead):
            with pytest.raises(InvalidDpopProof, match="used before"):
                take(taking, made, now=NOW + timedelta(seconds=later))


def test_a_proof_that_is_refused_spends_nothing() -> None:
    taking, made = proofs(), proof()
    for wrong in ({"method": "GET"}, {"url": ISSUER}, {"now": NOW + timedelta(minutes=5)}):
        with pytest.raises(InvalidDpopProof):
            take(taking, made, **wrong)
    take(taking, made)


def test_two_keys_may_have_the_same_jti() -> None:
    taking = proofs()
    for key in (DpopKey(), DpopKey()):
        take(taking, proof(key, jti="1"))


# --- the nonce -------------------------------------------------------------------------------------------------

OURS = DpopNonces(b"n" * 32)


def told(nonce: str | None, *, required: bool, key: DpopKey = KEY, now: datetime = NOW) -> str | None:
    """The nonce that a refusal told to use; None where the proof was taken."""
    made = key.proof("POST", URL, now, nonce=nonce)
    try:
        proofs(nonce_required=required).verify(made, method="POST", url=URL, now=now)
    except UseDpopNonce as refusal:
        return refusal.nonce
    return None


def test_a_nonce_is_offered_and_good_and_demanded_only_where_the_deployment_says_so() -> None:
    """S-127."""
    offered = proofs().verify(proof(), method="POST", url=URL, now=NOW).next_nonce
    assert told(offered, required=False) is None and told(offered, required=True) is None
    assert told(None, required=False) is None
    assert told(None, required=True) == offered


@pytest.mark.parametrize("required", [True, False])
def test_a_nonce_that_is_not_ours_or_not_the_keys_is_refused(required: bool) -> None:
    """S-127: of another server, of another client's key, from another day."""
    good, other = OURS.give(KEY.jkt, NOW), DpopKey()
    wrong = [
        DpopNonces(b"m" * 32).give(KEY.jkt, NOW),
        OURS.give(other.jkt, NOW),
        OURS.give(KEY.jkt, NOW - timedelta(days=1)),
        good + "A",
        good[:-1],
        "æ",
    ]
    for nonce in wrong:
        assert told(nonce, required=required) == good


def test_a_nonce_is_taken_in_its_window_and_in_those_beside_it() -> None:
    """S-127, S-128: the window moves, and nodes' clocks differ a little."""
    nonce = OURS.give(KEY.jkt, NOW)
    for windows, fits in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        then = NOW + timedelta(seconds=windows * WINDOW_SECONDS)
        assert (told(nonce, required=True, now=then) is None) is fits
