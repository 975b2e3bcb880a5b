"""Requests that nobody honest sends: broken HTTP, forms, tokens and credentials, for every route, from a seed."""

import base64
import contextlib
import json
import random
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote_from_bytes

_NAMES = (
    "client_id", "client_secret", "client_assertion", "client_assertion_type", "grant_type", "code", "code_verifier",
    "redirect_uri", "refresh_token", "scope", "resource", "audience", "subject_token", "subject_token_type",
    "authorization_details", "token", "token_type_hint", "request", "request_uri", "response_type", "response_mode",
    "state", "nonce", "claims", "max_age", "prompt", "display", "acr_values", "ui_locales", "id_token_hint",
    "login_hint", "code_challenge", "code_challenge_method", "dpop_jkt", "device_code", "device_name", "user_code",
    "post_logout_redirect_uri", "csrf_token", "user_id", "password", "credential", "decision", "purpose",
)  # fmt: skip
_VALUES = (
    b"", b"\0", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"a" * 9_000, b"[" * 5_000, b'{"a":' * 2_000, b"1e309", b"-1",
    b"9" * 5_000, b"../../etc/passwd", b"<script>", b"' OR 1=1 --", b"%s%n{0}${x}", b"\r\nX-Injected: yes",
    "\u2028\u202e\ud7ff".encode(), b"null", b'{"userinfo":null}', b"urn:ietf:params:oauth:request_uri:x", b"https://[",
    b"urn:ietf:params:oauth:client-assertion-type:jwt-bearer", b"client_credentials", b"authorization_code", b"code",
    b"urn:ietf:params:oauth:grant-type:token-exchange", b"urn:ietf:params:oauth:grant-type:device_code", b"openid",
)  # fmt: skip
_PAYLOADS = (
    b"", b"{", b"null", b"[]", b'"x"', b"{}", b"[" * 20_000, b'{"a":' * 20_000, b'{"sub":"a","sub":"b"}', b"\xff\xfe{\0}\0",
    b"\xef\xbb\xbf{}", b'{"sub":"\\ud800"}', b'{"iat":1e400}', b'{"exp":NaN}', b'{"sub":"\\u0000"}',
    b'{"alg":"none"}', b'{"alg":"ES256","typ":"dpop+jwt","jwk":{"kty":"EC","crv":"P-256","x":1,"y":[]}}',
    b'{"alg":"RS256","kid":"' + b"k" * 5_000 + b'"}', b'{"alg":"ES256","crit":["x"],"x":1}',
    b'{"alg":["ES256"],"kid":{}}', b'{"iss":1,"sub":[],"aud":{},"exp":' + b"9" * 5_000 + b"}",
)  # fmt: skip
_METHODS = (
    b"GET",
    b"POST",
    b"PUT",
    b"DELETE",
    b"TRACE",
    b"OPTIONS",
    b"HEAD",
    b"PATCH",
    b"get",
    b"\x80",
    b"M" * 300,
)
_HEADERS = (
    b"Transfer-Encoding: chunked", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"X: \x00",
    b"Host: evil.test", b"Cookie: a=b; a=c; \xff", b"Content-Encoding: gzip", b": nothing", b"Expect: 100-continue", b"X: " + b"y" * 9_000,
    b"Content-Type: application/json", b"Content-Type: multipart/form-data; boundary=", b"Range: bytes=0-",
    b"Accept-Language: " + b"x-" * 2_000, b"Origin: null", b"Upgrade: h2c", b"X-Forwarded-For: 1.2.3", b"DPoP: a, b",
)  # fmt: skip
_PATIENCE_SECONDS = 1.0
"""S-415: nothing hangs for longer."""
_CREDENTIALS = (
    b"Basic !!!", b"Basic", b"Basic Og==", b"Basic //46//8=", b"Basic YTpi\xff", b"Basic " + b"QUFB" * 1_500, b"Bearer",
    b"Bearer " + b"." * 3_000, b"DPoP a.b.c", b"bAsIc YTpi", b"Digest x", b"\x01", b"Basic\tYTpi", b"Basic JTAwOiUwMA==",
)  # fmt: skip
_TAKES_MUCH = ("/token", "/par", "/introspect", "/revoke", "/userinfo", "/device_authorization", "/authorize")


