"""`adgang logouts`: services that have not confirmed yet that a citizen's session has ended."""

import click
from rich.table import Table

from idp.commands.frame import answer_json, answer_table, as_json, deployment


@click.group("logouts")
def logouts() -> None:
    """Messages to services that a session has ended (back-channel logout)."""


@logouts.command("waiting")
@as_json
def waiting(*, json_wanted: bool) -> None:
    """What waits, by service. Each is tried for 24 hours; what it was given is revoked already."""
    with deployment() as wiring:
        rows = [
            {
                "client_id": found.client_id,
                "service": registered.client.client_name if registered else "",
                "waiting": found.count,
                "oldest": found.oldest.isoformat().replace("+00:00", "Z"),
                "last_fault": found.last_fault,
            }
            for found in wiring.logout_notices.waiting()
            for registered in (wiring.registry.find_client(found.client_id),)
        ]
    if json_wanted:
        answer_json(rows)
    elif rows:
        answer_table(_table(rows))
    else:
        click.echo("Nothing waits.")


def _table(rows: list[dict[str, object]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("Client", "Service", "Waiting", "Oldest", "Last fault"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(str, row.values()))
    return table
