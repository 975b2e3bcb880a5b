"""Coarse limits on failures by neighbourhood of addresses, beside the exact count of each authenticator (S-244, S-250).

One on guesses, shared by every route that looks at something that can be guessed: it slows whoever tries many citizens.
Another, wider one on what keys answer, where nothing can be guessed: it holds up a flood, and a stranger's guesses at
passwords do not fill it, so that they do not keep a neighbour's passkey out.
"""

from dataclasses import dataclass
from datetime import timedelta

from idp.addresses import neighbourhood, wider_network
from idp.login.pages import NoticeKind
from idp.login.visit import Visit, peer_address, turn_back
from idp.services import Services
from mfa.errors import Busy, FactorRejected

_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class AddressLimit:
    """What is counted under one name."""

    name: str
    times: int
    """As wide as the setting `failed_sign_ins_per_address`, this many times."""

    @property
    def name_around(self) -> str:
        return f"{self.name}-around"


GUESSES = AddressLimit("failed-sign-in", 1)
KEYS = AddressLimit("failed-key", 10)


def check_neighbourhood(services: Services, visit: Visit, limit: AddressLimit = GUESSES) -> None:
    """Turn the browser back where so much failed from around its address."""
    if neighbourhood_must_wait(services, limit):
        turn_back(visit.registered, NoticeKind.TOO_MANY_ATTEMPTS, 429)


def neighbourhood_must_wait(services: Services, limit: AddressLimit = GUESSES) -> bool:
    """Whether so much failed from around this address that nothing is looked at now."""
    address, most = peer_address(), services.policy.failed_sign_ins_per_address * limit.times
    here, around = services.rates.reached(
        (limit.name, neighbourhood(address)), (limit.name_around, wider_network(address))
    )
    return here >= most or around >= most * services.policy.networks_to_addresses


def count_failure(
    services: Services, rejection: FactorRejected | Busy, kind: str, limit: AddressLimit = GUESSES
) -> None:
    """Towards the neighbourhood's limit, and for operations."""
    outcome = "busy" if isinstance(rejection, Busy) else rejection.reason.value
    services.count("factors", {"kind": kind, "outcome": outcome})
    if isinstance(rejection, FactorRejected):
        count_failed_guess(services, limit)


def count_failed_guess(services: Services, limit: AddressLimit = GUESSES) -> None:
    """Towards the limits of this address and of those around it, whatever was guessed."""
    services.rates.count(limit.name, neighbourhood(peer_address()), _WINDOW)
    services.rates.count(limit.name_around, wider_network(peer_address()), _WINDOW)
