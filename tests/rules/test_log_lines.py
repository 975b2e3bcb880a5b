"""A line of the log: its time to the millisecond, and what becomes of one that cannot be written."""

import json
import logging
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from idp.log import JsonLines, _Handler


def record(created: float = 0.0) -> logging.LogRecord:
    made = logging.makeLogRecord({"name": "idp.test", "levelname": "INFO", "msg": "told"})
    made.created = created
    return made


@pytest.mark.parametrize(
    "created", [0.0, 1_796_000_000.0, 1_796_000_000.0009, 1_796_000_000.25, 1_796_000_059.9996]
)
def test_the_time_of_a_line_is_its_own(created: float) -> None:
    told = json.loads(JsonLines().format(record(created)))["time"]
    assert told == datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds")


def test_a_disk_that_is_full_stops_nobody_who_logs() -> None:
    """What is answered does not wait for the log: the line is lost, the request is not."""
    full = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115  closing it fails, too
    try:
        with pytest.raises(OSError, match="No space left"):
            full.write("a line\n")
        handler = _Handler(full)
        handler.setFormatter(JsonLines())
        handler.handle(record())
    finally:
        with suppress(OSError):
            full.close()
