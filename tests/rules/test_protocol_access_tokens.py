"""The claims of an access token, once its signature was verified."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from idp.errors import InvalidToken
from idp.protocol.confirmation import Confirmation, holds
from idp.protocol.policy import ProtocolPolicy
from idp.tokens.access_token import check_access_token

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
POLICY = ProtocolPolicy("https://id.nordhavn.example")
CLAIMS: dict[str, Any] = {
    "iss": POLICY.issuer,
    "aud": POLICY.issuer,
    "iat": 1_795_434_000,
    "exp": int(NOW.timestamp()) + 1,
    "jti": "j",
    "grant_id": "g",
    "client_id": "c",
    "sub": "c.x",
    "scope": "openid profile",
}


def test_a_good_token_says_what_it_opens() -> None:
    token = check_access_token(CLAIMS, policy=POLICY, now=NOW)
    assert (token.grant_id, token.client_id, token.scope) == ("g", "c", ("openid", "profile"))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(NOW.timestamp())},
        {"exp": None},
        {"exp": "4000000000"},
        {"aud": "https://api.example"},
        {"aud": [POLICY.issuer]},
        {"iss": POLICY.issuer + "/"},
        {"iss": None},
    ],
)
def test_a_token_that_is_late_or_meant_for_others_is_refused(changes: dict[str, Any]) -> None:
    """S-134, S-172: by its own claims, whatever the grant says."""
    with pytest.raises(InvalidToken):
        check_access_token(CLAIMS | changes, policy=POLICY, now=NOW)


def test_it_is_refused_from_the_second_of_its_end() -> None:
    with pytest.raises(InvalidToken):
        check_access_token(CLAIMS, policy=POLICY, now=NOW + timedelta(seconds=1))


@pytest.mark.parametrize(
    "bound", [Confirmation(jkt="k"), Confirmation(x5t_s256="c"), Confirmation(jkt="k", x5t_s256="c")]
)
def test_what_a_token_is_bound_to_is_read_back_as_it_was_written(bound: Confirmation) -> None:
    """RFC 7800."""
    token = check_access_token(CLAIMS | {"cnf": bound.as_claim()}, policy=POLICY, now=NOW)
    assert token.confirmation == bound
    assert check_access_token(CLAIMS, policy=POLICY, now=NOW).confirmation is None


@pytest.mark.parametrize("claim", [None, {}, "k", [], {"jkt": 1}, {"jwk": {}}, {"jkt": "k", "kid": "x"}])
def test_a_binding_that_we_would_not_write_never_counts_as_none(claim: object) -> None:
    """S-123."""
    with pytest.raises(InvalidToken):
        check_access_token(CLAIMS | {"cnf": claim}, policy=POLICY, now=NOW)


def test_everything_that_a_token_is_bound_to_must_be_held() -> None:
    """S-110, S-123."""
    key, certificate = Confirmation(jkt="k"), Confirmation(x5t_s256="c")
    both = Confirmation(jkt="k", x5t_s256="c")
    assert holds(key, key) and holds(certificate, certificate) and holds(both, both)
    assert holds(both, key) and holds(both, certificate)
    for presented in (None, key, certificate, Confirmation(jkt="k", x5t_s256="x")):
        assert not holds(presented, both)
    for presented in (None, certificate, Confirmation(jkt="x"), Confirmation(jkt="")):
        assert not holds(presented, key)
    with pytest.raises(ValueError):
        Confirmation()
