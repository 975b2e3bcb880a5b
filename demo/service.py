"""One relying party as a web application: signs citizens in at the provider and shows what it was told.

Run as `python -m demo.service CONFIGURATION.json`, once for each service. Sessions live in memory: this is a demo.
"""

import json
import logging
import secrets
import signal
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from flask import Flask, Response, redirect, render_template, request, session, url_for
from joserfc.errors import JoseError
from werkzeug.serving import make_server

from demo.api import housing_support
from demo.asking import STEPPING_UP, Asking
from demo.decoded import decoded
from demo.logout import LogoutTokens, NotObeyed, sign_out_url
from demo.parties import ORGANISATIONS, Api, Organisation, apis
from demo.relying_party import PushingApp, connect
from demo.resource_server import ResourceServer
from demo.visitors import Visitor, Visitors
from demo.words import refusal_in_words, signed_in_in_words

_LOGOS = Path(__file__).parent / "logos"
_PENDING = "_state_"
"""What Authlib keeps for sign-ins that are still under way, in other tabs of this browser."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a service needs to know, as `demo.seed` writes it."""

    service: str
    """The service's slug in `demo.parties`."""
    url: str
    issuer: str
    client_id: str
    key: dict[str, Any]
    """The client's private key as a JWK."""
    listen_host: str
    listen_port: int
    others: dict[str, str]
    """Where the other organisations' services are, by slug."""

    @property
    def organisation(self) -> Organisation:
        return next(o for o in ORGANISATIONS if o.service.slug == self.service)


def create_app(configuration: Configuration) -> Flask:
    """The application of one service."""
    app = Flask(__name__)
    app.config.update(
        # The session holds what must survive the way to the provider and back, and a key into `visitors`.
        SECRET_KEY=secrets.token_bytes(32),
        # Cookies ignore ports: two services and the provider on one host need names that differ.
        SESSION_COOKIE_NAME=f"demo-{configuration.service}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=configuration.url.startswith("https:"),
        MAX_CONTENT_LENGTH=64 * 1024,
    )
    organisation = configuration.organisation
    provider = connect(
        app,
        issuer=configuration.issuer,
        client_id=configuration.client_id,
        key=configuration.key,
        scope=organisation.service.scope,
    )
    visitors = Visitors()
    _add_pages(app, configuration, organisation, provider, visitors)
    _add_logout(app, configuration, provider, visitors)
    asked = _api_to_ask(organisation)
    if asked is not None:
        other, api = asked
        asking = Asking(
            provider, visitors, api, configuration.others[other.service.slug], f"{configuration.url}/callback"
        )
        asking.add_to(app)
    if organisation.api is not None:
        server = ResourceServer(issuer=configuration.issuer, audience=organisation.api.identifier)
        app.register_blueprint(housing_support(server, root=configuration.url, scope=organisation.api.scope))
    _add_files(app, organisation)
    _add_errors(app)
    _add_headers(app)
    return app


def _add_pages(
    app: Flask,
    configuration: Configuration,
    organisation: Organisation,
    provider: PushingApp,
    visitors: Visitors,
) -> None:
    asked = _api_to_ask(organisation)

    @app.context_processor
    def _everywhere() -> dict[str, Any]:
        return {"organisation": organisation, "service": organisation.service, "issuer": configuration.issuer}

    @app.get("/")
    def front() -> str:
        visitor = visitors.find(session.get("visitor", ""))
        return render_template(
            "front.html",
            visitor=visitor and visitor.shown,
            asked=asked and asked[0],
            answered=visitor and visitor.answered,
            tokens=decoded(visitor) if visitor else (),
        )

    @app.get("/log-ind")
    def sign_in() -> Response:
        """Also where the provider's front page leads to, which says who it is (OpenID Connect Core §4)."""
        session.pop(STEPPING_UP, None)  # one that was left half-way is not gone on with
        if request.args.get("iss", configuration.issuer) != configuration.issuer:
            raise OAuthError("mix_up", "another issuer began the sign-in")
        return provider.push_and_redirect(f"{configuration.url}/callback")

    @app.get("/callback")
    def callback() -> Response:
        received = provider.finish()
        then = "ask_again" if session.get(STEPPING_UP) else "front"
        for name in [name for name in session if not name.startswith(_PENDING)]:
            session.pop(name)  # nothing of the time before the sign-in goes on (session fixation)
        shown = signed_in_in_words(received.identity, received.userinfo)
        session["visitor"] = visitors.add(Visitor(shown, received))
        if then == "ask_again":
            session[STEPPING_UP] = True
        return redirect(url_for(then))  # type: ignore[return-value]


