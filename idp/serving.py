"""Serving: worker processes behind granian, and the operators' listener beside them.

    adgang serve ──▶ alone here? ──▶ checks, embedded Valkey ──▶ granian ──▶ workers (idp.serving:worker_application)
                 ├─▶ operators' listener: /readyz, /metrics (summed over all workers)
                 └─▶ the embedded Valkey's supervision

A worker that dies is started again, and so is the embedded Valkey; workers end with the process that started them.
SIGTERM lets requests finish.
"""

import gc
import logging
import multiprocessing
import multiprocessing.util
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

from idp.errors import ConfigurationFaults
from idp.exclusive_start import ListenAddress, port_faults, sole_use
from idp.settings import Settings
from idp.storage.embedded_valkey import RunningStore
from idp.storage.valkey_supervision import Supervision

_log = logging.getLogger(__name__)

_METRICS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client reads it when it is imported, in each worker."""

_GRACE_SECONDS = 30
_OBJECTS_BETWEEN_LOOKS = 20_000
"""Made and not yet freed; Python's own 700 are fewer than a page makes. Each look then costs what a few requests left."""
_LOOK_SECONDS = 1.0
_ENDS = frozenset({signal.SIGINT, signal.SIGTERM})

_GRANIANS_LOG = {
    "handlers": {},
    "formatters": {},
    "loggers": {"_granian": {"handlers": [], "propagate": True}},
}
"""Granian's words go where ours go."""


def worker_application() -> Any:
    """The WSGI application of one worker process; granian calls it once in each."""
    from idp.app import create_app
    from idp.log import start_logging

    _work_in_batches()
    settings = Settings.from_environment()
    start_logging(settings.log_level)
    provider = create_app(settings)
    provider.wiring.key_schedule.start()
    provider.wiring.letter_order_thread.start()
    provider.wiring.logout_sending.start()
    if provider.wiring.message_sending is not None:
        provider.wiring.message_sending.start()
    _stop_with_worker(provider.wiring.logout_sending.stop)
    _end_with_parent()
    _spare_what_stays()
    return provider


def _stop_with_worker(stop: Callable[[], None]) -> None:
    """When granian has let go: an ending process joins the threads of calls, and has none for new ones."""
    multiprocessing.util.Finalize(None, stop, exitpriority=0)


def _spare_what_stays() -> None:
    """Let the garbage collector leave alone what was loaded and lives as long as the worker, and look less often.

    At its own pace it went over a few hundred thousand objects again and again: a tenth of a sign-in's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_LOOKS, 20, 50)


def _work_in_batches() -> None:
    """Ask the kernel not to interrupt one thread of this worker for another that has just woken (sched(7), SCHED_BATCH).

    The thread that reads from connections would otherwise take the core after each answer, with one request in hand;
    so it comes when the others have nothing left, and brings several. A request costs a tenth to a half less where there is load.
    Threads that begin later inherit it: first of all, therefore. Where it is refused, or unknown, the worker serves as usual.
    """
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ConfigurationFaults: a part is missing or not fit for service; nothing is served.
    """
    early = _EarlyEnd()
    signal.signal(signal.SIGTERM, early)
    with sole_use(settings.state_directory) as lock:
        os.register_at_fork(after_in_child=lock.close)
        _let_workers_end_while_they_load()
        if faults := port_faults(_addresses(settings)):
            raise ConfigurationFaults(faults)
        _serve(settings, _new_metrics_directory(settings), early)


class _EarlyEnd:
    """SIGTERM until granian listens for it: what was begun is closed, and the process ends.

    Noted too, since the exception may come to nothing: Python drops what is raised in a finalizer, and redis-py's work
    on sockets. One start in a few hundred then served on, whatever its supervisor had asked for.
    """

    def __init__(self) -> None:
        self._came = False

    def __call__(self, *_: object) -> None:
        self._came = True
        sys.exit(0)

    def take(self) -> None:
        """End now, if it came. Asked when granian listens and has no worker yet: between the two nothing is lost."""
        if self._came:
            sys.exit(0)


def _addresses(settings: Settings) -> list[ListenAddress]:
    return [
        ListenAddress(settings.listen_host, settings.listen_port, "ADGANG_LISTEN_HOST", "ADGANG_LISTEN_PORT"),
        ListenAddress(settings.admin_host, settings.admin_port, "ADGANG_ADMIN_HOST", "ADGANG_ADMIN_PORT"),
    ]


def _new_metrics_directory(settings: Settings) -> Path:
    """Empty: what an earlier run counted is no part of this one's sums."""
    directory = settings.state_directory / "metrics"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    os.environ[_METRICS_DIRECTORY] = str(directory.absolute())  # noqa: TID251  for the workers, before they start
    return directory


def _serve(settings: Settings, metrics_directory: Path, early: _EarlyEnd) -> None:
    from idp.log import start_logging
    from idp.operators_listener import OperatorsListener
    from idp.readiness import check_start
    from idp.wiring import Wiring

    start_logging(settings.log_level)
    wiring = Wiring(settings)
    try:
        check_start(wiring)
        wiring.disconnect()  # workers are forked from here, and a connection must not have two owners
        store = wiring.embedded_valkey
        if store is not None:
            os.environ["ADGANG_REDIS_URL"] = store.url  # noqa: TID251  the workers share it
        _log.info("serving", extra={"issuer": settings.issuer, "workers": settings.workers})
        with _supervised(store), OperatorsListener(wiring, metrics_directory):
            server = _granian(settings)
            server.on_startup(early.take)
            server.serve()
    finally:
        wiring.close()


def _supervised(store: RunningStore | None) -> AbstractContextManager[object]:
    if store is None:
        return nullcontext()
    os.register_at_fork(after_in_child=store.forget_ownership)
    return Supervision(store)


def _let_workers_end_while_they_load() -> None:
    """A forked worker inherits handlers that only note the signal for the parent, until granian sets its own.

    Till then it serves nobody: the default action ends it. A signal during the fork waits for that.
    """

    def after_in_child() -> None:
        for ends in _ENDS:
            signal.signal(ends, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)

    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS),
        after_in_child=after_in_child,
    )


def _end_with_parent() -> None:
    """Ask this worker to end when the process that started it is gone: nobody else would."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        while True:
            time.sleep(_LOOK_SECONDS)
            if os.getppid() != parent.pid:  # asked again and again: early on, granian does not listen yet
                os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="parent").start()


def _is_no_advice(record: logging.LogRecord) -> bool:
    """granian advises against more threads than cores, at each start; most of ours only wait (decision 12)."""
    return "Python threads" not in record.getMessage()


def _granian(settings: Settings) -> Any:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    logging.getLogger("_granian").addFilter(_is_no_advice)
    return Granian(
        "idp.serving:worker_application",
        factory=True,
        address=settings.listen_host,
        port=settings.listen_port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads + settings.password_places,
        backlog=2048,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=65_536),
        websockets=False,
        log_dictconfig=_GRANIANS_LOG,
        log_level=LogLevels.warning,
        respawn_failed_workers=True,
        respawn_interval=1.0,
        workers_kill_timeout=_GRACE_SECONDS,
    )
