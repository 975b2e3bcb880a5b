"""The documents say what the code has: every setting, every command, and links that lead somewhere."""

import re

import click

from idp.cli import main
from idp.settings import settings_table
from tests.architecture.repository import ROOT, documents, named

_TEST = re.compile(r"tests/[\w/]+\.py(?:::\w+)?")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _words_of_every_command(group: click.Group, so_far: tuple[str, ...]) -> list[str]:
    found = []
    for name, command in group.commands.items():
        words = (*so_far, name)
        found += (
            _words_of_every_command(command, words) if isinstance(command, click.Group) else [" ".join(words)]
        )
    return found


def test_every_setting_stands_in_the_settings_table() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    for name, default, _, help_line in settings_table():
        row = next((line for line in text.splitlines() if line.startswith(f"| `{name}`")), "")
        assert row, f"{name} is not in docs/settings.md"
        assert default in row, f"docs/settings.md tells another default of {name}"
        assert help_line.replace("|", "\\|") in row, f"docs/settings.md explains {name} otherwise"


def test_the_settings_table_has_no_setting_that_is_gone() -> None:
    known = {row[0] for row in settings_table()}
    told = set(re.findall(r"^\| `(ADGANG_\w+)`", (ROOT / "docs" / "settings.md").read_text(), re.M))
    assert told == known


def test_every_command_stands_in_the_documents() -> None:
    text = " ".join(" ".join(path.read_text() for path in documents()).split())
    missing = [words for words in _words_of_every_command(main, ("adgang",)) if words not in text]
    assert not missing


def test_every_link_leads_to_a_file() -> None:
    broken = []
    for document in documents():
        for target in _LINK.findall(document.read_text()):
            if re.match(r"[a-z]+:", target) or target.startswith("#"):
                continue
            if not (document.parent / target.partition("#")[0]).exists():
                broken.append((named(document), target))
    assert not broken


def test_every_test_that_a_document_names_is_there() -> None:
    missing = []
    for document in documents():
        for name in _TEST.findall(document.read_text()):
            file, _, test = name.partition("::")
            path = ROOT / file
            if not path.exists() or (test and f"def {test}(" not in path.read_text()):
                missing.append((named(document), name))
    assert not missing


def test_nothing_stands_twice_in_the_tables_and_among_the_decisions() -> None:
    """What two branches wrote side by side is one row in the end, and a decision is found by its number."""
    for name in ("specs.md", "glossary.md"):
        rows = re.findall(r"^\| ([^|]+) \|", (ROOT / "docs" / name).read_text(), re.M)
        assert len(rows) > 10 and len(rows) == len(set(rows)), name
    changes = re.findall(r"^- (.{40})", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert changes and len(changes) == len(set(changes))
    decisions = [path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md")]
    assert decisions and len(decisions) == len(set(decisions))
    for path in (ROOT / "docs" / "decisions").glob("*.md"):
        assert path.read_text().startswith(f"# {int(path.name[:4])}. "), path.name
