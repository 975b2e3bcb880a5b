"""Opaque tokens are kept until they end: how many one client may ask for, before it has to wait.

A code and a device's yes cost a citizen's sign-in each. A client that asks by itself, for itself or with what it holds,
costs nobody anything but the store.
"""

from idp.errors import TooManyRequests
from idp.grants.parts import Parts
from idp.protocol.resource_indicators import Target


def check_kept(parts: Parts, client_id: str, target: Target | None) -> None:
    """Before anything is recorded.

    Raises: TooManyRequests.
    """
    if target is None or target.form != "opaque":
        return
    count = parts.rates.count("opaque-token", client_id, parts.policy.failure_window)
    if count > parts.policy.opaque_tokens_per_client:
        raise TooManyRequests("Too many opaque tokens; use one until it expires, and wait a minute.")
