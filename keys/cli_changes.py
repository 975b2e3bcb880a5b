"""The commands of `adgang keys` that change something. Each shows its consequences before it asks.

Exit codes: 0 done, 1 refused, 2 wrong use, 3 a part is not reachable.
"""

from collections.abc import Callable
from typing import Any

import click

from keys.algorithms import SIGNING_ALGORITHMS
from keys.birth import ensure_keys, generate, publish
from keys.changes import Sight, look
from keys.cli_frame import (
    OpenServices,
    Options,
    answer_json,
    answer_table,
    changing,
    confirm,
    services_of,
    tell,
)
from keys.endings import Compromise, compromise, destroy
from keys.evidence import Evidence, overdue
from keys.key import SigningKey
from keys.listings import (
    compromise_advice,
    compromise_question,
    evidence_facts,
    evidence_table,
    key_facts,
    rotation_question,
)
from keys.reconcile import Reconciliation, reconcile
from keys.rotation import may_activate_at
from keys.services import KeysServices, Order
from keys.states import KeyState
from keys.succession import activate, deactivate, evidence_for, rotate

_algorithm = click.option("--algorithm", type=click.Choice(list(SIGNING_ALGORITHMS)), required=True)


@click.command("generate")
@click.option("--algorithm", type=click.Choice(list(SIGNING_ALGORITHMS)), default="ES256", show_default=True)
@changing
def generate_key(open_services: OpenServices, options: Options, *, algorithm: str) -> None:
    """Make a key that nobody sees yet. Where there are none at all: the first keys, ready to sign."""
    with services_of(open_services) as services:
        first = not services.keys.load_all().keys
        names = ", ".join(services.policy.algorithms)
        question = f"There are no keys. Make an active key and a successor for {names}?"
        confirm(
            question if first else f"Make a new {algorithm} key? Nobody sees it until it is published.",
            options,
        )
        if options.dry_run:
            return
        made = (
            ensure_keys(services, options.order) if first else [generate(services, algorithm, options.order)]
        )
        _answer(services, made, options)


def _one_key(
    name: str, help_text: str, question: str, act: Callable[[KeysServices, str, Order], SigningKey]
) -> click.Command:
    @click.command(name, help=help_text)
    @click.argument("kid")
    @changing
    def command(open_services: OpenServices, options: Options, *, kid: str) -> None:
        with services_of(open_services) as services:
            key = look(services).keys.load(kid)
            confirm(f"{question.format(key=f'{key.algorithm} {key.kid} ({key.state})')}", options)
            if not options.dry_run:
                _answer(services, [act(services, key.kid, options.order)], options)

    return command


publish_key = _one_key(
    "publish", "Put a key into the JWKS, for clients to fetch.", "Publish {key} in the JWKS?", publish
)
activate_key = _one_key(
    "activate",
    "Let a published key sign, where its algorithm has no active key.",
    "Let {key} sign from now on?",
    activate,
)
deactivate_key = _one_key(
    "deactivate",
    "End an algorithm that is no longer offered.",
    "Deactivate {key}? Its private part is destroyed at once, and its algorithm signs no more.",
    deactivate,
)
destroy_key = _one_key(
    "destroy",
    "Take a key out of the JWKS for good.",
    "Destroy {key}? It leaves the JWKS; its public part stays in the history.",
    destroy,
)


@click.command("rotate")
@_algorithm
@click.option(
    "--accept-laggards", "laggards", multiple=True, metavar="CLIENT", help="Go on without this client."
)
@changing
def rotate_keys(
    open_services: OpenServices, options: Options, *, algorithm: str, laggards: tuple[str, ...]
) -> None:
    """Put the successor in the place of the active key, and publish a new successor."""
    with services_of(open_services) as services:
        sight = look(services)
        evidence = evidence_for(services, sight, algorithm)
        if evidence and not options.json_wanted:
            answer_table(evidence_table(evidence))
        confirm(rotation_question(sight, algorithm, services.policy), options)
        if options.dry_run:
            _tell_obstacles(sight, evidence, algorithm, laggards, services, options)
            return
        done = rotate(services, algorithm, options.order, accept_laggards=laggards, seen=sight)
        if options.json_wanted:
            named = {"deactivated": done.old, "active": done.new, "published": done.successor}
            facts: dict[str, Any] = {name: key_facts(key, services.policy) for name, key in named.items()}
            answer_json({**facts, "evidence": evidence_facts(done.evidence)})
        else:
            _answer(services, [done.old, done.new, done.successor], options)


def _tell_obstacles(
    sight: Sight,
    evidence: list[Evidence],
    algorithm: str,
    laggards: tuple[str, ...],
    services: KeysServices,
    options: Options,
) -> None:
    """A dry run says, too, what would forbid the rotation now."""
    heirs = sight.keys.successors(algorithm)
    ready_at = may_activate_at(heirs[0], services.policy) if heirs else None
    if ready_at is not None and ready_at > sight.now:
        click.echo(f"It would be refused until {ready_at:%Y-%m-%d %H:%M:%S} UTC.", err=options.json_wanted)
    left = [client_id for client_id in overdue(evidence) if client_id not in laggards]
    if left:
        click.echo(
            f"It would be refused while these are overdue: {', '.join(left)}.", err=options.json_wanted
        )


@click.command("compromise")
@click.argument("kid")
@changing
def compromise_key(open_services: OpenServices, options: Options, *, kid: str) -> None:
    """Now: a key out of the JWKS, its tokens refused everywhere, a successor in its place."""
    with services_of(open_services) as services:
        sight = look(services, urgent=True)
        key = sight.keys.load(kid)
        confirm(compromise_question(sight, key, services.policy), options)
        if options.dry_run:
            return
        done = compromise(services, key.kid, options.order)
        if options.json_wanted:
            answer_json(_compromise_facts(services, done))
        else:
            click.echo("\n".join(compromise_advice(done, services.policy)))


@click.command("reconcile")
@changing
def reconcile_keys(open_services: OpenServices, options: Options) -> None:
    """After an old backup was restored: bring the keys up to what has happened since."""
    with services_of(open_services) as services:
        found = reconcile(services, options.order, dry_run=True)
        if not options.json_wanted:
            _tell_reconciliation(found)
        confirm("Do this? Nothing is signed until it is done.", options)
        if options.dry_run:
            return
        done = reconcile(services, options.order)
        if options.json_wanted:
            keys = [key_facts(key, services.policy) for key in done.changed]
            answer_json({"version": done.version, "changed": keys, "lost": list(done.lost)})


def _tell_reconciliation(found: Reconciliation) -> None:
    click.echo(f"The backup stands at version {found.restored_version}; the keys go on at {found.version}.")
    for key in found.changed:
        tell(key)
    for kid in found.lost:
        click.echo(f"{kid} is lost: it was made after the backup. Tokens that it signed are refused.")


def _compromise_facts(services: KeysServices, done: Compromise) -> dict[str, Any]:
    signs_now = key_facts(done.signs_now, services.policy) if done.signs_now is not None else None
    return {
        "compromised": key_facts(done.key, services.policy),
        "active": signs_now,
        "exposed_from": done.exposed_from,
        "exposed_until": done.key.compromised_at,
        "caches_know_it_from": done.caches_know_it_from,
        "next": compromise_advice(done, services.policy),
    }


def _answer(services: KeysServices, keys: list[SigningKey], options: Options) -> None:
    if options.json_wanted:
        answer_json([key_facts(key, services.policy) for key in keys])
        return
    for key in keys:
        tell(key)
        if key.state is KeyState.PRE_ACTIVATION:
            click.echo(f"Publish it with `adgang keys publish {key.kid}`.")
