"""A citizen at a browser without JavaScript: cookies, forms, redirects, meta refresh. Over real HTTP."""

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

from tests.support.authenticator import Authenticator


@dataclass
class Form:
    """One form of a page: where it goes, and what it would send."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    """What the form tells a script of a WebAuthn ceremony."""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.refresh: str | None = None
        self.ids: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found: dict[str, Any] = dict(attributes)
        if "id" in found:
            self.ids.add(found["id"])
        if tag == "form":
            options = json.loads(found.get("data-options", "{}"))
            self.forms.append(Form(found.get("action", ""), options=options))
        elif tag == "input" and self.forms and found.get("name") and _is_sent(found):
            self.forms[-1].fields[found["name"]] = found.get("value") or ""
        elif tag == "meta" and found.get("http-equiv", "").lower() == "refresh":
            self.refresh = found["content"].partition("url=")[2] or found["content"].partition("URL=")[2]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _is_sent(field: dict[str, Any]) -> bool:
    """Whether a browser sends this field where nobody touched it."""
    return field.get("type") != "submit" and (field.get("type") != "checkbox" or "checked" in field)


@dataclass
class Page:
    """What the browser shows."""

    url: str
    status: int
    headers: requests.structures.CaseInsensitiveDict[str]
    html: str
    forms: list[Form]
    ids: set[str]
    words: str
    answer: dict[str, str] | None
    """The parameters of an answer that came back to the client's redirect URI; then nothing else is set."""

    def form(self, ending: str) -> Form:
        """The form whose address ends with `ending`."""
        return next(form for form in self.forms if form.action.endswith(ending))


class CitizenBrowser:
    """Stops at the client's redirect URI, which no server of the test answers, and reads what it was told."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.session = requests.Session()
        self.session.headers["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"

    def get(self, url: str, **options: Any) -> Page:
        response = self.session.get(urljoin(self.issuer, url), allow_redirects=False, timeout=20, **options)
        return self._arrive(response)

    def submit(self, page: Page, ending: str, **typed: str) -> Page:
        """Fill in and send the form whose address ends with `ending`."""
        form = page.form(ending)
        return self.post(urljoin(page.url, form.action), {**form.fields, **typed})

    def post(self, url: str, fields: dict[str, str], **options: Any) -> Page:
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": self.issuer, **options.pop("headers", {})}
        response = self.session.post(
            urljoin(self.issuer, url),
            data=fields,
            headers=headers,
            allow_redirects=False,
            timeout=20,
            **options,
        )
        return self._arrive(response)

    def sign_in(self, page: Page, user_id: str, password: str, code: str) -> Page:
        """From the first page to whatever follows the second factor."""
        page = self.submit(page, "/password", user_id=user_id, password=password)
        return self.submit(page, "/totp", code=code)

    def use_key(self, page: Page, ending: str, key: Authenticator, **wrong: Any) -> Page:
        """Answer the ceremony of the form whose address ends so, as a script would after a touch."""
        return self.submit(page, ending, credential=key.get(page.form(ending).options, **wrong))

    def _arrive(self, response: requests.Response) -> Page:
        while response.is_redirect:
            target = urljoin(response.url, response.headers["Location"])
            if not target.startswith(self.issuer + "/"):
                return self._answered(target, response)
            response = self.session.get(target, allow_redirects=False, timeout=20)
        reader = _Reader()
        reader.feed(response.text)
        page = Page(
            response.url,
            response.status_code,
            response.headers,
            response.text,
            reader.forms,
            reader.ids,
            " ".join(" ".join(reader.words).split()),
            None,
        )
        if reader.refresh is not None:
            return self._answered(reader.refresh, response)
        if any(form.action and not form.action.startswith("/") for form in page.forms):
            foreign = next(form for form in page.forms if not form.action.startswith("/"))
            page.answer = dict(foreign.fields)
        return page

    @staticmethod
    def _answered(target: str, response: requests.Response) -> Page:
        answer = dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))
        return Page(target, response.status_code, response.headers, response.text, [], set(), "", answer)
