"""The fixtures of tests that drive Chromium through the running demo."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.plugged_key import Plugged, plug_into
from tests.support.running_demo import RunningDemo, free_port_base, running_demo


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    """`make demo`, once for each test process that asks."""
    with running_demo(tmp_path_factory.mktemp("demo") / "state", free_port_base()) as running:
        yield running


@pytest.fixture
def visitor(chromium: Any) -> Iterator[Any]:
    """`visitor(**options)`: a new page in a fresh profile; what its console complains of is in `complaints`."""
    contexts = []

    def come(**options: Any) -> Any:
        context = chromium.new_context(**{"locale": "da-DK", "timezone_id": "Europe/Copenhagen", **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda said: page.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        return page

    yield come
    for context in contexts:
        context.close()


@pytest.fixture
def plug(visitor: Any) -> Callable[..., Plugged]:
    """`plug(page, **traits)`: a page whose browser has an authenticator; a phone's where none is given."""

    def plugged(page: Any = None, **traits: Any) -> Plugged:
        return plug_into(page or visitor(viewport={"width": 390, "height": 844}), **traits)

    return plugged
