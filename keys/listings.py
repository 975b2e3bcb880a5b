"""How keys are shown to operators: as facts for --json, as tables and lines for people. Decides nothing."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from keys.changes import Sight
from keys.drill import DrillReport
from keys.endings import Compromise
from keys.evidence import Evidence
from keys.key import KeySet, Move, SigningKey
from keys.policy import KeyPolicy
from keys.rotation import PlannedMove, may_activate_at, upcoming
from keys.schedule import Outcome
from keys.states import KeyState

SHORT = 12
"""Characters of a kid in a table; commands take any beginning that fits one key only."""

_ORDER = sorted(KeyState, key=lambda state: state is not KeyState.ACTIVE)
"""The key that signs first."""
_DATES = ("created_at", "published_at", "activated_at", "deactivated_at", "destroyed_at", "compromised_at")


def key_facts(key: SigningKey, policy: KeyPolicy) -> dict[str, Any]:
    """Everything public about a key."""
    facts: dict[str, Any] = {"kid": key.kid, "algorithm": key.algorithm, "state": key.state.value}
    facts |= {name: getattr(key, name) for name in (*_DATES, "serve_until")}
    facts["public_jwk"] = dict(key.public_jwk)
    if key.state is KeyState.PUBLISHED and key.published_at is not None:
        facts["may_sign_from"] = key.published_at + policy.lead
    return facts


def keys_table(keys: KeySet, policy: KeyPolicy, now: datetime) -> Table:
    """One line a key, those that matter now first."""
    table = _table("Algorithm", "State", "Key", "Since (UTC)", "What comes next")
    nexts = {m.kid: f"{m.act} {_moment(m.due_at)}" for m in upcoming(keys, policy, now) if m.kid}
    for key in sorted(keys.keys, key=lambda k: (k.algorithm, _ORDER.index(k.state), k.created_at)):
        since = _moment(key.newest())
        table.add_row(key.algorithm, key.state.value, key.kid[:SHORT], since, nexts.get(key.kid, ""))
    return table


def rotation_question(sight: Sight, algorithm: str, policy: KeyPolicy) -> str:
    """What a rotation does, to which keys."""
    old, heir = sight.keys.active(algorithm), sight.keys.successors(algorithm)
    if old is None or not heir:
        return f"Let the {algorithm} successor sign from now on?"
    until = _moment(sight.now + policy.tail)
    return (
        f"Let {heir[0].kid[:SHORT]} sign {algorithm} from now on? {old.kid[:SHORT]} signs no more; its private part is "
        f"destroyed, and it stays in the JWKS until {until} UTC."
    )


def compromise_question(sight: Sight, key: SigningKey, policy: KeyPolicy) -> str:
    """What declaring it does, and who will notice."""
    lines = [
        f"Declare {key.algorithm} {key.kid} ({key.state}) compromised? This cannot be undone.",
        "It leaves the JWKS now, and every token it signed is refused. Sessions stay.",
    ]
    if key.state is KeyState.ACTIVE:
        heirs = [each for each in sight.keys.successors(key.algorithm) if each.kid != key.kid]
        known_from = may_activate_at(heirs[0], policy) if heirs else sight.now + policy.lead
        lines.append(
            f"{heirs[0].kid[:SHORT]} signs in its place." if heirs else "A new key signs in its place."
        )
        if known_from is not None and known_from > sight.now:
            lines.append(f"Clients with an old JWKS may refuse its tokens until {_moment(known_from)} UTC.")
    return " ".join(lines)


def evidence_facts(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    return [
        {"client_id": e.client.client_id, "standing": e.standing.value, "fetched_at": e.fetched_at}
        for e in evidence
    ]


def evidence_table(evidence: Sequence[Evidence]) -> Table:
    table = _table("Client", "Name", "Has the new key", "Last fetch (UTC)")
    for each in evidence:
        fetched = _moment(each.fetched_at) if each.fetched_at is not None else "never"
        table.add_row(each.client.client_id, each.client.name, each.standing.value, fetched)
    return table


def history_facts(keys: KeySet, moves: Sequence[Move]) -> list[dict[str, Any]]:
    found = {key.kid: dict(key.public_jwk) for key in keys.keys}
    return [
        {
            "at": move.at,
            "kid": move.kid,
            "algorithm": move.algorithm,
            "before": move.before.value if move.before is not None else None,
            "after": move.after.value,
            "actor": move.actor,
            "reason": move.reason,
            "public_jwk": found.get(move.kid),
        }
        for move in moves
    ]


def history_table(moves: Sequence[Move]) -> Table:
    table = _table("When (UTC)", "Key", "Became", "By", "Why")
    for move in moves:
        table.add_row(_moment(move.at), move.kid[:SHORT], move.after.value, move.actor, move.reason)
    return table


def schedule_facts(moves: Sequence[PlannedMove], now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "act": move.act.value,
            "algorithm": move.algorithm,
            "kid": move.kid,
            "due_at": move.due_at,
            "is_due": move.due_at <= now,
        }
        for move in moves
    ]


def schedule_table(moves: Sequence[PlannedMove], now: datetime) -> Table:
    table = _table("When (UTC)", "Move", "Algorithm", "Key")
    for move in moves:
        when = "now" if move.due_at <= now else _moment(move.due_at)
        table.add_row(when, move.act.value, move.algorithm, (move.kid or "")[:SHORT])
    return table


def outcome_facts(outcome: Outcome) -> dict[str, Any]:
    return {
        "act": outcome.move.act.value,
        "algorithm": outcome.move.algorithm,
        "kid": outcome.move.kid,
        "done": outcome.done,
        "why_not": outcome.why_not,
        "waits_for": list(outcome.waits_for),
        "left_behind": list(outcome.left_behind),
    }


def outcome_line(outcome: Outcome) -> str:
    move = f"{outcome.move.act} {outcome.move.algorithm} {outcome.move.kid or ''}".rstrip()
    if outcome.waits_for:
        return f"{move}: waits for {', '.join(outcome.waits_for)}."
    left = f", without {', '.join(outcome.left_behind)}" if outcome.left_behind else ""
    return f"{move}: done{left}." if outcome.done else f"{move}: not done: {outcome.why_not}"


def compromise_advice(done: Compromise, policy: KeyPolicy) -> list[str]:
    """What was done, the window of exposure, and what operators and clients have to do next."""
    key = done.key
    until = _moment(key.compromised_at or key.newest())
    lines = [
        f"{key.algorithm} {key.kid} is compromised: out of the JWKS, its tokens refused here within 5 s.",
        f"Tokens may have been forged from {_moment(done.exposed_from)} to {until} UTC.",
    ]
    if done.signs_now is not None:
        lines.append(f"{done.signs_now.kid} signs now.")
    if done.caches_know_it_from is not None:
        at = _moment(done.caches_know_it_from)
        lines.append(
            f"Clients that hold an old JWKS may refuse its tokens until {at} UTC: ask them to fetch it now."
        )
    longest = int((policy.jwks_max_age + policy.slowest_cache).total_seconds())
    return [
        *lines,
        f"Clients: fetch the JWKS now. One that does not may accept forged tokens for up to {longest} s more.",
        "Operators: tell every client; find out how the key was lost; look through the ledger for the window.",
        "Citizens' sessions stay; nobody has to sign in again.",
    ]


def drill_lines(report: DrillReport) -> list[str]:
    named = ", ".join(report.named_before_promotion) or "nobody"
    return [
        f"{report.days} days, {report.nodes} nodes, {report.rotations} rotations, {report.compromises} compromise.",
        f"{report.verifications} verifications; {report.failed_verifications} failed for clients that keep the rules.",
        f"Named before promotion: {named}.",
        "The drill passed." if report.passed else "The drill FAILED.",
    ]


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
