"""A test that cannot run here says so, and fails where everything is required: there is one way to skip."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, known_files, named

_ONLY_HERE = {"tests/support/needs.py", "tests/storage/test_harness.py", "tests/architecture/test_skips.py"}
_SKIPPING = {"skip", "skipif", "importorskip", "xfail", "SkipTest", "skipUnless", "skipIf"}


def test_nothing_skips_but_through_needs() -> None:
    found = [
        (named(path), node.lineno)
        for path in known_files()
        if path.suffix == ".py" and path.is_relative_to(ROOT / "tests") and named(path) not in _ONLY_HERE
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in _SKIPPING)
        or (isinstance(node, ast.Name) and node.id in _SKIPPING)
    ]
    assert found == []


_TEST = """
from tests.support.needs import needs

def test_it():
    needs(None, "a unicorn")
"""


@pytest.mark.parametrize(("required", "code", "told"), [("1", 1, "1 failed"), ("", 0, "1 skipped")])
def test_what_is_missing_is_a_failure_where_everything_is_required(
    tmp_path: Path, required: str, code: int, told: str
) -> None:
    """As `.ci/run` sets it."""
    (tmp_path / "test_it.py").write_text(_TEST)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "ADGANG_CI_REQUIRE_ALL": required}
    words = ["-p", "no:cacheprovider", "-q", "-c", os.devnull, "--rootdir", str(tmp_path), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=60,
    )
    assert done.returncode == code and told in done.stdout, done.stdout
    assert "a unicorn" in done.stdout or not required


def test_ci_requires_everything() -> None:
    assert "export ADGANG_CI_REQUIRE_ALL=1" in (ROOT / ".ci" / "run").read_text()
