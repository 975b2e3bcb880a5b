"""A letter as PDF: what stands on it, where, in whose language, and what its QR code says."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
import segno
from pypdf import PdfReader

from idp.letters.codes import new_code, print_code
from idp.letters.letter import Addressee, LetterKind
from idp.letters.pdf import PrintFile, missing_letters
from idp.letters.words import LetterTexts, Sender
from idp.records import Address

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(days=21)
SENDER = Sender("https://adgang.example", "Digitaliseringskontoret", "70 00 00 00")
FREJA = Addressee("Freja Holm", Address("Havnegade 1", "9990", "Nordhavn", "DK"), "da")
POINTS = 72 / 25.4


@pytest.fixture(scope="module")
def texts() -> LetterTexts:
    return LetterTexts(SENDER)


def drawn(
    texts: LetterTexts, code: str, *people: Addressee, kind: LetterKind = LetterKind.ACTIVATION
) -> PdfReader:
    file = PrintFile()
    for person in people:
        file.add(person, texts.write(kind, code=code, expires_at=UNTIL, language=person.language, now=NOW))
    return PdfReader(BytesIO(file.finish()))


def read(page: Any) -> str:
    return " ".join(str(page.extract_text()).split())


def test_a_letter_is_one_a4_page_from_which_the_code_can_be_read(texts: LetterTexts) -> None:
    code = print_code(new_code())
    [page] = drawn(texts, code, FREJA).pages
    assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842)
    words = read(page)
    assert code in words.replace("- ", "-")
    assert "adgang.example/activate" in words
    assert "til og med 14. december 2026" in words
    assert "Freja Holm Havnegade 1 9990 Nordhavn" in words
    assert "Digitaliseringskontoret: 70 00 00 00" in words


@pytest.mark.parametrize(
    ("language", "heading", "date"),
    [
        ("da", "Din adgang til det offentlige", "24. november 2026"),
        ("en", "Your access to public services", "24 November 2026"),
        ("nb", "Din tilgang til det offentlige", "24. november 2026"),
        ("fi", "Din adgang til det offentlige", "24. november 2026"),
    ],
)
def test_a_letter_speaks_its_readers_language(
    texts: LetterTexts, language: str, heading: str, date: str
) -> None:
    words = read(drawn(texts, print_code(new_code()), replace(FREJA, language=language)).pages[0])
    assert heading in words
    assert date in words


def test_a_recovery_letter_leads_to_its_own_address(texts: LetterTexts) -> None:
    words = read(drawn(texts, print_code(new_code()), FREJA, kind=LetterKind.RECOVERY).pages[0])
    assert "adgang.example/recover" in words
    assert "/activate" not in words


def test_the_qr_code_is_the_address_with_the_code_in_its_fragment(texts: LetterTexts) -> None:
    """A fragment is sent to nobody: not to our logs, not in a Referer."""
    code = print_code(new_code())
    text = texts.write(LetterKind.ACTIVATION, code=code, expires_at=UNTIL, language="da", now=NOW)
    assert text.box is not None
    assert text.box.qr_address == "https://adgang.example/activate#" + code.replace("-", "")
    page = drawn(texts, code, FREJA).pages[0]
    assert dark_modules(page) == segno.make_qr(text.box.qr_address, error="m").matrix


def dark_modules(page: Any) -> tuple[bytearray, ...]:
    """The modules, from the rectangles that are filled in the page's box."""
    content = page.get_contents().get_data().decode("latin-1")
    found = re.findall(r"([\d.]+) ([\d.]+) ([\d.]+) (-[\d.]+) re f", content)
    rectangles = [tuple(map(float, numbers)) for numbers in found]
    height = min(-h for _, _, _, h in rectangles)
    runs = [(x, y, w) for x, y, w, h in rectangles if abs(-h - height) < 0.02]
    left, top = min(x for x, _, _ in runs), max(y for _, y, _ in runs)
    size = round((max(x + w for x, _, w in runs) - left) / height)
    matrix = tuple(bytearray(size) for _ in range(size))
    for x, y, width in runs:
        start = round((x - left) / height)
        for column in range(start, start + round(width / height)):
            matrix[round((top - y) / height)][column] = 1
    return matrix


def test_the_window_shows_the_address_and_never_the_code(texts: LetterTexts) -> None:
    """DIN 5008 form B: the window is 20 to 105 mm from the left and 45 to 90 mm from the top."""
    long_name = replace(
        FREJA, name="Maximiliane Antoinette von und zu Hohenlohe-Langenburg-Schillingsfürst til Nordhavn"
    )
    code = print_code(new_code())
    for person in (FREJA, long_name):
        seen = []

        def visit(text: str, _cm: Any, tm: Any, _font: Any, _size: Any, into: list[str] = seen) -> None:
            left, top = tm[4] / POINTS, 297 - tm[5] / POINTS
            if text.strip() and 45 <= top <= 90:
                assert 20 <= left <= 105
                into.append(text.strip())

        drawn(texts, code, person).pages[0].extract_text(visitor_text=visit)
        assert " ".join(seen) == f"{person.name} Havnegade 1 9990 Nordhavn"


EUROPE = (
    "ÆØÅæøå ÄÖÜäöüß ÁÀÂÃÇçÑñÕõ ŁłŃńŚśŻżŹźĆćĘęĄą ČčŠšŽžŘřĚěŮůŤťĎďŇňĽľĹĺŔŕ ŐőŰű ĂăȘșȚțŞş İıĞğ ĦħĠġĊċ ŴŵŶŷ "
    "ŊŋĐđŦŧǤǥǦǧǨǩƷʒǮǯ ĀāĒēĪīŪūĢģĶķĻļŅņŖŗ ĖėĮįŲų ÐðÞþÝý Əə Œœ ŸÿÏïËë’-"
    "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩάέήίόύώϊϋΐΰς АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЁЂЃЄЅІЇЈЉЊЋЌЎЏҐё"
)


def test_every_european_name_has_its_letters() -> None:
    assert missing_letters(EUROPE + EUROPE.lower()) == ""
    assert missing_letters("Freja 王 Holm 王") == "王"
    assert missing_letters("Ve\u0301ra") == ""


def test_a_file_of_many_letters_shares_one_embedded_font(texts: LetterTexts) -> None:
    words = EUROPE.split()
    people = [replace(FREJA, name=f"{one} {other}") for one, other in pairwise(words)]
    file = drawn(texts, print_code(new_code()), *people)
    fonts = {
        reference.idnum
        for page in file.pages
        for reference in (value.indirect_reference for value in page["/Resources"]["/Font"].values())
    }
    assert len(fonts) == 1
    font = file.get_object(min(fonts))
    assert "FontFile2" in repr(font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object())
    assert people[3].name in read(file.pages[3])


def test_a_letter_abroad_names_its_country(texts: LetterTexts) -> None:
    abroad = replace(FREJA, address=Address("Storgata 1\nc/o Berg", "0155", "Oslo", "NO"))
    assert "Storgata 1 c/o Berg 0155 Oslo NORWAY" in read(
        drawn(texts, print_code(new_code()), abroad).pages[0]
    )


def test_nothing_secret_but_the_code_stands_in_the_file(texts: LetterTexts) -> None:
    text = texts.write(LetterKind.ACTIVATION, code="SECRET", expires_at=UNTIL, language="da", now=NOW)
    assert "SECRET" not in repr(text)
    file = drawn(texts, print_code(new_code()), FREJA)
    assert set(file.metadata or {}) <= {"/Creator", "/CreationDate", "/Producer"}
