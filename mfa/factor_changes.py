"""What every change of a citizen's factors shares: room for one more, a name, and the ledger row."""

import secrets
import unicodedata
from collections.abc import Collection
from datetime import datetime

from mfa.errors import EnrolmentFault, EnrolmentRefused
from mfa.factors import Factor, FactorKind
from mfa.ports import Factors, Journal, Tx

_LONGEST_NAME = 64


def new_factor_id() -> str:
    return secrets.token_urlsafe(16)


def check_name(name: str) -> str:
    """A citizen's own name for a factor: one line of text, tidied.

    Raises:
        EnrolmentRefused
    """
    tidy = unicodedata.normalize("NFC", name[: 4 * _LONGEST_NAME]).strip()
    if not 1 <= len(tidy) <= _LONGEST_NAME or any(unicodedata.category(sign)[0] == "C" for sign in tidy):
        raise EnrolmentRefused(EnrolmentFault.NAME)
    return tidy


def check_room(
    factors: Factors, tx: Tx, citizen_id: str, kind: FactorKind, most: int, *, leaving: Collection[str] = ()
) -> None:
    """`leaving`: ids of factors that go when the new one has come.

    Raises:
        EnrolmentRefused: the citizen has as many of this kind as one may have.
    """
    staying = [each for each in factors.lock_of_citizen(tx, citizen_id) if each.factor_id not in leaving]
    if sum(factor.kind is kind for factor in staying) >= most:
        raise EnrolmentRefused(EnrolmentFault.TOO_MANY)


def tell(
    journal: Journal, tx: Tx, event: str, factor: Factor, actor: str, now: datetime, *, part_of: str = ""
) -> None:
    """Write the change into the citizen's ledger; `part_of` is the event that it belongs to, where there is one."""
    facts = {"kind": factor.kind.value, "factor_id": factor.factor_id, "name": factor.name}
    if part_of:
        facts["part_of"] = part_of
    journal.append(tx, event=event, actor=actor, at=now, citizen_id=factor.citizen_id, facts={**facts})
