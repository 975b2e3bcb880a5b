"""Can this deployment serve? What is missing, in sentences that say what to do.

`check_start` refuses a start, `missing_parts` answers /readyz, and `adgang doctor` shows all of it. Time zones do not
matter here: everything inside is UTC.
"""

from typing import TYPE_CHECKING

from idp.errors import ConfigurationFaults, StoreUnavailable
from idp.storage import redis_client
from keys.errors import KeysError
from migrations import pending_revisions

if TYPE_CHECKING:
    from idp.wiring import Wiring


def check_start(wiring: "Wiring") -> None:
    """Raises ConfigurationFaults with everything that forbids a start."""
    faults = [*secret_faults(wiring), *outbound_faults(wiring)] or missing_parts(wiring)
    if faults:
        raise ConfigurationFaults(faults)


def missing_parts(wiring: "Wiring") -> list[str]:
    """One sentence for each part that is not fit for service; empty where all are."""
    return [*database_faults(wiring), *redis_faults(wiring)]


def secret_faults(wiring: "Wiring") -> list[str]:
    try:
        _ = wiring.secrets, wiring.signing_backends
    except ConfigurationFaults as faults:
        return faults.faults
    return []


def outbound_faults(wiring: "Wiring") -> list[str]:
    try:
        _ = wiring.fetcher
    except ConfigurationFaults as faults:
        return faults.faults
    return []


def database_faults(wiring: "Wiring") -> list[str]:
    try:
        wiring.database.check()
        if pending_revisions(wiring.database.reading):
            return ["The database's tables are not up to date. Run `adgang migrate`."]
        _ = wiring.key_ring
    except StoreUnavailable:
        return ["The database does not answer. Check ADGANG_DATABASE_URL and the server."]
    except KeysError as fault:
        return [str(fault)]
    return []


def redis_faults(wiring: "Wiring") -> list[str]:
    try:
        return redis_client.check(wiring.redis)
    except StoreUnavailable:
        return ["Redis does not answer. Check ADGANG_REDIS_URL and the server."]
    except ConfigurationFaults as faults:
        return faults.faults
