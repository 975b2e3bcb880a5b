"""A whole sign-in over HTTP, as a browser and a service do it: nine requests, from PAR to userinfo."""

import json
import re
import urllib.parse
from collections.abc import Callable
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pyotp

from bench.wire import parameters, redemption
from bench.world import World
from idp.ids import new_secret
from idp.new_citizens import FirstAccess

_FORM = re.compile(r'<form[^>]*action="([^"]+/(passkey|password|totp|consent))"[^>]*>(.*?)</form>', re.S)
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_RETURN = re.compile(r'http-equiv="refresh" content="[^"]*url=([^"]+)"', re.I)


class _Browser:
    """Cookies and redirects, without anything else."""

    def __init__(self, world: World) -> None:
        self._connection = HTTPConnection("127.0.0.1", world.port, timeout=30)
        self._host = f"localhost:{world.port}"
        self._cookies: dict[str, str] = {}
        self.requests = 0

    def send(
        self, method: str, path: str, fields: dict[str, str] | None = None, **headers: str
    ) -> tuple[int, str]:
        body = None if fields is None else urlencode(fields)
        sent = {"Host": self._host, **headers}
        if self._cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        if body is not None:
            sent |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"http://{self._host}",
                "Sec-Fetch-Site": "same-origin",
            }
        self._connection.request(method, path, body, sent)
        answer = self._connection.getresponse()
        text = answer.read().decode()
        self.requests += 1
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self._cookies[cookie] = content
        if answer.status in (302, 303):
            target = urlsplit(answer.headers["Location"])
            if target.netloc in ("", self._host):
                return self.send("GET", target.path + ("?" + target.query if target.query else ""))
            return answer.status, answer.headers["Location"]
        return answer.status, text

    def raw(self, request: bytes) -> tuple[int, str]:
        """Send a prepared request of the service."""
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, path, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        self._connection.request(method, path, body or None, headers)
        answer = self._connection.getresponse()
        self.requests += 1
        return answer.status, answer.read().decode()


Answer = Callable[[str], dict[str, str]]
"""From a form's HTML to what is typed into it."""


def sign_in(world: World, citizen: FirstAccess) -> int:
    """With password and six digits; returns how many requests it took."""
    return through(
        world,
        {
            "password": lambda _: {"user_id": citizen.citizen.user_id, "password": citizen.password},
            "totp": lambda _: {"code": pyotp.TOTP(citizen.totp_secret).at(world.wiring.clock())},
            "consent": lambda _: {"decision": "accept"},
        },
    )


def through(world: World, answers: dict[str, Answer]) -> int:
    """The whole of it, with these answers to the forms; returns how many requests it took."""
    client, verifier, browser = world.with_key, new_secret(), _Browser(world)
    asked = parameters(client, verifier)
    status, text = browser.raw(world.authenticated(client, "/par", asked))
    assert status == 201, text
    query = urlencode({"client_id": client.client_id, "request_uri": json.loads(text)["request_uri"]})
    status, page = browser.send("GET", f"/authorize?{query}")
    while (form := next((f for f in _FORM.finditer(page) if f[2] in answers), None)) is not None:
        token = _TOKEN.search(form[3])
        assert token is not None, page
        typed = answers.pop(form[2])(form[0])
        status, page = browser.send("POST", form[1], {"csrf_token": token[1], **typed})
    back = _RETURN.search(page)
    target = back[1].replace("&amp;", "&") if back else page
    code = urllib.parse.parse_qs(urlsplit(target).query)["code"][0]
    fields = redemption(client, code, verifier)
    status, text = browser.raw(world.authenticated(client, "/token", fields))
    assert status == 200, text
    token = json.loads(text)["access_token"]
    proof = world.proof(client, "GET", "/userinfo", token)
    status, text = browser.raw(world.get("/userinfo", Authorization=f"DPoP {token}", DPoP=proof))
    assert status == 200, text
    return browser.requests
