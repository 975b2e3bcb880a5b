"""The pages' templates, compiled once in each language.

A text that is known beforehand becomes part of the compiled page, so that showing it costs nothing; asking Jinja's
translation functions for some sixty texts a page cost more than all else that a page does. The words themselves are in
the catalogues, which page is shown is `page.py`'s matter.
"""

from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from babel.support import Translations
from flask import Flask, current_app
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, nodes
from jinja2.visitor import NodeTransformer

_EXTENSION = "adgang.templates"


def install_templates(
    app: Flask, directory: Path, catalogues: Mapping[str, Translations], facts: Mapping[str, Any]
) -> None:
    """An environment for each language, with the application's filters; `facts` are the same on every page."""
    app.extensions[_EXTENSION] = {
        language: _InOneLanguage(directory, catalogue, app.jinja_env.filters, {**facts, "language": language})
        for language, catalogue in catalogues.items()
    }


def load_template(name: str, language: str) -> Template:
    """A template in a language; compiled when it is first used."""
    environment: Environment = current_app.extensions[_EXTENSION][language]
    return environment.get_template(name)


class _InOneLanguage(Environment):
    """Templates whose texts are translated when they are compiled."""

    def __init__(
        self,
        directory: Path,
        catalogue: Translations,
        filters: Mapping[str, Callable[..., Any]],
        facts: Mapping[str, Any],
    ) -> None:
        super().__init__(
            loader=FileSystemLoader(directory),
            extensions=["jinja2.ext.i18n"],
            undefined=StrictUndefined,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.filters.update(filters)
        self.globals.update(facts)
        self.install_gettext_callables(  # type: ignore[attr-defined]  # `ngettext` is asked when its number is known
            catalogue.ugettext, catalogue.ungettext, newstyle=True
        )
        self._translation = _Translation(catalogue.ugettext)

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        return super()._generate(self._translation.visit(source), name, filename, defer_init)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """The same for all templates: so what they import is made once, not anew for every page."""
        return super().make_globals(d) if d else self.globals


class _Translation(NodeTransformer):
    """Puts the translated text, or the format that it is, in the place of `_("…")` and `_("…", name=…)`."""

    def __init__(self, translate: Callable[[str], str]) -> None:
        self._translate = translate

    def visit_Call(self, call: nodes.Call) -> nodes.Node:  # noqa: N802  # Jinja's way to name it
        self.generic_visit(call)
        if not (isinstance(call.node, nodes.Name) and call.node.name == "_"):
            return call
        (text,) = call.args
        translated = self._translate(text.as_const())
        if not call.kwargs:
            return nodes.MarkSafe(nodes.Const(translated % {}))  # a format all the same: %% is a percent sign
        values = [nodes.Pair(nodes.Const(each.key), each.value) for each in call.kwargs]
        return nodes.Mod(nodes.MarkSafe(nodes.Const(translated)), nodes.Dict(values))  # escapes the values
