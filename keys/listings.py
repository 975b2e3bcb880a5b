"""How keys are shown to operators: as facts for --json, as tables for people. Decides nothing."""

from datetime import datetime

from rich.box import SIMPLE_HEAD
from rich.table import Table

from keys.key import KeySet, SigningKey
from keys.policy import KeyPolicy
from keys.rotation import upcoming
from keys.states import KeyState

SHORT = 12
"""Characters of a kid in a table; commands take any beginning that fits one key only."""

_ORDER = list(KeyState)
_DATES = ("created_at", "published_at", "activated_at", "deactivated_at", "destroyed_at", "compromised_at")


def key_facts(key: SigningKey, policy: KeyPolicy) -> dict[str, object]:
    """Everything public about a key."""
    facts: dict[str, object] = {
        "kid": key.kid,
        "algorithm": key.algorithm,
        "state": key.state.value,
        "public_jwk": dict(key.public_jwk),
    }
    facts |= {name: getattr(key, name) for name in (*_DATES, "serve_until")}
    if key.state is KeyState.PUBLISHED and key.published_at is not None:
        facts["may_sign_from"] = key.published_at + policy.lead
    return facts


def keys_table(keys: KeySet, policy: KeyPolicy, now: datetime) -> Table:
    """One line a key, those that matter now first."""
    table = _table("Algorithm", "State", "Key", "Since (UTC)", "What comes next")
    nexts = {
        move.kid: f"{move.act} {moment(move.due_at)}" for move in upcoming(keys, policy, now) if move.kid
    }
    for key in sorted(keys.keys, key=lambda k: (k.algorithm, _ORDER.index(k.state), k.created_at)):
        table.add_row(
            key.algorithm, key.state.value, key.kid[:SHORT], moment(key.newest()), nexts.get(key.kid, "")
        )
    return table


def moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
