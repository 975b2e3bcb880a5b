"""Every page in real Chromium: accessible in each language and scheme, readable on a small screen, small, and whole
without scripts."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.browser.page_gallery import PUBLIC_PATHS, make_gallery

pytestmark = pytest.mark.browser

LANGUAGES = ("da", "en", "nb")
SCHEMES = ("light", "dark")
LEADS_AWAY = {"return", "form_post"}
"""These leave by themselves as soon as they are shown."""
MAX_BYTES = 60_000
"""look.md: a page with everything it needs."""


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: the test tells what matters."""


class Gallery:
    """The running gallery, and the addresses of its pages."""

    def __init__(self) -> None:
        # The issuer must be known before the pages are made, the port only after it is bound.
        self.server = make_server("127.0.0.1", 0, lambda *_: iter(()), threaded=True, request_handler=Quiet)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.server.app = make_gallery(self.issuer)
        steps = ("first", "second", "consent")
        names = self.server.app.config["GALLERY"]
        self.paths = {
            name: f"/login/{name}" if name.startswith(steps) else f"/gallery/{name}" for name in names
        } | {path: path for path in PUBLIC_PATHS}

    def url(self, name: str, language: str = "da") -> str:
        return f"{self.issuer}{self.paths[name]}?lang={language}"


@pytest.fixture(scope="module")
def gallery() -> Iterator[Gallery]:
    gallery = Gallery()
    thread = threading.Thread(target=gallery.server.serve_forever, daemon=True)
    thread.start()
    yield gallery
    gallery.server.shutdown()
    thread.join()
    gallery.server.server_close()


@pytest.fixture
def opened(chromium: Any) -> Iterator[Any]:
    """`opened(**options)`: a new browser page with these options of a profile; complaints are collected."""
    contexts = []

    def new_page(**options: Any) -> Any:
        context = chromium.new_context(**options)
        contexts.append(context)
        context.route("**/gallery/landed**", lambda route: route.abort())
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        return page

    yield new_page
    for context in contexts:
        context.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_on_any_page(gallery: Gallery, opened: Any, language: str, scheme: str) -> None:
    page = opened(color_scheme=scheme, viewport={"width": 390, "height": 844})
    axe = Axe()
    for name in gallery.paths:
        if name in LEADS_AWAY:
            continue
        page.goto(gallery.url(name, language))
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true })")
        found = axe.run(page).response["violations"]
        assert [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]] == [], name
        assert page.locator("html").get_attribute("lang") == language
    refused = [said for said in page.complaints if "404" not in said]
    assert refused == []


@pytest.mark.parametrize("name", sorted(LEADS_AWAY))
def test_axe_finds_nothing_on_the_ways_back_without_scripts(gallery: Gallery, opened: Any, name: str) -> None:
    page = opened()
    page.goto(gallery.url("/help"))
    # The page's own words without what makes it leave, so that there is time to look.
    html = page.request.get(gallery.url(name)).text()
    page.set_content(re.sub(r"<meta http-equiv[^>]*>| data-sends-itself", "", html))
    assert Axe().run(page).response["violations"] == []


def test_no_page_scrolls_sideways_at_320_pixels(gallery: Gallery, opened: Any) -> None:
    """WCAG 2.2, 1.4.10: also what a wide screen shows at 400 %."""
    page = opened(viewport={"width": 320, "height": 640})
    for language in LANGUAGES:
        for name in set(gallery.paths) - LEADS_AWAY:
            page.goto(gallery.url(name, language))
            page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true })")
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, (name, language)


def test_touch_targets_are_48_pixels_high(gallery: Gallery, opened: Any) -> None:
    """look.md. Links within a sentence are as high as the sentence."""
    page = opened(viewport={"width": 390, "height": 844})
    measure = """() => [...document.querySelectorAll("button, input, summary, .bar a, .foot a, a.button, .services a")]
        .filter((part) => part.checkVisibility() && part.type !== "hidden" && part.getBoundingClientRect().height < 48)
        .map((part) => part.outerHTML)"""
    for name in set(gallery.paths) - LEADS_AWAY:
        page.goto(gallery.url(name))
        assert page.evaluate(measure) == [], name


@pytest.mark.timeout(400)  # every page of the gallery
def test_a_page_weighs_under_60_kb_with_everything(gallery: Gallery, opened: Any) -> None:
    for name in set(gallery.paths) - LEADS_AWAY:
        page = opened()
        sizes: list[int] = []
        page.on("response", lambda response, sizes=sizes: sizes.append(len(response.body())))
        page.goto(gallery.url(name), wait_until="networkidle")
        assert sum(sizes) < MAX_BYTES, name
        assert all(url.startswith(gallery.issuer) for url in page.evaluate(
            "performance.getEntriesByType('resource').map((entry) => entry.name)"))  # fmt: skip


