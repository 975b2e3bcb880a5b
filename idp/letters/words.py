"""What a letter says, in the language of its reader. The words themselves are in templates/letters/words.html."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from babel.dates import format_date

from idp.catalogues import LOCALES, plain_text_templates
from idp.letters.letter import LetterKind

_PATHS = {LetterKind.ACTIVATION: "/activate", LetterKind.RECOVERY: "/recover"}


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends letters, and from where they are answered."""

    issuer: str
    operator_name: str = ""
    contact: str = ""
    timezone: str = "Europe/Copenhagen"

    @property
    def host(self) -> str:
        """What stands in the reader's browser, too."""
        return urlsplit(self.issuer).netloc

    def address(self, kind: LetterKind) -> str:
        """The whole address at which the code is used."""
        return self.issuer + _PATHS[kind]

    def typed_address(self, kind: LetterKind) -> str:
        """The same as people type it: a browser adds https, but must be told of plain http."""
        return self.address(kind).removeprefix("https://")


@dataclass(frozen=True, slots=True)
class CodeBox:
    """The part of a letter that is used at the screen."""

    address_label: str
    typed_address: str
    code_label: str
    code: str = field(repr=False)
    validity: str
    qr_address: str = field(repr=False)
    """With the code in its fragment, which no browser sends to anybody (RFC 3986 §3.5; RFC 9110 §10.1.3)."""


@dataclass(frozen=True, slots=True)
class LetterText:
    """A letter, apart from whom it goes to."""

    language: str
    sender: str
    date: str
    heading: str
    lead: str = ""
    steps: tuple[str, ...] = ()
    box: CodeBox | None = None
    paragraphs: tuple[str, ...] = ()


class LetterTexts:
    """Writes letters; made once in each process, since it reads every catalogue."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._zone = ZoneInfo(sender.timezone)
        self._words: dict[str, Any] = {
            language: template.module
            for language, template in plain_text_templates("letters/words.html").items()
        }

    def write(
        self, kind: LetterKind, *, code: str, expires_at: datetime, language: str, now: datetime
    ) -> LetterText:
        """The letter in that language, or in Danish where we do not speak it."""
        spoken = language if language in self._words else "da"
        words, sender = self._words[spoken], self._sender
        last_day = self._date(expires_at - timedelta(days=1), spoken)  # the last that is whole
        return LetterText(
            language=spoken,
            sender=_tidy(words.sender()),
            date=self._date(now, spoken),
            heading=_tidy(words.heading(kind)),
            lead=_tidy(words.lead(kind)),
            steps=tuple(
                map(_tidy, (words.first_step(sender.host), words.second_step(kind), words.third_step(kind)))
            ),
            box=CodeBox(
                address_label=_tidy(words.address_label()),
                typed_address=sender.typed_address(kind),
                code_label=_tidy(words.code_label()),
                code=code,
                validity=_tidy(words.validity(last_day)),
                qr_address=f"{sender.address(kind)}#{code.replace('-', '')}",
            ),
            paragraphs=(
                _tidy(words.secrecy()),
                f"{_tidy(words.otherwise(kind))} {_tidy(words.contact(sender.operator_name, sender.contact))}",
            ),
        )

    def plain(self, heading: str, paragraphs: tuple[str, ...], *, language: str, now: datetime) -> LetterText:
        """A letter without a code, in words that are given."""
        spoken = language if language in self._words else "da"
        return LetterText(
            language=spoken,
            sender=_tidy(self._words[spoken].sender()),
            date=self._date(now, spoken),
            heading=heading,
            paragraphs=paragraphs,
        )

    def _date(self, at: datetime, language: str) -> str:
        return format_date(at.astimezone(self._zone), "long", locale=LOCALES[language])


def _tidy(text: Any) -> str:
    return " ".join(str(text).split())
