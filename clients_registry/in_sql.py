"""ClientStore and ClientUses in SQL: SQLite and PostgreSQL."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, bindparam, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from clients_registry.client import Client
from clients_registry.client_keys import rsa_moduli
from clients_registry.documents import client_from, metadata_of
from clients_registry.organisation import Organisation
from clients_registry.tables import client_uses, clients, organisations, registry_version, resources

_ONLY_ROW = 1


class Clients:
    """See `ports.ClientStore` for the promises."""

    def __init__(self, engine: Engine) -> None:
        """`engine` is for reading, in autocommit mode; writing goes through the caller's transaction."""
        self._engine = engine

    # --- reading -----------------------------------------------------------------------------------------------

    def version(self) -> int:
        with self._engine.connect() as connection:
            return connection.execute(select(registry_version.c.version)).scalar_one_or_none() or 0

    def find_client(self, client_id: str) -> tuple[Client, Organisation] | None:
        with self._engine.connect() as connection:
            row = connection.execute(_BOTH.where(clients.c.client_id == client_id)).one_or_none()
        return None if row is None else (_client(row), organisation_from(row))

    def find_organisation(self, reference: str) -> Organisation | None:
        with self._engine.connect() as connection:
            return _find_organisation(connection, reference)

    def clients(self) -> list[tuple[Client, Organisation]]:
        with self._engine.connect() as connection:
            rows = connection.execute(_BOTH).all()
        found = [(_client(row), organisation_from(row)) for row in rows]
        return sorted(found, key=lambda pair: (pair[1].name, pair[0].client_name, pair[0].client_id))

    def clients_in_force(self, at_a_time: int = 500) -> Iterator[Client]:
        after = ""
        while True:
            with self._engine.connect() as connection:
                rows = connection.execute(_IN_FORCE, {"after": after, "at_most": at_a_time}).all()
            yield from map(_client, rows)
            if len(rows) < at_a_time:
                return
            after = rows[-1].client_id

    def organisations(self) -> list[Organisation]:
        with self._engine.connect() as connection:
            found = [organisation_from(row) for row in connection.execute(ORGANISATIONS)]
        # ordered here: the two databases sort letters differently (S-338)
        return sorted(found, key=lambda organisation: (organisation.name, organisation.cvr_number))

    def public_redirect_uris(self) -> list[str]:
        public = clients.c.metadata.contains('"token_endpoint_auth_method":"none"', autoescape=True)
        wanted = select(clients.c.metadata).where(public, clients.c.disabled_at.is_(None))
        with self._engine.connect() as connection:
            found = [json.loads(text) for text in connection.execute(wanted).scalars()]
        # read again, since a text elsewhere in the document may hold the same letters
        return [
            uri
            for metadata in found
            if metadata["token_endpoint_auth_method"] == "none"
            for uri in metadata["redirect_uris"]
        ]

    def startable_clients(self) -> list[tuple[Client, Organisation]]:
        startable = clients.c.metadata.contains('"initiate_login_uri":', autoescape=True)
        in_force = (clients.c.disabled_at.is_(None), organisations.c.disabled_at.is_(None))
        with self._engine.connect() as connection:
            rows = connection.execute(_BOTH.where(startable, *in_force)).all()
        found = [(_client(row), organisation_from(row)) for row in rows]
        return [pair for pair in found if pair[0].initiate_login_uri is not None]

    # --- writing -----------------------------------------------------------------------------------------------

    def begin_change(self, tx: Connection) -> None:
        raise_version(tx)

    def client_in(self, tx: Connection, client_id: str) -> Client | None:
        row = tx.execute(_BOTH.where(clients.c.client_id == client_id)).one_or_none()
        return None if row is None else _client(row)

    def organisation_in(self, tx: Connection, reference: str) -> Organisation | None:
        return _find_organisation(tx, reference)

    def rsa_moduli_in(self, tx: Connection, *, without: str | None) -> Iterator[int]:
        for table, own_id in ((clients, clients.c.client_id), (resources, resources.c.resource_id)):
            holding = table.c.metadata.contains('"kty":"RSA"')  # written without spaces, see _columns
            wanted = select(table.c.metadata).where(holding, own_id != (without or ""))
            for document in tx.execute(wanted).scalars():
                yield from rsa_moduli(json.loads(document)["jwks"])

    def add_organisation(self, tx: Connection, organisation: Organisation) -> bool:
        self.begin_change(tx)
        fresh = insert_into(tx)(organisations).values(
            organisation_id=organisation.organisation_id,
            cvr_number=organisation.cvr_number,
            kind=organisation.kind,
            name=organisation.name,
            contacts=json.dumps(organisation.contacts),
            logo=organisation.logo,
            created_at=organisation.created_at,
            disabled_at=organisation.disabled_at,
        )
        unless_known = fresh.on_conflict_do_nothing(index_elements=[organisations.c.cvr_number])
        # what it returns says whether it wrote: SQLAlchemy vouches for an INSERT's row count on no database
        return tx.execute(unless_known.returning(organisations.c.organisation_id)).first() is not None

    def disable_organisation(self, tx: Connection, organisation_id: str, at: datetime) -> bool:
        self.begin_change(tx)
        chosen = organisations.c.organisation_id == organisation_id
        still_on = organisations.c.disabled_at.is_(None)
        return changed(tx, update(organisations).where(chosen, still_on).values(disabled_at=at))

    def add_client(self, tx: Connection, client: Client) -> None:
        self.begin_change(tx)
        tx.execute(insert(clients).values(client_id=client.client_id, **_columns(client)))

    def replace_client(self, tx: Connection, client: Client) -> bool:
        self.begin_change(tx)
        chosen = clients.c.client_id == client.client_id
        return changed(tx, update(clients).where(chosen).values(**_columns(client)))

    def disable_client(self, tx: Connection, client_id: str, at: datetime) -> bool:
        self.begin_change(tx)
        chosen, still_on = clients.c.client_id == client_id, clients.c.disabled_at.is_(None)
        return changed(tx, update(clients).where(chosen, still_on).values(disabled_at=at))


