"""A client's own web server on loopback, which publishes its keys."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import ECKey, RSAKey

from tests.support.foreign_servers import ForeignServer, running_server


@dataclass
class KeyServer:
    """What it publishes may be changed while it runs; `server.behave` too."""

    server: ForeignServer

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/jwks.json"

    @property
    def fetches(self) -> int:
        return self.server.connections

    def publish(self, *keys: ECKey | RSAKey, **members: Any) -> None:
        """These keys and no others, each under its thumbprint."""
        self.publish_raw([{**key.as_dict(private=False), "kid": key.thumbprint(), **members} for key in keys])

    def publish_raw(self, keys: Any) -> None:
        body = json.dumps({"keys": keys}).encode()
        self.server.behave = lambda conversation: conversation.answer(body)

    def hang(self) -> None:
        self.server.behave = lambda conversation: conversation.over.wait()

    def fail(self) -> None:
        self.server.behave = lambda conversation: conversation.answer(status="500 Internal Server Error")


@contextmanager
def running_key_server(*keys: ECKey | RSAKey) -> Iterator[KeyServer]:
    with running_server(lambda conversation: None) as server:
        made = KeyServer(server)
        made.publish(*keys)
        yield made
