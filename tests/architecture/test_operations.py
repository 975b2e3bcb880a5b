"""The operators' pages: one for every command of keys and every alarm, and alarms about metrics that exist."""

import re
from pathlib import Path

import yaml

from idp import metrics
from idp.cli import main
from idp.web import FailureKind
from tests.architecture.repository import ROOT

OPERATIONS = ROOT / "docs" / "operations"


def _rules() -> list[dict[str, str]]:
    groups = yaml.safe_load((OPERATIONS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _pages(folder: str) -> set[str]:
    return {page.stem for page in (OPERATIONS / folder).glob("*.md")}


def test_every_command_of_keys_has_a_page() -> None:
    group = main.commands["keys"]
    assert _pages("keys") == set(group.commands)  # type: ignore[attr-defined]  # it is a group


def test_every_alarm_has_a_page_and_every_page_an_alarm() -> None:
    assert _pages("alarms") == {rule["alert"] for rule in _rules()}


def test_an_alarm_is_about_a_metric_that_exists() -> None:
    declared = set(
        re.findall(
            r'"((?:signing_)?keys?_[a-z_]+|signing_keys)"', (ROOT / "idp" / "key_metrics.py").read_text()
        )
    )
    for module in (ROOT / "idp").glob("*.py"):
        declared |= set(re.findall(r'"adgang_([a-z_]+)"', module.read_text()))
    declared |= set(metrics.DECLARED)
    for rule in _rules():
        for name in re.findall(r"adgang_([a-z_]+)", str(rule["expr"])):
            assert name.removesuffix("_total") in declared, (rule["alert"], name)


def test_a_failure_that_nobody_foresaw_is_an_alarm_wherever_it_comes_from() -> None:
    """S-356: machine endpoints count `failures`, pages `page_failed` by kind."""
    (rule,) = (rule for rule in _rules() if rule["alert"] == "AdgangUnforeseenFailure")
    for series in (
        "adgang_failures_total",
        f'adgang_page_failed_total{{kind="{FailureKind.UNEXPECTED.value}"}}',
    ):
        assert (
            f"increase({series}[10m]) > 0" in rule["expr"] and f"unless {series} offset 10m" in rule["expr"]
        )
    assert metrics.DECLARED["page_failed"][1] == ("kind",)


def test_what_is_counted_is_declared() -> None:
    """Else it is counted as unknown, and no alarm could be about it."""
    counted = {
        name
        for package in ("idp", "keys", "mfa", "clients_registry")
        for module in (ROOT / package).rglob("*.py")
        for name in re.findall(r'\bcount\(\s*"([a-z_]+)"', module.read_text())
    }
    assert len(counted) > 10 and counted <= set(metrics.DECLARED), counted - set(metrics.DECLARED)


def test_every_page_is_short() -> None:
    assert all(len(Path(page).read_text().splitlines()) <= 40 for page in OPERATIONS.rglob("*/*.md"))
