"""The pages by which a service asks another authority's API for its visitor; and asks the visitor for what that API wants.

POST /spoerg… ─▶ token exchange ─▶ the API ─▶ shown on the front page
                                     └─ wants a stronger or younger sign-in (RFC 9470) ─▶ the provider ─▶ /spoerg/igen
"""

import logging
from dataclasses import dataclass

from authlib.integrations.base_client import OAuthError
from flask import Flask, Response, redirect, session, url_for

from demo import on_behalf
from demo.api import ACCOUNT_PATH, PATH
from demo.parties import Api
from demo.relying_party import PushingApp
from demo.visitors import Visitors

STEPPING_UP = "stepping-up"
"""In the service's session: the visitor was sent away for a question that needs more than they had shown."""

_log = logging.getLogger("demo.service")


@dataclass(frozen=True, slots=True)
class Asking:
    """How one service asks one API."""

    provider: PushingApp
    visitors: Visitors
    api: Api
    root: str
    """Where the API is reached."""
    callback: str

    def add_to(self, app: Flask) -> None:
        """The addresses."""
        app.add_url_rule("/spoerg", "ask", lambda: self.answer(PATH), methods=["POST"])
        app.add_url_rule("/spoerg/konto", "ask_account", lambda: self.answer(ACCOUNT_PATH), methods=["POST"])
        app.add_url_rule("/spoerg/igen", "ask_again", self.ask_again)

    def answer(self, path: str, *, stepped_up: bool = False) -> Response:
        """RFC 8693: what we hold for the visitor, for a token that opens the other authority's API."""
        visitor = self.visitors.find(session.get("visitor", ""))
        if visitor is None:
            return redirect(url_for("front"))  # type: ignore[return-value]
        held, url = visitor.received.access_token, f"{self.root}{path}"
        try:
            answered = on_behalf.ask(
                self.provider, held, api=self.api.identifier, scope=self.api.scope, url=url
            )
        except on_behalf.StepUpWanted as wanted:
            if stepped_up:  # once: an API that is never content would send the citizen round and round
                raise OAuthError("access_denied", "the API wants still more") from None
            session[STEPPING_UP] = True
            return self.provider.push_and_redirect(self.callback, **wanted.parameters)
        except OAuthError as error:
            # What we hold lives for five minutes; who is still signed in at the provider comes back with another.
            _log.warning("asking again after %s: %s", error.error, error.description)
            return redirect(url_for("sign_in"))  # type: ignore[return-value]
        self.visitors.note(session["visitor"], answered)
        return redirect(url_for("front"))  # type: ignore[return-value]

    def ask_again(self) -> Response:
        """Back from the step-up, with the question that it was for."""
        if not session.pop(STEPPING_UP, False):
            return redirect(url_for("front"))  # type: ignore[return-value]
        return self.answer(ACCOUNT_PATH, stepped_up=True)
