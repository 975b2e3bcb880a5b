"""`adgang citizens invite`: one person, or thousands from a list. Each gets a letter with a code."""

import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from idp.commands.frame import Refused, answer_json, as_json, deployment, telling
from idp.commands.invitees_file import Line, ListRefused, count_lines, read_list
from idp.letters.inviting import Invitee, InviteeRefused, Outcome, parse_invitee
from idp.letters.letter import LetterKind
from idp.letters.printing import PrintingRefused
from idp.wiring import Wiring

_BATCH = 100
"""People in one transaction: SQLite has one writer, and sign-ins wait for it."""

_FAULTY = "faulty"


@click.command("invite")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--cpr", help="Instead of FILE: one person's CPR number.")
@click.option("--name", help="“Given Family”, or “Family, Given” where the family name has several words.")
@click.option("--address", help="Such as “Havnegade 1, 9990 Nordhavn”; abroad with “, NO” after it.")
@click.option("--language", default="da", type=click.Choice(["da", "en", "nb"]), show_default=True)
@click.option(
    "--out",
    default="letters",
    type=click.Path(file_okay=False, path_type=Path),
    show_default=True,
    help="Directory for the print files. They hold codes: print them and remove them.",
)
@click.option("--again", is_flag=True, help="A new letter also for those invited more than a day ago.")
@telling
@as_json
def invite(
    *,
    file: Path | None,
    cpr: str | None,
    name: str | None,
    address: str | None,
    language: str,
    out: Path,
    again: bool,
    actor: str,
    reason: str,
    json_wanted: bool,
) -> None:
    """Invite people: each gets an activation letter as PDF.

    FILE is CSV with the columns cpr,name,address,language. Run it again after an interruption: nobody gets two
    letters. Lines that cannot be used are told, and do not stop the others.
    """
    lines = _list_of(file, cpr, name, address, language)
    with deployment() as wiring:
        counts = _invite_all(wiring, lines, count_lines(file) if file else 1, again, actor, reason)
        files = _print_all(wiring, out)
    if json_wanted:
        answer_json({**{word: counts[word] for word in (*Outcome, _FAULTY)}, "files": files})
    else:
        click.echo(_summary(counts, files, out))
    if counts[_FAULTY]:
        raise Refused(f"{counts[_FAULTY]} lines could not be used. Mend them, and run the same file again.")


def _list_of(
    file: Path | None, cpr: str | None, name: str | None, address: str | None, language: str
) -> Iterator[Line]:
    if file is not None:
        if cpr or name or address:
            raise click.UsageError("Name a FILE, or one person with --cpr, --name and --address; not both.")
        return read_list(file)
    if not (cpr and name and address):
        raise click.UsageError("Name a FILE, or one person with --cpr, --name and --address.")
    try:
        return iter([Line(1, parse_invitee(cpr=cpr, name=name, address=address, language=language))])
    except InviteeRefused as refusal:
        raise Refused("\n".join(refusal.faults)) from None


def _invite_all(
    wiring: Wiring, lines: Iterator[Line], total: int, again: bool, actor: str, reason: str
) -> "Counter[str]":
    counts: Counter[str] = Counter()
    inviting = wiring.inviting
    with _progress() as progress:
        bar = progress.add_task("Inviting", total=total)
        try:
            while batch := list(islice(lines, _BATCH)):
                counts[_FAULTY] += _tell_faults(batch)
                invitees: list[Invitee] = [line.invitee for line in batch if line.invitee]
                counts.update(inviting.invite(invitees, again=again, actor=actor, reason=reason))
                progress.update(bar, advance=len(batch))
        except ListRefused as refusal:
            raise Refused(str(refusal)) from None
    return counts


def _tell_faults(batch: list[Line]) -> int:
    faulty = [line for line in batch if line.faults]
    for line in faulty:
        click.echo(f"line {line.number}: {' '.join(line.faults)}", err=True)
    return len(faulty)


def _print_all(wiring: Wiring, out: Path) -> list[str]:
    return [str(printed) for printed in print_waiting(wiring, out, LetterKind.ACTIVATION)]


def print_waiting(wiring: Wiring, out: Path, kind: LetterKind | None) -> list[Path]:
    """Print what waits, with a progress bar; the files."""
    printing = wiring.printing
    files = []
    with _progress() as progress:
        bar = progress.add_task("Printing", total=printing.waiting(kind))
        try:
            for printed in printing.run(out, kind):
                files.append(printed.path)
                progress.update(bar, advance=printed.letters)
        except PrintingRefused as refusal:
            raise Refused(str(refusal)) from None
    return files


def print_messages(wiring: Wiring, out: Path) -> list[Path]:
    """Print the messages that go by letter; the files."""
    try:
        return [printed.path for printed in wiring.posted_messages.run(out)]
    except PrintingRefused as refusal:
        raise Refused(str(refusal)) from None


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )


def _summary(counts: "Counter[str]", files: list[str], out: Path) -> str:
    said = [f"{counts[Outcome.INVITED]} invited"]
    said += [f"{counts[Outcome.RENEWED]} invited again"] if counts[Outcome.RENEWED] else []
    said += [f"{counts[Outcome.INVITED_BEFORE]} invited before"] if counts[Outcome.INVITED_BEFORE] else []
    said += [f"{counts[Outcome.CITIZEN]} have an access already"] if counts[Outcome.CITIZEN] else []
    done = ", ".join(said) + "."
    if not files:
        return f"{done} No letter waits to be printed."
    return f"{done} {len(files)} print files in {out}: print them, post the letters, and remove the files."
