"""The log: one JSON object a line on standard error, with the reference number that people are shown.

What is logged is chosen at the call (`extra={...}`); nothing from a request is logged by accident. Never
here: secrets, tokens, codes, cookies, passwords, CPR numbers (S-366). Libraries that log live tokens at DEBUG are
held at WARNING. An exception is told by where it happened and of which kind, also where nobody caught it: Python's own
hooks would print its message.
"""

import logging
import sys
import threading
import traceback
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Any

import msgspec

_LOUD_LIBRARIES = ("alembic", "authlib", "joserfc", "sqlalchemy", "urllib3", "werkzeug")

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What logging itself puts on a record; the rest came by `extra`."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": f"{_to_the_second(int(record.created))}.{int(record.created % 1 * 1000):03}+00:00",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "logger": record.name,
        }
        for name, value in vars(record).items():
            if name not in _OF_EVERY_RECORD:
                line[name] = value
        if record.exc_info and record.exc_info[1] is not None:
            line["fault"] = _without_values(record.exc_info[1])
        return msgspec.json.encode(line, enc_hook=str).decode()


@lru_cache(maxsize=2)
def _to_the_second(seconds: int) -> str:
    """The part of a time that thousands of lines have in common (RFC 3339)."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


class _Handler(logging.StreamHandler[Any]):
    """Standard error. A record that cannot be written is told without its words, which logging would print."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.stream.write(self.format(record) + "\n")  # a line is on its way with its end
        except Exception:  # noqa: BLE001  whatever the record holds
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        with suppress(
            OSError, ValueError
        ):  # a full disk, a closed pipe: who asked us something is answered all the same
            self.stream.write(
                f'{{"level":"error","event":"a record was not logged","logger":"{record.name}"}}\n'
            )


def start_logging(level: str) -> None:
    """Send everything to standard error in our form, what nobody caught too."""
    # Which line of which file logged, in which thread and process, stands in no line of ours; finding it out costs
    # a request that is logged more than all the rest of it (Python's Logging HOWTO, optimization).
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = _Handler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _LOUD_LIBRARIES:
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.excepthook = _tell_uncaught
    sys.unraisablehook = lambda fault: _tell_uncaught(fault.exc_type, fault.exc_value, fault.exc_traceback)
    threading.excepthook = lambda fault: _tell_uncaught(fault.exc_type, fault.exc_value, fault.exc_traceback)


def _tell_uncaught(
    kind: type[BaseException], fault: BaseException | None, trace: TracebackType | None
) -> None:
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    told = fault if fault is not None else kind()
    logging.getLogger(__name__).critical("uncaught", exc_info=(kind, told, trace))


def _without_values(fault: BaseException) -> list[str]:
    """Where it happened and of which kind, without the message: messages of libraries quote their input."""
    chain: list[str] = []
    current: BaseException | None = fault
    while current is not None and len(chain) < 40:
        frames = traceback.extract_tb(current.__traceback__)
        chain.append(type(current).__name__)
        chain.extend(
            f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-8:]
        )
        current = current.__cause__ or current.__context__
    return chain
