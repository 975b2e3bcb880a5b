"""The translations, compiled from their .po files when a process starts: none can be missing or older than its source.

Pages ask them through idp.web; letters, which no request asks for, by a template of plain text.
"""

from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from clients_registry.purposes import LANGUAGES

_ROOT = Path(__file__).parent

LOCALES = {"da": "da", "en": "en_GB", "nb": "nb"}
"""Whose dates and numbers we write, by language."""


def load_catalogue(path: Path) -> Translations:
    """One .po file, compiled in memory (some milliseconds)."""
    with path.open("rb") as source:
        catalogue = read_po(source)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def plain_text_templates(name: str) -> dict[str, Template]:
    """A template of plain text in each of our languages; `name` as in templates/."""
    return {language: _plain_text(language).get_template(name) for language in LANGUAGES}


def _plain_text(language: str) -> Environment:
    # Nothing is escaped, since nothing here is read as HTML.
    environment = Environment(
        loader=FileSystemLoader(_ROOT / "templates"),
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
    )
    catalogue = load_catalogue(_ROOT / "translations" / language / "LC_MESSAGES" / "messages.po")
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    return environment
