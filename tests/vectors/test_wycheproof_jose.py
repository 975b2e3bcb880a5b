"""Wycheproof's JOSE vectors (C2SP), through our key policy and our front door for foreign JWTs.

None that is invalid may pass. A valid one may be refused only for a reason in the table: an algorithm we do not take, or
a key we do not register.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clients_registry.client_keys import ClientKeys
from clients_registry.errors import InvalidKeys, UnknownKey
from idp.protocol.jws import JwtRefused, parse_jws, verify_jws
from tests.support.needs import needs

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
FILES = ("json_web_signature_test.json", "json_web_key_test.json", "json_web_crypto_test.json")
OURS = ("ES256", "PS256", "RS256", "EdDSA", "Ed25519")

VALID_BUT_REFUSED = Counter(
    {
        # Shared secrets, private members, and keys for RS384, RS512, PS384, PS512 and P-521: not registered with us.
        "key": 34,
        # A key registered for PS256 with a token of PS384.
        "algorithm": 2,
        # An empty payload is a JWS, and never a JWT.
        "a segment is empty": 2,
    }
)
"""Where our verdict on a valid vector differs, and why."""
ACCEPTED = 17


def _vectors(name: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    path = VECTORS / name
    document = json.loads(needs(path if path.exists() else None, "the published JOSE vectors").read_bytes())
    return [
        (f"{group['comment']} {test['tcId']} {test['comment']}", group, test)
        for group in document["testGroups"]
        for test in group["tests"]
        if "jws" in test
    ]


def _verdict(group: dict[str, Any], jws: str) -> str:
    """`accepted`, or what refused it."""
    key = group.get("public", group["private"])
    jwks = key if "keys" in key else {"keys": [key]}
    try:
        keys = ClientKeys.parse(jwks)
    except InvalidKeys:
        return "key"
    try:
        parsed = parse_jws(jws, algorithms=OURS)
        verify_jws(parsed, keys.find(parsed.alg, parsed.kid))
    except UnknownKey:
        return "no such key"
    except JwtRefused as refused:
        return "algorithm" if "algorithm that" in str(refused) else str(refused)
    return "accepted"


@pytest.mark.parametrize("name", FILES)
def test_no_invalid_vector_is_accepted(name: str) -> None:
    """S-153 to S-169."""
    wrong = [
        title
        for title, group, test in _vectors(name)
        if test["result"] == "invalid" and _verdict(group, test["jws"]) == "accepted"
    ]
    assert wrong == []


def test_a_valid_vector_is_refused_only_for_a_stated_reason() -> None:
    verdicts = Counter(
        _verdict(group, test["jws"])
        for name in FILES
        for _, group, test in _vectors(name)
        if test["result"] == "valid"
    )
    assert verdicts.pop("accepted") == ACCEPTED
    assert verdicts == VALID_BUT_REFUSED
