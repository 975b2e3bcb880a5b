"""Something that goes on beside a test, again and again."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def meanwhile(act: Callable[[], object], *, every: float = 0.0) -> Iterator[None]:
    """`act` on a thread of its own, with so many seconds between, until the end of the block; there its fault is raised."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(every):
            act()

    with ThreadPoolExecutor(1) as beside:
        going_on = beside.submit(run)
        try:
            yield
        finally:
            over.set()
        going_on.result()
