"""The tables that the commands print; names are text, never markup."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rich import box
from rich.table import Table
from rich.text import Text

from clients_registry.client import Client
from clients_registry.detail_type import RegisteredDetailType
from clients_registry.organisation import Organisation
from clients_registry.registry import RegisteredClient, RegisteredResource
from clients_registry.scope_listing import ListedScope


def organisations_table(organisations: Iterable[Organisation]) -> Table:
    table = _table(names=["Organisation"], words=["CVR", "Kind", "State", "Id"])
    for entry in organisations:
        state = _state(entry.disabled_at)
        table.add_row(Text(entry.name), entry.cvr_number, entry.kind, state, entry.organisation_id)
    return table


def clients_table(clients: Iterable[RegisteredClient]) -> Table:
    table = _table(
        names=["Organisation", "Client"], words=["Profile", "Authentication", "State", "client_id"]
    )
    for entry in clients:
        client = entry.client
        table.add_row(
            Text(entry.organisation.name),
            Text(client.client_name),
            client.profile,
            _authentication(client),
            _state(client.disabled_at or entry.organisation.disabled_at),
            client.client_id,
        )
    return table


def _authentication(client: Client) -> str:
    """With a second line where its keys are fetched: whoever is asked why it cannot sign in looks there first."""
    method = client.token_endpoint_auth_method
    return method if client.jwks_uri is None else f"{method}\nkeys by jwks_uri"


def resources_table(resources: Iterable[RegisteredResource]) -> Table:
    table = _table(names=["Organisation", "API", "Identifier"], words=["Tokens", "State"])
    for entry in resources:
        resource = entry.resource
        table.add_row(
            Text(entry.organisation.name),
            Text(resource.name),
            Text(resource.identifier),
            f"{resource.token_form} {resource.token_algorithm}",
            _state(resource.disabled_at or entry.organisation.disabled_at),
        )
    return table


def scopes_table(scopes: Iterable[ListedScope]) -> Table:
    """One row for each grant; a scope that nobody was granted has one too."""
    table = _table(names=["Scope", "API", "Granted to", "Purpose"], words=["For", "Until", "State"])
    for entry in scopes:
        what = (Text(entry.scope.word), Text(entry.owner.resource.name))
        used_by = "\n".join(entry.scope.used_by)
        for grant, holder in entry.grants:
            last_day = f"{grant.ends_at - timedelta(seconds=1):%Y-%m-%d}"
            whom = Text(f"{holder.organisation.name}: {holder.client.client_name}")
            table.add_row(*what, whom, Text(grant.purpose), used_by, last_day, _granted(grant.revoked_at))
        if not entry.grants:
            table.add_row(*what, "nobody", "", used_by, "", "")
    return table


def details_table(found: Iterable[RegisteredDetailType]) -> Table:
    table = _table(names=["API"], words=["Type", "State"])
    for entry in found:
        made = entry.detail_type
        table.add_row(Text(made.resource), made.type, "disabled" if entry.disabled else "live")
    return table


def _granted(revoked_at: datetime | None) -> str:
    return "granted" if revoked_at is None else "revoked"


def _table(*, names: Iterable[str], words: Iterable[str]) -> Table:
    """Words stand whole, since scripts and eyes look for them; names give way and go on in the next line."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), collapse_padding=True)
    for heading in names:
        table.add_column(heading, overflow="fold")
    for heading in words:
        table.add_column(heading, no_wrap=True)
    return table


def _state(disabled_at: datetime | None) -> str:
    return "live" if disabled_at is None else "disabled"
