"""What idp's commands share: how the deployment is opened, and how failures are told.

Exit codes: 0 done, 1 refused, 2 wrong use, 3 a part is not reachable. One line: the cause, then what mends it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

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
from migrations import UnknownTables, pending_revisions

__all__ = [
    "NotReachable",
    "Refused",
    "answer_json",
    "answer_table",
    "as_json",
    "asking",
    "check_tables",
    "confirm",
    "deployment",
    "failures_told",
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
def deployment(*, with_tables: bool = True) -> Iterator[Wiring]:
    """The deployment that the environment describes, opened for one command.

    `with_tables=False` is for the commands that mend or report what is wrong with its tables.
    """
    wiring = Wiring(read_settings())
    try:
        with failures_told():
            if with_tables:
                check_tables(wiring)
            yield wiring
    finally:
        wiring.close()


def check_tables(wiring: Wiring) -> None:
    """Raises: Refused where there are no tables or other ones than ours; NotReachable."""
    settings = wiring.settings
    if settings.sqlite_file is not None and not settings.sqlite_file.exists():
        raise Refused("There is no database yet. Make it with `adgang migrate`.")
    try:
        pending = pending_revisions(wiring.database.reading)
    except StoreUnavailable:
        raise NotReachable(
            "The database does not answer. Check ADGANG_DATABASE_URL and the server; `adgang doctor` looks again."
        ) from None
    except UnknownTables as fault:
        raise Refused(str(fault)) from None
    if pending:
        raise Refused("The database's tables are not up to date. Run `adgang migrate`.")


@contextmanager
def failures_told() -> Iterator[None]:
    """Every failure that a command can meet, as one line and an exit code."""
    try:
        yield
    except (CitizenRefused, ProofingRefused, KeysError, UnknownTables) as refusal:
        raise Refused(str(refusal)) from None
    except ConfigurationFaults as faults:
        raise Refused("\n".join(faults.faults)) from None
    except StoreUnavailable as fault:
        raise NotReachable(f"{_sentence(fault)} Look with `adgang doctor`.") from None
    except SQLAlchemyError:
        # Its message has the statement; the values in it are hidden, but nothing there helps an operator.
        raise NotReachable("The database refused a statement. Look with `adgang doctor`.") from None
    except OSError as fault:
        if fault.filename is None:
            raise
        raise Refused(
            f"{fault.filename}: {fault.strerror}. Give this user access, or name another."
        ) from None


def _sentence(fault: Exception) -> str:
    words = str(fault)
    return f"{words[:1].upper()}{words[1:]}."
