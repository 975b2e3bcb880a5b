"""What no line of the product may do, read from the code itself."""

import ast
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, named, product_modules

SERVING = [path for path in product_modules() if path.relative_to(ROOT).parts[0] not in ("demo", "bench")]


def calls(path: Path) -> Iterator[tuple[int, str, ast.Call]]:
    """Every call in a file: line, the name that is called (`redis.keys`), and the call."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func), node


def test_a_jwt_is_decoded_in_two_files_alone() -> None:
    """S-172: foreign ones in idp.protocol.jws, our own in keys.own_tokens; a library's decode checks no claim."""
    wrappers = {"idp/protocol/jws.py", "keys/own_tokens.py"}
    decoding = re.compile(r"(^|\.)(jwt|jws|jwe|JsonWebToken|JWT)\.(decode|deserialize\w*|extract\w*|verify)$")
    found = [
        (named(path), line, name)
        for path in SERVING
        for line, name, _ in calls(path)
        if decoding.search(name) and named(path) not in wrappers
    ]
    assert found == []
    importing = {
        named(path)
        for path in SERVING
        if re.search(r"^(from|import) (joserfc\.(jws|jwt|jwe)|authlib\.jose|jwt)\b", path.read_text(), re.M)
    }
    assert importing <= wrappers | {"idp/protocol/encryption.py"}  # which encrypts and opens nothing


def test_no_key_of_redis_is_found_by_a_pattern_and_no_script_is_put_together() -> None:
    """S-320: neither KEYS nor SCAN MATCH; a script is a constant of its module."""
    patterns = {"keys", "scan", "scan_iter", "sscan_iter", "hscan_iter", "zscan_iter"}
    scripts = {"eval", "register_script", "script_load"}
    for path in SERVING:
        if not re.search(r"^(from|import) redis\b", path.read_text(), re.M):
            continue
        constants = {
            target.id
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for line, name, call in calls(path):
            method = name.rpartition(".")[2]
            assert method not in patterns, (named(path), line, name)
            if method in scripts:
                assert isinstance(call.args[0], ast.Name) and call.args[0].id in constants, (
                    named(path),
                    line,
                )


_OF_CONSTANTS = {
    "idp/storage/database.py": "names of pragmas",
}
"""Where what no parameter can bind is put into a statement, from names that stand in the file itself."""


def test_no_statement_is_put_together_from_text() -> None:
    """S-334: values are bound, whatever they are."""
    found = {
        named(path)
        for path in SERVING
        if re.search(r"^(from|import) (sqlalchemy|alembic)\b", path.read_text(), re.M)
        for _, name, call in calls(path)
        if name.rpartition(".")[2] in ("text", "exec_driver_sql", "literal_column", "execute")
        and call.args
        and isinstance(call.args[0], ast.JoinedStr | ast.BinOp)
    }
    assert found == set(_OF_CONSTANTS), found


FLOORS = {
    "authlib": "1.7.2",
    "joserfc": "1.7.4",
    "cryptography": "46.0.5",
    "flask": "3.1.3",
    "PyJWT": "2.13.0",
}


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def test_the_oldest_python_finds_all_it_needs_in_the_lock_files() -> None:
    """Debian 12 has Python 3.11.2, where redis needs a package that later ones do not: `make lock` says how to keep it."""
    for lock in ("requirements.txt", "requirements-test.txt"):
        assert "\nasync-timeout==" in (ROOT / lock).read_text(), lock


@pytest.mark.parametrize("package", FLOORS)
def test_a_library_is_newer_than_its_known_faults(package: str) -> None:
    """S-176: installed and locked; what is not there is no fault."""
    try:
        assert _numbers(version(package)) >= _numbers(FLOORS[package])
    except PackageNotFoundError:
        assert package == "PyJWT"
    for lock in ("requirements.txt", "requirements-test.txt"):
        for locked in re.findall(rf"(?im)^{package}==(\S+)", (ROOT / lock).read_text()):
            assert _numbers(locked) >= _numbers(FLOORS[package])


def test_no_abandoned_jose_library_is_there() -> None:
    """S-176."""
    for lock in ("requirements.txt", "requirements-test.txt"):
        assert not re.search(r"(?im)^python-jose==", (ROOT / lock).read_text())
    with pytest.raises(PackageNotFoundError):
        version("python-jose")
