"""What idp's commands share: how the deployment is opened, and how failures are told.

Exit codes: 0 done, 1 refused, 2 wrong use, 3 a part is not reachable. One line: the cause, then what mends it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from clients_registry.cli_frame import (
    NotReachable,
    Refused,
    answer_json,
    answer_table,
    as_json,
    asking,
    confirm,
    telling,
)
from idp.citizens import CitizenRefused
from idp.errors import ConfigurationFaults, StoreUnavailable
from idp.recovery.proofing import ProofingRefused
from idp.settings import Settings
from idp.wiring import Wiring
from keys.errors import KeysError

__all__ = [
    "NotReachable",
    "Refused",
    "answer_json",
    "answer_table",
    "as_json",
    "asking",
    "confirm",
    "deployment",
    "read_settings",
    "telling",
]


def read_settings() -> Settings:
    """The settings, or every fault at once."""
    try:
        return Settings.from_environment()
    except ConfigurationFaults as faults:
        raise Refused("The settings cannot be used.\n" + "\n".join(faults.faults)) from None


@contextmanager
def deployment() -> Iterator[Wiring]:
    """The deployment that the environment describes, opened for one command."""
    wiring = Wiring(read_settings())
    try:
        with failures_told():
            yield wiring
    finally:
        wiring.close()


@contextmanager
def failures_told() -> Iterator[None]:
    try:
        yield
    except (CitizenRefused, ProofingRefused, KeysError) as refusal:
        raise Refused(str(refusal)) from None
    except ConfigurationFaults as faults:
        raise Refused("\n".join(faults.faults)) from None
    except StoreUnavailable:
        raise NotReachable("A store does not answer. Look with `adgang doctor`.") from None
