"""`adgang keys`: the signing keys' life from the command line (keys.md).

Exit codes: 0 done, 1 refused, 2 wrong use, 3 a part is not reachable.
"""

import click

from keys.algorithms import SIGNING_ALGORITHMS
from keys.birth import ensure_keys, generate
from keys.cli_frame import (
    OpenServices,
    answer_json,
    answer_table,
    as_json,
    changing,
    confirm,
    order,
    services_of,
)
from keys.listings import key_facts, keys_table


def make_group(open_services: OpenServices) -> click.Group:
    """The group `keys`. `open_services` is called by each command, once it knows that it will run."""

    @click.group("keys")
    @click.pass_context
    def group(context: click.Context) -> None:
        """The signing keys: from birth to destruction."""
        context.obj = open_services

    for command in (list_keys, generate_key):
        group.add_command(command)
    return group


@click.command("list")
@as_json
@click.pass_obj
def list_keys(open_services: OpenServices, *, json_wanted: bool) -> None:
    """Show every key, its state, and what comes next."""
    with services_of(open_services) as services:
        found = services.keys.load_all()
        if json_wanted:
            answer_json([key_facts(key, services.policy) for key in found.keys])
        elif found.keys:
            answer_table(keys_table(found, services.policy, services.clock()))
        else:
            click.echo("There are no keys. Make the first with `adgang keys generate`.")


@click.command("generate")
@click.option("--algorithm", type=click.Choice(list(SIGNING_ALGORITHMS)), default="ES256", show_default=True)
@changing
@as_json
@click.pass_obj
def generate_key(
    open_services: OpenServices,
    *,
    algorithm: str,
    operator: str | None,
    reason: str,
    yes: bool,
    json_wanted: bool,
) -> None:
    """Make a key that nobody sees yet. Where there are none at all: the first keys, ready to sign."""
    with services_of(open_services) as services:
        first = not services.keys.load_all().keys
        confirm(_question(services.policy.algorithms) if first else f"Make a new {algorithm} key?", yes=yes)
        by = order(operator, reason)
        made = ensure_keys(services, by) if first else [generate(services, algorithm, by)]
        if json_wanted:
            answer_json([key_facts(key, services.policy) for key in made])
        else:
            for key in made:
                click.echo(f"{key.algorithm} {key.kid} is {key.state}.")


def _question(algorithms: tuple[str, ...]) -> str:
    return f"There are no keys yet. Make an active key and a successor for each of {', '.join(algorithms)}?"
