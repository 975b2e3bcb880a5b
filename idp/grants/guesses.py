"""Secrets that nobody issued: how many one client may present before it has to wait (S-075)."""

from typing import Literal

from idp.errors import TooManyRequests
from idp.grants.parts import Parts


def check_guesses(
    parts: Parts,
    kind: Literal["code", "device-code", "refresh-token", "revocation"],
    client_id: str,
    address: str,
) -> None:
    """Count a miss, in the window of this client at this address and of this client anywhere.

    Raises: TooManyRequests.
    """
    policy, window = parts.policy, parts.policy.failure_window
    here = parts.rates.count(f"{kind}-miss", f"{client_id} {address}", window)
    anywhere = parts.rates.count(f"{kind}-miss-anywhere", client_id, window)
    if here > policy.code_failures_per_window or anywhere > policy.code_failures_anywhere:
        raise TooManyRequests("Too many codes or refresh tokens that were never issued; wait a minute.")
