"""Letters as PDF: one A4 page each, for a window envelope; a file of many shares one embedded font.

The address stands where DIN 5008 form B has it (20 to 105 mm from the left, 45 to 90 mm from the top), which the
windows of C5/6 and C6 envelopes show; the code stands below the first fold, where no window is. Noto Sans has the
letters of every European name, Greek and Cyrillic ones too. What it lacks is told by `missing_letters` before a
letter is promised.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

import fontpkg_noto_sans
import segno
from babel import Locale
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import TextMode

from idp.letters.letter import Addressee
from idp.letters.words import CodeBox, LetterText
from idp.records import Address

_FONT_FILE = fontpkg_noto_sans.ROOT / "files" / "NotoSans[wdth,wght].ttf"
"""Drawn at its default: regular, normal width."""
_FONT = "noto"

# Millimetres on A4.
_LEFT, _RIGHT, _TOP = 25.0, 185.0, 18.0
_ADDRESS_TOP, _ADDRESS_LINES, _ADDRESS_WIDTH = 57.0, 7, 80.0
_DATE_LINE, _HEADING_LINE = 98.0, 113.0
_FOLDS = (105.0, 210.0)
_QR_SIDE = 44.0
_QUIET = 4
"""Modules of white around a QR code (ISO/IEC 18004)."""

_BODY, _SMALL, _HEADING, _CODE = 11.0, 9.0, 19.0, 17.0
"""Points."""
_LEADING = 1.42
_MM = 25.4 / 72

_HOME = "DK"
_BLUE, _WHITE, _YELLOW = (11, 79, 138), (255, 255, 255), (255, 191, 71)


def missing_letters(text: str) -> str:
    """The letters of a name or address that cannot be printed, each once; empty where all can."""
    tidy = unicodedata.normalize("NFC", text)
    return "".join(dict.fromkeys(sign for sign in tidy if ord(sign) not in _code_points() and sign != "\n"))


@cache
def _code_points() -> frozenset[int]:
    with TTFont(_FONT_FILE, lazy=True) as font:
        return frozenset(font.getBestCmap())


def address_lines(address: Address) -> list[str]:
    """As an envelope has them; the country only abroad."""
    lines = [*address.street_address.splitlines(), f"{address.postal_code} {address.locality}".strip()]
    if address.country == _HOME:
        return lines
    # In English and in capitals, which every sorting office reads (UPU, addressing).
    country = str(Locale("en").territories.get(address.country, address.country))
    return [*lines, country.upper()]


class PrintFile:
    """A PDF that letters are added to."""

    def __init__(self) -> None:
        self._pdf = FPDF(format="A4")
        self._pdf.set_auto_page_break(auto=False)
        self._pdf.add_font(_FONT, "", _FONT_FILE)
        self._pdf.set_creator("Adgang")
        self._broken: dict[tuple[str, float, float], list[str]] = {}

    def add(self, addressee: Addressee, text: LetterText) -> None:
        """One letter, on a page of its own."""
        self._pdf.add_page()
        self._draw_folds()
        self._draw_sender(text)
        self._draw_address(addressee)
        line = self._draw_lines(_LEFT, _HEADING_LINE, [text.heading], _HEADING, bold=True) + 1
        line = self._draw_paragraph(text.lead, line)
        if text.box is not None:
            line = self._draw_box(text.box, line)
        line = self._draw_steps(text.steps, line)
        for paragraph in text.paragraphs:
            line = self._draw_paragraph(paragraph, line)

    def finish(self) -> bytes:
        """The file. Nothing can be added after it."""
        return bytes(self._pdf.output())

    def _draw_folds(self) -> None:
        self._pdf.set_line_width(0.1)
        for fold in _FOLDS:
            self._pdf.line(4, fold, 8, fold)

    def _draw_sender(self, text: LetterText) -> None:
        pdf = self._pdf
        pdf.set_fill_color(*_BLUE)
        pdf.rect(_LEFT, _TOP, 10, 10, style="F", round_corners=True, corner_radius=1.8)
        for colour, inset, top in ((_WHITE, 2.4, 2.0), (_BLUE, 3.3, 2.9), (_YELLOW, 4.1, 3.7)):
            pdf.set_fill_color(*colour)
            width = 10 - 2 * inset
            pdf.rect(
                _LEFT + inset,
                _TOP + top,
                width,
                width,
                style="F",
                round_corners=True,
                corner_radius=width / 2,
            )
            pdf.rect(_LEFT + inset, _TOP + top + width / 2, width, 8.6 - top - width / 2, style="F")
        pdf.set_fill_color(0, 0, 0)
        self._draw_lines(_LEFT + 13, _TOP + 7.2, [text.sender], 16, bold=True)
        self._set_size(_BODY)
        self._pdf.text(_RIGHT - self._pdf.get_string_width(text.date), _DATE_LINE, text.date)

    def _draw_address(self, addressee: Addressee) -> None:
        lines = [addressee.name, *address_lines(addressee.address)]
        tidy = [unicodedata.normalize("NFC", line) for line in lines]
        broken = [piece for line in tidy for piece in self._break(line, _ADDRESS_WIDTH, _BODY)]
        # What does not fit is left out above the town, without which no letter arrives.
        if len(broken) > _ADDRESS_LINES:
            broken = [*broken[: _ADDRESS_LINES - 2], *broken[-2:]]
        self._draw_lines(_LEFT, _ADDRESS_TOP, broken, _BODY)

    def _draw_paragraph(self, text: str, line: float) -> float:
        return (
            self._draw_lines(_LEFT, line, self._break(text, _RIGHT - _LEFT, _BODY), _BODY) + 2.5
            if text
            else line
        )

    def _draw_steps(self, steps: Sequence[str], line: float) -> float:
        for number, step in enumerate(steps, start=1):
            self._draw_lines(_LEFT, line, [f"{number}."], _BODY, bold=True)
            line = self._draw_lines(_LEFT + 7, line, self._break(step, _RIGHT - _LEFT - 7, _BODY), _BODY) + 1
        return line + 3

    def _draw_box(self, box: CodeBox, line: float) -> float:
        top, height, words = line - 2.5, _QR_SIDE + 8, _LEFT + _QR_SIDE + 12
        self._pdf.set_line_width(0.35)
        self._pdf.rect(_LEFT, top, _RIGHT - _LEFT, height, style="D", round_corners=True, corner_radius=1.5)
        self._draw_qr_code(box.qr_address, _LEFT + 4, top + 4)
        at = self._draw_lines(words, top + 6.5, [box.address_label], _SMALL)
        at = self._draw_lines(
            words, at + 1, self._break(box.typed_address, _RIGHT - words - 2, 13), 13, bold=True
        )
        at = self._draw_lines(words, at + 1.8, [box.code_label], _SMALL)
        groups = box.code.split("-")
        half = (len(groups) + 1) // 2
        rows = ["-".join(groups[:half]) + "-", "-".join(groups[half:])]
        at = self._draw_lines(words, at + 2, rows, _CODE, bold=True)
        self._draw_lines(words, at, self._break(box.validity, _RIGHT - words - 2, _SMALL), _SMALL)
        return top + height + 9

    def _draw_qr_code(self, address: str, left: float, top: float) -> None:
        """As black rectangles, which every printer draws sharply."""
        matrix = segno.make_qr(address, error="m").matrix
        module = _QR_SIDE / (len(matrix) + 2 * _QUIET)
        for y, row in enumerate(matrix):
            for x, length in _runs(row):
                self._pdf.rect(
                    left + (x + _QUIET) * module,
                    top + (y + _QUIET) * module,
                    length * module,
                    module,
                    style="F",
                )

    def _draw_lines(
        self, left: float, line: float, lines: Sequence[str], size: float, *, bold: bool = False
    ) -> float:
        """Where the next line stands. Bold is the regular letter with an outline, so that one font is enough."""
        self._set_size(size)
        mode = TextMode.FILL_STROKE if bold else TextMode.FILL
        with self._pdf.local_context(text_mode=mode, line_width=size * 0.035):
            for each in lines:
                self._pdf.text(left, line, each)
                line += size * _MM * _LEADING
        return line

    def _break(self, text: str, width: float, size: float) -> list[str]:
        """Lines that fit; remembered, since letters say mostly the same."""
        key = (text, width, size)
        if key not in self._broken:
            self._set_size(size)
            self._broken[key] = list(self._lines_of(text.split(), width))
        return self._broken[key]

    def _lines_of(self, words: Sequence[str], width: float) -> Iterator[str]:
        line = ""
        for word in words:
            longer = f"{line} {word}".strip()
            if line and self._pdf.get_string_width(longer) > width:
                yield line
                longer = word
            line = longer
        yield line

    def _set_size(self, size: float) -> None:
        self._pdf.set_font(_FONT, size=size)


def _runs(row: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Start and length of each run of dark modules."""
    start = None
    for place, dark in enumerate([*row, 0]):
        if dark and start is None:
            start = place
        elif not dark and start is not None:
            yield start, place - start
            start = None
