"""Secrets are compared in constant time: counted here, measured in tests/soak."""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import replace
from hashlib import sha256

import pytest

from clients_registry.client_secrets import new_secret, secret_digest, verify_secret
from clients_registry.errors import WrongSecret
from idp.errors import InvalidGrant
from idp.protocol.pkce import check_verifier
from tests.rules.registry_clients import client

_VERIFIER = "v" * 64


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The lengths of what the standard library's constant-time comparison was given."""
    lengths: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def watched(one: str | bytes, other: str | bytes) -> bool:
        lengths.append((len(one), len(other)))
        return real(one, other)  # type: ignore[type-var]  # both are of one kind

    monkeypatch.setattr(hmac, "compare_digest", watched)
    return lengths


def challenges() -> dict[str, str]:
    """The right challenge, and two that differ in their first and in their last character."""
    right = urlsafe_b64encode(sha256(_VERIFIER.encode()).digest()).rstrip(b"=").decode()
    return {
        "right": right,
        "early": ("A" if right[0] != "A" else "B") + right[1:],
        "late": right[:-2] + ("A" if right[-2] != "A" else "B") + right[-1],
    }


def test_a_verifier_is_compared_as_a_whole_wherever_it_differs(compared: list[tuple[int, int]]) -> None:
    """S-043."""
    for kind, challenge in challenges().items():
        if kind == "right":
            check_verifier(challenge, _VERIFIER)
        else:
            with pytest.raises(InvalidGrant):
                check_verifier(challenge, _VERIFIER)
    assert compared == [(43, 43)] * 3


def test_a_client_secret_is_compared_as_a_digest_whatever_is_presented(
    compared: list[tuple[int, int]],
) -> None:
    """S-104: right, wrong, short, long, and for a client that has none."""
    secret = new_secret()
    holder = client(secret_digest=secret_digest(secret))
    assert verify_secret(holder, secret) is holder
    for presented in ("", "x", secret[:-1], "y" + secret[1:], "z" * 5_000):
        with pytest.raises(WrongSecret):
            verify_secret(holder, presented)
    with pytest.raises(WrongSecret):
        verify_secret(replace(holder, secret_digest=None), secret)
    assert compared == [(64, 64)] * 7
