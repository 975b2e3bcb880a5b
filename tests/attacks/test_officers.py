"""An officer or operator who wants into somebody's access: every command about a citizen, as it is typed."""

import click
import pytest
from sqlalchemy import select

from idp.commands.citizens import citizens
from mfa import tables as mfa_tables
from mfa.verification import Answer
from tests.flows.test_login_levels import high
from tests.flows.test_recovery import letter, show, start
from tests.support.commands import adgang
from tests.support.deployment import PASSWORD, Deployment
from tests.support.journey import USER, add_key, begin

__all__ = ["high"]

CPR, TICKET = "8802701234", "sag 2026-0017"
ACTS = {
    "find": "citizen-looked-up",
    "block": "citizen-blocked",
    "unblock": "citizen-unblocked",
    "end-sessions": "sessions-ended",
    "proof": "citizen-proofed",
}
"""What an officer may do with a citizen who is there, and what the citizen's ledger calls it."""


def factors(deployment: Deployment) -> list[object]:
    """Every row of every table of factors."""
    with deployment.wiring.database.reading.connect() as connection:
        return [
            sorted(map(repr, connection.execute(select(table))))
            for table in mfa_tables.metadata.sorted_tables
        ]


def told(deployment: Deployment) -> list[tuple[str, str, object]]:
    found = deployment.wiring.ledger.of_citizen(deployment.citizens[USER].citizen.citizen_id, limit=1000)
    return [(entry.event, entry.actor, entry.facts.get("reason")) for entry in found]


@pytest.mark.parametrize("act", ACTS)
def test_an_officer_chooses_no_password_sees_no_seed_and_binds_no_key(
    deployment: Deployment, act: str
) -> None:
    """S-314: nothing of a factor changes or is printed, and the ledger has who it was and the ticket; without a ticket
    nothing is done."""
    add_key(deployment)
    if act == "unblock":
        adgang(deployment, "citizens", "block", USER, "--reason", TICKET, "--yes")
    before, rows = factors(deployment), told(deployment)
    yes = () if act == "find" else ("--yes",)
    refused = adgang(deployment, "citizens", act, USER, *yes)
    assert refused.exit_code == 2 and "--reason" in refused.output
    assert told(deployment) == rows
    done = adgang(deployment, "citizens", act, USER, "--reason", TICKET, *yes)
    assert done.exit_code == 0, done.output
    assert factors(deployment) == before
    event, actor, reason = told(deployment)[-1]
    assert (event, reason) == (ACTS[act], TICKET) and actor.startswith("operator:") and len(actor) > 9
    for secret in (PASSWORD, deployment.citizens[USER].totp_secret, "argon2", CPR, "otpauth"):
        assert secret not in done.output
    if act in ("find", "end-sessions", "proof"):
        journey = begin(deployment)
        assert "use-key" in journey.password().ids, "with the password that was theirs before"


def missing_after(deployment: Deployment, officer: str) -> int:
    """How many officers must still proof the citizen when this one has."""
    citizen = deployment.citizens[USER].citizen
    recorded = deployment.wiring.proofing.record(citizen, actor=f"operator:{officer}", reason=TICKET)
    return recorded.missing_officers


def test_at_level_high_one_officers_word_opens_nothing(high: Deployment) -> None:
    """S-314: dual control. The same officer twice is one, and a word that has expired is none."""
    browser, _ = start(high, "password", None)
    page = show(browser, "letter", letter_code=letter(high))
    assert [missing_after(high, "anna"), missing_after(high, "anna")] == [1, 1]
    wait = {"csrf_token": page.form("/cancel").fields["csrf_token"]}
    assert "ways" in browser.post("/recover/wait", wait).ids
    high.clock.forward(high.wiring.recovery_times.proofing)
    assert [missing_after(high, "bo"), missing_after(high, "anna")] == [1, 0]
    browser, _ = start(high, "password", None)
    page = show(browser, "letter", letter_code=letter(high))
    assert "waiting" in browser.submit(page, "/wait").ids
    officers = [actor for event, actor, _ in told(high) if event == "citizen-proofed"]
    assert officers == ["operator:anna", "operator:anna", "operator:bo", "operator:anna"]


def test_the_word_of_two_officers_lets_one_recovery_begin(high: Deployment) -> None:
    """S-314, S-309"""
    assert [missing_after(high, "anna"), missing_after(high, "bo")] == [1, 0]
    browser, _ = start(high, "password", None)
    page = show(browser, "letter", letter_code=letter(high))
    assert "waiting" in browser.submit(page, "/wait").ids
    assert missing_after(high, "bo") == 1


def test_an_officer_is_told_whether_a_second_one_is_needed(high: Deployment) -> None:
    """S-314"""
    settings = high.settings
    offering = {
        "ADGANG_LEVEL_HIGH": "true",
        "ADGANG_WEBAUTHN_AAGUIDS": ",".join(settings.webauthn_aaguids),
        "ADGANG_WEBAUTHN_TRUST_ROOTS": str(settings.webauthn_trust_roots),
    }
    for officer, also, words in (
        ("anna", offering, "a second officer sees the citizen"),
        ("bo", offering, "orders a letter"),
        ("bo", {}, "orders a letter"),
    ):
        asked = ("citizens", "proof", USER, "--reason", TICKET, "--as", officer, "--yes")
        done = adgang(high, *asked, **also)
        assert done.exit_code == 0 and words in done.output, done.output


def test_a_citizen_who_is_there_is_not_added_anew_with_other_factors(deployment: Deployment) -> None:
    """S-314: the one command that prints a password and a seed makes new citizens alone."""
    before = factors(deployment)
    person = (
        "--given-name",
        "Freja",
        "--family-name",
        "Holm",
        "--birthdate",
        "1970-02-28",
        "--reason",
        TICKET,
    )
    for user_id, cpr in ((USER, "8802701299"), ("freja.holm2", CPR)):
        refused = adgang(deployment, "citizens", "add", "--user-id", user_id, "--cpr", cpr, *person)
        assert refused.exit_code != 0
        assert "otpauth" not in refused.output and "assword" not in refused.output
    assert factors(deployment) == before


def test_no_command_takes_a_factor_of_a_citizen() -> None:
    """S-314: whoever adds a command or an option about citizens looks here."""
    assert set(citizens.commands) == {"add", "invite", "close", *ACTS}
    taken = {
        option.name
        for command in citizens.commands.values()
        for option in command.params
        if isinstance(option, click.Option | click.Argument)
    }
    words = ("password", "secret", "seed", "totp", "credential", "key", "factor", "code")
    assert {name for name in taken if name and any(word in name for word in words)} == {"postal_code"}


def test_nothing_is_approved_on_another_device(deployment: Deployment) -> None:
    """S-312: approval by push or app is not built. Each of the four answers holds what was typed or signed here, and no
    address of the site approves, polls for or pushes a sign-in."""
    kinds = {kind.__name__ for kind in Answer.__args__}
    assert kinds == {"PasswordAnswer", "TotpAnswer", "WebauthnAnswer", "RecoveryCodeAnswer"}
    provider = deployment.provider
    addresses = [*provider.machine.paths, *(rule.rule for rule in provider.pages.url_map.iter_rules())]
    assert len(addresses) > 50
    assert [
        each for each in addresses if any(word in each for word in ("approv", "push", "poll", "notify"))
    ] == []
