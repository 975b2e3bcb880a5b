"""What may be changed with which proofs (NIST SP 800-63B-4 §4.2.2.2, at AAL2). Pure.

The first row whose proofs are all at hand decides. Two proofs count as independent where they are kept in different
places: in the head, in a device, on paper at home, in the post. A recovery code alone opens nothing (S-308), a letter
alone only after an officer has proofed the identity anew, and then after a cooling-off in which every channel is told.

What is not in the table: a password with an authenticator app. That is a sign-in, after which factors are changed on
the security page, with the strongest proof that the citizen has (S-260).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Lost(StrEnum):
    """What the citizen cannot use any more."""

    PASSWORD = "password"
    FACTOR = "factor"
    BOTH = "both"
    USER_ID = "user-id"


class Proof(StrEnum):
    """What a citizen may have at hand."""

    PASSKEY = "passkey"
    """A WebAuthn key that verified its user: two factors in one."""
    KEY = "key"
    """A WebAuthn key that did not."""
    TOTP = "totp"
    PASSWORD = "password"
    RECOVERY_CODE = "recovery-code"
    LETTER = "letter"
    PROOFING = "proofing"
    """Not shown by the citizen: an officer has recorded it."""


class Permission(StrEnum):
    """What the table says."""

    NOW = "now"
    LATER = "later"
    """After the cooling-off."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Row:
    """All of these proofs give this permission."""

    proofs: frozenset[Proof]
    permission: Permission


@dataclass(frozen=True, slots=True)
class Decision:
    """What may happen, and if nothing, which proofs would be enough beside those at hand."""

    permission: Permission
    missing: tuple[frozenset[Proof], ...] = ()


def _row(permission: Permission, *proofs: Proof) -> Row:
    return Row(frozenset(proofs), permission)


TABLE: dict[Lost, tuple[Row, ...]] = {
    Lost.PASSWORD: (
        _row(Permission.NOW, Proof.PASSKEY),
        _row(Permission.NOW, Proof.TOTP, Proof.RECOVERY_CODE),
        _row(Permission.NOW, Proof.KEY, Proof.RECOVERY_CODE),
        _row(Permission.NOW, Proof.LETTER, Proof.RECOVERY_CODE),
        _row(Permission.NOW, Proof.LETTER, Proof.TOTP),
        _row(Permission.NOW, Proof.LETTER, Proof.KEY),
        _row(Permission.LATER, Proof.LETTER, Proof.PROOFING),
    ),
    Lost.FACTOR: (
        _row(Permission.NOW, Proof.PASSKEY),
        _row(Permission.NOW, Proof.PASSWORD, Proof.RECOVERY_CODE),
        _row(Permission.NOW, Proof.TOTP, Proof.RECOVERY_CODE),
        _row(Permission.NOW, Proof.KEY, Proof.RECOVERY_CODE),
        _row(Permission.NOW, Proof.LETTER, Proof.RECOVERY_CODE),
        _row(Permission.NOW, Proof.LETTER, Proof.PASSWORD),
        _row(Permission.NOW, Proof.LETTER, Proof.TOTP),
        _row(Permission.NOW, Proof.LETTER, Proof.KEY),
        _row(Permission.LATER, Proof.LETTER, Proof.PROOFING),
    ),
    Lost.USER_ID: (
        _row(Permission.NOW, Proof.PASSKEY),
        _row(Permission.NOW, Proof.LETTER),
    ),
}
"""What was lost, and what is enough. `Lost.BOTH` needs what each of the two needs."""

_SHOWN_BY_OTHERS = frozenset({Proof.PROOFING})
_SLOWER = (Permission.NOW, Permission.LATER, Permission.REFUSED)


def decide(lost: Lost, at_hand: Iterable[Proof]) -> Decision:
    """What these proofs allow."""
    proofs = frozenset(at_hand)
    if lost is Lost.BOTH:
        return _slower(decide(Lost.PASSWORD, proofs), decide(Lost.FACTOR, proofs))
    for row in TABLE[lost]:
        if row.proofs <= proofs:
            return Decision(row.permission)
    lacking = (row.proofs - proofs for row in TABLE[lost])
    return Decision(Permission.REFUSED, _least(lacks for lacks in lacking if not lacks & _SHOWN_BY_OTHERS))


def ways_on(lost: Lost, at_hand: Iterable[Proof]) -> tuple[Proof, ...]:
    """The proofs that lead on from here, in the order in which they are offered."""
    missing = decide(lost, at_hand).missing
    return tuple(proof for proof in Proof if any(proof in lacks for lacks in missing))


def _slower(one: Decision, other: Decision) -> Decision:
    if one.permission is Permission.REFUSED and other.permission is Permission.REFUSED:
        both = (lacks | more for lacks in one.missing for more in other.missing)
        return Decision(Permission.REFUSED, _least(both))
    return max(one, other, key=lambda decision: _SLOWER.index(decision.permission))


def _least(sets: Iterable[frozenset[Proof]]) -> tuple[frozenset[Proof], ...]:
    """Those that hold no other, each once, the smallest first."""
    ordered = sorted(set(sets), key=lambda lacks: (len(lacks), sorted(lacks)))
    return tuple(lacks for lacks in ordered if not any(smaller < lacks for smaller in ordered))
