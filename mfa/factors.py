"""Kinds of factor: what each proves (NIST SP 800-63B-4 §2) and how tokens name it (RFC 8176 `amr`).

Does not decide how many factors a session needs beyond the one rule that two kinds are two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

USER_VERIFIED = "mfa"
"""In the `amr` of one factor: this factor alone proved two (a passkey that verified its user)."""


class Category(StrEnum):
    """What a factor shows about its holder."""

    KNOWLEDGE = "knowledge"
    POSSESSION = "possession"


class FactorKind(StrEnum):
    """The kinds of factor we verify."""

    PASSWORD = "password"
    TOTP = "totp"
    WEBAUTHN = "webauthn"
    RECOVERY_CODE = "recovery_code"

    @property
    def category(self) -> Category:
        return Category.KNOWLEDGE if self is FactorKind.PASSWORD else Category.POSSESSION

    @property
    def signs_in(self) -> bool:
        """Recovery codes get a citizen back in; they are not what a citizen signs in with."""
        return self is not FactorKind.RECOVERY_CODE

    @property
    def amr(self) -> tuple[str, ...]:
        """RFC 8176 §2. A WebAuthn key's own facts decide more exactly; see `mfa.webauthn`."""
        return _AMR[self]


_AMR = {
    FactorKind.PASSWORD: ("pwd",),
    FactorKind.TOTP: ("otp",),
    FactorKind.WEBAUTHN: ("pop",),
    FactorKind.RECOVERY_CODE: ("otp",),
}


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a citizen, without its secret."""

    factor_id: str
    citizen_id: str
    kind: FactorKind
    name: str
    created_at: datetime
    last_used_at: datetime | None = None
    disabled_at: datetime | None = None
    proves_two: bool = False
    """It verifies its user, as a passkey can: possession and knowledge (or a body) in one."""


@dataclass(frozen=True, slots=True)
class VerifiedFactor:
    """A factor that its citizen has just proven. Only `mfa.verification` makes one."""

    factor_id: str
    citizen_id: str
    kind: FactorKind
    amr: tuple[str, ...]
    proven_at: datetime
    bound_at: datetime
    """When the citizen added it."""


class Proof(Protocol):
    """What counts about a proven factor."""

    @property
    def kind(self) -> str: ...

    @property
    def amr(self) -> tuple[str, ...]: ...


def categories_of(proofs: Iterable[Proof]) -> frozenset[Category]:
    """The different things that these proofs show together; a user-verifying passkey shows two.

    A recovery code shows nothing here: it gets a citizen back in, and no session stands on it.
    """
    found: set[Category] = set()
    for proof in proofs:
        kind = FactorKind(proof.kind)
        if kind.signs_in:
            found.add(kind.category)
        if USER_VERIFIED in proof.amr:
            found |= set(Category)
    return frozenset(found)


def leaves_a_way_in(factors: Iterable[Factor]) -> bool:
    """Whether a citizen with these factors can still sign in: by one that proves two, or by two kinds together."""
    usable = [factor for factor in factors if factor.disabled_at is None and factor.kind.signs_in]
    if any(factor.proves_two for factor in usable):
        return True
    return {factor.kind.category for factor in usable} == set(Category)
