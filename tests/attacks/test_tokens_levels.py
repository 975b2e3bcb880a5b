"""A token never says more of a sign-in than was proven: `acr`, `amr` and `auth_time` over every combination of factors."""

from dataclasses import replace
from datetime import datetime
from itertools import product

import pytest

from idp.grants.authorization_code import issue_code
from idp.protocol.acr import HIGH, SUBSTANTIAL, acr_of, level_of
from idp.records import ProvenFactor
from mfa.factors import categories_of
from tests.support.deployment import Deployment
from tests.support.journey import party
from tests.support.relying_party import claims_of
from tests.support.signed_in import attempt_for, session_of

PHR, PHRH = "phr", "phrh"

KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "password": ("password", ("pwd",)),
    "totp": ("totp", ("otp",)),
    "recovery code": ("recovery_code", ("otp",)),
    "touched key": ("webauthn", ("pop", "hwk")),
    "synced key that was touched": ("webauthn", ("pop", "swk")),
    "passkey": ("webauthn", ("pop", "swk", "user", "mfa")),
    "verifying key": ("webauthn", ("pop", "hwk", "user", "mfa")),
}

#   factors                                         amr in the token                        names that are met
SIGN_INS: list[tuple[tuple[str, ...], tuple[str, ...], set[str]]] = [
    (("password", "totp"),                          ("pwd", "otp", "mfa"),                  set()),
    (("password", "touched key"),                   ("pwd", "pop", "hwk", "mfa"),           {PHR, PHRH}),
    (("password", "synced key that was touched"),   ("pwd", "pop", "swk", "mfa"),           {PHR}),
    (("passkey",),                                  ("pop", "swk", "user", "mfa"),          {PHR}),
    (("verifying key",),                            ("pop", "hwk", "user", "mfa"),          {PHR, PHRH}),
    (("password", "totp", "passkey"),               ("pwd", "otp", "pop", "swk", "user", "mfa"), {PHR}),
]  # fmt: skip
TOO_LITTLE: list[tuple[str, ...]] = [
    ("password",), ("totp",), ("recovery code",), ("touched key",), ("totp", "touched key"), ("totp", "recovery code"),
    ("password", "recovery code"), (),
]  # fmt: skip


def factors_of(
    names: tuple[str, ...], now: datetime, *, raises_level: bool = True
) -> tuple[ProvenFactor, ...]:
    return tuple(
        ProvenFactor(f"f{n}", *KINDS[name], now, raises_level=raises_level) for n, name in enumerate(names)
    )


@pytest.mark.parametrize(("names", "amr", "met"), SIGN_INS)
def test_a_token_says_which_factors_were_proven_and_which_level_that_is(
    deployment: Deployment, names: tuple[str, ...], amr: tuple[str, ...], met: set[str]
) -> None:
    """S-316, S-027: whatever was asked for, in whichever order."""
    service = party(deployment)
    now = deployment.clock()
    session = replace(session_of(deployment), factors=factors_of(names, now), acr=SUBSTANTIAL)
    for asked in (
        "",
        HIGH,
        f"{HIGH} {SUBSTANTIAL}",
        PHR,
        PHRH,
        f"{PHRH} {PHR}",
        f"unheard-of {SUBSTANTIAL}",
        "unheard-of",
    ):
        wanted = [name for name in asked.split() if name in met | {SUBSTANTIAL}]
        request = service.ask(**({"acr_values": asked} if asked else {}))
        code = issue_code(deployment.wiring.services, attempt_for(deployment, request), session)
        answer = service.redeem(code, request.verifier).json()
        claims = claims_of(answer["id_token"])
        assert claims["acr"] == (wanted[0] if wanted else SUBSTANTIAL), asked
        assert tuple(claims["amr"]) == amr
        assert claims["auth_time"] == int(now.timestamp())
        assert claims_of(answer["access_token"])["acr"] == claims["acr"]
        deployment.clock.forward(seconds=7)


@pytest.mark.parametrize("names", TOO_LITTLE)
def test_what_is_no_two_factors_is_not_taken_for_a_sign_in(
    names: tuple[str, ...], deployment: Deployment
) -> None:
    """S-316, S-270: a key that did not verify its user, a recovery code, or two of one kind."""
    assert len(categories_of(factors_of(names, deployment.clock()))) < 2


@pytest.mark.parametrize(("offered", "proofed"), list(product((True, False), repeat=2)))
def test_high_needs_a_device_bound_key_that_verified_a_proofed_citizen_where_it_is_offered(
    deployment: Deployment, offered: bool, proofed: bool
) -> None:
    """S-316, S-285: three conditions, and never by asking."""
    policy, now = replace(deployment.wiring.policy, high_offered=offered), deployment.clock()
    for names, _, _ in SIGN_INS:
        factors = factors_of(names, now)
        expected = HIGH if offered and proofed and names == ("verifying key",) else SUBSTANTIAL
        assert level_of(factors, policy, proofed=proofed) == expected, names
        session = replace(session_of(deployment), factors=factors, acr=expected)
        asked = replace(attempt_for(deployment, party(deployment).ask()).request, acr_values=(HIGH,))
        assert acr_of(asked, session, policy) == expected


def test_a_session_keeps_no_level_that_the_deployment_no_longer_offers(deployment: Deployment) -> None:
    """S-316: the level was reached, then it was taken out of service."""
    session = replace(
        session_of(deployment), factors=factors_of(("verifying key",), deployment.clock()), acr=HIGH
    )
    asked = replace(
        attempt_for(deployment, party(deployment).ask()).request, acr_values=(HIGH,), acr_essential=True
    )
    with pytest.raises(Exception, match="essential acr values"):
        acr_of(asked, session, replace(deployment.wiring.policy, high_offered=False))


def test_a_key_that_was_added_after_a_recovery_raises_nothing(deployment: Deployment) -> None:
    """S-316: for some days it signs in, and is not called phishing-resistant."""
    now, policy = deployment.clock(), replace(deployment.wiring.policy, high_offered=True)
    factors = factors_of(("verifying key",), now, raises_level=False)
    assert level_of(factors, policy, proofed=True) == SUBSTANTIAL
    session = replace(session_of(deployment), factors=factors, acr=SUBSTANTIAL)
    asked = replace(
        attempt_for(deployment, party(deployment).ask()).request, acr_values=(PHR, PHRH, SUBSTANTIAL)
    )
    assert acr_of(asked, session, policy) == SUBSTANTIAL
