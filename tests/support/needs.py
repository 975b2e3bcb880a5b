"""What a test needs of its machine. Missing here, it is skipped loudly; missing in CI, it fails.

CI sets `ADGANG_CI_REQUIRE_ALL=1` after installing everything, so that no skip hides there.
"""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import pytest

Found = TypeVar("Found")

PREFIX = "NOT TESTED HERE, needs "


def needs(found: Found | None, what: str) -> Found:
    """What was found; where nothing was, skip, or fail if everything is required. `what` names it for a person."""
    if found:
        return found
    if os.environ.get("ADGANG_CI_REQUIRE_ALL") == "1":
        pytest.fail(f"this run requires everything, and there is no {what}", pytrace=False)
    pytest.skip(PREFIX + what)


def find_program(name: str, *, also: Iterable[str] = ()) -> Path | None:
    """A program on the PATH, or the newest of those that the patterns in `also` find (`/usr/lib/…/*/bin/NAME`)."""
    if on_path := shutil.which(name):
        return Path(on_path)
    found = [path for pattern in also for path in Path("/").glob(pattern.lstrip("/"))]
    return max(
        found, default=None, key=lambda path: [int(part) if part.isdigit() else 0 for part in path.parts]
    )