@dataclass
class Malformed:
    """Makes them; `host` is what they name, `routes` are where they go."""

    host: bytes
    routes: Sequence[str]
    seed: int = 0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def requests(self, count: int) -> Iterator[tuple[bytes, bool]]:
        """Each with whether it is whole, so that an answer is due at once."""
        kinds = (self.form, self.form, self.token, self.token, self.credential, self.http)
        for number in range(count):
            kind = kinds[number % len(kinds)]
            yield kind(), kind != self.http

    def form(self) -> bytes:
        """Any names with any values, sometimes twice, in the body or in the query."""
        pick = self.chance
        pairs = [(pick.choice(_NAMES).encode(), pick.choice(_VALUES)) for _ in range(pick.randint(0, 9))]
        encode = quote_from_bytes if pick.random() < 0.8 else lambda raw: raw.decode("latin-1")
        body = b"&".join(name + b"=" + encode(value).encode("latin-1") for name, value in pairs)
        if pick.random() < 0.3:
            query = quote_from_bytes(body, safe="=&%").encode()
            return self._request(b"GET", self._route() + b"?" + query)
        credentials = [b"Authorization: " + pick.choice(_CREDENTIALS)] * (pick.random() < 0.3)
        return self._request(b"POST", self._route(), body, *credentials)

    def token(self) -> bytes:
        """A JWT that is none, wherever one is taken."""
        pick = self.chance
        jwt = self.jwt()
        names = (b"client_assertion", b"request", b"id_token_hint", b"token", b"subject_token", b"code")
        form = b"&".join(name + b"=" + jwt for name in pick.sample(names, 2))
        form += b"&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        headers = pick.choice(((), (b"DPoP: " + jwt,), (b"Authorization: DPoP " + jwt, b"DPoP: " + jwt)))
        path = pick.choice(
            (b"/token", b"/par", b"/introspect", b"/revoke", b"/userinfo", b"/device_authorization")
        )
        return self._request(b"POST", path, form, *headers)

    def jwt(self) -> bytes:
        pick = self.chance
        header = pick.choice(_PAYLOADS) if pick.random() < 0.5 else b'{"alg":"ES256","typ":"JWT"}'
        parts = [header, pick.choice(_PAYLOADS), pick.randbytes(pick.choice((0, 1, 64, 2_000)))]
        encoded = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts]
        text = b".".join(encoded[: pick.choice((1, 2, 3, 3, 3, 3))])
        return text if pick.random() < 0.8 else self._damaged(text)

    def credential(self) -> bytes:
        """What a browser would post of a passkey, its CBOR and JSON damaged."""
        pick = self.chance
        cbor = pick.choice(
            (b"\xa0", b"\xbf" * 400, b"\x9f" * 5_000, b"\x5b" + b"\xff" * 8, pick.randbytes(300))
        )
        told = {
            "id": pick.choice(("", "AAAA", 7, None, "\ud800")),
            "rawId": "AAAA",
            "type": pick.choice(("public-key", 1)),
            "response": {
                "clientDataJSON": base64.urlsafe_b64encode(pick.choice(_PAYLOADS)).decode(),
                "authenticatorData": base64.urlsafe_b64encode(pick.randbytes(37) + cbor).decode(),
                "attestationObject": base64.urlsafe_b64encode(cbor).decode(),
                "signature": "AA",
                "userHandle": pick.choice((None, "", [], {})),
            },
        }
        credential = self._damaged(json.dumps(told).encode())
        path = pick.choice(
            [route for route in self.routes if "key" in route or "passkey" in route] or ["/login/x/passkey"]
        )
        return self._request(
            b"POST", self._filled(path), b"csrf_token=x&credential=" + quote_from_bytes(credential).encode()
        )

    def http(self) -> bytes:
        """A request whose lines are no HTTP."""
        pick = self.chance
        headers = pick.sample(_HEADERS, pick.randint(1, 5))
        raw = self._request(pick.choice(_METHODS), self._route(), pick.choice(_VALUES), *headers)
        return self._damaged(raw) if pick.random() < 0.5 else raw

    def _damaged(self, raw: bytes) -> bytes:
        damaged = bytearray(raw)
        for _ in range(self.chance.randint(1, 6)):
            if damaged:
                damaged[self.chance.randrange(len(damaged))] = self.chance.randrange(256)
        return bytes(damaged[: self.chance.choice((len(damaged), len(damaged), len(damaged) // 2))])

    def _route(self) -> bytes:
        return self._filled(self.chance.choice(self.routes if self.chance.random() < 0.5 else _TAKES_MUCH))

    def _filled(self, route: str) -> bytes:
        """With something where the route has a variable."""
        filler = self.chance.choice(("x", "%00", "%2e%2e", "A" * 43, "%ff", "a" * 3_000))
        parts = [filler if part.startswith("<") else part for part in route.split("/")]
        return "/".join(parts).encode()

    def _request(self, method: bytes, path: bytes, body: bytes = b"", *headers: bytes) -> bytes:
        head = [method + b" " + path + b" HTTP/1.1", b"Host: " + self.host, b"Connection: close", *headers]
        if body:
            head += [
                b"Content-Type: application/x-www-form-urlencoded",
                f"Content-Length: {len(body)}".encode(),
            ]
        return b"\r\n".join(head) + b"\r\n\r\n" + body


def answered(port: int, raw: bytes, *, whole: bool) -> tuple[int | None, float]:
    """The status; None where the server only closed, 0 where it did neither in time. And how long that took.

    What is not whole is waited for: then we say that no more of it will come, and the server closes.
    """
    begun = time.monotonic()
    with socket.create_connection(("localhost", port), timeout=_PATIENCE_SECONDS) as connection:
        with contextlib.suppress(OSError):  # refused before it was read to its end
            connection.sendall(raw)
        try:
            received = _all_of(connection)
        except TimeoutError:
            if whole:
                return 0, time.monotonic() - begun
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            begun = time.monotonic()
            try:
                received = _all_of(connection)
            except TimeoutError:
                return 0, time.monotonic() - begun
    words = received.split(b" ", 2)
    status = int(words[1]) if received.startswith(b"HTTP/1.") and words[1].isdigit() else None
    return status, time.monotonic() - begun


def _all_of(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while chunk := connection.recv(65_536):
            received += chunk
    return received
