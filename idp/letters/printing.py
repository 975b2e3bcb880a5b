"""The print queue: files of up to 500 letters each, made on every processor, and marked only when they are on disk.

    queued ──file written, synced and named──▶ marked printed, code erased

Broken off in between, the same letters are printed again with the same codes into the same file name: no letter is
lost, and nobody gets two codes. One printing at a time in each directory.
"""

import fcntl
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from idp.clock import Clock
from idp.letters.letter import LetterKind, LetterToPrint
from idp.letters.letters import Letters
from idp.letters.words import LetterTexts, Sender
from idp.storage.ports import Transact

LETTERS_IN_A_FILE = 500
_MOST_PROCESSES = 8


class PrintingRefused(Exception):
    """Nothing can be printed there; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Printed:
    """One file, done."""

    path: Path
    letters: int


@dataclass(frozen=True, slots=True)
class Printing:
    """Prints what waits."""

    transact: Transact
    letters: Letters
    sender: Sender
    clock: Clock

    def waiting(self, kind: LetterKind | None = None) -> int:
        """How many letters wait."""
        return self.letters.count_to_print(self.clock(), kind)

    def run(self, directory: Path, kind: LetterKind | None = None) -> Iterator[Printed]:
        """Print all that waits into `directory`, file by file; each is told when it is safe.

        Raises:
            PrintingRefused
        """
        with locked(directory), _workers(self.waiting(kind)) as submit:
            under_way: deque[tuple[list[LetterToPrint], Future[Path]]] = deque()
            after = 0
            while batch := self.letters.to_print(self.clock(), LETTERS_IN_A_FILE, kind, after=after):
                after = batch[-1].letter.number
                under_way.append((batch, submit(print_letters, batch, self.sender, directory)))
                if len(under_way) >= _processes() + 1:
                    yield self._done(*under_way.popleft())
            while under_way:
                yield self._done(*under_way.popleft())

    def _done(self, batch: list[LetterToPrint], future: "Future[Path]") -> Printed:
        path = future.result()
        self.transact(lambda tx: self.letters.printed(tx, batch, self.clock()))
        return Printed(path, len(batch))


_texts: dict[Sender, LetterTexts] = {}


def print_letters(batch: list[LetterToPrint], sender: Sender, directory: Path) -> Path:
    """One file, whole or not at all. Runs in a process of its own."""
    from idp.letters.pdf import PrintFile  # fonts and drawing: 20 MiB that no process that serves loads

    texts = _texts.setdefault(sender, LetterTexts(sender)) if sender not in _texts else _texts[sender]
    file = PrintFile()
    for each in batch:
        text = texts.write(
            each.letter.kind,
            code=each.code,
            expires_at=each.letter.expires_at,
            language=each.addressee.language,
            now=each.letter.issued_at,
        )
        file.add(each.addressee, text)
    path = directory / f"letters-{batch[0].letter.number:08d}.pdf"
    write_whole(path, file.finish())
    return path


def write_whole(path: Path, content: bytes) -> None:
    """A print file, whole or not at all, for its owner's eyes only."""
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _processes() -> int:
    return min(os.cpu_count() or 1, _MOST_PROCESSES)


@contextmanager
def _workers(letters: int) -> "Iterator[Callable[..., Future[Path]]]":
    """Processes where there is more than one file to make; they are started afresh, and share nothing with us."""
    if letters <= LETTERS_IN_A_FILE:
        yield _Here().submit
        return
    with ProcessPoolExecutor(_processes(), mp_context=get_context("spawn")) as pool:
        yield pool.submit


class _Here(Executor):
    """Does it at once, in this process."""

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]  # as Executor has it
        future: Future[Path] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """One printing at a time in a directory. Raises: PrintingRefused."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(directory / ".printing", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        raise PrintingRefused("The directory cannot be written to. Name another one with --out.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise PrintingRefused("Another command prints into this directory. Wait until it is done.") from None
    finally:
        os.close(lock)
