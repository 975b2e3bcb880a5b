"""`adgang details`: kinds of authorization details (RFC 9396) of the APIs, from the command line.

Exit codes: 0 done, 1 refused, 2 wrong use, 3 a part is not reachable.
"""

from typing import IO, Any

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
from clients_registry.detail_type import RegisteredDetailType
from clients_registry.documents import moment
from clients_registry.listings import details_table
from clients_registry.strict_json import MAX_BYTES, parse_object


def make_details_group(open_services: OpenServices) -> click.Group:
    """The group `details`."""
    commands = (add_details, list_details, disable_details)
    return make_group(
        "details",
        "Kinds of authorization details that services may ask citizens to agree to (RFC 9396).",
        commands,
        open_services,
    )


@click.command("add")
@click.argument("file", type=click.File("rb"))
@telling
@as_json
@click.pass_obj
def add_details(
    open_services: OpenServices, *, file: IO[bytes], actor: str, reason: str, json_wanted: bool
) -> None:
    """Declare a kind from FILE: JSON with type, resource, text and schema; - reads stdin.

    text is a sentence in da, en and nb with {member} for each member of the schema: what the citizen is asked.
    """
    with services_of(open_services) as services:
        given = parse_object(file.read(MAX_BYTES + 1))
        write = services.detail_registrations.add
        made = services.transact(lambda tx: write(tx, given, actor=actor, reason=reason))
        if json_wanted:
            answer_json(made.as_json())
        else:
            click.echo(
                f"{made.type} can be asked for. Let a service do so by authorization_details_types in its metadata."
            )


@click.command("list")
@as_json
@click.pass_obj
def list_details(open_services: OpenServices, *, json_wanted: bool) -> None:
    """Show every kind and whose it is."""
    with services_of(open_services) as services:
        found = services.registry.detail_types()
    if json_wanted:
        answer_json([_shown(entry) for entry in found])
    elif not found:
        click.echo("There are no kinds of details. Declare the first with `adgang details add FILE.json`.")
    else:
        answer_table(details_table(found))


@click.command("disable")
@click.argument("name", metavar="TYPE")
@asking
@telling
@click.pass_obj
def disable_details(open_services: OpenServices, *, name: str, yes: bool, actor: str, reason: str) -> None:
    """Withdraw a kind: nobody asks for it, and no new token says it, from now on."""
    with services_of(open_services) as services:
        confirm(f"Disable {name}? Services that rely on it get no new tokens.", yes=yes)
        write = services.detail_registrations.disable
        services.transact(lambda tx: write(tx, name, actor=actor, reason=reason))
        click.echo(f"{name} is disabled.")


def _shown(entry: RegisteredDetailType) -> dict[str, Any]:
    made = entry.detail_type
    return {**made.as_json(), "created_at": moment(made.created_at), "disabled": entry.disabled}
