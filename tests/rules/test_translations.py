"""Every text that a person reads exists in Danish, English and bokmål, and nothing is left over."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from idp.catalogues import load_catalogue
from idp.web.language import LANGUAGES

IDP = Path(__file__).parents[2] / "idp"
TEMPLATES = sorted((IDP / "templates").rglob("*.html"))
LANGUAGE_OF_DEVELOPERS = {"portal/help_errors.html"}
"""In English only, and marked so with `lang`: the protocol's own words."""


def catalogue(language: str) -> dict[Any, Message]:
    with (IDP / "translations" / language / "LC_MESSAGES" / "messages.po").open("rb") as source:
        return {message.id: message for message in read_po(source) if message.id}


def extracted() -> set[str | tuple[str, ...]]:
    found = extract_from_dir(
        str(IDP / "templates"),
        method_map=[("**.html", "jinja2")],
        options_map={"**.html": {"trimmed": "true", "silent": "false"}},
    )
    return {message for _, _, message, _, _ in found}


def texts(value: object) -> list[str]:
    return [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_holds_exactly_what_the_templates_say(language: str) -> None:
    assert set(catalogue(language)) == extracted()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_none_is_fuzzy(language: str) -> None:
    for message in catalogue(language).values():
        assert not message.fuzzy, message.id
        assert all(text.strip() for text in texts(message.string)), message.id
        assert len(texts(message.string)) == len(texts(message.id)), message.id


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_placeholders_and_markup(language: str) -> None:
    pattern = re.compile(r"%\(\w+\)s|<[^>]+>")
    for message in catalogue(language).values():
        for original, translated in zip(texts(message.id), texts(message.string), strict=True):
            assert sorted(pattern.findall(original)) == sorted(pattern.findall(translated)), message.id


def test_danish_is_what_the_templates_say() -> None:
    for message in catalogue("da").values():
        assert texts(message.string) == texts(message.id)


def test_english_and_bokmaal_are_languages_of_their_own() -> None:
    """Sentences that are the same in two languages were forgotten, unless they are the same words in both."""
    english, danish = catalogue("en"), catalogue("da")
    same = {key for key in danish if len(str(key)) > 20 and english[key].string == danish[key].string}
    assert same == set()


def test_a_catalogue_is_compiled_when_it_is_read() -> None:
    path = IDP / "translations" / "nb" / "LC_MESSAGES" / "messages.po"
    assert load_catalogue(path).gettext("Log ind") == "Logg inn"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_holds_no_text_of_its_own(template: Path) -> None:
    if str(template.relative_to(IDP / "templates")) in LANGUAGE_OF_DEVELOPERS:
        return
    assert list(words_in(template.read_text())) == []


def test_the_check_for_text_finds_text() -> None:
    """The check above is itself checked."""
    assert list(words_in('<p title="Hej du">{{ _("Fint") }} glemt</p>')) == ["Hej du", "glemt"]


def words_in(source: str) -> Iterator[str]:
    """Words outside gettext: between tags, and in attributes that are read aloud or shown."""
    yield from re.findall(r'\b(?:title|alt|aria-label|placeholder)="([^"{]*[^\W\d_]{2}[^"{]*)"', source)
    tree = Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse(source)
    visible = "".join(data.data if isinstance(data, nodes.TemplateData) else "\0" for data in outputs(tree))
    markup = r"<[^>]*>|\b[\w-]+=\"[^\"]*\""  # tags, and attributes that a macro writes into one
    for text in re.sub(markup, "\n", visible).split("\n"):
        if re.search(r"[^\W\d_]{2}", text.replace("\0", "")):
            yield text.replace("\0", "").strip()


def outputs(tree: nodes.Template) -> Iterator[nodes.Node]:
    for output in tree.find_all(nodes.Output):
        yield from output.nodes
