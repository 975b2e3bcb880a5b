"""The language of a page: Danish, English or bokmål, and the catalogues with its words.

Chosen by the link in the bar, then what this browser chose before, then what the service asked for (`ui_locales`),
then the browser's own wish, then Danish.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import cast

from babel.support import Translations
from flask import Flask, Response, g, request
from flask_babel import Babel, Domain, refresh

from idp.catalogues import LOCALES, load_catalogue
from idp.protocol.locales import language_of
from idp.web.cookies import read_cookie, set_cookie

LANGUAGES = {"da": "Dansk", "en": "English", "nb": "Norsk"}
"""Language tags (BCP 47) and what speakers call them, in the order of the bar."""

_REMEMBERED = timedelta(days=365)


def choose_language(
    chosen: str | None, remembered: str | None, asked_for: Iterable[str], accepted: Iterable[str]
) -> str:
    """The first wish that we can meet. `asked_for` and `accepted` are BCP 47 tags, dearest first."""
    for wish in (chosen, remembered):
        if wish in LANGUAGES:
            return wish
    for tag in (*asked_for, *accepted):
        if (language := language_of(tag)) is not None:
            return language
    return "da"


def current_language() -> str:
    """The language of this request."""
    if "language" not in g:
        g.language = choose_language(
            _chosen(),
            read_cookie("language"),
            g.get("preferred_languages", ()),
            (tag for tag, quality in request.accept_languages if quality > 0),
        )
    return cast(str, g.language)


def prefer_languages(tags: Sequence[str]) -> None:
    """What the service asked for (`ui_locales`, OIDC Core §3.1.2.1), for the rest of this request."""
    g.preferred_languages = tuple(tags)
    g.pop("language", None)
    refresh()


def remember_choice(response: Response) -> None:
    """Keep what the link in the bar chose, for a year."""
    if _chosen() is not None:
        set_cookie(response, "language", current_language(), _REMEMBERED)


def load_catalogues(directory: Path) -> dict[str, Translations]:
    """Every language's catalogue."""
    return {tag: load_catalogue(directory / tag / "LC_MESSAGES" / "messages.po") for tag in LOCALES}


def install_languages(app: Flask, catalogues: Mapping[str, Translations], timezone: str) -> None:
    """Flask-Babel with our choice and our catalogues."""
    babel = Babel(
        app,
        default_locale="da",
        default_timezone=timezone,
        locale_selector=lambda: LOCALES[current_language()],
    )
    domain = Domain()
    for language, locale in LOCALES.items():
        domain.cache[locale, "messages"] = catalogues[language]
    babel.domain_instance = domain


def _chosen() -> str | None:
    wish = request.args.get("lang")
    return wish if wish in LANGUAGES else None