def test_the_error_takes_the_focus_and_leads_to_the_field(gallery: Gallery, opened: Any) -> None:
    page = opened()
    page.goto(gallery.url("second_wrong"))
    assert page.evaluate("document.activeElement.id") == "error-summary"
    assert "error-code" in page.locator("#code").get_attribute("aria-describedby").split()
    page.locator("#error-summary a").press("Enter")
    assert page.evaluate("document.activeElement.id") == "code"


def test_a_wait_is_counted_down_and_ends(gallery: Gallery, opened: Any) -> None:
    page = opened()
    page.clock.install()
    page.goto(gallery.url("first_no_match_wait"))
    assert "om 10 sekunder" in page.locator("#error-summary").inner_text()
    page.clock.run_for(4_000)
    assert "om 6 sekunder" in page.locator("#error-summary").inner_text()
    page.clock.run_for(7_000)
    assert "Nu kan du prøve igen." in page.locator("#error-summary").inner_text()
    assert "sekunder" not in page.locator("#error-summary").inner_text()


def test_a_second_press_sends_nothing(gallery: Gallery, opened: Any) -> None:
    page = opened()
    posted: list[str] = []
    page.goto(gallery.url("consent_asked"))
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    # The answer never comes, so the page stays.
    page.route("**/consent", lambda route: None)
    page.evaluate("""() => new Promise((done) => {
        const press = () => document.getElementById("accept").click();
        press();
        setTimeout(press, 100);
        setTimeout(done, 300);
    })""")
    assert len(posted) == 1


def test_the_password_can_be_seen_and_is_never_sent_as_plain_text_input(
    gallery: Gallery, opened: Any
) -> None:
    page = opened()
    page.goto(gallery.url("first"))
    page.fill("#password", "hest batteri")
    page.click("#show-password")
    assert page.locator("#password").get_attribute("type") == "text"
    page.click("#show-password")
    assert page.locator("#password").get_attribute("type") == "password"


@pytest.mark.parametrize("name", sorted(LEADS_AWAY))
def test_the_way_back_leads_on_by_itself(gallery: Gallery, opened: Any, name: str) -> None:
    page = opened()
    with page.expect_request("**/gallery/landed**") as landed:
        page.goto(gallery.url(name), wait_until="commit")
    assert landed.value.headers.get("referer") is None
    assert landed.value.method == ("POST" if name == "form_post" else "GET")
    if name == "return":
        assert landed.value.url.endswith("/gallery/landed?code=c&state=%22%3E%3Cb%3E%27s")


def test_without_scripts_every_page_says_what_it_says_with_them(gallery: Gallery, opened: Any) -> None:
    page = opened(java_script_enabled=False)
    page.goto(gallery.url("first_no_match_wait"))
    assert page.locator("#error-summary").is_visible()
    assert page.locator("#continue").is_visible()
    assert not page.locator("#show-password").is_visible()
    page.goto(gallery.url("form_post"))
    with page.expect_request("**/gallery/landed**") as landed:
        page.click("#continue", no_wait_after=True)
    assert landed.value.method == "POST"
    page.goto(gallery.url("error_told"))
    assert not page.locator("#copy-reference").is_visible()


def test_everything_is_reached_by_keyboard_in_the_order_of_reading(gallery: Gallery, opened: Any) -> None:
    page = opened()
    page.goto(gallery.url("first"))
    reached = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    wanted = ["skip", "mark", "language-da", "language-en", "language-nb", "help"]
    assert reached[:6] == wanted
    assert reached[7:13] == ["use-passkey", "user-id", "password", "show-password", "continue", "cancel"]


def test_the_focus_can_be_seen_in_both_schemes_and_in_forced_colours(gallery: Gallery, opened: Any) -> None:
    outline = "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth"
    for options in ({"color_scheme": "light"}, {"color_scheme": "dark"}, {"forced_colors": "active"}):
        page = opened(**options)
        page.goto(gallery.url("second"))
        assert page.evaluate("document.activeElement.id") == "code"
        assert page.evaluate(outline) == "solid3px"


def test_nothing_moves(gallery: Gallery, opened: Any) -> None:
    page = opened(reduced_motion="reduce")
    page.goto(gallery.url("first"))
    assert page.evaluate("document.getAnimations().length") == 0
