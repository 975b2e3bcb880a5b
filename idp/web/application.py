"""The Flask application of the pages: checks before every view, headers after it.

In this order, whatever the view: one of our verbs, no header beyond its limit, a body of known length, our own host, no doubled cookie, no POST from elsewhere.
"""

from pathlib import Path
from urllib.parse import urlencode

from flask import Flask, Response, request
from werkzeug.exceptions import BadRequest, LengthRequired, MethodNotAllowed

from idp.protocol.strict_form import MAX_BYTES
from idp.security_headers import page_headers
from idp.web.configuration import WebConfig, current_config, install_config
from idp.web.cookies import check_no_double_cookies
from idp.web.failures import install_failures
from idp.web.forms import check_post_is_ours
from idp.web.language import LANGUAGES, install_languages, load_catalogues, remember_choice
from idp.web.page import Page
from idp.web.session_end import session_end
from idp.web.static_files import StaticFiles, install_static_files, read_static_files
from idp.web.templates import install_templates

_ROOT = Path(__file__).parent.parent
_VERBS = {"GET", "HEAD", "POST"}
_LONGEST_HEADER = 8 * 1024


def make_flask(config: WebConfig) -> Flask:
    """An application without routes but /static; blueprints are registered by the caller."""
    app = Flask("idp", root_path=str(_ROOT), static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BYTES,
        TRUSTED_HOSTS=[config.host.rpartition(":")[0] or config.host],
        PROVIDE_AUTOMATIC_OPTIONS=False,
    )
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    install_config(app, config)
    catalogues = load_catalogues(_ROOT / "translations")
    install_languages(app, catalogues, config.timezone)
    install_failures(app)
    files = StaticFiles(read_static_files(_ROOT / "static", config.logo_directory), https=config.https)
    install_static_files(app, files)
    facts = {
        "config": config,
        "languages": _language_links,
        "static_url": files.url,
        "session_end": session_end,
    }
    install_templates(app, _ROOT / "templates", catalogues, facts)
    app.before_request(_check_front_door)
    app.after_request(_finish)
    return app


def _check_front_door() -> None:
    _check_verb()
    _check_header_sizes()
    _check_length_is_told()
    _check_host()
    check_no_double_cookies()
    check_post_is_ours()


def _check_verb() -> None:
    # Werkzeug writes verbs in capitals; RFC 9110 §9.1: they are case-sensitive.
    if request.environ["REQUEST_METHOD"] not in _VERBS:
        raise MethodNotAllowed(valid_methods=sorted(_VERBS))


def _check_header_sizes() -> None:
    """protocol.md, errors; S-219, S-350."""
    sent = request.environ.items()
    if any(len(value) > _LONGEST_HEADER for name, value in sent if name.startswith(("HTTP_", "CONTENT_"))):
        raise BadRequest("A header is larger than 8 KiB.")


def _check_length_is_told() -> None:
    """A body in chunks would be read as an empty form (S-361); browsers send every form with its length."""
    if "Transfer-Encoding" in request.headers:
        raise LengthRequired


def _check_host() -> None:
    """S-363: the port too, which TRUSTED_HOSTS ignores."""
    if request.host != current_config().host:
        raise BadRequest("The Host header is not the issuer's.")


_REPEATED_BYTES = 2048
"""A longer query is nobody's address: three links with it would be an answer larger than the question."""
_NEVER_REPEATED = frozenset(
    {
        "id_token_hint",
        "login_hint",
        "logout_hint",
        "request",
        "client_assertion",
        "token",
        "subject_token",
        "response",
        "code",
        "access_token",
        "refresh_token",
        "id_token",
    }
)
"""Parameters that hold a token or tell of a person: no page has a copy of them."""


def _language_links(page: Page) -> list[tuple[str, str, str]]:
    """Tag, name and address of this page in each language; nothing where it cannot be asked for again."""
    path, query = page.address, ""
    if path is None:
        if request.method == "POST" or not _is_repeatable():
            return []
        path = request.path
        kept = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
        query = urlencode(kept) + "&" if kept else ""
    return [(tag, name, f"{path}?{query}lang={tag}") for tag, name in LANGUAGES.items()]


def _is_repeatable() -> bool:
    """Whether this request's query may stand in a page."""
    return len(request.query_string) <= _REPEATED_BYTES and not _NEVER_REPEATED & request.args.keys()


def _finish(response: Response) -> Response:
    """Headers for what did not come from `render`, such as redirects; the language cookie."""
    if "Content-Security-Policy" not in response.headers:
        told = {name.lower() for name, _ in response.headers}
        ours = page_headers(https=current_config().https)
        response.headers.extend({name: value for name, value in ours.items() if name.lower() not in told})
    remember_choice(response)
    return response