def _add_logout(app: Flask, configuration: Configuration, provider: PushingApp, visitors: Visitors) -> None:
    tokens, log = LogoutTokens(provider, configuration.issuer), logging.getLogger("demo.logout")

    @app.post("/log-ud")
    def sign_out() -> Response:
        """Here first, and then at the provider, which tells the others."""
        visitor = visitors.forget(session.get("visitor", ""))
        session.clear()
        if visitor is None:
            return redirect(url_for("front"))  # type: ignore[return-value]
        away = sign_out_url(provider, visitor.received.id_token, f"{configuration.url}/")
        return redirect(away, 303)  # type: ignore[return-value]

    @app.post("/logout-besked")
    def told_to_sign_out() -> Response:
        try:
            visitors.forget_session(tokens.sid_of(request.form.get("logout_token", "")))
        except NotObeyed as fault:
            log.warning("a logout token was not obeyed: %s", fault)
            return Response(status=400)
        return Response(status=200)


def _api_to_ask(organisation: Organisation) -> tuple[Organisation, Api] | None:
    """Of another authority, where this service may ask one on a citizen's behalf."""
    return next(((other, api) for other, api in apis() if api.granted_to == organisation.service.slug), None)


def _add_files(app: Flask, organisation: Organisation) -> None:
    @app.get("/styling.css")
    def styling() -> Response:
        text = render_template("styling.css", colour=organisation.colour)
        return Response(text, mimetype="text/css")

    @app.get("/mark.svg")
    def mark() -> Response:
        return Response((_LOGOS / f"{organisation.slug}.svg").read_bytes(), mimetype="image/svg+xml")

    @app.get("/healthz")
    def alive() -> Response:
        return Response("ok\n", mimetype="text/plain")


def _add_headers(app: Flask) -> None:
    @app.after_request
    def _headers(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["X-Content-Type-Options"] = "nosniff"
        if response.mimetype == "text/html" or request.method == "POST":
            response.headers["Cache-Control"] = "no-store"
        return response


def _add_errors(app: Flask) -> None:
    log = logging.getLogger("demo.service")

    @app.errorhandler(OAuthError)
    def _refused(error: OAuthError) -> tuple[str, int]:
        log.warning("the sign-in ended with %s: %s", error.error, error.description)
        still_here = session.pop(STEPPING_UP, False) and error.error == "access_denied"
        code = "step_up_declined" if still_here else error.error
        return render_template("refused.html", refusal=refusal_in_words(code)), 200

    @app.errorhandler(JoseError)
    def _not_believed(error: JoseError) -> tuple[str, int]:
        log.error("the ID token was not believed: %s", type(error).__name__)
        return render_template("refused.html", refusal=refusal_in_words("mix_up")), 502

    @app.errorhandler(requests.RequestException)
    def _away(error: requests.RequestException) -> tuple[str, int]:
        log.error("the provider does not answer: %s", type(error).__name__)
        return render_template("refused.html", refusal=refusal_in_words("temporarily_unavailable")), 503

    @app.errorhandler(404)
    def _unknown(_: Exception) -> tuple[str, int]:
        return render_template("refused.html", refusal=refusal_in_words("not_found")), 404


def main(path: Path) -> None:
    """Serve until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("authlib").setLevel(logging.INFO)  # at DEBUG it logs code verifiers and tokens
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # its access log has codes and states in clear
    configuration = Configuration(**json.loads(path.read_text()))
    server = make_server(
        configuration.listen_host, configuration.listen_port, create_app(configuration), threaded=True
    )
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
