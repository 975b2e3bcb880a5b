"""Serving: worker processes behind granian, and the operators' listener beside them.

    adgang serve ──▶ checks, embedded Valkey ──▶ granian ──▶ workers (idp.serving:worker_application)
                 └─▶ operators' listener: /readyz, /metrics (summed over all workers)

A worker that dies is started again. SIGTERM lets requests finish.
"""

import logging
import os
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from idp.errors import StoreUnavailable
from idp.settings import Settings
from keys.errors import KeysError

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_log = logging.getLogger(__name__)

_METRICS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client reads it when it is imported, in each worker."""

_GRACE_SECONDS = 30

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

    settings = Settings.from_environment()
    start_logging(settings.log_level)
    provider = create_app(settings)
    provider.wiring.key_schedule.start()
    provider.wiring.letter_order_thread.start()
    if provider.wiring.message_sending is not None:
        provider.wiring.message_sending.start()
    return provider


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ConfigurationFaults: a part is missing or not fit for service; nothing is served.
    """
    directory = settings.state_directory / "metrics"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    os.environ[_METRICS_DIRECTORY] = str(directory.absolute())  # noqa: TID251  for the workers, before they start

    from idp.log import start_logging
    from idp.readiness import check_start
    from idp.wiring import Wiring

    start_logging(settings.log_level)
    wiring = Wiring(settings)
    try:
        check_start(wiring)
        wiring.disconnect()  # workers are forked from here, and a connection must not have two owners
        if wiring.embedded_valkey is not None:
            os.environ["ADGANG_REDIS_URL"] = wiring.embedded_valkey.url  # noqa: TID251  the workers share it
        _log.info("serving", extra={"issuer": settings.issuer, "workers": settings.workers})
        _log.warning(
            "tokens of fapi2 clients are not sender-constrained: neither DPoP nor mutual TLS is offered yet"
        )
        with _listener(wiring, directory):
            _granian(settings).serve()
    finally:
        wiring.close()


def _granian(settings: Settings) -> Any:
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    return Granian(
        "idp.serving:worker_application",
        factory=True,
        address=settings.listen_host,
        port=settings.listen_port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
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


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Scrapes every few seconds are nobody's news."""


class _listener:  # noqa: N801  a context manager that reads as a word in `serve`
    """The operators' listener, in a thread of the parent process."""

    def __init__(self, wiring: Any, metrics_directory: Path) -> None:
        self._wiring = wiring
        self._metrics_directory = metrics_directory
        settings = wiring.settings
        self._server: WSGIServer = make_server(
            settings.admin_host, settings.admin_port, self._application, handler_class=_Quiet
        )

    def __enter__(self) -> "_listener":
        threading.Thread(target=self._server.serve_forever, daemon=True, name="operators").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        from idp.metrics import exposition
        from idp.readiness import missing_parts

        path = environ.get("PATH_INFO")
        if path == "/metrics":
            start_response("200 OK", [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")])
            return [exposition(self._metrics_directory, self._key_samples())]
        if path == "/readyz":
            missing = missing_parts(self._wiring)
            start_response(
                "503 Service Unavailable" if missing else "200 OK", [("Content-Type", "text/plain")]
            )
            return ["".join(f"{line}\n" for line in missing or ["ready"]).encode()]
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"Here are /readyz and /metrics.\n"]

    def _key_samples(self) -> "list[Metric]":
        """Of the keys as the store has them; of a store that does not answer, only that."""
        from prometheus_client.metrics_core import GaugeMetricFamily

        up = GaugeMetricFamily("adgang_key_store_up", "1 where the store of keys answers.")
        try:
            samples = self._wiring.key_samples()
        except (StoreUnavailable, KeysError):
            samples = []
        up.add_metric([], 1 if samples else 0)
        return [up, *samples]
