"""A provider that is measured, ours or the neighbour: what its clients can ask, as requests that are ready to be sent."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from bench.wire import BenchClient, Wire, parameters
from idp.ids import new_secret


@dataclass(frozen=True, slots=True)
class Paths:
    """Where its endpoints are."""

    discovery: str
    jwks: str
    par: str
    token: str
    userinfo: str
    introspection: str


class Target(Wire, ABC):
    """One provider with three clients (by assertion, by secret, by secret with refresh tokens) and two machines."""

    paths: Paths
    with_key: BenchClient
    with_secret: BenchClient
    with_refresh: BenchClient
    machine_with_key: BenchClient
    machine_with_secret: BenchClient
    machine_fields: dict[str, str]
    """Of a request for a token in its own name, as a JWT for one API."""

    @abstractmethod
    def exchanges(self, client: BenchClient, count: int) -> list[bytes]:
        """Token requests, each with a code that was issued a moment ago for one of some citizens."""

    def spread_exchanges(self, count: int) -> list[bytes]:
        """The same by secret; in the name of several clients where there are many."""
        return self.exchanges(self.with_secret, count)

    def pushes(self, count: int) -> list[bytes]:
        """PAR requests, each with a fresh assertion."""
        client = self.with_key
        return [
            self.authenticated(client, self.paths.par, parameters(client, new_secret())) for _ in range(count)
        ]

    def userinfos(self, count: int) -> list[bytes]:
        """With an access token each."""
        tokens = [self.tokens(exchange)["access_token"] for exchange in self.spread_exchanges(count)]
        return [self.get(self.paths.userinfo, Authorization=f"Bearer {token}") for token in tokens]

    def refreshes(self, count: int) -> list[bytes]:
        """With a refresh token each, which may be used again: the client is confidential."""
        client = self.with_refresh
        tokens = [self.tokens(exchange)["refresh_token"] for exchange in self.exchanges(client, count)]
        return [
            self.authenticated(
                client, self.paths.token, {"grant_type": "refresh_token", "refresh_token": token}
            )
            for token in tokens
        ]

    def machine_tokens(self, client: BenchClient, count: int) -> list[bytes]:
        """Token requests of a machine in its own name."""
        return [self.authenticated(client, self.paths.token, self.machine_fields) for _ in range(count)]

    @abstractmethod
    def introspections(self, count: int) -> list[bytes]:
        """About a live token of a machine each, by whom it is meant for."""

    def tokens(self, exchange: bytes) -> dict[str, Any]:
        """What one token request answers."""
        status, told = self.ask(exchange)
        assert status == 200, told
        return told
