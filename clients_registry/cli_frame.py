"""What every command of the registry shares: options, exit codes, confirmation, how refusals are told.

Exit codes: 0 done, 1 refused, 2 wrong use, 3 a part is not reachable.
"""

import json
import os
import pwd
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from clients_registry.errors import InvalidRegistration, RegistryError
from clients_registry.services import RegistryServices

OpenServices = Callable[[], RegistryServices]
Command = TypeVar("Command", bound=Callable[..., Any])

WIDTH = 100
_REASON_LETTERS = 500


class Refused(click.ClickException):
    exit_code = 1


class NotReachable(click.ClickException):
    exit_code = 3


def make_group(
    name: str, about: str, commands: Iterable[click.Command], open_services: OpenServices
) -> click.Group:
    """A group of commands. `open_services` is called by each of them, once it knows that it will run."""

    @click.group(name, help=about)
    @click.pass_context
    def group(context: click.Context) -> None:
        context.obj = open_services

    for command in commands:
        group.add_command(command)
    return group


def as_json(command: Command) -> Command:
    return click.option("--json", "json_wanted", is_flag=True, help="Answer with JSON.")(command)


def telling(command: Command) -> Command:
    """The options of every command that writes: who, and why."""
    command = click.option(
        "--as", "actor", metavar="NAME", callback=_actor, help="Who you are; else your system user."
    )(command)
    return click.option("--reason", default="", callback=_reason, help="Why; it stands in the ledger.")(
        command
    )


def asking(command: Command) -> Command:
    """The option of every command that asks first."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def confirm(question: str, *, yes: bool) -> None:
    """Ask, with the consequences in the question; only somebody at a terminal can be asked."""
    if yes:
        return
    if not _somebody_is_there():
        raise click.UsageError("Nobody can be asked here. Add --yes to go on without asking.")
    if not click.confirm(question, err=True):
        raise Refused("Nothing was done.")


@contextmanager
def services_of(open_services: OpenServices) -> Iterator[RegistryServices]:
    """The services, with every failure told: the cause, then what mends it; one line for each fault."""
    services = open_services()
    try:
        yield services
    except InvalidRegistration as invalid:
        raise Refused("\n".join(["Not registered.", *map(str, invalid.faults)])) from invalid
    except RegistryError as refusal:
        raise Refused(_sentence(str(refusal))) from refusal
    except services.unavailable as fault:
        raise NotReachable("The database does not answer. Look with `adgang doctor`.") from fault


def answer_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def answer_table(table: Table) -> None:
    """No colours unless somebody looks at a terminal."""
    Console(file=sys.stdout, width=WIDTH, highlight=False).print(table)


def _somebody_is_there() -> bool:
    return sys.stdin.isatty()


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _actor(_context: click.Context, _parameter: click.Parameter, name: str | None) -> str:
    return f"operator:{_line(name or _system_user(), 64)}"


def _reason(_context: click.Context, _parameter: click.Parameter, reason: str) -> str:
    return _line(reason, _REASON_LETTERS)


def _line(words: str, limit: int) -> str:
    if len(words) > limit or not all(letter.isprintable() for letter in words):
        raise click.BadParameter(f"must be one line of at most {limit} characters")
    return words


def _system_user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run as a user without a name
        return f"uid-{os.getuid()}"
