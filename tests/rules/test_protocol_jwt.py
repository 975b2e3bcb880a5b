"""The front door for foreign JWTs: one spelling, known headers, an allowed algorithm, a key that fits."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt as foreign
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from idp.protocol.jws import MAX_PAYLOAD, JwtRefused
from idp.protocol.jwt import VerifiedJwt, check_times, parse_jwt, verify_jwt

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EC = ECKey.generate_key("P-256")
RSA = RSAKey.generate_key(2048)
OKP = OKPKey.generate_key("Ed25519")
ALL = ("ES256", "PS256", "RS256", "EdDSA", "Ed25519")
CLAIMS: dict[str, Any] = {"iss": "c", "sub": "c", "exp": 1}


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signed(
    payload: bytes | None = None,
    *,
    raw_header: bytes | None = None,
    key: Any = EC,
    alg: str = "ES256",
    **header: Any,
) -> str:
    """A validly signed token, however odd its parts are."""
    head = _b64(raw_header if raw_header is not None else json.dumps({"alg": alg, **header}).encode())
    body = _b64(json.dumps(CLAIMS).encode() if payload is None else payload)
    signature = JWSRegistry.algorithms[alg].sign(f"{head}.{body}".encode(), key)
    return f"{head}.{body}.{_b64(signature)}"


def _accept(token: str, key: Any = EC, algorithms: tuple[str, ...] = ALL) -> VerifiedJwt:
    return verify_jwt(parse_jwt(token, algorithms=algorithms, types={None, "jwt"}), key)


@pytest.mark.parametrize(
    ("alg", "key"), [("ES256", EC), ("PS256", RSA), ("RS256", RSA), ("Ed25519", OKP), ("EdDSA", OKP)]
)
def test_a_token_of_a_foreign_library_is_verified(alg: str, key: Any) -> None:
    if alg == "EdDSA":  # joserfc warns of the name; the signature is the same
        token = _signed(key=key, alg="Ed25519", raw_header=b'{"alg":"EdDSA"}')
    else:
        token = foreign.encode({"alg": alg, "kid": "k", "typ": "JWT"}, CLAIMS, key, algorithms=[alg])
    verified = _accept(token, key)
    assert verified.claims == CLAIMS
    assert verified.alg == alg


@pytest.mark.parametrize(
    "alg", ["none", "None", "nOnE", "", None, ["ES256"], 1, "HS256", "HS512", "ES384", "RS512"]
)
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_no_other_algorithm_is_taken(alg: Any, signature: str) -> None:
    """S-153."""
    token = f"{_b64(json.dumps({'alg': alg}).encode())}.{_b64(b'{}')}.{signature}"
    with pytest.raises(JwtRefused):
        parse_jwt(token, algorithms=(*ALL, "none", "HS256"), types={None})


def test_a_header_without_alg_is_refused() -> None:
    """S-153."""
    with pytest.raises(JwtRefused):
        parse_jwt(f"{_b64(b'{}')}.{_b64(b'{}')}.AAAA", algorithms=ALL, types={None})


def test_a_public_key_is_no_shared_secret() -> None:
    """S-154: HS256 keyed with the text of the public key, also under an algorithm that is allowed."""
    for text in (RSA.as_pem(private=False), json.dumps(RSA.as_dict(private=False)).encode()):
        for alg in ("HS256", "RS256"):
            signing_input = f"{_b64(json.dumps({'alg': alg}).encode())}.{_b64(json.dumps(CLAIMS).encode())}"
            code = hmac.digest(text, signing_input.encode(), "sha256")
            with pytest.raises(JwtRefused):
                _accept(f"{signing_input}.{_b64(code)}", RSA)


@pytest.mark.parametrize(("alg", "key"), [("ES256", RSA), ("RS256", EC), ("PS256", OKP), ("Ed25519", EC)])
def test_an_algorithm_must_fit_the_key(alg: str, key: Any) -> None:
    """S-154: the header does not choose how a key is used."""
    maker = {"ES256": EC, "RS256": RSA, "PS256": RSA, "Ed25519": OKP}[alg]
    with pytest.raises(JwtRefused):
        _accept(_signed(alg=alg, key=maker), key)


def test_an_allowed_algorithm_of_another_purpose_is_refused() -> None:
    """S-154."""
    with pytest.raises(JwtRefused):
        _accept(_signed(alg="RS256", key=RSA), RSA, ("ES256", "PS256"))


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": EC.as_dict(private=False)},
        {"jku": "https://evil.test/jwks"},
        {"x5u": "https://evil.test/x"},
        {"x5c": ["MII"]},
        {"x5t": "a"},
        {"crit": []},
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"b64": False},
        {"zip": "DEF"},
        {"cty": 1},
        {"cty": ["JWT"]},
        {"enc": "A256GCM"},
        {"url": "x"},
    ],
)
def test_a_header_never_decides_how_it_is_verified(header: dict[str, Any]) -> None:
    """S-156, S-158, S-159, S-177."""
    with pytest.raises(JwtRefused):
        _accept(_signed(**header))


@pytest.mark.parametrize("kid", [1, None, ["k"], {"a": 1}, "", "a\0b", "k" * 257, "æ", "a b", "\ud800"])
def test_a_kid_is_a_short_printable_string(kid: Any) -> None:
    """S-157."""
    with pytest.raises(JwtRefused):
        _accept(_signed(kid=kid))


@pytest.mark.parametrize("kid", ["../../etc/passwd", "'OR/**/1=1--"])
def test_a_kid_is_only_a_name(kid: str) -> None:
    """S-157: opaque; looked up, never interpreted."""
    assert _accept(_signed(kid=kid)).claims == CLAIMS


@pytest.mark.parametrize(
    "typ", ["at+jwt", "logout+jwt", "dpop+jwt", "oauth-authz-req+jwt", "entity-statement+jwt", 1, ""]
)
def test_a_token_of_another_type_is_refused(typ: Any) -> None:
    """S-062, S-063."""
    with pytest.raises(JwtRefused):
        _accept(_signed(typ=typ))


@pytest.mark.parametrize(
    "header",
    [b'{"alg":"none","alg":"ES256"}', b'{"alg":"ES256","alg":"ES256"}', b'\xef\xbb\xbf{"alg":"ES256"}', b'["alg"]',
     b'{"alg":"ES256","kid":NaN}', '{"alg":"ES256"}'.encode("utf-16")],
)  # fmt: skip
def test_a_header_with_two_meanings_is_refused_though_validly_signed(header: bytes) -> None:
    """S-160, S-162."""
    with pytest.raises(JwtRefused):
        _accept(_signed(raw_header=header))


@pytest.mark.parametrize(
    "payload",
    [
        b'{"sub":"a","sub":"b"}',
        b'{"exp":NaN}',
        b'{"exp":Infinity}',
        b"\xef\xbb\xbf{}",
        '{"sub":"a"}'.encode("utf-16"),
        b'{"sub":"\\ud800"}',
        b"[]",
        b"1",
        b"null",
        b"{",
        b"\xff",
        b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
        b"[" * 10_000,
    ],
)
def test_a_payload_with_two_meanings_is_refused_though_validly_signed(payload: bytes) -> None:
    """S-160, S-162, S-177."""
    with pytest.raises(JwtRefused):
        _accept(_signed(payload))


def test_a_token_has_one_spelling() -> None:
    """S-163: padding, other alphabets, white space, spare bits, more or fewer segments."""
    token = _signed(b'{"a":12}')
    head, body, signature = token.split(".")
    _accept(token)
    # 64 bytes end on a character of which four bits are spare.
    spare = signature[:-1] + chr(ord(signature[-1]) + 1)
    changed = [
        token + "=",
        f"{head}.{body}.{signature}==",
        f"{head}=.{body}.{signature}",
        f" {token}",
        f"{token}\n",
        f"{head}.{body} .{signature}",
        token + ".",
        f"{head}.{body}",
        f"{head}..{signature}",
        f".{body}.{signature}",
        f"{head}.{body}.",
        f"{token}.{body}.{signature}",
        f"{token}.x",
        f"{head}.{body}.{spare}",
        token.replace(".", "..", 1),
        json.dumps({"protected": head, "payload": body, "signature": signature}),
        "",
        ".",
        "..",
    ]
    for text in changed:
        with pytest.raises(JwtRefused):
            _accept(text)
    for character in "+/=\t\r\0é\ud800":
        with pytest.raises(JwtRefused):
            _accept(f"{head}.{body}{character}.{signature}")


def test_size_is_limited_before_anything_is_decoded() -> None:
    """S-164."""
    with pytest.raises(JwtRefused):
        _accept(_signed(json.dumps({"a": "x" * MAX_PAYLOAD}).encode()))
    with pytest.raises(JwtRefused):
        _accept("A" * 1_000_000 + ".A.A")
    with pytest.raises(JwtRefused):
        _accept("." * 1_000_000)


@pytest.mark.parametrize("signature", [b"\0" * 64, b"\xff" * 64, b"\0" * 32, b"\0" * 65, b"0" * 71])
def test_a_signature_of_nothing_is_no_signature(signature: bytes) -> None:
    """S-168: r = s = 0, beyond the order, of another length or form."""
    head, body, _ = _signed().split(".")
    with pytest.raises(JwtRefused):
        _accept(f"{head}.{body}.{_b64(signature)}")


def test_a_signature_in_der_is_refused() -> None:
    """S-168."""
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    head, body, signature = _signed().split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    with pytest.raises(JwtRefused):
        _accept(f"{head}.{body}.{_b64(der)}")


@given(st.data())
def test_no_change_of_a_signed_token_is_accepted(data: st.DataObject) -> None:
    token = _TOKEN
    at = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters(min_codepoint=32, max_codepoint=126).filter(lambda c: c != token[at]))
    with pytest.raises(JwtRefused):
        _accept(token[:at] + character + token[at + 1 :])


_TOKEN = _signed()


@given(st.text(max_size=200))
def test_any_text_is_refused_with_our_own_error(text: str) -> None:
    """S-114: surrogates included."""
    with pytest.raises(JwtRefused) as refused:
        _accept(text)
    assert len(text) < 12 or text not in str(refused.value)


def test_a_refusal_and_a_repr_say_nothing_of_the_token() -> None:
    """S-164, S-366."""
    token = _signed(b'{"sub":"canary"}')
    parsed = parse_jwt(token, algorithms=ALL, types={None})
    assert "canary" not in repr(parsed) + repr(verify_jwt(parsed, EC))
    assert token.split(".")[2] not in repr(parsed)


@pytest.mark.parametrize("value", ["1", 1.5, True, None, -1, 0, 10**12, [1], {"a": 1}])
def test_a_time_is_a_whole_number_of_this_century(value: Any) -> None:
    """S-097, S-116, S-177."""
    verified = VerifiedJwt("ES256", None, {"exp": value})
    with pytest.raises(JwtRefused):
        verified.time("exp")
    with pytest.raises(JwtRefused):
        verified.time_if_present("exp")


def test_a_missing_time_is_not_a_passed_check() -> None:
    """S-172."""
    with pytest.raises(JwtRefused):
        check_times(
            VerifiedJwt("ES256", None, {}),
            now=NOW,
            skew=timedelta(seconds=60),
            at_most_ahead=timedelta(minutes=5),
        )


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({}, True),
        ({"exp": 1}, True),
        ({"exp": 0}, False),
        ({"exp": -300}, False),
        ({"exp": 360}, True),
        ({"exp": 361}, False),
        ({"nbf": 8}, True),
        ({"nbf": 60}, True),
        ({"nbf": 61}, False),
        ({"iat": 10}, True),
        ({"iat": 60}, True),
        ({"iat": 61}, False),
        ({"iat": -10}, True),
    ],
)
def test_times_may_be_a_little_ahead_and_never_late(changes: dict[str, int], accepted: bool) -> None:
    """S-097, S-060."""
    offsets = {"exp": 60} | changes
    claims = {name: int(NOW.timestamp()) + offset for name, offset in offsets.items()}
    token = VerifiedJwt("ES256", None, claims)
    arguments = {"now": NOW, "skew": timedelta(seconds=60), "at_most_ahead": timedelta(minutes=5)}
    if accepted:
        assert check_times(token, **arguments) == NOW + timedelta(seconds=offsets["exp"])  # type: ignore[arg-type]
    else:
        with pytest.raises(JwtRefused):
            check_times(token, **arguments)  # type: ignore[arg-type]
