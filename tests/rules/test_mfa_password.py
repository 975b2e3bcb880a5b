"""Which passwords may be chosen, and what a hash of one promises."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from mfa.blocklist import Blocklist
from mfa.errors import Busy, PasswordFault, PasswordRefused
from mfa.password import HashCost, Passwords, UnusableHash, WrongPassword, to_bytes

CHEAP = HashCost(memory_kib=64)
PEPPER = b"p" * 32


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(PEPPER, cost=CHEAP, patience_seconds=0.01)


def hashed(passwords: Passwords, typed: str) -> str:
    with passwords.turn() as turn:
        return turn.hash(typed).encoded


def verify(passwords: Passwords, typed: str, stored: str | None) -> None:
    with passwords.turn() as turn:
        turn.verify(typed, stored)


def fault_of(passwords: Passwords, typed: str, *personal: str) -> PasswordFault | None:
    try:
        passwords.check_new(typed, personal=personal)
    except PasswordRefused as refused:
        return refused.fault
    return None


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("kær-Tov", PasswordFault.TOO_SHORT),
        ("kær-Tove", None),
        ("kær-Tove-mejse", None),
        ("kær-Tove-på-sø-i-regn", None),
        ("Hav og himmel! " * 4 + "ende", None),
        ("abcdef-xyz" * 102 + "slut", None),
        ("abcdef-xyz" * 102 + "slut!", PasswordFault.TOO_LONG),
        ("a" * 1_000_000, PasswordFault.TOO_LONG),
        ("🦭🌊🛶🧭🪵🔥🏕", PasswordFault.TOO_SHORT),
        ("🦭🌊🛶🧭🪵🔥🏕🌲", None),
        ("e\u0301" * 7, PasswordFault.TOO_SHORT),
        ("sur\ud800rogat", PasswordFault.NOT_TEXT),
    ],
)
def test_a_password_has_8_code_points_to_1024_bytes(
    passwords: Passwords, typed: str, fault: PasswordFault | None
) -> None:
    """S-229"""
    assert fault_of(passwords, typed) is fault


@pytest.mark.parametrize(
    "typed", ["x" * 1025, "x" * 1_000_000, "æ" * 513, "\u0316\u0301" * 1024, "\ud800" * 9]
)
def test_what_cannot_be_a_password_is_refused_before_anything_is_hashed(
    passwords: Passwords, typed: str
) -> None:
    """S-229"""
    stored = hashed(passwords, "kær-Tove-mejse")
    computed = passwords.hashes_computed
    with pytest.raises(WrongPassword):
        verify(passwords, typed, stored)
    assert passwords.hashes_computed == computed


@pytest.mark.parametrize(
    "other",
    ["y" * 72 + "B", "y" * 72, "y" * 72 + "A ", "y" * 72 + "a", "y" * 72 + "A\0", "\0" + "y" * 72 + "A"],
)
def test_no_part_of_a_password_is_ignored(passwords: Passwords, other: str) -> None:
    """S-230"""
    stored = hashed(passwords, "y" * 72 + "A")
    verify(passwords, "y" * 72 + "A", stored)
    with pytest.raises(WrongPassword):
        verify(passwords, other, stored)


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [("blåbærgrød", "bla\u030abærgrød"), ("cafe\u0301 noir", "café noir"), ("שלום-עולם", "שלום-עולם")],
)
def test_composed_and_decomposed_text_are_one_password(passwords: Passwords, chosen: str, typed: str) -> None:
    """S-231"""
    verify(passwords, typed, hashed(passwords, chosen))


def test_full_width_letters_are_letters_of_their_own(passwords: Passwords) -> None:
    """S-231: NFC, not NFKC."""
    with pytest.raises(WrongPassword):
        verify(passwords, "ｋａｆｆｅｋｏｐ", hashed(passwords, "kaffekop"))


@pytest.mark.parametrize(
    "common",
    ["password", "Password1!", "adgangskode", "Sommer2026", "kodeord123", "12345678", "87654321", "aaaaaaaa",
     "testtest", "qwertyui", "asdfghjk", "abcabcabcabc", "        ", "ｐａｓｓｗｏｒｄ", "1q2w3e4r", "julenissen!!"],
)  # fmt: skip
def test_passwords_that_are_guessed_first_cannot_be_chosen(passwords: Passwords, common: str) -> None:
    """S-232"""
    assert fault_of(passwords, common) is PasswordFault.COMMON


@pytest.mark.parametrize(
    "own", ["astrid.holm", "Astrid.Holm", "astrid.holm1", "!astrid.holm2026", "NordhavnKommune"]
)
def test_ones_own_user_id_and_the_services_names_cannot_be_chosen(passwords: Passwords, own: str) -> None:
    """S-232"""
    assert fault_of(passwords, own, "astrid.holm", "nordhavnkommune") is PasswordFault.PERSONAL


@pytest.mark.parametrize(
    "named",
    [
        "Byggesager",
        "byggesager2026",
        "!BYGGESAGER",
        "Nordhavn Kommune",
        "nordhavnkommune",
        "nordhavn  kommune 1",
    ],
)
def test_the_name_of_a_service_cannot_be_chosen_in_any_spelling(passwords: Passwords, named: str) -> None:
    """S-232"""
    with pytest.raises(PasswordRefused) as refused:
        passwords.check_new(named, services=frozenset({"Byggesager", "Nordhavn Kommune", "", "7"}))
    assert refused.value.fault is PasswordFault.PERSONAL
    passwords.check_new("byggesagerne i nordhavn", services=frozenset({"Byggesager", "Nordhavn Kommune"}))


def test_no_rule_asks_for_kinds_of_characters(passwords: Passwords) -> None:
    """S-232"""
    assert fault_of(passwords, "mejsekugle") is None
    assert fault_of(passwords, "83926401") is None
    assert fault_of(passwords, "astrid holms båd", "astrid.holm", "") is None


def test_an_operator_can_bring_a_list_of_their_own() -> None:
    blocklist = Blocklist(["Havnefoged"])
    with pytest.raises(PasswordRefused):
        blocklist.check("havnefoged12")
    blocklist.check("adgangskode")


def test_a_password_is_checked_against_its_own_pepper_only(passwords: Passwords) -> None:
    stored = hashed(passwords, "kær-Tove-mejse")
    with pytest.raises(WrongPassword):
        verify(Passwords(b"q" * 32, cost=CHEAP), "kær-Tove-mejse", stored)


def test_the_default_cost_is_what_the_profile_says() -> None:
    stored = hashed(Passwords(PEPPER), "kær-Tove-mejse")
    assert stored.startswith("$argon2id$v=19$m=47104,t=1,p=1$")


@pytest.mark.parametrize(
    "stored",
    [
        "$argon2id$v=19$m=2147483648,t=1,p=1$c29tZXNhbHRzb21l$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2id$v=19$m=9999999,t=1,p=1$c29tZXNhbHRzb21l$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2id$v=19$m=64,t=99,p=1$c29tZXNhbHRzb21l$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2id$v=19$m=64,t=1,p=64$c29tZXNhbHRzb21l$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHRzb21l$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21l$aGFzaGhhc2hoYXNoaGFzaGhhc2g",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21l$" + "A" * 22 + "=",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21l$" + "A" * 23 + "!",
        "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc$" + "A" * 25,
        "",
        "plain",
        "\0",
    ],
)  # fmt: skip
def test_a_damaged_hash_is_refused_at_the_cost_of_an_ordinary_one(passwords: Passwords, stored: str) -> None:
    """S-236"""
    before = passwords.hashes_computed
    with pytest.raises(UnusableHash):
        verify(passwords, "kær-Tove-mejse", stored)
    assert passwords.hashes_computed == before + 1


def test_nobodys_password_costs_what_somebodys_does(passwords: Passwords) -> None:
    """S-237"""
    stored = hashed(passwords, "kær-Tove-mejse")
    costs = []
    for candidate in (stored, None):
        before = passwords.hashes_computed
        with pytest.raises(WrongPassword):
            verify(passwords, "en anden en", candidate)
        costs.append(passwords.hashes_computed - before)
    assert costs == [1, 1]


def test_a_hash_of_other_parameters_is_outdated(passwords: Passwords) -> None:
    """S-234"""
    older = Passwords(PEPPER, cost=HashCost(memory_kib=32))
    assert passwords.is_outdated(hashed(older, "kær-Tove-mejse"))
    assert not passwords.is_outdated(hashed(passwords, "kær-Tove-mejse"))


def test_who_finds_every_turn_taken_is_told_to_come_back() -> None:
    """S-235"""
    passwords = Passwords(PEPPER, cost=CHEAP, concurrency=2, patience_seconds=0.01)
    with passwords.turn(), passwords.turn():
        with pytest.raises(Busy) as busy:
            hashed(passwords, "kær-Tove-mejse")
        assert busy.value.retry_after.total_seconds() > 0
    assert passwords.hashes_computed == 0
    assert hashed(passwords, "kær-Tove-mejse")


def test_never_more_hash_at_once_than_there_are_turns() -> None:
    """S-235"""
    passwords = Passwords(PEPPER, cost=CHEAP, concurrency=3, patience_seconds=60)
    inside: list[int] = []
    most: list[int] = []

    def hash_one(number: int) -> None:
        with passwords.turn() as turn:
            inside.append(number)
            most.append(len(inside))
            turn.hash("kær-Tove-mejse")
            inside.remove(number)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(hash_one, range(200)))
    assert passwords.hashes_computed == 200
    assert max(most) <= 3


def test_a_turn_is_given_back_when_hashing_fails(passwords: Passwords) -> None:
    for _ in range(5):
        with pytest.raises(PasswordRefused):
            hashed(passwords, "x" * 2000)
    assert hashed(passwords, "kær-Tove-mejse")


def test_neither_password_nor_hash_stands_in_a_repr(passwords: Passwords) -> None:
    with passwords.turn() as turn:
        kept = turn.hash("kær-Tove-mejse")
    assert "argon2" not in repr(kept)
    with pytest.raises(PasswordRefused) as refused:
        to_bytes("kær-Tove" * 300)
    assert "Tove" not in repr(refused.value)
