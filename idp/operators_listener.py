"""The operators' listener: /readyz and /metrics (summed over all workers), in a thread of the process that forks workers.

A fork copies every lock as it is at that moment, and a worker that is born while another thread holds one waits for it
for ever. So no worker is forked in the middle of an answer. One client is answered at a time; a silent one is let go
of. Never public: `ADGANG_ADMIN_HOST`.
"""

import logging
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from idp.errors import StoreUnavailable
from idp.exclusive_start import socket_family
from idp.metrics import exposition
from idp.readiness import missing_parts
from idp.wiring import Wiring
from keys.errors import KeysError

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_log = logging.getLogger(__name__)

_SILENCE_SECONDS = 5.0
"""A client that sends nothing for so long is let go of; the next one waits for it."""


class OperatorsListener:
    """Serves from entering the block until its end. The port is bound when this is made."""

    def __init__(self, wiring: Wiring, metrics_directory: Path) -> None:
        self._wiring = wiring
        self._metrics_directory = metrics_directory
        self._answering = threading.Lock()
        settings = wiring.settings
        self._server = make_server(
            settings.admin_host,
            settings.admin_port,
            self._application,
            server_class=_Server,
            handler_class=_Handler,
        )
        os.register_at_fork(
            before=self._answering.acquire,
            after_in_parent=self._answering.release,
            after_in_child=self._let_go,
        )

    def __enter__(self) -> "OperatorsListener":
        threading.Thread(target=self._server.serve_forever, daemon=True, name="operators").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _let_go(self) -> None:
        """In a worker: the port is its parent's."""
        self._answering.release()
        self._server.socket.close()

    def _application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._answering:
            return self._answer(environ, start_response)

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
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


class _Server(WSGIServer):
    """wsgiref's, on IPv6 too, and without stack traces for clients that hang up."""

    def __init__(self, address: tuple[str, int], handler: type[WSGIRequestHandler]) -> None:
        self.address_family = socket_family(address[0])
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.info("an operators' client went away", exc_info=True)


class _Handler(WSGIRequestHandler):
    timeout = _SILENCE_SECONDS

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes every few seconds are nobody's news."""
