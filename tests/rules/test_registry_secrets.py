"""Client secrets, and the claims table."""

from dataclasses import replace

import pytest

from clients_registry.claims import CLAIMS, SCOPE_CLAIMS, claims_of
from clients_registry.client_secrets import new_secret, secret_digest, verify_secret
from clients_registry.errors import WrongSecret
from tests.rules.registry_clients import client


def test_a_secret_has_256_bits_and_needs_no_escaping() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(len(secret) == 43 and secret.replace("-", "").replace("_", "").isalnum() for secret in secrets)


def test_the_right_secret_proves_the_client() -> None:
    secret = new_secret()
    holder = client(secret_digest=secret_digest(secret))
    assert verify_secret(holder, secret) is holder


def test_a_secret_stands_in_no_repr() -> None:
    """S-104."""
    digest = secret_digest("s")
    assert digest not in repr(client(secret_digest=digest))


def test_claims_follow_the_table_and_leave_sub_out() -> None:
    assert claims_of(["openid"]) == ()
    assert claims_of(["email", "openid", "unheard-of", "cpr"]) == ("email", "email_verified", "cpr")
    assert set(claims_of(SCOPE_CLAIMS)) == set(CLAIMS)


@pytest.mark.parametrize("near", ["", "x", "secret\x00", "\ud800", "s" * 100_000])
def test_a_wrong_secret_is_refused_whatever_it_is(near: str) -> None:
    """S-103, S-104."""
    for holder in (client(secret_digest=secret_digest("secret")), client(secret_digest=None)):
        with pytest.raises(WrongSecret):
            verify_secret(holder, near)


def test_a_client_without_a_secret_is_not_proven_by_the_place_holder() -> None:
    """S-104: no text has the digest that stands in for a missing one, and it would not count."""
    holder = replace(client(), secret_digest=None)
    for presented in ("", "0" * 64):
        with pytest.raises(WrongSecret):
            verify_secret(holder, presented)
