"""`adgang keys reseal`: everything under the present key-encryption key, so that the previous one can go."""

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from keys.cli_frame import OpenServices, Options, Refused, answer_json, changing, confirm, services_of
from keys.ports import SealedElsewhere
from keys.reseal import Resealed, reseal, reseal_elsewhere
from keys.services import KeysServices

_NAMED = 10
"""So many rows that do not open are named; the rest are counted."""


@click.command("reseal")
@changing
def reseal_keys(open_services: OpenServices, options: Options) -> None:
    """Seal every secret under the present key-encryption key, so that the previous one can go.

    Signing keys, CPR numbers, authenticator seeds and all else that is sealed. It may be killed at any time and run
    again; the provider goes on serving.
    """
    with services_of(open_services) as services:
        keys = services.keys.load_all().keys
        waiting = {secrets.name: secrets.waiting() for secrets in services.sealed_elsewhere}
        old = sum(not services.sealer.is_current(key.sealed) for key in keys)
        parts = ", ".join(f"{count} {name}" for name, count in {"signing keys": old, **waiting}.items())
        present = services.sealer.key_id
        confirm(f"Seal anew under the present key-encryption key ({present}): {parts}?", options)
        if options.dry_run:
            return
        done = reseal(services, options.order)
        others = _others(services, options)
        if options.json_wanted:
            told = [{"what": o.name, "resealed": o.done, "do_not_open": o.closed} for o in others]
            kids = [key.kid for key in done]
            answer_json({"resealed": kids, "key_encryption_key": present, "others": told})
        else:
            click.echo(f"{len(done)} signing keys were sealed anew, under {present}.")
            for other in others:
                click.echo(f"{other.done} {other.name} were sealed anew.")
        _refuse_if_closed(others)


def _others(services: KeysServices, options: Options) -> list[Resealed]:
    """With a bar for whoever looks at a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal or options.json_wanted) as bars:
        return [_one(services, secrets, options, bars) for secrets in services.sealed_elsewhere]


def _one(services: KeysServices, secrets: SealedElsewhere, options: Options, bars: Progress) -> Resealed:
    task = bars.add_task(secrets.name, total=None)

    def told(found: Resealed) -> None:
        bars.update(task, total=found.waiting, completed=found.done + len(found.closed))

    return reseal_elsewhere(services, secrets, options.order, told)


def _refuse_if_closed(others: list[Resealed]) -> None:
    lines = []
    for other in others:
        if other.closed:
            named = ", ".join(other.closed[:_NAMED])
            more = f" and {len(other.closed) - _NAMED} more" if len(other.closed) > _NAMED else ""
            lines.append(f"{len(other.closed)} {other.name} do not open: {named}{more}.")
    if lines:
        remedy = "Keep the previous key-encryption key, and restore these rows from a backup that it opens."
        raise Refused(" ".join([*lines, remedy]))
