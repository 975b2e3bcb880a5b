"""`adgang scopes`: what may be done at an API, and which services may do it, from the command line.

Exit codes: 0 done, 1 refused, 2 wrong use, 3 a part is not reachable.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from clients_registry.cli_frame import (
    OpenServices,
    answer_json,
    answer_table,
    as_json,
    asking,
    confirm,
    make_group,
    services_of,
    telling,
)
from clients_registry.listings import scopes_table
from clients_registry.resource import CITIZENS, MACHINES
from clients_registry.scope_grant import scope_grant_shown
from clients_registry.scope_listing import listed_scopes


def make_scopes_group(open_services: OpenServices) -> click.Group:
    """The group `scopes`."""
    commands = (add_scope, grant_scope, revoke_scope, list_scopes)
    return make_group("scopes", "What services may do at the APIs of organisations.", commands, open_services)


@click.command("add")
@click.argument("resource", metavar="IDENTIFIER_OR_ID")
@click.argument("word")
@click.option("--da", required=True, metavar="TEXT", help="What it lets a service do, in Danish.")
@click.option("--en", required=True, metavar="TEXT", help="The same in English.")
@click.option("--nb", required=True, metavar="TEXT", help="The same in Norwegian.")
@click.option(
    "--for",
    "used_by",
    required=True,
    multiple=True,
    type=click.Choice((MACHINES, CITIZENS)),
    help="Services in their own name, or for a citizen who signed in. May be given twice.",
)
@telling
@click.pass_obj
def add_scope(
    open_services: OpenServices,
    *,
    resource: str,
    word: str,
    da: str,
    en: str,
    nb: str,
    used_by: tuple[str, ...],
    actor: str,
    reason: str,
) -> None:
    """Add a scope to an API."""
    given = {"scope": word, "text": {"da": da, "en": en, "nb": nb}, "used_by": list(used_by)}
    with services_of(open_services) as services:
        write = services.scope_registrations.add
        services.transact(lambda tx: write(tx, resource, given, actor=actor, reason=reason))
        click.echo(f"{word} is a scope now. Let a service use it with `adgang scopes grant`.")


@click.command("grant")
@click.argument("word")
@click.argument("client_id")
@click.option("--purpose", required=True, metavar="TEXT", help="What for, and on which ground.")
@click.option(
    "--until",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The last day (in UTC) on which it may be used, as 2027-06-30.",
)
@telling
@as_json
@click.pass_obj
def grant_scope(
    open_services: OpenServices,
    *,
    word: str,
    client_id: str,
    purpose: str,
    until: datetime,
    actor: str,
    reason: str,
    json_wanted: bool,
) -> None:
    """Let a service use a scope; what it was granted of it before is replaced."""
    ends_at = until.replace(tzinfo=UTC) + timedelta(days=1)
    with services_of(open_services) as services:
        write = services.scope_registrations.grant
        granted = services.transact(
            lambda tx: write(
                tx, word, client_id, purpose=purpose, ends_at=ends_at, actor=actor, reason=reason
            )
        )
        if json_wanted:
            answer_json({"scope": word, **scope_grant_shown(granted)})
        else:
            click.echo(f"{word} may be used by {client_id} until the end of {until:%Y-%m-%d}.")


@click.command("revoke")
@click.argument("word")
@click.argument("client_id")
@asking
@telling
@click.pass_obj
def revoke_scope(
    open_services: OpenServices, *, word: str, client_id: str, yes: bool, actor: str, reason: str
) -> None:
    """Take a scope from a service; it gets no more tokens for it."""
    with services_of(open_services) as services:
        confirm(f"Revoke {word} from {client_id}? It gets no more tokens for it.", yes=yes)
        write = services.scope_registrations.revoke
        services.transact(lambda tx: write(tx, word, client_id, actor=actor, reason=reason))
        click.echo(f"{word} is revoked from {client_id}.")


@click.command("list")
@click.option("--resource", metavar="IDENTIFIER_OR_ID", help="Of one API only.")
@click.option("--client", "client_id", metavar="CLIENT_ID", help="Granted to one service only.")
@as_json
@click.pass_obj
def list_scopes(
    open_services: OpenServices, *, resource: str | None, client_id: str | None, json_wanted: bool
) -> None:
    """Show the scopes and who may use each, for what and until when."""
    with services_of(open_services) as services:
        found: list[Any] = listed_scopes(services.registry, resource=resource, client_id=client_id)
    if json_wanted:
        answer_json([entry.as_json() for entry in found])
    elif not found:
        click.echo("There are no such scopes. Add one with `adgang scopes add`.")
    else:
        answer_table(scopes_table(found))
