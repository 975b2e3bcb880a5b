"""`adgang organisations` and `adgang clients`: the registry from the command line.

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
from clients_registry.documents import organisation_shown, shown
from clients_registry.errors import AlreadyDisabled, UnknownClient, UnknownOrganisation
from clients_registry.listings import clients_table, organisations_table
from clients_registry.organisation import KINDS
from clients_registry.registrations import Registered
from clients_registry.registry import RegisteredClient
from clients_registry.services import RegistryServices
from clients_registry.strict_json import MAX_BYTES, parse_object


def make_organisations_group(open_services: OpenServices) -> click.Group:
    """The group `organisations`."""
    commands = (add_organisation, list_organisations, disable_organisation)
    return make_group("organisations", "The public bodies that offer services.", commands, open_services)


def make_clients_group(open_services: OpenServices) -> click.Group:
    """The group `clients`."""
    commands = (add_client, show_client, list_clients, change_client, renew_secret, disable_client)
    return make_group(
        "clients", "The services (relying parties) of the organisations.", commands, open_services
    )


# --- organisations ---------------------------------------------------------------------------------------------


@click.command("add")
@click.option("--cvr", "cvr_number", required=True, metavar="NUMBER", help="The CVR number: eight digits.")
@click.option("--kind", required=True, type=click.Choice(KINDS))
@click.option("--name", required=True, help="As citizens know it.")
@click.option("--contact", "contacts", multiple=True, metavar="EMAIL", help="May be given several times.")
@click.option("--logo", metavar="NAME", help="An image that the provider serves.")
@telling
@as_json
@click.pass_obj
def add_organisation(open_services: OpenServices, /, *, json_wanted: bool, **given: Any) -> None:
    """Register an organisation."""
    with services_of(open_services) as services:
        added = services.transact(lambda tx: services.registrations.add_organisation(tx, **given))
        if json_wanted:
            answer_json(organisation_shown(added))
        else:
            click.echo(f"{added.name} is registered with id {added.organisation_id}.")


@click.command("list")
@as_json
@click.pass_obj
def list_organisations(open_services: OpenServices, *, json_wanted: bool) -> None:
    """Show every organisation."""
    with services_of(open_services) as services:
        found = services.registry.organisations()
    if json_wanted:
        answer_json([organisation_shown(organisation) for organisation in found])
    elif not found:
        click.echo("There are no organisations. Add the first with `adgang organisations add`.")
    else:
        answer_table(organisations_table(found))


@click.command("disable")
@click.argument("organisation", metavar="CVR_OR_ID")
@asking
@telling
@click.pass_obj
def disable_organisation(
    open_services: OpenServices, *, organisation: str, yes: bool, actor: str, reason: str
) -> None:
    """Stop an organisation, and with it all its clients."""
    with services_of(open_services) as services:
        found = services.registry.find_organisation(organisation)
        if found is None:
            raise UnknownOrganisation("no such organisation; `adgang organisations list` shows them")
        if found.disabled_at is not None:
            raise AlreadyDisabled("the organisation was disabled before; nothing was done")
        theirs = [c for c in services.registry.clients() if c.organisation == found and not c.disabled]
        confirm(f"Disable {found.name}? Nobody can sign in to its {len(theirs)} clients any more.", yes=yes)
        registrations, chosen = services.registrations, found.organisation_id
        services.transact(
            lambda tx: registrations.disable_organisation(tx, chosen, actor=actor, reason=reason)
        )
        click.echo(f"{found.name} is disabled, with its clients: {len(theirs)}.")


# --- clients ---------------------------------------------------------------------------------------------------


@click.command("add")
@click.argument("file", type=click.File("rb"))
@telling
@as_json
@click.pass_obj
def add_client(
    open_services: OpenServices, *, file: IO[bytes], actor: str, reason: str, json_wanted: bool
) -> None:
    """Register a client from FILE: JSON with RFC 7591 metadata, organisation, profile and purposes; - reads stdin.

    Prints the client as JSON. A client secret stands there once and is shown never again.
    """
    with services_of(open_services) as services:
        metadata = _read_json(file)
        added = services.transact(
            lambda tx: services.registrations.register(tx, metadata, actor=actor, reason=reason)
        )
        answer_json(_with_secret(added))


@click.command("show")
@click.argument("client_id")
@as_json
@click.pass_obj
def show_client(open_services: OpenServices, *, client_id: str, json_wanted: bool) -> None:
    """Show a client as JSON, without its secret; what is shown can be given to `change`."""
    with services_of(open_services) as services:
        found = _load(services, client_id)
        answer_json(shown(found.client, found.organisation))


@click.command("list")
@as_json
@click.pass_obj
def list_clients(open_services: OpenServices, *, json_wanted: bool) -> None:
    """Show every client and its profile."""
    with services_of(open_services) as services:
        found = services.registry.clients()
    if json_wanted:
        answer_json([shown(entry.client, entry.organisation) for entry in found])
    elif not found:
        click.echo("There are no clients. Register the first with `adgang clients add FILE.json`.")
    else:
        answer_table(clients_table(found))


@click.command("change")
@click.argument("client_id")
@click.argument("file", type=click.File("rb"))
@asking
@telling
@as_json
@click.pass_obj
def change_client(
    open_services: OpenServices,
    *,
    client_id: str,
    file: IO[bytes],
    yes: bool,
    actor: str,
    reason: str,
    json_wanted: bool,
) -> None:
    """Put the metadata in FILE in place of the client's; what FILE leaves out gets its default."""
    with services_of(open_services) as services:
        metadata = _read_json(file)
        found = _load(services, client_id)
        confirm(f"Change {found.client.client_name} of {found.organisation.name}?", yes=yes)
        registrations = services.registrations
        now = services.transact(
            lambda tx: registrations.change(tx, client_id, metadata, actor=actor, reason=reason)
        )
        click.echo(f"Changed: {', '.join(now.changed) or 'nothing'}.", err=True)
        answer_json(_with_secret(now))


