"""What a process of ours would write to standard error, caught."""

import contextlib
import io
import logging
import sys
import threading
from collections.abc import Iterator

from idp.log import start_logging


@contextlib.contextmanager
def logged_as_in_service(level: str) -> Iterator[io.StringIO]:
    """Logging as `adgang serve` sets it up, until the end of the block."""
    root, written = logging.getLogger(), io.StringIO()
    handlers, before = list(root.handlers), root.level
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook
    with contextlib.redirect_stderr(written):
        start_logging(level)
        try:
            yield written
        finally:
            root.handlers[:] = handlers
            root.setLevel(before)
            sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
