"""Pages: a view model names its template; `render` makes the answer, with its headers.

A view model carries facts and codes, never sentences: words are the template's matter, since they depend on the
language.
"""

from typing import ClassVar

from flask import Response

from idp.security_headers import page_headers
from idp.web.configuration import current_config
from idp.web.language import current_language
from idp.web.templates import load_template


class Page:
    """The base of every view model. Subclasses are frozen dataclasses and set `template`."""

    template: ClassVar[str]
    referrer_policy: ClassVar[str] = "same-origin"

    @property
    def address(self) -> str | None:
        """Path at which a GET shows this page again, for the language links; None: the request's own path."""
        return None

    @property
    def form_targets(self) -> tuple[str, ...]:
        """CSP sources that the page's form may post to besides ourselves."""
        return ()

    @property
    def frame_sources(self) -> tuple[str, ...]:
        """CSP sources that the page may show in frames; there is nothing of ours that it could."""
        return ()


def render(page: Page, status: int = 200) -> Response:
    """The page in the request's language, with the headers that belong to it."""
    html = load_template(page.template, current_language()).render(page=page)
    headers = page_headers(
        https=current_config().https,
        referrer_policy=page.referrer_policy,
        form_targets=page.form_targets,
        frame_sources=page.frame_sources,
    )
    return Response(html, status, dict(headers), mimetype="text/html")
