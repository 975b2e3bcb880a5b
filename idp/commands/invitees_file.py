"""A list of people to invite: CSV with the columns cpr, name, address and language, in any order.

As spreadsheets write it: UTF-8 with or without a mark, commas or semicolons, addresses with line breaks in quotes. Read
line by line, so that a list of any length takes no more memory than a short one.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from idp.letters.inviting import Invitee, InviteeRefused, parse_invitee

_COLUMNS = ("cpr", "name", "address", "language")


class ListRefused(Exception):
    """The file is no such list."""


@dataclass(frozen=True, slots=True)
class Line:
    """One person of the list, or why there is none."""

    number: int
    """Of the first line, where an address has several."""
    invitee: Invitee | None
    faults: tuple[str, ...] = ()


def count_lines(path: Path) -> int:
    """About how many people, for a progress bar."""
    with path.open("rb") as file:
        return sum(1 for _ in file) - 1


def read_list(path: Path) -> Iterator[Line]:
    """
    Raises:
        ListRefused: the first line does not name the columns.
    """
    # What is not UTF-8 is told by its line, and does not end the reading.
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        header = file.readline()
        delimiter = ";" if header.count(";") > header.count(",") else ","
        columns = [name.strip().strip('"').lower() for name in header.strip().split(delimiter)]
        if sorted(columns) != sorted(_COLUMNS):
            raise ListRefused(f"The first line must name the columns {','.join(_COLUMNS)}.")
        yield from _lines(file, columns, delimiter)


def _lines(file: TextIO, columns: list[str], delimiter: str) -> Iterator[Line]:
    rows = csv.reader(file, delimiter=delimiter, strict=True)
    while True:
        number = rows.line_num + 2
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield Line(number, None, ("The line is not CSV: look at its quotation marks.",))
            continue
        if row:
            yield _line(number, columns, row)


def _line(number: int, columns: list[str], row: list[str]) -> Line:
    if len(row) != len(columns):
        return Line(number, None, (f"The line has {len(row)} columns instead of {len(columns)}.",))
    if any("\udc80" <= sign <= "\udcff" for value in row for sign in value):
        return Line(number, None, ("The line is not UTF-8.",))
    try:
        return Line(number, parse_invitee(**dict(zip(columns, row, strict=True))))
    except InviteeRefused as refusal:
        return Line(number, None, tuple(refusal.faults))
