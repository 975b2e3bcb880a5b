"""Templates that were translated when they were compiled."""

import re
from pathlib import Path

import pytest
from babel.support import Translations
from flask import Flask
from jinja2 import Environment

from idp.web import WebConfig, make_flask
from idp.web.language import LANGUAGES
from idp.web.templates import install_templates, load_template
from tests.browser.page_gallery import make_gallery

TEMPLATES = Path(__file__).parents[2] / "idp" / "templates"
PAGES = sorted(
    str(path.relative_to(TEMPLATES))
    for path in TEMPLATES.rglob("*.html")
    if path.parent.name not in ("letters", "messages")  # plain text, read by others
)

_NO_TEXT = re.compile(r"<(script|style|svg|title)\b.*?</\1>", re.DOTALL)
_TAG_IN_A_SENTENCE = re.compile(r"</?(a|span|strong|b|em)\b[^>]*>")
_OTHER_TAG = re.compile(r"<[^>]+>")


@pytest.fixture(scope="module")
def pages() -> Flask:
    return make_flask(WebConfig(issuer="http://localhost:8000"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_compiles_in_every_language(pages: Flask, language: str) -> None:
    with pages.app_context():
        for name in PAGES:
            assert load_template(name, language).name == name


def test_a_text_is_in_the_page_in_its_language(pages: Flask) -> None:
    assert shown(pages, '{{ _("Hjælp") }}', "en") == "Help"
    assert shown(pages, '{{ _("Hjælp") }}', "da") == "Hjælp"


def test_a_value_in_a_text_is_escaped_and_the_text_is_not(pages: Flask) -> None:
    """S-183: what a person or a service wrote is never markup."""
    source = '{{ _("Du er på <strong>%(host)s</strong>", host=host) }}'
    assert shown(pages, source, "da", host="<i>&") == "Du er på <strong>&lt;i&gt;&amp;</strong>"


def test_a_percent_sign_is_written_twice_with_and_without_values(pages: Flask) -> None:
    assert shown(pages, '{{ _("100 %%") }}', "da") == "100 %"
    assert shown(pages, '{{ _("%(n)s %%", n=n) }}', "da", n=7) == "7 %"


def test_a_text_can_be_handed_to_a_part_of_a_page(pages: Flask) -> None:
    source = '{% macro strong(text) %}<b>{{ text }}</b>{% endmacro %}{{ strong(_("<i>Hjælp</i>")) }}'
    assert shown(pages, source, "da") == "<b><i>Hjælp</i></b>"


@pytest.mark.parametrize("language", LANGUAGES)
def test_between_two_sentences_there_is_a_space(language: str) -> None:
    """On every page of the gallery: a line break of the template that is trimmed took one away."""
    issuer = "http://127.0.0.1:9"
    gallery = make_gallery(issuer)
    browser = gallery.test_client()
    stuck, words = {}, 0
    for name in gallery.config["GALLERY"]:
        path = f"/login/{name}" if name.startswith(("first", "second", "consent")) else f"/gallery/{name}"
        html = browser.get(path, base_url=issuer, query_string={"lang": language}).get_data(as_text=True)
        text = _OTHER_TAG.sub("\0", _TAG_IN_A_SENTENCE.sub("", _NO_TEXT.sub("", html)))
        stuck[name] = re.findall(r"\w+[.:!?][A-ZÆØÅ]\w+", text)
        words += len(text.split())
    assert words > 5_000 and not any(stuck.values()), {name: found for name, found in stuck.items() if found}


def shown(pages: Flask, source: str, language: str, **values: object) -> str:
    """The source as a template of the pages'."""
    with pages.app_context():
        environment: Environment = load_template("error.html", language).environment
        return environment.from_string(source).render(**values)


def test_a_text_that_lacks_its_value_stops_the_template_not_the_page(tmp_path: Path) -> None:
    app = Flask("idp")
    install_templates(app, tmp_path, {"da": Translations()}, {})
    (tmp_path / "broken.html").write_text('{% if false %}{{ _("Hej %(name)s") }}{% endif %}')
    with app.app_context(), pytest.raises(KeyError):
        load_template("broken.html", "da")
