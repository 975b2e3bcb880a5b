"""Wycheproof's JOSE vectors (C2SP), all of them, through our key policy and our front door for foreign JWTs.

The verdict on each vector stands in `wycheproof_jose_verdicts.txt`, reviewed by hand: `accepted`, or what refused it. None
that is invalid may pass. A valid one is refused only for a reason in `MAY_REFUSE_VALID`: something that our profile does
not take. Whatever is encrypted is refused unopened, the valid and the invalid alike, since we publish no key to encrypt to.
"""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import JWKRegistry

from clients_registry.client import Encryption
from clients_registry.client_keys import ClientKeys
from clients_registry.encryption import ALGORITHMS, CONTENT_ALGORITHMS
from clients_registry.errors import InvalidKeys, UnknownKey
from idp.protocol.encryption import Envelope
from idp.protocol.jws import JwtRefused, parse_jws, verify_jws
from tests.support.envelopes import opened
from tests.support.needs import needs

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
VERDICTS = Path(__file__).with_name("wycheproof_jose_verdicts.txt")
FILES = ("signature", "key", "crypto", "encryption")
OURS = ("ES256", "PS256", "RS256", "EdDSA", "Ed25519")

MAY_REFUSE_VALID = {
    "key": "shared secrets, private members, keys for RS384, RS512, PS384, PS512 and P-521",
    "algorithm": "a key registered for PS256 with a token of PS384",
    "empty": "an empty payload is a JWS, and never a JWT",
    "encrypted": "we publish no key to encrypt to",
}


@cache
def vectors(name: str) -> tuple[tuple[int, dict[str, Any], dict[str, Any]], ...]:
    """Each vector with its number and its group."""
    path = VECTORS / f"json_web_{name}_test.json"
    document = json.loads(needs(path if path.exists() else None, "the published JOSE vectors").read_bytes())
    found = [(int(t["tcId"]), group, t) for group in document["testGroups"] for t in group["tests"]]
    assert len(found) == document["numberOfTests"]
    return tuple(found)


def expected(name: str) -> dict[int, str]:
    """The table: lines of file, first and last number, verdict."""
    table: dict[int, str] = {}
    for line in VERDICTS.read_text().splitlines():
        file, numbers, word = line.split()
        if file == name:
            first, _, last = numbers.partition("-")
            table.update(dict.fromkeys(range(int(first), int(last or first) + 1), word))
    return table


def verdict(group: dict[str, Any], test: dict[str, Any]) -> str:
    """`accepted`, or what refused it."""
    if "jwe" in test:
        return _verdict_on_encrypted(test["jwe"])
    key = group.get("public", group["private"])
    try:
        keys = ClientKeys.parse(key if "keys" in key else {"keys": [key]})
    except InvalidKeys:
        return "key"
    return _verdict_on(test["jws"], keys)


_WORDS = {
    "not a compact JWS, or too long": "form",
    "a segment is empty": "empty",
    "an algorithm that is not allowed here": "algorithm",
    "a header member that is not taken here": "header",
    "a header member of the wrong type": "header",
    "the header is not one clean JSON object": "header",
    "the signature does not verify": "signature",
    "the key does not fit the algorithm": "algorithm",
}


def _verdict_on_encrypted(token: Any) -> str:
    """Compact or, in two vectors, as JSON."""
    try:
        parse_jws(token if isinstance(token, str) else json.dumps(token), algorithms=OURS)
    except JwtRefused:
        return "encrypted"
    return "accepted"


def _verdict_on(jws: Any, keys: ClientKeys) -> str:
    token = jws if isinstance(jws, str) else json.dumps(jws)
    try:
        parsed = parse_jws(token, algorithms=OURS)
        verify_jws(parsed, keys.find(parsed.alg, parsed.kid))
    except UnknownKey:
        return "no-such-key"
    except JwtRefused as refused:
        return _WORDS.get(str(refused), "base64url" if "base64url" in str(refused) else str(refused))
    return "accepted"


@pytest.mark.parametrize("name", FILES)
def test_each_vector_gets_the_verdict_of_the_table(name: str) -> None:
    """S-153 to S-169: 649 vectors; the table has a line for each of them and for no other."""
    found = {number: verdict(group, test) for number, group, test in vectors(name)}
    assert found == expected(name)


@pytest.mark.parametrize("name", FILES)
def test_the_table_accepts_nothing_that_is_invalid(name: str) -> None:
    """S-153 to S-169: and what is valid is refused only for what our profile does not take."""
    table = expected(name)
    for number, _, test in vectors(name):
        if test["result"] == "invalid":
            assert table[number] != "accepted", number
        elif table[number] != "accepted":
            assert table[number] in MAY_REFUSE_VALID, number


def test_the_table_accepts_what_our_profile_takes() -> None:
    """So that a front door which refused everything would not pass."""
    accepted = Counter(name for name in FILES for found in expected(name).values() if found == "accepted")
    assert accepted == {"signature": 14, "crypto": 2, "key": 1}


def test_what_we_encrypt_to_the_vectors_keys_is_opened_by_another_library() -> None:
    """S-166: with each key and pair of algorithms of a valid vector that our profile offers, and its very plaintext."""
    done = Counter[str]()
    for _, group, test in vectors("encryption"):
        private = group["private"]
        algorithm, content = private.get("alg", ""), test["enc"]
        ours = algorithm in ALGORITHMS and content in CONTENT_ALGORITHMS and test["result"] == "valid"
        public = {name: private[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in private}
        try:
            chosen = ClientKeys.parse({"keys": [{**public, "kid": "k", "use": "enc"}]}) if ours else None
        except InvalidKeys:
            continue
        if chosen is not None:
            sealing = Envelope(Encryption(algorithm, content), chosen.find_encryption(algorithm))
            text = test["pt"] or "00"
            key: Any = JWKRegistry.import_key({n: v for n, v in private.items() if n not in ("alg", "use")})
            assert opened(sealing.seal(text), key) == text
            done[algorithm] += 1
    assert done.keys() <= set(ALGORITHMS) and len(done) >= 2
