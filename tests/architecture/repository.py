"""What the architecture tests read: the files that git knows, and the packages of the product."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("idp", "keys", "mfa", "clients_registry", "migrations", "demo", "bench")


@cache
def known_files() -> tuple[Path, ...]:
    """Every file of the project, committed or about to be; without git, every file outside hidden folders."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode == 0:
        names = [name for name in listed.stdout.split("\0") if name]
        return tuple(ROOT / name for name in names if (ROOT / name).is_file())
    return tuple(
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    )


def product_modules() -> list[Path]:
    """The Python files of the product."""
    return [p for p in known_files() if p.suffix == ".py" and p.relative_to(ROOT).parts[0] in PRODUCT]


def documents() -> list[Path]:
    """Every Markdown file."""
    return [path for path in known_files() if path.suffix == ".md"]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
