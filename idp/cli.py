"""`adgang`: every command of the operators.

Exit codes: 0 done, 1 refused, 2 wrong use, 3 a part is not reachable.
"""

from typing import Any

import click

from clients_registry.cli import make_clients_group, make_organisations_group
from clients_registry.cli_details import make_details_group
from clients_registry.cli_resources import make_resources_group
from clients_registry.cli_scopes import make_scopes_group
from clients_registry.services import RegistryServices
from idp.commands.citizens import citizens, consents
from idp.commands.frame import check_tables, failures_told, read_settings
from idp.commands.letters import letters
from idp.commands.logouts import logouts
from idp.commands.messages import messages
from idp.commands.operations import doctor, migrate, secrets, serve, settings, sweep
from idp.wiring import Wiring
from keys.cli import make_group as make_keys_group
from keys.services import KeysServices


def _registry() -> RegistryServices:
    return _opened().registry_services


def _keys() -> KeysServices:
    return _opened().keys_services


def _opened() -> Wiring:
    """For one command; what it opens is closed when the command ends."""
    wiring = Wiring(read_settings())
    click.get_current_context().call_on_close(wiring.close)
    check_tables(wiring)
    return wiring


class _Program(click.Group):
    """Whatever command fails, and in whichever package, is told in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        with failures_told():
            return super().invoke(ctx)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="adgang", prog_name="adgang")
def main() -> None:
    """Adgang: one sign-in, with two factors, to every public service.

    Settings come from the environment (ADGANG_…); `adgang settings` shows them.
    """


for command in (
    serve,
    migrate,
    sweep,
    doctor,
    settings,
    secrets,
    citizens,
    consents,
    letters,
    messages,
    logouts,
):
    main.add_command(command)
main.add_command(make_organisations_group(_registry))
main.add_command(make_clients_group(_registry))
main.add_command(make_resources_group(_registry))
main.add_command(make_details_group(_registry))
main.add_command(make_scopes_group(_registry))
main.add_command(make_keys_group(_keys))
