"""How many sign-ins and sign-outs are begun from one address, and from those around it, before whoever asks has to wait.

A plain request of a browser proves nothing, and neither does what a public client pushes; yet each is kept for
minutes. A whole authority may sit behind one address, so the limit is wide, and a setting.
"""

from typing import Literal

from idp.addresses import neighbourhood, wider_network
from idp.errors import TooManyRequests
from idp.protocol.auth_failures import Rates
from idp.protocol.policy import ProtocolPolicy


def check_begun(
    rates: Rates,
    policy: ProtocolPolicy,
    kind: Literal["sign-in", "sign-out", "pushed-request"],
    peer_address: str,
) -> None:
    """Count one more, before it is kept.

    Raises: TooManyRequests.
    """
    here = rates.count(f"{kind}-begun", neighbourhood(peer_address), policy.failure_window)
    around = rates.count(f"{kind}-begun-around", wider_network(peer_address), policy.failure_window)
    limit = policy.sign_ins_begun_per_address
    if here > limit or around > limit * policy.networks_to_addresses:
        raise TooManyRequests("Too many requests were begun from this address; wait a minute.")
