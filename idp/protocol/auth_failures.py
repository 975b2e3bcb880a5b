"""Failed authentications of clients and resource servers, and bad proofs: counted by name and by address (S-111)."""

from datetime import timedelta
from typing import Protocol

from idp.errors import TooManyRequests
from idp.protocol.policy import ProtocolPolicy


class Rates(Protocol):
    """See idp.storage.ports.Rates."""

    def count(self, kind: str, key: str, window: timedelta) -> int: ...


def count_failure(rates: Rates, policy: ProtocolPolicy, *, name: str | None, address: str) -> None:
    """Count a failure; `name` is None for one that nobody is registered under, which gets no counter of its own.

    Raises: TooManyRequests beyond the limit.
    """
    window = policy.failure_window
    counts = [rates.count("client-auth-address", address, window)]
    if name is not None:
        counts.append(rates.count("client-auth-client", name, window))
    if max(counts) > policy.client_failures_per_window:
        raise TooManyRequests("Too many failed client authentications; wait a minute.")


def count_bad_proof(rates: Rates, policy: ProtocolPolicy, *, why: str, address: str) -> None:
    """Count a DPoP proof that was refused: it was looked at before anybody had authenticated.

    `why` is told on: a service with a wrong clock may sit behind the same address as the one that counts high.

    Raises: TooManyRequests beyond the limit; a good proof never is.
    """
    if rates.count("dpop-address", address, policy.failure_window) > policy.client_failures_per_window:
        raise TooManyRequests(f"Too many DPoP proofs were refused; wait a minute. Of this one: {why}")
