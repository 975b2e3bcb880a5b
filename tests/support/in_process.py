"""A browser that calls the provider in this process, on the caller's thread: no socket, so that a test can say exactly
what runs when. Follows nothing by itself; keeps all that it was told.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from typing import Any
from urllib.parse import urlencode, urlsplit

from idp.app import Provider

_FIELD = re.compile(r'name="csrf_token" value="([0-9a-f]{64})"')
_REFRESH = re.compile(r'http-equiv="refresh" content="[^"]*?url=([^"]+)"', re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """One response."""

    status: int
    headers: list[tuple[str, str]]
    body: str

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    @property
    def status_code(self) -> int:
        """As `requests` calls it, for tests/support/relying_party.py."""
        return self.status

    @property
    def text(self) -> str:
        return self.body

    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def form_token(self) -> str:
        return _FIELD.findall(self.body)[0]

    @property
    def leads_to(self) -> str:
        """Where a redirect goes, or a page that leads on by itself."""
        found = _REFRESH.search(self.body)
        return self.header("Location") or (found[1].replace("&amp;", "&") if found else "")


@dataclass
class InProcessBrowser:
    """Cookies, and everything that the provider ever told this browser."""

    provider: Provider
    issuer: str
    cookies: dict[str, str] = field(default_factory=dict)
    told: list[str] = field(default_factory=list, repr=False)

    @property
    def prefix(self) -> str:
        return f"adgang-{urlsplit(self.issuer).port}-"

    def get(self, target: str) -> Answer:
        return self._call("GET", target, b"", {})

    def post(self, target: str, fields: dict[str, str]) -> Answer:
        ours = {"HTTP_SEC_FETCH_SITE": "same-origin", "HTTP_ORIGIN": self.issuer}
        return self._call("POST", target, urlencode(fields).encode(), ours)

    def send(
        self, method: str, target: str, fields: dict[str, str], authorization: str, proof: str = ""
    ) -> Answer:
        """As a service does: without cookies."""
        kept, self.cookies = self.cookies, {}
        try:
            given = {"HTTP_AUTHORIZATION": authorization, "HTTP_DPOP": proof}
            headers = {name: value for name, value in given.items() if value}
            return self._call(method, target, urlencode(fields).encode(), headers)
        finally:
            self.cookies = kept

    def _call(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        parts, started = urlsplit(target.removeprefix(self.issuer)), []

        def start_response(status: str, told: list[tuple[str, str]], *_: object) -> None:
            started.append((int(status[:3]), told))

        environ = _environ(self.issuer, method, parts.path, parts.query, body) | headers
        if self.cookies:
            environ["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        chunks: Iterable[bytes] = self.provider(environ, start_response)
        text = b"".join(chunks).decode()
        if hasattr(chunks, "close"):
            chunks.close()
        answer = Answer(*started[0], text)
        self._keep_cookies(answer)
        self.told.append(f"{answer.headers}\n{text}")
        return answer

    def _keep_cookies(self, answer: Answer) -> None:
        for name, value in answer.headers:
            if name.lower() == "set-cookie":
                cookie, _, rest = value.partition("=")
                self.cookies[cookie] = rest.partition(";")[0]
                if not self.cookies[cookie]:
                    del self.cookies[cookie]


def _environ(issuer: str, method: str, path: str, query: str, body: bytes) -> dict[str, Any]:
    at = urlsplit(issuer)
    return {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": "application/x-www-form-urlencoded" if body else "",
        "CONTENT_LENGTH": str(len(body)) if body else "",
        "SERVER_NAME": at.hostname,
        "SERVER_PORT": str(at.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": at.netloc,
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0",
        "HTTP_ACCEPT_LANGUAGE": "da",
        "SCRIPT_NAME": "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": at.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
