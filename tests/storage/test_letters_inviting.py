"""`adgang citizens invite` and `adgang letters print`, as an operator runs them, on both databases."""

import json
import threading
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pypdf import PdfReader

from idp.citizens import NewCitizen
from idp.cli import main
from idp.clock import system_clock
from idp.ids import new_id
from idp.letters import printing
from idp.letters.inviting import Invitee, InviteeRefused, parse_invitee, split_name
from idp.letters.letter import LetterFault, LetterKind, LetterRejected
from idp.letters.letters import Letters
from idp.new_citizens import Contact
from idp.records import Address, Citizen
from idp.secrets_directory import create_secrets
from idp.settings import Settings
from idp.wiring import Wiring
from migrations import upgrade
from tests.support.invited import code_on_paper

HEADER = "cpr,name,address,language\n"
FREJA = '7002281234,Freja Holm,"Havnegade 1, 9990 Nordhavn",da\n'
ANDERS = '7003281234,"And, Anders","Storgata 1; 0155 Oslo; NO",nb\n'


@dataclass
class Operator:
    folder: Path
    settings: dict[str, str]

    def adgang(self, *words: str) -> Result:
        return CliRunner(env=self.settings).invoke(main, list(words))

    def invite(self, text: str, *options: str) -> tuple[dict[str, Any], Result]:
        file = self.folder / "list.csv"
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        done = self.adgang("citizens", "invite", str(file), "--out", str(self.out), "--json", *options)
        return (json.loads(done.stdout) if done.stdout else {}), done

    @property
    def out(self) -> Path:
        return self.folder / "letters"

    def pages(self) -> list[str]:
        return [
            " ".join(page.extract_text().split())
            for file in sorted(self.out.glob("*.pdf"))
            for page in PdfReader(BytesIO(file.read_bytes())).pages
        ]

    def wiring(self) -> Wiring:
        return Wiring(Settings.from_environment(self.settings))


@pytest.fixture
def operator(tmp_path: Path, sql_url: str) -> Operator:
    settings = {
        "ADGANG_ISSUER": "https://adgang.example",
        "ADGANG_SECRETS_DIRECTORY": str(tmp_path / "secrets"),
        "ADGANG_STATE_DIRECTORY": str(tmp_path),
        "ADGANG_DATABASE_URL": sql_url,
    }
    operator = Operator(tmp_path, settings)
    create_secrets(tmp_path / "secrets")
    wiring = operator.wiring()
    upgrade(wiring.database.writing)
    wiring.close()
    return operator


def test_each_person_of_a_list_gets_a_letter_whose_code_works(operator: Operator) -> None:
    counts, done = operator.invite(HEADER + FREJA + ANDERS)
    assert done.exit_code == 0
    assert (counts["invited"], len(counts["files"])) == (2, 1)
    freja, anders = operator.pages()
    assert "Freja Holm Havnegade 1 9990 Nordhavn" in freja
    assert "Anders And Storgata 1 0155 Oslo NORWAY" in anders
    assert "Din tilgang" in anders
    wiring = operator.wiring()
    letter = wiring.letters.look(code_on_paper(freja), kind=LetterKind.ACTIVATION, now=system_clock())
    invitation = wiring.invitations.find(letter.citizen_id)
    assert invitation is not None
    assert (invitation.name, invitation.birthdate) == ("Freja Holm", "1928-02-10")
    assert [entry.event for entry in wiring.ledger.of_citizen(letter.citizen_id)] == [
        "invited",
        "letter-issued",
    ]
    wiring.close()


def test_the_same_list_again_makes_no_second_letter(operator: Operator) -> None:
    operator.invite(HEADER + FREJA)
    counts, done = operator.invite(HEADER + FREJA + ANDERS)
    assert done.exit_code == 0
    assert (counts["invited"], counts["invited-before"]) == (1, 1)
    assert len(operator.pages()) == 2


def test_the_same_person_twice_in_a_list_gets_one_letter(operator: Operator) -> None:
    counts, _ = operator.invite(HEADER + FREJA + FREJA)
    assert (counts["invited"], counts["invited-before"]) == (1, 1)


