"""The documents that are made from the code: `make docs` writes them, a test compares them.

docs/settings.md        every setting
docs/commands.md        every command, with its own words
docs/security-tests.md  which tests carry which id of the security catalogue
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import click

from idp.cli import main
from idp.settings import settings_table
from tests.architecture.repository import ROOT, known_files

_ID = re.compile(r"S-\d{3}")


def settings_document() -> str:
    lines = [
        "# Settings",
        "",
        "Every setting is a variable of the environment. The provider reads them once, at start, and says every fault",
        "at once. `adgang settings` shows this table with the values that are in force.",
        "",
        "| variable | default | bounds | for |",
        "|---|---|---|---|",
    ]
    for name, default, bounds, words in settings_table():
        cells = [f"`{name}`", default and f"`{default}`", bounds, words.replace("|", "\\|")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def commands_document() -> str:
    lines = [
        "# Commands",
        "",
        "Exit codes of every command: 0 done, 1 refused, 2 wrong use, 3 a part is not reachable. Errors are one line:",
        "the cause, then what mends it. Listings take `--json`; times are in UTC there.",
        "",
    ]
    for words, command in _commands(main, ("adgang",)):
        lines += [f"## {' '.join(words)}", "", (command.help or "").split("\n\n")[0].replace("\n", " "), ""]
        rows = [_parameter(parameter) for parameter in command.params]
        if rows:
            lines += ["| argument | for |", "|---|---|", *rows, ""]
    return "\n".join(lines).rstrip() + "\n"


def _commands(group: click.Group, so_far: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, (*so_far, name))
        else:
            yield (*so_far, name), command


def _parameter(parameter: click.Parameter) -> str:
    words = parameter.help or "" if isinstance(parameter, click.Option) else ""
    names = (
        ", ".join(parameter.opts)
        if isinstance(parameter, click.Option)
        else str(parameter.human_readable_name)
    )
    required = " Required." if parameter.required else ""
    return f"| `{names}` | {words}{required} |"


def security_document() -> str:
    tests = _tests_by_id()
    lines = [
        "# Security tests",
        "",
        "The provider is held against a catalogue of attacks and faults. A test that holds a line of it carries the",
        f"line's id in its docstring. {len(tests)} lines have tests:",
        "",
        "| line | tests |",
        "|---|---|",
    ]
    for identifier, found in sorted(tests.items()):
        lines.append(f"| {identifier} | " + "<br>".join(f"`{name}`" for name in sorted(found)) + " |")
    return "\n".join(lines) + "\n"


def _tests_by_id() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for path in known_files():
        parts = path.relative_to(ROOT).parts
        if parts[0] != "tests" or not path.name.startswith("test_") or path.suffix != ".py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for identifier in _ID.findall(ast.get_docstring(node) or ""):
                    found[identifier].add(f"{'/'.join(parts[1:])}: {node.name}")
    return found


DOCUMENTS = {
    "settings.md": settings_document,
    "commands.md": commands_document,
    "security-tests.md": security_document,
}


def write_all() -> None:
    for name, make in DOCUMENTS.items():
        (ROOT / "docs" / name).write_text(make())


if __name__ == "__main__":
    write_all()
    for name in DOCUMENTS:
        print(Path("docs") / name)
