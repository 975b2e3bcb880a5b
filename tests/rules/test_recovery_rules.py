"""The table of recovery (NIST SP 800-63B-4 §4.2.2.2): every set of proofs, held against the sentences of the promise."""

from itertools import chain, combinations

import pytest

from idp.recovery.rules import Decision, Lost, Permission, Proof, decide, ways_on

ALL_SETS = [
    frozenset(some)
    for some in chain.from_iterable(combinations(Proof, size) for size in range(len(Proof) + 1))
]
BOUND = {Proof.TOTP, Proof.KEY}


def says(lost: Lost, proofs: frozenset[Proof]) -> Permission:
    """The same promise in other words: as the sentences in the issue say it, not as a table."""
    code, letter = Proof.RECOVERY_CODE in proofs, Proof.LETTER in proofs
    if Proof.PASSKEY in proofs:
        return Permission.NOW
    if lost is Lost.USER_ID:
        return Permission.NOW if letter else Permission.REFUSED
    if lost is Lost.BOTH:
        parts = {says(Lost.PASSWORD, proofs), says(Lost.FACTOR, proofs)}
        return next(p for p in (Permission.REFUSED, Permission.LATER, Permission.NOW) if p in parts)
    bound = bool(proofs & (BOUND | ({Proof.PASSWORD} if lost is Lost.FACTOR else set())))
    if (bound and code) or (letter and (code or bound)):
        return Permission.NOW
    return Permission.LATER if letter and Proof.PROOFING in proofs else Permission.REFUSED


@pytest.mark.parametrize("lost", Lost)
def test_every_set_of_proofs_gives_what_the_promise_says(lost: Lost) -> None:
    """S-308: 128 sets of proofs for each thing that can be lost."""
    assert len(ALL_SETS) == 128
    wrong = {
        proofs: decide(lost, proofs)
        for proofs in ALL_SETS
        if decide(lost, proofs).permission is not says(lost, proofs)
    }
    assert not wrong


@pytest.mark.parametrize("lost", Lost)
@pytest.mark.parametrize(
    "proof", [proof for proof in Proof if proof not in (Proof.PASSKEY, Proof.LETTER)], ids=str
)
def test_one_proof_alone_opens_nothing(lost: Lost, proof: Proof) -> None:
    """S-308: one recovery code, one code of an app, one password: refused."""
    assert decide(lost, {proof}).permission is Permission.REFUSED


@pytest.mark.parametrize("lost", [Lost.PASSWORD, Lost.FACTOR, Lost.BOTH])
def test_a_letter_alone_opens_nothing_and_after_proofing_only_later(lost: Lost) -> None:
    """S-308"""
    assert decide(lost, {Proof.LETTER}).permission is Permission.REFUSED
    assert decide(lost, {Proof.LETTER, Proof.PROOFING}) == Decision(Permission.LATER)
    assert decide(lost, {Proof.PROOFING}).permission is Permission.REFUSED


def test_two_independent_proofs_need_no_waiting_even_after_proofing() -> None:
    proofs = {Proof.LETTER, Proof.RECOVERY_CODE, Proof.PROOFING}
    assert all(decide(lost, proofs).permission is Permission.NOW for lost in Lost)


def test_a_password_and_an_app_are_a_sign_in_and_no_recovery() -> None:
    assert decide(Lost.FACTOR, {Proof.PASSWORD, Proof.TOTP}).permission is Permission.REFUSED


@pytest.mark.parametrize("lost", Lost)
def test_more_proofs_never_give_less(lost: Lost) -> None:
    order = [Permission.REFUSED, Permission.LATER, Permission.NOW]
    for proofs in ALL_SETS:
        for more in Proof:
            assert order.index(decide(lost, proofs | {more}).permission) >= order.index(
                decide(lost, proofs).permission
            )


@pytest.mark.parametrize("lost", Lost)
def test_what_is_said_to_be_missing_is_enough_and_no_more_than_enough(lost: Lost) -> None:
    for proofs in ALL_SETS:
        decision = decide(lost, proofs)
        assert bool(decision.missing) == (decision.permission is Permission.REFUSED)
        for lacks in decision.missing:
            assert Proof.PROOFING not in lacks
            assert decide(lost, proofs | lacks).permission is not Permission.REFUSED
            assert all(
                decide(lost, proofs | (lacks - {one})).permission is Permission.REFUSED for one in lacks
            )


def test_the_ways_on_are_those_that_lead_somewhere() -> None:
    assert ways_on(Lost.PASSWORD, {Proof.TOTP}) == (Proof.PASSKEY, Proof.RECOVERY_CODE, Proof.LETTER)
    assert ways_on(Lost.USER_ID, ()) == (Proof.PASSKEY, Proof.LETTER)
    assert ways_on(Lost.FACTOR, {Proof.LETTER, Proof.PASSWORD}) == ()
