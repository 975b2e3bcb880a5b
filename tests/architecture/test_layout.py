"""How the code stands: what import contracts in pyproject.toml cannot say."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, known_files, named, product_modules

_LINES_AT_MOST = 300
_LONGER = {
    "idp/settings.py": "one entry for each setting; what is checked about them stands beside it",
}
"""Files that may be longer, each with its reason."""

_MAY_KNOW_STORES = {"tables.py", "in_sql.py", "in_redis.py", "cli.py"}
_ALSO_KNOW_STORES = {
    "idp/wiring/foundation.py": "opens the stores",
    "idp/storage/database.py": "makes the engine",
    "idp/storage/consistency.py": "reads across packages, for `adgang doctor`",
    "idp/storage/redis_client.py": "makes the connection to Redis",
    "idp/storage/statements.py": "compiles the adapters' statements once",
    "idp/sealed_columns.py": "reads and writes every package's sealed columns, for `adgang keys reseal`",
    "idp/commands/frame.py": "tells a database's failure in one line, whichever command met it",
}


def _imported(module: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_a_file_is_short_or_has_a_reason() -> None:
    lengths = {named(path): len(path.read_text().splitlines()) for path in product_modules()}
    too_long = {name: n for name, n in lengths.items() if n > _LINES_AT_MOST and name not in _LONGER}
    assert not too_long
    assert {name for name in _LONGER if lengths.get(name, 0) <= _LINES_AT_MOST} == set(), (
        "these are short now"
    )


def test_only_adapters_know_the_stores() -> None:
    knowing = {
        named(path)
        for path in product_modules()
        if path.name not in _MAY_KNOW_STORES
        and not path.name.endswith(("_in_sql.py", "_in_redis.py"))
        and path.relative_to(ROOT).parts[0] not in ("migrations", "bench")
        and _imported(path) & {"sqlalchemy", "redis"}
    }
    assert knowing <= set(_ALSO_KNOW_STORES)


@pytest.mark.parametrize("package", ["keys", "mfa", "clients_registry"])
def test_the_three_packages_can_be_imported_without_a_web_framework(package: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        assert not _imported(path) & {"flask", "werkzeug", "idp"}, named(path)


def test_importing_idp_imports_nothing() -> None:
    tree = ast.parse((ROOT / "idp" / "__init__.py").read_text())
    assert len(tree.body) == 1
    assert ast.get_docstring(tree)


def test_every_module_says_what_it_owns() -> None:
    silent = [named(p) for p in product_modules() if p.read_text().strip() and not _docstring(p)]
    assert not silent


def _docstring(path: Path) -> str | None:
    return ast.get_docstring(ast.parse(path.read_text()))


def test_no_name_says_nothing() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "impl"}
    assert not [named(p) for p in product_modules() if {p.stem, *p.relative_to(ROOT).parts} & vague]


def test_no_file_names_a_place_where_it_was_made() -> None:
    # Put together here, so that this file does not hold them.
    hosts = ["pypi" + ".org", "files.python" + "hosted.org", "registry.npm" + "js.org"]
    places = ["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/"]
    found = []
    for path in known_files():
        if path.suffix in (".png", ".ico", ".woff2"):
            continue
        text = path.read_text(errors="replace")
        found += [(named(path), word) for word in hosts + places if word in text]
    assert not found


def test_a_process_that_serves_loads_what_it_needs() -> None:
    """What `adgang serve` has imported stays in every worker's memory; letters are drawn by other commands."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, idp.cli, idp.app, idp.serving; print(*sys.modules)"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split()  # fmt: skip
    assert "flask" in loaded
    assert {"fpdf", "fontTools", "PIL", "psycopg"}.isdisjoint(loaded)
