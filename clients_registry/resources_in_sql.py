"""ResourceStore in SQL: SQLite and PostgreSQL."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, bindparam, insert, or_, select, update

from clients_registry.detail_type import DetailType, RegisteredDetailType, detail_type_from
from clients_registry.documents import resource_document
from clients_registry.in_sql import ORGANISATIONS, changed, insert_into, organisation_from, raise_version
from clients_registry.organisation import Organisation
from clients_registry.resource import Resource, Scope
from clients_registry.scope_grant import GrantedScope, ScopeGrant
from clients_registry.tables import detail_types, organisations, resource_scopes, resources, scope_grants


class Resources:
    """See `ports.ResourceStore` for the promises."""

    def __init__(self, engine: Engine) -> None:
        """`engine` is for reading, in autocommit mode; writing goes through the caller's transaction."""
        self._engine = engine

    # --- reading -----------------------------------------------------------------------------------------------

    def find_resource(self, identifier: str) -> tuple[Resource, Organisation] | None:
        return self._find(resources.c.identifier == identifier)

    def find_resource_by_id(self, resource_id: str) -> tuple[Resource, Organisation] | None:
        return self._find(resources.c.resource_id == resource_id)

    def resources(self) -> list[tuple[Resource, Organisation]]:
        with self._engine.connect() as connection:
            rows = connection.execute(_BOTH).all()
            found = [(_resource(connection, row), organisation_from(row)) for row in rows]
        # ordered here: the two databases sort letters differently (S-338)
        return sorted(found, key=lambda pair: (pair[1].name, pair[0].name, pair[0].identifier))

    def scope_grants(self) -> list[ScopeGrant]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(scope_grants)).mappings().all()
        return sorted((ScopeGrant(**row) for row in rows), key=lambda grant: (grant.word, grant.client_id))

    def granted_scopes(self, client_id: str) -> list[GrantedScope]:
        with self._engine.connect() as connection:
            rows = connection.execute(_GRANTED, {"client_id": client_id}).all()
        found = [GrantedScope(_scope(row.document), row.identifier, row.ends_at) for row in rows]
        return sorted(found, key=lambda granted: granted.scope.word)

    def _find(self, chosen: Any) -> tuple[Resource, Organisation] | None:
        with self._engine.connect() as connection:
            row = connection.execute(_BOTH.where(chosen)).one_or_none()
            return None if row is None else (_resource(connection, row), organisation_from(row))

    # --- writing -----------------------------------------------------------------------------------------------

    def resource_in(self, tx: Connection, reference: str) -> Resource | None:
        chosen = or_(resources.c.resource_id == reference, resources.c.identifier == reference)
        row = tx.execute(_BOTH.where(chosen)).one_or_none()
        return None if row is None else _resource(tx, row)

    def taken_words_in(self, tx: Connection, words: Iterable[str]) -> frozenset[str]:
        wanted = select(resource_scopes.c.word).where(resource_scopes.c.word.in_(list(words)))
        return frozenset(tx.execute(wanted).scalars())

    def add_resource(self, tx: Connection, resource: Resource) -> bool:
        raise_version(tx)
        fresh = insert_into(tx)(resources).values(resource_id=resource.resource_id, **_columns(resource))
        unless_known = fresh.on_conflict_do_nothing(index_elements=[resources.c.identifier])
        # what it returns says whether it wrote: SQLAlchemy vouches for an INSERT's row count on no database
        if tx.execute(unless_known.returning(resources.c.resource_id)).first() is None:
            return False
        for scope in resource.scopes:
            self.add_scope(tx, resource.resource_id, scope)
        return True

    def replace_resource(self, tx: Connection, resource: Resource) -> bool:
        raise_version(tx)
        chosen = resources.c.resource_id == resource.resource_id
        return changed(tx, update(resources).where(chosen).values(**_columns(resource)))

    def disable_resource(self, tx: Connection, resource_id: str, at: datetime) -> bool:
        raise_version(tx)
        chosen, still_on = resources.c.resource_id == resource_id, resources.c.disabled_at.is_(None)
        return changed(tx, update(resources).where(chosen, still_on).values(disabled_at=at))

    # --- scopes ------------------------------------------------------------------------------------------------

    def owner_in(self, tx: Connection, word: str) -> Resource | None:
        chosen = resources.c.resource_id.in_(
            select(resource_scopes.c.resource_id).where(resource_scopes.c.word == word)
        )
        row = tx.execute(_BOTH.where(chosen)).one_or_none()
        return None if row is None else _resource(tx, row)

    def add_scope(self, tx: Connection, resource_id: str, scope: Scope) -> None:
        raise_version(tx)
        document = json.dumps(scope.as_json(), ensure_ascii=False)
        tx.execute(
            insert(resource_scopes).values(word=scope.word, resource_id=resource_id, document=document)
        )

    def grant_scope(self, tx: Connection, grant: ScopeGrant) -> None:
        raise_version(tx)
        columns = asdict(grant)
        fresh = insert_into(tx)(scope_grants).values(**columns)
        key = [scope_grants.c.word, scope_grants.c.client_id]
        tx.execute(fresh.on_conflict_do_update(index_elements=key, set_=columns))

    def revoke_scope(self, tx: Connection, word: str, client_id: str, at: datetime) -> bool:
        raise_version(tx)
        chosen = (scope_grants.c.word == word, scope_grants.c.client_id == client_id)
        still_on = scope_grants.c.revoked_at.is_(None)
        return changed(tx, update(scope_grants).where(*chosen, still_on).values(revoked_at=at))

    # --- kinds of authorization details ------------------------------------------------------------------------

    def find_detail_type(self, name: str) -> RegisteredDetailType | None:
        with self._engine.connect() as connection:
            row = connection.execute(_DETAIL_TYPES.where(detail_types.c.type == name)).one_or_none()
        return None if row is None else _registered_detail_type(row)

    def detail_types(self) -> list[RegisteredDetailType]:
        with self._engine.connect() as connection:
            rows = connection.execute(_DETAIL_TYPES).all()
        return sorted(map(_registered_detail_type, rows), key=lambda found: found.detail_type.type)

    def detail_type_in(self, tx: Connection, name: str) -> DetailType | None:
        row = tx.execute(_DETAIL_TYPES.where(detail_types.c.type == name)).one_or_none()
        return None if row is None else _registered_detail_type(row).detail_type

    def add_detail_type(self, tx: Connection, resource_id: str, made: DetailType) -> bool:
        raise_version(tx)
        fresh = insert_into(tx)(detail_types).values(
            type=made.type,
            resource_id=resource_id,
            document=json.dumps(made.as_json(), ensure_ascii=False),
            created_at=made.created_at,
        )
        unless_known = fresh.on_conflict_do_nothing(index_elements=[detail_types.c.type])
        return tx.execute(unless_known.returning(detail_types.c.type)).first() is not None

    def disable_detail_type(self, tx: Connection, name: str, at: datetime) -> bool:
        raise_version(tx)
        chosen, still_on = detail_types.c.type == name, detail_types.c.disabled_at.is_(None)
        return changed(tx, update(detail_types).where(chosen, still_on).values(disabled_at=at))