@click.command("renew-secret")
@click.argument("client_id")
@asking
@telling
@as_json
@click.pass_obj
def renew_secret(
    open_services: OpenServices, *, client_id: str, yes: bool, actor: str, reason: str, json_wanted: bool
) -> None:
    """Make a new secret and print it once; the old one stops working at once."""
    with services_of(open_services) as services:
        found = _load(services, client_id)
        confirm(f"Renew the secret of {found.client.client_name}? The present one stops working.", yes=yes)
        registrations = services.registrations
        now = services.transact(
            lambda tx: registrations.renew_secret(tx, client_id, actor=actor, reason=reason)
        )
        answer_json({"client_id": client_id, "client_secret": now.secret})


@click.command("disable")
@click.argument("client_id")
@asking
@telling
@click.pass_obj
def disable_client(
    open_services: OpenServices, *, client_id: str, yes: bool, actor: str, reason: str
) -> None:
    """Stop a client: it may begin and redeem nothing any more."""
    with services_of(open_services) as services:
        name = _load(services, client_id).client.client_name
        confirm(f"Disable {name}? Nobody can sign in to it any more.", yes=yes)
        services.transact(
            lambda tx: services.registrations.disable(tx, client_id, actor=actor, reason=reason)
        )
        click.echo(f"{name} is disabled.")


def _read_json(file: IO[bytes]) -> dict[str, Any]:
    return parse_object(file.read(MAX_BYTES + 1))


def _load(services: RegistryServices, client_id: str) -> RegisteredClient:
    found = services.registry.find_client(client_id)
    if found is None:
        raise UnknownClient("no such client; `adgang clients list` shows them")
    return found


def _with_secret(registered: Registered) -> dict[str, Any]:
    document = shown(registered.client, registered.organisation)
    if registered.secret is not None:
        document["client_secret"] = registered.secret
    return document
