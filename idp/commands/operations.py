"""`adgang serve | migrate | sweep | doctor | settings | secrets`."""

from pathlib import Path

import click
from rich.table import Table

from idp.commands.frame import (
    Refused,
    answer_json,
    answer_table,
    as_json,
    deployment,
    failures_told,
    read_settings,
)
from idp.doctor import examine
from idp.secrets_directory import create_secrets
from idp.settings import settings_table
from migrations import upgrade


@click.command("serve")
def serve() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    from idp.serving import serve as serve_now

    settings = read_settings()
    with failures_told():
        serve_now(settings)


@click.command("migrate")
def migrate() -> None:
    """Bring the database's tables up to date, and make the first signing keys."""
    with deployment(with_tables=False) as wiring:
        if wiring.settings.sqlite_file is not None:
            wiring.settings.sqlite_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        applied = upgrade(wiring.database.writing)
        made = wiring.ensure_keys()
    click.echo(f"{len(applied)} migrations applied." if applied else "The tables are up to date.")
    if made:
        click.echo(f"{len(made)} signing keys made: one active and one successor for each algorithm.")


@click.command("sweep")
@as_json
def sweep(*, json_wanted: bool) -> None:
    """Remove rows that can no longer matter. Run it daily; it may be stopped at any time."""
    with deployment() as wiring:
        removed = wiring.sweep()
    if json_wanted:
        answer_json(removed)
    else:
        click.echo(", ".join(f"{count} {name}" for name, count in removed.items()) + " removed.")


@click.command("doctor")
@as_json
def doctor(*, json_wanted: bool) -> None:
    """Check settings, secrets, stores, migrations, keys, clock and consistency."""
    with deployment(with_tables=False) as wiring:
        findings = examine(wiring)
    if json_wanted:
        answer_json([{"part": f.part, "ok": f.ok, "finding": f.text} for f in findings])
    else:
        table = Table("", "Part", "Finding", box=None)
        for finding in findings:
            table.add_row("ok" if finding.ok else "MEND", finding.part, finding.text)
        answer_table(table)
    if not all(finding.ok for finding in findings):
        raise Refused("Not everything is well; the lines marked MEND say what to do.")


@click.command("settings")
@as_json
def settings(*, json_wanted: bool) -> None:
    """Show every setting, its value, its bounds and what it is for."""
    rows = settings_table(read_settings())
    if json_wanted:
        answer_json([{"name": n, "value": v, "bounds": b, "help": h} for n, v, b, h in rows])
        return
    table = Table("Setting", "Value", "Bounds", "For", box=None)
    for row in rows:
        table.add_row(*row)
    answer_table(table)


@click.group("secrets")
def secrets() -> None:
    """The deployment's secret files."""


@secrets.command("create")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def create(directory: Path) -> None:
    """Make the secret files that DIRECTORY lacks; never touches one that exists."""
    made = create_secrets(directory)
    if made:
        click.echo(f"Made {', '.join(made)}. Back the directory up, apart from the database's backups.")
    else:
        click.echo("Every secret file is there already.")
