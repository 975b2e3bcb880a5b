"""The tables that the commands print; names are text, never markup."""

from collections.abc import Iterable
from datetime import datetime

from rich.table import Table
from rich.text import Text

from clients_registry.organisation import Organisation
from clients_registry.registry import RegisteredClient


def organisations_table(organisations: Iterable[Organisation]) -> Table:
    table = Table("CVR", "Organisation", "Kind", "State", "Id")
    table.columns[0].no_wrap = table.columns[4].no_wrap = True
    for entry in organisations:
        state = _state(entry.disabled_at)
        table.add_row(entry.cvr_number, Text(entry.name), entry.kind, state, entry.organisation_id)
    return table


def clients_table(clients: Iterable[RegisteredClient]) -> Table:
    table = Table("Organisation", "Client", "Profile", "Authentication", "State", "client_id")
    table.columns[5].no_wrap = True
    for entry in clients:
        client = entry.client
        table.add_row(
            Text(entry.organisation.name),
            Text(client.client_name),
            client.profile,
            client.token_endpoint_auth_method,
            _state(client.disabled_at or entry.organisation.disabled_at),
            client.client_id,
        )
    return table


def _state(disabled_at: datetime | None) -> str:
    return "live" if disabled_at is None else f"disabled {disabled_at:%Y-%m-%d}"