class ClientUses:
    """See `ports.ClientUses` for the promises."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, tx: Connection, client_id: str, at: datetime) -> None:
        fresh = insert_into(tx)(client_uses).values(client_id=client_id, used_at=at)
        tx.execute(
            fresh.on_conflict_do_update(
                index_elements=[client_uses.c.client_id],
                set_={"used_at": fresh.excluded.used_at},
                where=fresh.excluded.used_at > client_uses.c.used_at,
            )
        )

    def since(self, at: datetime) -> frozenset[str]:
        wanted = select(client_uses.c.client_id).where(client_uses.c.used_at >= at)
        with self._engine.connect() as connection:
            return frozenset(connection.execute(wanted).scalars())


ORGANISATIONS: Select[Any] = select(
    organisations.c.organisation_id.label("o_id"),
    organisations.c.cvr_number,
    organisations.c.kind,
    organisations.c.name,
    organisations.c.contacts,
    organisations.c.logo,
    organisations.c.created_at.label("o_created_at"),
    organisations.c.disabled_at.label("o_disabled_at"),
)
_BOTH: Select[Any] = ORGANISATIONS.add_columns(clients).join_from(clients, organisations)


_IN_FORCE = (
    select(clients)
    .join(organisations)
    .where(
        clients.c.client_id > bindparam("after"),
        clients.c.disabled_at.is_(None),
        organisations.c.disabled_at.is_(None),
    )
    .order_by(clients.c.client_id)
    .limit(bindparam("at_most"))
)


def raise_version(tx: Connection) -> None:
    """The row's lock is held to the end of `tx`: writers stand in line, and versions rise in commit order."""
    fresh = insert_into(tx)(registry_version).values(only_row=_ONLY_ROW, version=1)
    tx.execute(
        fresh.on_conflict_do_update(
            index_elements=[registry_version.c.only_row],
            set_={"version": registry_version.c.version + 1},
        )
    )


def insert_into(tx: Connection) -> Callable[[Any], Any]:
    """Both databases know `ON CONFLICT`; SQLAlchemy writes it per dialect."""
    return postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert


def changed(tx: Connection, statement: Any) -> bool:
    """Whether the statement changed its one row."""
    return bool(tx.execute(statement).rowcount == 1)


def _find_organisation(connection: Connection, reference: str) -> Organisation | None:
    chosen = or_(organisations.c.organisation_id == reference, organisations.c.cvr_number == reference)
    row = connection.execute(ORGANISATIONS.where(chosen)).one_or_none()
    return None if row is None else organisation_from(row)


def _columns(client: Client) -> dict[str, Any]:
    return {
        "organisation_id": client.organisation_id,
        "sector": client.sector,
        "metadata": json.dumps(metadata_of(client), separators=(",", ":")),
        "secret_digest": client.secret_digest,
        "created_at": client.created_at,
        "changed_at": client.changed_at,
        "disabled_at": client.disabled_at,
    }


def _client(row: Row[Any]) -> Client:
    return client_from(
        json.loads(row.metadata),
        client_id=row.client_id,
        organisation_id=row.organisation_id,
        sector=row.sector,
        created_at=row.created_at,
        changed_at=row.changed_at,
        disabled_at=row.disabled_at,
        secret_digest=row.secret_digest,
    )


def organisation_from(row: Row[Any]) -> Organisation:
    """Of a row that has the columns of `ORGANISATIONS`."""
    return Organisation(
        organisation_id=row.o_id,
        cvr_number=row.cvr_number,
        kind=row.kind,
        name=row.name,
        contacts=tuple(json.loads(row.contacts)),
        logo=row.logo,
        created_at=row.o_created_at,
        disabled_at=row.o_disabled_at,
    )
