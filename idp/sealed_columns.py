"""Every column in which secrets stand sealed under the key-encryption key, but for the signing keys' own.

A test holds this list against the tables of all packages: a column of envelopes that is forgotten here would be lost
with the previous key.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Column, ColumnElement, Engine, Row, select

from idp.letters import invitations_in_sql
from idp.letters import letters as letter_rules
from idp.letters.letter import LetterKind
from idp.letters.tables import invitations, letters
from idp.messages import stop_code
from idp.messages.tables import messages
from idp.recovery import letter_orders as order_rules
from idp.recovery.tables import letter_orders
from idp.storage import citizens_in_sql
from idp.storage.ports import Transact
from idp.storage.sealed_in_sql import SealedColumn
from idp.storage.tables import citizens
from keys.sealing import Sealer
from mfa import totp
from mfa.tables import factors, pending_totp
from mfa.tables import totp as totp_devices


def sealed_columns(
    sealer_for: Callable[[str], Sealer], engine: Engine, transact: Transact
) -> list[SealedColumn]:
    """What `adgang keys reseal` goes through, beside the signing keys."""

    def column(
        name: str,
        purpose: str,
        envelopes: "Column[Any]",
        bound_to: Callable[[Row[Any]], bytes],
        *needs: "ColumnElement[Any]",
    ) -> SealedColumn:
        return SealedColumn(name, envelopes, needs, bound_to, sealer_for(purpose), engine, transact)

    seed, offered, code, secret = (
        totp_devices.c.sealed_seed,
        pending_totp.c.sealed_seed,
        letters.c.sealed_code,
        messages.c.sealed_secret,
    )
    return [
        column("CPR numbers", "citizens", citizens.c.cpr_sealed, _by_citizen(citizens_in_sql.bound_to)),
        column(
            "CPR numbers of invitations",
            "invitations",
            invitations.c.cpr_sealed,
            _by_citizen(invitations_in_sql.bound_to),
        ),
        column("authenticator seeds", "totp", seed, _by_device, _owner_of_device()),
        column("authenticator seeds on offer", "totp", offered, _by_device, pending_totp.c.factor_id),
        column("codes of letters", "letters", code, _by_letter, letters.c.kind, letters.c.citizen_id),
        column(
            "codes in messages",
            "messages",
            secret,
            _by_citizen(stop_code.bound_to),
            messages.c.citizen_id,
        ),
        column("orders of letters", "letter-orders", letter_orders.c.sealed, lambda _: order_rules.BOUND_TO),
    ]


def _by_citizen(bound_to: Callable[[str], bytes]) -> Callable[[Row[Any]], bytes]:
    return lambda row: bound_to(row.citizen_id)


def _by_device(row: Row[Any]) -> bytes:
    return totp.bound_to(row.citizen_id, row.factor_id)


def _by_letter(row: Row[Any]) -> bytes:
    return letter_rules.bound_to(LetterKind(row.kind), row.citizen_id)


def _owner_of_device() -> "ColumnElement[Any]":
    query = select(factors.c.citizen_id).where(factors.c.factor_id == totp_devices.c.factor_id)
    return query.scalar_subquery().label("citizen_id")
