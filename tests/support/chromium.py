"""Real Chromium: the system's, or the one that Playwright downloaded; with nothing that calls home."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.support.needs import find_program

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_chromium() -> Path | None:
    """The browser's program, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := find_program(name):
            return found
    with sync_playwright() as playwright:
        downloaded = Path(playwright.chromium.executable_path)
        return downloaded if downloaded.exists() else None


@contextmanager
def running_chromium(program: Path) -> Iterator[tuple[Playwright, Browser]]:
    """A browser until the end of the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), args=FLAGS)
        try:
            yield playwright, browser
        finally:
            browser.close()
