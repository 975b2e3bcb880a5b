"""`adgang letters`: the print queue."""

from pathlib import Path

import click

from idp.commands.frame import answer_json, as_json, deployment
from idp.commands.invitations import print_messages, print_waiting
from idp.letters.letter import LetterKind

_MESSAGE = "message"


@click.group("letters")
def letters() -> None:
    """Letters that wait to be printed: with codes, and messages for whom no e-mail reaches."""


@letters.command("print")
@click.option(
    "--out",
    default="letters",
    type=click.Path(file_okay=False, path_type=Path),
    show_default=True,
    help="Directory for the print files. They hold codes: print them and remove them.",
)
@click.option("--kind", type=click.Choice([*LetterKind, _MESSAGE]), help="Of one kind only.")
@as_json
def print_letters(*, out: Path, kind: str | None, json_wanted: bool) -> None:
    """Print what waits into files of 500 letters. Run it daily; it may be broken off at any time.

    Messages are for citizens whom no e-mail reaches: what has happened to their access.
    """
    files: list[Path] = []
    with deployment() as wiring:
        if kind != _MESSAGE:
            files += print_waiting(wiring, out, LetterKind(kind) if kind else None)
        if kind in (None, _MESSAGE):
            files += print_messages(wiring, out)
    if json_wanted:
        answer_json({"files": [str(file) for file in files]})
    elif files:
        click.echo(f"{len(files)} print files in {out}: print them, post the letters, and remove the files.")
    else:
        click.echo("No letter waits to be printed.")
