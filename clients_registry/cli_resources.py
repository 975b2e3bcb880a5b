"""`adgang resources`: the APIs that take our access tokens, from the command line.

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
from clients_registry.documents import resource_shown
from clients_registry.errors import UnknownResource
from clients_registry.listings import resources_table
from clients_registry.registry import RegisteredResource
from clients_registry.resource_registrations import RegisteredNow
from clients_registry.services import RegistryServices
from clients_registry.strict_json import MAX_BYTES, parse_object


def make_resources_group(open_services: OpenServices) -> click.Group:
    """The group `resources`."""
    commands = (add_resource, list_resources, show_resource, change_resource, renew_secret, disable_resource)
    return make_group(
        "resources", "The APIs (resource servers) of the organisations.", commands, open_services
    )


@click.command("add")
@click.argument("file", type=click.File("rb"))
@telling
@as_json
@click.pass_obj
def add_resource(
    open_services: OpenServices, *, file: IO[bytes], actor: str, reason: str, json_wanted: bool
) -> None:
    """Register an API from FILE: JSON with identifier, name, organisation and scopes; - reads stdin.

    Prints the API as JSON. The secret by which it asks about tokens stands there once and is shown never again.
    """
    with services_of(open_services) as services:
        metadata = parse_object(file.read(MAX_BYTES + 1))
        registrations = services.resource_registrations
        added = services.transact(lambda tx: registrations.add(tx, metadata, actor=actor, reason=reason))
        answer_json(_with_secret(added))


@click.command("list")
@as_json
@click.pass_obj
def list_resources(open_services: OpenServices, *, json_wanted: bool) -> None:
    """Show every API and the form of its tokens."""
    with services_of(open_services) as services:
        found = services.registry.resources()
    if json_wanted:
        answer_json([resource_shown(entry.resource, entry.organisation) for entry in found])
    elif not found:
        click.echo("There are no APIs. Register the first with `adgang resources add FILE.json`.")
    else:
        answer_table(resources_table(found))


@click.command("show")
@click.argument("resource", metavar="IDENTIFIER_OR_ID")
@as_json
@click.pass_obj
def show_resource(open_services: OpenServices, *, resource: str, json_wanted: bool) -> None:
    """Show an API as JSON, without its secret."""
    with services_of(open_services) as services:
        found = load_resource(services, resource)
        answer_json(resource_shown(found.resource, found.organisation))


@click.command("change")
@click.argument("resource", metavar="IDENTIFIER_OR_ID")
@click.argument("file", type=click.File("rb"))
@asking
@telling
@as_json
@click.pass_obj
def change_resource(
    open_services: OpenServices,
    *,
    resource: str,
    file: IO[bytes],
    yes: bool,
    actor: str,
    reason: str,
    json_wanted: bool,
) -> None:
    """Put the members in FILE in place of the API's; what FILE leaves out gets its default. Its scopes stay."""
    with services_of(open_services) as services:
        metadata = parse_object(file.read(MAX_BYTES + 1))
        found = load_resource(services, resource).resource
        confirm(f"Change {found.name}?", yes=yes)
        write = services.resource_registrations.change
        now = services.transact(lambda tx: write(tx, found.resource_id, metadata, actor=actor, reason=reason))
        answer_json(_with_secret(now))


@click.command("renew-secret")
@click.argument("resource", metavar="IDENTIFIER_OR_ID")
@asking
@telling
@as_json
@click.pass_obj
def renew_secret(
    open_services: OpenServices, *, resource: str, yes: bool, actor: str, reason: str, json_wanted: bool
) -> None:
    """Make a new secret and print it once; the old one stops working at once."""
    with services_of(open_services) as services:
        found = load_resource(services, resource).resource
        confirm(f"Renew the secret of {found.name}? The present one stops working.", yes=yes)
        registrations = services.resource_registrations
        now = services.transact(
            lambda tx: registrations.renew_secret(tx, found.resource_id, actor=actor, reason=reason)
        )
        answer_json({"resource_id": found.resource_id, "resource_secret": now.secret})


@click.command("disable")
@click.argument("resource", metavar="IDENTIFIER_OR_ID")
@asking
@telling
@click.pass_obj
def disable_resource(
    open_services: OpenServices, *, resource: str, yes: bool, actor: str, reason: str
) -> None:
    """Stop an API: no token is issued for it any more, and it is told of none."""
    with services_of(open_services) as services:
        found = load_resource(services, resource).resource
        confirm(f"Disable {found.name}? No service gets a token for it any more.", yes=yes)
        registrations = services.resource_registrations
        services.transact(lambda tx: registrations.disable(tx, found.resource_id, actor=actor, reason=reason))
        click.echo(f"{found.name} is disabled.")


def load_resource(services: RegistryServices, reference: str) -> RegisteredResource:
    """By identifier or id. Raises: UnknownResource."""
    registry = services.registry
    found = registry.find_resource(reference) or registry.find_resource_by_id(reference)
    if found is None:
        raise UnknownResource("no such API; `adgang resources list` shows them")
    return found


def _with_secret(registered: RegisteredNow) -> dict[str, Any]:
    document = resource_shown(registered.resource, registered.organisation)
    if registered.secret is not None:
        document["resource_secret"] = registered.secret
    return document
