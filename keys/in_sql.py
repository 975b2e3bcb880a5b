"""The keys in SQL: SQLite and PostgreSQL alike. Implements `keys.ports`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, RowMapping, create_engine, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import StaticPool

from keys.errors import KeyDoesNotUnseal, KeysError, KeySetChanged, KeysUnavailable
from keys.key import KeySet, Move, Refusal, SigningKey
from keys.ports import T, Transact, Tx
from keys.states import KeyState
from keys.tables import jwks_fetches, key_set, metadata, signing_key_moves, signing_key_refusals, signing_keys

_THE_SET = 1
_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


class Keys:
    """`engine` reads in autocommit; writes go into the caller's transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def version(self) -> int:
        with _reading(self._engine) as connection:
            found = connection.execute(select(key_set.c.version)).scalar_one_or_none()
        return found or 0

    def load_all(self) -> KeySet:
        # One statement, so that keys and version belong together.
        joined = select(key_set.c.version.label("set_version"), signing_keys).select_from(
            key_set.outerjoin(signing_keys, signing_keys.c.kid.is_not(None))
        )
        with _reading(self._engine) as connection:
            rows = connection.execute(joined.order_by(signing_keys.c.created_at)).mappings().all()
        keys = tuple(_parse_key(row) for row in rows if row["kid"] is not None)
        return KeySet(rows[0]["set_version"] if rows else 0, keys)

    def advance(self, tx: Connection, expected: int, to: int | None = None) -> None:
        version = expected + 1 if to is None else to
        if expected == 0:
            _once(tx, insert(key_set).values(id=_THE_SET, version=version))
            return
        changed = tx.execute(update(key_set).where(key_set.c.version == expected).values(version=version))
        if changed.rowcount != 1:
            raise KeySetChanged

    def add(self, tx: Connection, key: SigningKey) -> None:
        _once(tx, insert(signing_keys).values(kid=key.kid, **_columns(key)))

    def replace(self, tx: Connection, key: SigningKey) -> None:
        changed = _once(
            tx,
            update(signing_keys)
            .where(signing_keys.c.kid == key.kid, signing_keys.c.version == key.version - 1)
            .values(**_columns(key)),
        )
        if changed != 1:
            raise KeySetChanged

    def record(self, tx: Connection, move: Move) -> None:
        tx.execute(insert(signing_key_moves).values(**_move_columns(move)))

    def time(self) -> datetime | None:
        if self._engine.dialect.name != "postgresql":
            return None
        with _reading(self._engine) as connection:
            now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return now.astimezone(UTC)

    def history(self, kid: str | None = None) -> list[Move]:
        query = select(signing_key_moves).order_by(signing_key_moves.c.number)
        if kid is not None:
            query = query.where(signing_key_moves.c.kid == kid)
        with _reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [_move(row) for row in rows]


class Refusals:
    """Implements `keys.ports.Refusals`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, tx: Connection, refusal: Refusal) -> None:
        tx.execute(insert(signing_key_refusals).values(**asdict(refusal)))

    def of_all_time(self) -> list[Refusal]:
        query = select(*(signing_key_refusals.c[each.name] for each in fields(Refusal)))
        with _reading(self._engine) as connection:
            rows = connection.execute(query.order_by(signing_key_refusals.c.number)).mappings().all()
        return [Refusal(**row) for row in rows]


class Fetches:
    """Implements `keys.ports.Fetches`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, tx: Connection, client_id: str, at: datetime) -> None:
        upsert = _INSERT[tx.dialect.name](jwks_fetches).values(client_id=client_id, fetched_at=at)
        tx.execute(
            upsert.on_conflict_do_update(
                index_elements=["client_id"],
                set_={"fetched_at": upsert.excluded.fetched_at},
                where=upsert.excluded.fetched_at > jwks_fetches.c.fetched_at,
            )
        )

    def latest(self) -> dict[str, datetime]:
        with _reading(self._engine) as connection:
            rows = connection.execute(select(jwks_fetches.c.client_id, jwks_fetches.c.fetched_at)).all()
        return {client_id: fetched_at for client_id, fetched_at in rows}


def in_memory() -> tuple[Engine, Transact]:
    """An empty store of its own that vanishes with the process: for the drill. One thread only."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)

    def transact(work: Callable[[Tx], T]) -> T:
        with engine.begin() as tx:
            return work(tx)

    return engine.execution_options(isolation_level="AUTOCOMMIT"), transact


@contextmanager
def _reading(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.connect() as connection:
            yield connection
    except KeysError:
        raise
    except Exception as fault:  # the engine's owner may translate failures into words of his own
        raise KeysUnavailable(f"The store of keys does not answer ({type(fault).__name__}).") from fault


def _once(tx: Connection, statement: Any) -> int:
    """Execute what a unique constraint may refuse, because somebody else came first."""
    try:
        changed: int = tx.execute(statement).rowcount
    except IntegrityError as fault:
        raise KeySetChanged from fault
    return changed


def _columns(key: SigningKey) -> dict[str, Any]:
    return {
        "algorithm": key.algorithm,
        "state": key.state.value,
        "version": key.version,
        "public_jwk": msgspec.json.encode(key.public_jwk, order="sorted").decode(),
        "sealed": key.sealed,
        **{name: getattr(key, name) for name in _DATES},
    }


def _parse_key(row: RowMapping) -> SigningKey:
    try:
        return _key(row)
    except (ValueError, msgspec.MsgspecError) as fault:
        raise KeyDoesNotUnseal(row["kid"], "its row is malformed") from fault


def _key(row: RowMapping) -> SigningKey:
    return SigningKey(
        kid=row["kid"],
        algorithm=row["algorithm"],
        state=KeyState(row["state"]),
        version=row["version"],
        public_jwk=msgspec.json.decode(row["public_jwk"], type=dict[str, str]),
        sealed=bytes(row["sealed"]),
        **{name: row[name] for name in _DATES},
    )


def _move_columns(move: Move) -> dict[str, Any]:
    return {
        "kid": move.kid,
        "algorithm": move.algorithm,
        "before": move.before and move.before.value,
        "after": move.after.value,
        "at": move.at,
        "actor": move.actor,
        "reason": move.reason,
    }


def _move(row: RowMapping) -> Move:
    return Move(
        kid=row["kid"],
        algorithm=row["algorithm"],
        before=KeyState(row["before"]) if row["before"] else None,
        after=KeyState(row["after"]),
        at=row["at"],
        actor=row["actor"],
        reason=row["reason"],
    )


_DATES = (
    "created_at",
    "published_at",
    "activated_at",
    "deactivated_at",
    "destroyed_at",
    "compromised_at",
    "serve_until",
)
