"""What each page is held against where a journey comes by."""

import re
from typing import Any

from axe_playwright_python.sync_playwright import Axe

_STUCK = re.compile(r"[a-zæøå)][.!?][A-ZÆØÅ][a-zæøå]+")
# Identifiers and tokens are not sentences: a pairwise subject begins with "c." and goes on at random.
_SENTENCES = """() => {
  const shown = [...document.querySelectorAll("pre, code")].map((part) => part.innerText).filter(Boolean)
  return shown.reduce((words, part) => words.replace(part, " "), document.body.innerText)
}"""


def look(page: Any) -> None:
    """No fault that axe can find, with everything opened; nothing scrolls sideways; no sentence sticks to the next.

    The page must be there first: a click that leads to the next one returns while there is none.
    """
    page.wait_for_load_state()
    page.wait_for_selector("body")
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true })")
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], node["html"]) for rule in found for node in rule["nodes"]] == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    assert _STUCK.findall(page.evaluate(_SENTENCES)) == [], page.url
