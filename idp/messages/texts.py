"""The words of messages, in a citizen's language. The words themselves are in templates/messages/texts.html."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from clients_registry.purposes import LANGUAGES
from idp.messages.message import Topic
from idp.safety import CAP

_ROOT = Path(__file__).parent.parent
_LOCALES = {"da": "da", "en": "en_GB", "nb": "nb"}


@dataclass(frozen=True, slots=True)
class MessageText:
    """A message as plain text."""

    language: str
    subject: str
    paragraphs: tuple[str, ...] = field(repr=False)

    @property
    def body(self) -> str:
        return "\n\n".join(self.paragraphs) + "\n"


class MessageTexts:
    """Writes messages; made once, since it reads every catalogue."""

    def __init__(self, timezone: str, *, cap: timedelta = CAP) -> None:
        self._zone = ZoneInfo(timezone)
        self._cap = cap
        self._templates = {language: _template(language) for language in LANGUAGES}

    def write(
        self,
        topic: Topic,
        *,
        language: str,
        at: datetime,
        phrase: str | None = None,
        stop_code: str | None = None,
    ) -> MessageText:
        """The message in that language, or in Danish where we do not speak it."""
        spoken = language if language in self._templates else "da"
        words: Any = self._templates[spoken].module
        until = self._moment(words, topic.until, spoken) if topic.until else ""
        paragraphs = [
            words.happened(topic, self._moment(words, at, spoken), until, self._cap.days),
            words.stop_code(stop_code) if stop_code else "",
            words.advice(topic),
            words.phrase(phrase),
            words.never(),
        ]
        subject = f"{_tidy(words.sender())}: {_tidy(words.subject(topic))}"
        return MessageText(spoken, subject, tuple(filter(None, map(_tidy, paragraphs))))

    def _moment(self, words: Any, at: datetime, language: str) -> str:
        locale, local = _LOCALES[language], at.astimezone(self._zone)
        date = format_date(local, "long", locale=locale)
        return _tidy(words.moment(date, format_time(local, "short", locale=locale)))


def _template(language: str) -> Template:
    # Plain text: nothing is escaped, since nothing here is read as HTML.
    environment = Environment(
        loader=FileSystemLoader(_ROOT / "templates"),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
    )
    with (_ROOT / "translations" / language / "LC_MESSAGES" / "messages.po").open("rb") as source:
        compiled = BytesIO()
        write_mo(compiled, read_po(source))
    compiled.seek(0)
    translations = Translations(compiled)
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    return environment.get_template("messages/texts.html")


def _tidy(text: Any) -> str:
    return " ".join(str(text).split())
