"""What every command of `adgang keys` shares: options, exit codes, confirmation, how refusals are told.

Exit codes: 0 done, 1 refused, 2 wrong use, 3 a part is not reachable.
"""

import functools
import os
import pwd
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from keys.errors import KeysError, KeysUnavailable, MoveRefused, UnsealFailed
from keys.key import Refusal, SigningKey
from keys.services import KeysServices, Order

OpenServices = Callable[[], KeysServices]

WIDTH = 100


class Refused(click.ClickException):
    exit_code = 1


class NotReachable(click.ClickException):
    exit_code = 3


@dataclass(frozen=True, slots=True)
class Options:
    """What every changing command was given."""

    order: Order
    yes: bool
    dry_run: bool
    json_wanted: bool


def as_json(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "json_wanted", is_flag=True, help="Answer with JSON.")(command)


def changing(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that changes something, handed to it as one `Options`."""

    def with_options(
        open_services: OpenServices,
        *,
        operator: str | None,
        reason: str,
        yes: bool,
        dry_run: bool,
        json_wanted: bool,
        **others: Any,
    ) -> Any:
        order = Order(_actor(operator), reason)
        return command(open_services, Options(order, yes, dry_run, json_wanted), **others)

    wrapped: Callable[..., Any] = functools.wraps(command)(with_options)
    decorated: Callable[..., Any] = click.pass_obj(wrapped)
    for option in (
        click.option("--json", "json_wanted", is_flag=True, help="Answer with JSON."),
        click.option("--dry-run", is_flag=True, help="Show what would happen, and do nothing."),
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--as", "operator", metavar="NAME", help="Who you are; else your system user."),
        click.option("--reason", default="", help="Why; it stands in the history and the ledger."),
    ):
        decorated = option(decorated)
    return decorated


def confirm(question: str, options: Options) -> None:
    """Ask, with the consequences in the question; only somebody at a terminal can be asked."""
    if options.dry_run:
        click.echo(f"Would ask: {question}", err=options.json_wanted)
        return
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("Nobody can be asked here. Add --yes to go on without asking.")
    if not click.confirm(question, err=True):
        raise Refused("Nothing was done.")


@contextmanager
def services_of(open_services: OpenServices) -> Iterator[KeysServices]:
    """The services, with every failure told in one line: the cause, then what mends it."""
    services = open_services()
    try:
        yield services
    except MoveRefused as refusal:
        _remember(services, refusal)
        raise Refused(f"{refusal} {refusal.remedy}".strip()) from refusal
    except KeysUnavailable as fault:
        raise NotReachable(f"{fault} Look with `adgang doctor`.") from fault
    except KeysError as fault:
        _remember(services, fault)
        raise Refused(str(fault)) from fault
    except services.unavailable as fault:
        raise NotReachable(f"The database does not answer ({fault}). Look with `adgang doctor`.") from fault


def _remember(services: KeysServices, fault: KeysError) -> None:
    """A refused order counts in the metrics, although its process ends; a dry run was no order."""
    refusals, context = services.refusals, click.get_current_context()
    if refusals is None or context.params.get("dry_run", True):
        return
    refusal = Refusal(
        at=services.clock(),
        actor=_actor(context.params["operator"]),
        act=str(context.info_name),
        why=str(fault),
        unsealed=not isinstance(fault, UnsealFailed),
    )
    with suppress(KeysError, *services.unavailable):
        services.transact(lambda tx: refusals.record(tx, refusal))


def _actor(operator: str | None) -> str:
    return f"operator:{operator or pwd.getpwuid(os.getuid()).pw_name}"


def answer_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def answer_table(table: Table) -> None:
    """No colours unless somebody looks at a terminal."""
    Console(file=sys.stdout, width=WIDTH, highlight=False).print(table)


def tell(key: SigningKey) -> None:
    click.echo(f"{key.algorithm} {key.kid} is {key.state}.")
