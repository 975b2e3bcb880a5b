"""`adgang keys`: the signing keys' life from the command line (keys.md), and the commands that only look.

Exit codes: 0 done, 1 refused, 2 wrong use, 3 a part is not reachable.
"""

from dataclasses import asdict
from datetime import timedelta

import click

from keys.cli_changes import (
    activate_key,
    compromise_key,
    deactivate_key,
    destroy_key,
    generate_key,
    publish_key,
    reconcile_keys,
    rotate_keys,
)
from keys.cli_frame import (
    OpenServices,
    Options,
    answer_json,
    answer_table,
    as_json,
    changing,
    confirm,
    services_of,
)
from keys.cli_reseal import reseal_keys
from keys.drill import Drill, DrillPlan, drill_policy
from keys.known_keys import KnownKeys
from keys.listings import (
    drill_lines,
    history_facts,
    history_table,
    key_facts,
    keys_table,
    outcome_facts,
    outcome_line,
    schedule_facts,
    schedule_table,
)
from keys.rotation import upcoming
from keys.schedule import run_due


def make_group(open_services: OpenServices) -> click.Group:
    """The group `keys`. `open_services` is called by each command that needs it, when it runs."""

    @click.group("keys")
    @click.pass_context
    def group(context: click.Context) -> None:
        """The signing keys: from birth to destruction."""
        context.obj = open_services

    for command in _COMMANDS:
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


@click.command("history")
@click.argument("kid", required=False)
@as_json
@click.pass_obj
def show_history(open_services: OpenServices, *, kid: str | None, json_wanted: bool) -> None:
    """Show every move, with who, why and when; with --json the public keys too, destroyed ones included."""
    with services_of(open_services) as services:
        found = services.keys.load_all()
        whole = found.load(kid).kid if kid else None
        moves = services.keys.history(whole)
        if json_wanted:
            answer_json(history_facts(found, moves))
        else:
            answer_table(history_table(moves))


@click.command("jwks")
@as_json
@click.pass_obj
def show_jwks(open_services: OpenServices, *, json_wanted: bool) -> None:
    """Print the JWKS as clients get it. It is JSON with or without --json."""
    with services_of(open_services) as services:
        known = KnownKeys.none().following(services.keys.load_all(), services.sealer, services.backends)
        if known.faults:
            raise known.faults[0]
        click.echo(known.jwks.body.decode())


@click.command("schedule")
@click.option("--run", "run", is_flag=True, help="Do what is due now.")
@changing
def show_schedule(open_services: OpenServices, options: Options, *, run: bool) -> None:
    """Show which moves come next, and when; with --run, do what is due."""
    with services_of(open_services) as services:
        found, now = services.keys.load_all(), services.clock()
        moves = upcoming(found, services.policy, now)
        if not run or options.dry_run:
            if options.json_wanted:
                answer_json(schedule_facts(moves, now))
            else:
                answer_table(schedule_table(moves, now))
            return
        due = [move for move in moves if move.due_at <= now]
        confirm(f"Do what is due now ({len(due)} moves)?", options)
        outcomes = run_due(services, options.order)
        if options.json_wanted:
            answer_json([outcome_facts(outcome) for outcome in outcomes])
        else:
            click.echo("\n".join(outcome_line(outcome) for outcome in outcomes) or "Nothing is due.")


@click.command("drill")
@click.option("--days", type=click.IntRange(5, 3650), default=365, show_default=True, help="Virtual days.")
@click.option(
    "--rotate-every", type=click.IntRange(1, 365), default=30, show_default=True, help="Virtual days."
)
@click.option("--without-overlap", is_flag=True, help="A naive rotation, which must fail.")
@click.option("--without-evidence", is_flag=True, help="Nobody looks at who has fetched; this must fail.")
@as_json
@click.pass_context
def run_drill(
    context: click.Context,
    *,
    days: int,
    rotate_every: int,
    without_overlap: bool,
    without_evidence: bool,
    json_wanted: bool,
) -> None:
    """Play a year of rotations and a compromise with simulated clients. Touches no deployment."""
    policy = drill_policy(timedelta(days=rotate_every))
    plan = DrillPlan(days, policy=policy, overlap=not without_overlap, evidence=not without_evidence)
    report = Drill(plan).run()
    if json_wanted:
        answer_json(asdict(report))
    else:
        click.echo("\n".join(drill_lines(report)))
    context.exit(0 if report.passed else 1)


_COMMANDS: tuple[click.Command, ...] = (
    list_keys,
    generate_key,
    publish_key,
    activate_key,
    rotate_keys,
    deactivate_key,
    compromise_key,
    destroy_key,
    show_history,
    show_jwks,
    reseal_keys,
    reconcile_keys,
    show_schedule,
    run_drill,
)