def test_again_sends_a_new_letter_but_not_within_a_day(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.invite(HEADER + FREJA)
    old = code_on_paper(operator.pages()[0])
    counts, _ = operator.invite(HEADER + FREJA, "--again")
    assert counts["invited-before"] == 1
    wiring = operator.wiring()
    wiring.database.transact(lambda tx: age_letters(tx))
    counts, _ = operator.invite(HEADER + FREJA, "--again")
    assert counts["renewed"] == 1
    with pytest.raises(LetterRejected) as rejected:
        wiring.letters.look(old, kind=LetterKind.ACTIVATION, now=system_clock())
    assert rejected.value.fault is LetterFault.REPLACED
    wiring.close()


def age_letters(tx: Any) -> None:
    from datetime import timedelta

    from sqlalchemy import update

    from idp.letters.tables import letters

    tx.execute(update(letters).values(issued_at=system_clock() - timedelta(days=2)))


def test_lines_that_cannot_be_used_are_told_and_stop_nobody(operator: Operator) -> None:
    wrong = (
        '1234,Freja Holm,"Havnegade 1, 9990 Nordhavn",da\n'
        '7002281235,Freja,"Havnegade 1, 9990 Nordhavn",da\n'
        "7002281236,Freja Holm,Havnegade 1,da\n"
        '7002281237,Freja Holm,"Havnegade 1, 9990 Nordhavn",fr\n'
        '7002281238,Freja 王,"Havnegade 1, 9990 Nordhavn",da\n'
        "7002281239,Freja\n"
        '7002281230,Fr\udcffeja Holm,"Havnegade 1, 9990 Nordhavn",da\n'
    )
    counts, done = operator.invite(HEADER + wrong + FREJA)
    assert done.exit_code == 1
    assert (counts["invited"], counts["faulty"]) == (1, 7)
    told = [line for line in done.stderr.splitlines() if line.startswith("line ")]
    assert [line.split(":")[0] for line in told] == [f"line {number}" for number in range(2, 9)]
    assert "70022812" not in done.stderr
    assert "Freja" not in done.stderr


def test_a_list_from_a_spreadsheet_is_read(operator: Operator) -> None:
    text = '\ufeffName;CPR;Language;Address\r\nFreja Holm;700228-1234;da;"Havnegade 1\r\n9990 Nordhavn"\r\n'
    counts, done = operator.invite(text)
    assert (done.exit_code, counts["invited"]) == (0, 1)


def test_a_file_that_is_no_list_is_refused(operator: Operator) -> None:
    _, done = operator.invite("navn,adresse\nFreja,her\n")
    assert done.exit_code == 1
    assert "must name the columns cpr,name,address,language" in done.stderr


def test_one_person_is_invited_by_options(operator: Operator) -> None:
    words = ("--cpr", "700228-1234", "--name", "Freja Holm", "--address", "Havnegade 1, 9990 Nordhavn")
    done = operator.adgang("citizens", "invite", *words, "--language", "en", "--out", str(operator.out))
    assert done.exit_code == 0, done.stderr
    assert "1 invited. 1 print files" in done.stdout
    assert "Your access to public services" in operator.pages()[0]
    refused = operator.adgang("citizens", "invite", "--cpr", "1", "--name", "x", "--address", "y")
    assert refused.exit_code == 1
    assert operator.adgang("citizens", "invite").exit_code == 2


def test_who_is_a_citizen_already_gets_no_letter(operator: Operator) -> None:
    wiring = operator.wiring()
    citizen = Citizen(new_id(), "freja", "active", "Freja", "Holm", "1970-02-28", "da", system_clock())
    wiring.database.transact(lambda tx: wiring.citizen_store.add(tx, citizen, cpr="7002281234"))
    wiring.close()
    counts, done = operator.invite(HEADER + FREJA)
    assert (done.exit_code, counts["citizen"], counts["files"]) == (0, 1, [])


def test_what_was_broken_off_is_printed_with_the_same_codes(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the file's last byte and the mark in the database: no letter is lost, and none gets a second code."""

    def fall(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(Letters, "printed", fall)
        _, done = operator.invite(HEADER + FREJA + ANDERS)
        assert done.exit_code != 0
    before = operator.pages()
    counts, _ = operator.invite(HEADER + FREJA + ANDERS)
    assert (counts["invited-before"], len(counts["files"])) == (2, 1)
    assert operator.pages() == before
    assert operator.adgang("letters", "print", "--out", str(operator.out)).stdout.startswith(
        "No letter waits"
    )


def test_files_are_cut_and_nobody_else_may_read_them(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(printing, "LETTERS_IN_A_FILE", 2)
    people = "".join(
        f'70022812{number:02d},Freja Holm,"Havnegade {number}, 9990 Nordhavn",da\n' for number in range(5)
    )
    counts, _ = operator.invite(HEADER + people)
    files = [Path(name) for name in counts["files"]]
    assert [len(PdfReader(file).pages) for file in files] == [2, 2, 1]
    assert [f"Havnegade {number} 9990" in page for number, page in enumerate(operator.pages())] == [True] * 5
    assert {oct(path.stat().st_mode)[-2:] for path in (*files, operator.out)} == {"00"}


def test_one_command_prints_into_a_directory_at_a_time(operator: Operator) -> None:
    held = threading.Event()
    with printing.locked(operator.out):
        held.set()
        _, done = operator.invite(HEADER + FREJA)
    assert done.exit_code == 1
    assert "Another command prints" in done.stderr


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Freja Holm", ("Freja", "Holm")),
        ("Anna Maria Bo Holm", ("Anna Maria Bo", "Holm")),
        ("van der Berg, Anna Maria", ("Anna Maria", "van der Berg")),
    ],
)
def test_a_name_is_split_at_the_last_word_or_the_comma(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


def test_a_person_is_never_part_of_a_representation() -> None:
    invitee = parse_invitee(
        cpr="7002281234", name="Freja Holm", address="Havnegade 1, 9990 Nordhavn", language="da"
    )
    assert isinstance(invitee, Invitee)
    assert "Holm" not in repr(invitee)
    with pytest.raises(InviteeRefused) as refused:
        parse_invitee(cpr="700228123", name="Holm", address="Havnegade", language="xx")
    assert len(refused.value.faults) == 4
    assert "Holm" not in str(refused.value)


def test_messages_that_go_by_letter_are_printed_once_in_the_language_of_their_reader(
    operator: Operator,
) -> None:
    """A citizen without e-mail is told on paper; broken off before it is noted, the same file is made again."""
    wiring = operator.wiring()
    wiring.ensure_keys()
    for user_id, cpr, language in (("freja.holm", "8802701234", "en"), ("anders.and", "7003281234", "nb")):
        wiring.new_citizens.add(
            NewCitizen(user_id, cpr, "Freja", "Holm", "1970-02-28", locale=language),
            actor="operator:test",
            reason="a test",
            contact=Contact(address=Address("Havnegade 1", "9990", "Nordhavn", "DK")),
        )
    waiting = json.loads(operator.adgang("messages", "waiting", "--json").stdout)["waiting"]
    assert waiting["email"] == 0 and waiting["letter"] == 2, "each is told once of all that is new"

    def broken_off(work: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(replace(wiring.posted_messages, transact=broken_off).run(operator.out))
    first = operator.pages()
    done = operator.adgang("letters", "print", "--kind", "message", "--out", str(operator.out), "--json")
    assert done.exit_code == 0 and len(json.loads(done.stdout)["files"]) == 1
    pages = operator.pages()
    assert pages == first and len(pages) == waiting["letter"]
    assert any("You have been given access" in page and "Havnegade 1 9990 Nordhavn" in page for page in pages)
    assert any("Du har fått tilgang" in page for page in pages)
    assert not any("http" in page for page in pages)
    again = operator.adgang("letters", "print", "--out", str(operator.out))
    assert "No letter waits to be printed." in again.stdout
    assert json.loads(operator.adgang("messages", "waiting", "--json").stdout)["waiting"]["letter"] == 0
    wiring.close()


def test_emails_that_were_given_up_are_queued_again_by_command(operator: Operator) -> None:
    assert "0 e-mails are queued again." in operator.adgang("messages", "retry").stdout
    assert "By letter: 0 wait." in operator.adgang("messages", "waiting").stdout
