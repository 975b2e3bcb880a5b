"""The demo's mailbox: takes every e-mail that the provider sends, and shows it on a page. Nothing leaves the machine.

Run as `python -m demo.outbox MAIL_PORT PAGE_PORT ISSUER`. Mails live in memory: this is a demo. Speaks as much SMTP
(RFC 5321 §4.5.1) as one polite sender needs.
"""

import email
import email.policy
import signal
import socketserver
import sys
import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, render_template
from werkzeug.serving import make_server

_KEPT = 200
_LINE_BYTES = 2_000
_MAIL_LINES = 2_000
_SILENCE_SECONDS = 60
_COLOUR = "#223a5e"
_TIME_ZONE = ZoneInfo("Europe/Copenhagen")


@dataclass(frozen=True, slots=True)
class Mail:
    """One that arrived, as its reader sees it."""

    to: str
    subject: str
    at: datetime
    language: str
    text: str


class Mailbox(socketserver.ThreadingTCPServer):
    """The mail server. `mails`: the newest first."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.mails: deque[Mail] = deque(maxlen=_KEPT)
        super().__init__(("127.0.0.1", port), _Conversation)


class _Conversation(socketserver.StreamRequestHandler):
    """One sender; whatever it says before DATA is agreed to."""

    timeout = _SILENCE_SECONDS
    server: Mailbox

    def handle(self) -> None:
        self._say("220 The demo's mailbox")
        while line := self.rfile.readline(_LINE_BYTES):
            match line[:4].strip().upper():
                case b"QUIT":
                    self._say("221 Goodbye")
                    return
                case b"DATA":
                    self._say("354 End with a line of one full stop")
                    self._take()
                case b"EHLO" | b"HELO" | b"MAIL" | b"RCPT" | b"RSET" | b"NOOP":
                    self._say("250 Yes")
                case _:
                    self._say("502 Not in a demo")

    def _take(self) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline(_LINE_BYTES)) not in (b".\r\n", b""):
            if len(lines) < _MAIL_LINES:
                lines.append(line.removeprefix(b"."))  # RFC 5321 §4.5.2
        self.server.mails.appendleft(_read(b"".join(lines)))
        self._say("250 Taken")

    def _say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")


def _read(raw: bytes) -> Mail:
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    return Mail(
        to=str(mail["To"]),
        subject=str(mail["Subject"]),
        at=mail["Date"].datetime.astimezone(_TIME_ZONE),
        language=str(mail["Content-Language"] or "da"),
        text=mail.get_content().replace("\r\n", "\n").strip(),
    )


def create_app(mailbox: Mailbox, issuer: str) -> Flask:
    """The page."""
    app = Flask(__name__)

    @app.get("/")
    def outbox() -> str:
        return render_template("outbox.html", mails=list(mailbox.mails), issuer=issuer)

    @app.get("/styling.css")
    def styling() -> Response:
        return Response(render_template("styling.css", colour=_COLOUR), mimetype="text/css")

    @app.get("/healthz")
    def alive() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @app.after_request
    def _headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    return app


def main(mail_port: int, page_port: int, issuer: str) -> None:
    """Serve until SIGTERM."""
    with Mailbox(mail_port) as mailbox:
        threading.Thread(target=mailbox.serve_forever, daemon=True).start()
        server: Any = make_server("127.0.0.1", page_port, create_app(mailbox, issuer), threaded=True)
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_, lambda *_: threading.Thread(target=server.shutdown).start())
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