_BOTH: Select[Any] = ORGANISATIONS.add_columns(resources).join_from(resources, organisations)

_GRANTED = (
    select(resource_scopes.c.document, resources.c.identifier, scope_grants.c.ends_at)
    .join_from(scope_grants, resource_scopes)
    .join(resources, resources.c.resource_id == resource_scopes.c.resource_id)
    .where(scope_grants.c.client_id == bindparam("client_id"), scope_grants.c.revoked_at.is_(None))
)

_DETAIL_TYPES: Select[Any] = (
    select(
        detail_types.c.document,
        detail_types.c.created_at,
        detail_types.c.disabled_at,
        resources.c.disabled_at.label("resource_disabled_at"),
        organisations.c.disabled_at.label("organisation_disabled_at"),
    )
    .join_from(detail_types, resources)
    .join(organisations)
)


def _registered_detail_type(row: Row[Any]) -> RegisteredDetailType:
    made = detail_type_from(json.loads(row.document), created_at=row.created_at, disabled_at=row.disabled_at)
    ends = (row.disabled_at, row.resource_disabled_at, row.organisation_disabled_at)
    return RegisteredDetailType(made, disabled=any(end is not None for end in ends))


def _columns(resource: Resource) -> dict[str, Any]:
    return {
        "identifier": resource.identifier,
        "organisation_id": resource.organisation_id,
        "metadata": json.dumps(resource_document(resource), separators=(",", ":")),
        "secret_digest": resource.secret_digest,
        "created_at": resource.created_at,
        "disabled_at": resource.disabled_at,
    }


def _scope(document: str) -> Scope:
    return Scope.from_json(json.loads(document))


def _resource(connection: Connection, row: Row[Any]) -> Resource:
    wanted = select(resource_scopes.c.document).where(resource_scopes.c.resource_id == row.resource_id)
    scopes = [_scope(text) for text in connection.execute(wanted).scalars()]
    return Resource(
        **json.loads(row.metadata),
        resource_id=row.resource_id,
        identifier=row.identifier,
        organisation_id=row.organisation_id,
        scopes=tuple(sorted(scopes, key=lambda scope: scope.word)),
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        secret_digest=row.secret_digest,
    )
