"""The newest state of the keys, remembered outside the database, so that an old backup is noticed (S-381).

In a file beside the key-encryption key, and in Redis (in_redis.py); the newest of all of them counts. Holds kids and
states, nothing secret.
"""

import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from keys.errors import KeysUnavailable
from keys.key import Mark
from keys.ports import HighWater


class FileHighWater:
    """Implements `keys.ports.HighWater` with one file. It is replaced whole, never written into."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Mark | None:
        try:
            return parse_mark(self._path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise KeysUnavailable(f"The file {self._path.name} cannot be read.") from fault

    def raise_to(self, mark: Mark) -> None:
        try:
            with self._path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                present = self.read()
                if present is None or present.version < mark.version:
                    self._replace(encode_mark(mark))
        except OSError as fault:
            raise KeysUnavailable(f"The file {self._path.name} cannot be written.") from fault

    def _replace(self, content: bytes) -> None:
        """POSIX rename: a reader, or a crash, sees the old file or the new one."""
        new = self._path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)


class OpenedWhenAsked:
    """A high-water mark whose place is opened at its first use: a command that only looks opens nothing."""

    def __init__(self, open_mark: Callable[[], HighWater]) -> None:
        self._open = open_mark

    def read(self) -> Mark | None:
        return self._open().read()

    def raise_to(self, mark: Mark) -> None:
        self._open().raise_to(mark)


class HighestOf:
    """Several high-water marks: the newest counts, and each is raised. One that is away is passed over."""

    def __init__(self, marks: Sequence[HighWater]) -> None:
        self._marks = marks

    def read(self) -> Mark | None:
        found: list[Mark] = []
        answered = 0
        for each in self._marks:
            try:
                mark = each.read()
            except KeysUnavailable:
                continue
            answered += 1
            if mark is not None:
                found.append(mark)
        if not answered:
            raise KeysUnavailable("No high-water mark of the keys can be read.")
        return max(found, key=lambda mark: mark.version, default=None)

    def raise_to(self, mark: Mark) -> None:
        kept = 0
        for each in self._marks:
            try:
                each.raise_to(mark)
                kept += 1
            except KeysUnavailable:
                continue
        if not kept:
            raise KeysUnavailable("No high-water mark of the keys can be written.")


def encode_mark(mark: Mark) -> bytes:
    return msgspec.json.encode(mark)


def parse_mark(text: bytes) -> Mark:
    """A mark that does not parse is a fault to look into, not an absent mark."""
    try:
        return msgspec.json.decode(text, type=Mark)
    except msgspec.MsgspecError as fault:
        raise KeysUnavailable("The high-water mark of the keys is damaged.") from fault
