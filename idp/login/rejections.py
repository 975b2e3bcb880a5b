"""From mfa's reasons to what a page says about them; never which part of an answer was wrong."""

from datetime import datetime

from idp.login.pages import ErrorKind, FormError
from mfa.errors import Busy, FactorRejected, Rejection

_BLOCKED_SECONDS = 60
"""A wait longer than this is told as a time of day, not as seconds."""

_PASSWORD = {
    Rejection.WRONG: ErrorKind.CREDENTIALS_DO_NOT_MATCH,
    Rejection.MALFORMED: ErrorKind.CREDENTIALS_DO_NOT_MATCH,
    Rejection.REPLAYED: ErrorKind.CREDENTIALS_DO_NOT_MATCH,
    # A disabled password answers like a wrong one: anything else would tell a stranger that the user ID exists.
    Rejection.DISABLED: ErrorKind.CREDENTIALS_DO_NOT_MATCH,
}
_CODE = {
    Rejection.WRONG: ErrorKind.CODE_WRONG,
    Rejection.MALFORMED: ErrorKind.CODE_WRONG,
    Rejection.REPLAYED: ErrorKind.CODE_USED,
    Rejection.DISABLED: ErrorKind.FACTOR_DISABLED,
}
_KEY = {
    Rejection.WRONG: ErrorKind.KEY_WRONG,
    Rejection.MALFORMED: ErrorKind.KEY_WRONG,
    Rejection.REPLAYED: ErrorKind.KEY_WRONG,
    Rejection.SUSPECT: ErrorKind.KEY_SUSPECT,
    Rejection.DISABLED: ErrorKind.KEY_DISABLED,
}
# One that nobody has is told like one that was wrong: WebAuthn Level 3 §14.6.3 (S-291). A suspect key is its holder's.
_PASSKEY = {
    **dict.fromkeys(_KEY, ErrorKind.PASSKEY_WRONG),
    Rejection.SUSPECT: ErrorKind.KEY_SUSPECT,
}


def password_error(rejection: FactorRejected | Busy, now: datetime) -> FormError:
    return _error(rejection, now, _PASSWORD)


def code_error(rejection: FactorRejected | Busy, now: datetime) -> FormError:
    return _error(rejection, now, _CODE)


def key_error(rejection: FactorRejected | Busy, now: datetime) -> FormError:
    return _error(rejection, now, _KEY)


def passkey_error(rejection: FactorRejected | Busy, now: datetime) -> FormError:
    return _error(rejection, now, _PASSKEY)


def _error(rejection: FactorRejected | Busy, now: datetime, kinds: dict[Rejection, ErrorKind]) -> FormError:
    if isinstance(rejection, Busy):
        return FormError(ErrorKind.BUSY)
    seconds = _seconds_until(rejection.retry_at, now)
    if rejection.reason in kinds:
        return FormError(kinds[rejection.reason], seconds=seconds)
    if rejection.reason is Rejection.SLOWED and seconds is not None and seconds <= _BLOCKED_SECONDS:
        return FormError(ErrorKind.SLOWED, seconds=seconds)
    return FormError(ErrorKind.BLOCKED, until=rejection.retry_at)


def _seconds_until(moment: datetime | None, now: datetime) -> int | None:
    return None if moment is None or moment <= now else int((moment - now).total_seconds()) + 1
