"""Why a form is shown again: one kind for each thing that can be wrong with an answer.

The words are in templates/parts/form_errors.html; nothing here repeats what a person typed.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ErrorKind(StrEnum):
    """What was wrong with the answer."""

    CREDENTIALS_DO_NOT_MATCH = "credentials_do_not_match"
    """User ID and password, without saying which; with `seconds` where one must wait before the next try."""
    SLOWED = "slowed"
    """Not even looked at: wait `seconds`."""
    BLOCKED = "blocked"
    """Not even looked at before `until`."""
    CODE_WRONG = "code_wrong"
    CODE_USED = "code_used"
    """The right code, which was used already: wait for the next."""
    MISSING_USER_ID = "missing_user_id"
    MISSING_PASSWORD = "missing_password"
    MISSING_CODE = "missing_code"
    BUSY = "busy"
    """We cannot look at it just now; the same answer may be sent again."""
    FACTOR_DISABLED = "factor_disabled"
    """This factor was wrong too many times in a row and must be replaced."""

    NAME = "name"
    """A factor must have a name of its own, of 1 to 64 characters."""
    OFFER_GONE = "offer_gone"
    """What was offered for enrolment is finished, or took too long; a new one is shown."""
    TOO_MANY_FACTORS = "too_many_factors"
    KEY_KNOWN = "key_known"
    KEY_REJECTED = "key_rejected"
    """The browser's answer proves no key; the citizen may press again."""
    KEY_WRONG = "key_wrong"
    """A key's answer was looked at, and proves nothing here."""
    PASSKEY_WRONG = "passkey_wrong"
    """The same where a passkey alone was to be enough."""
    KEY_SUSPECT = "key_suspect"
    """The key's counter fell: there may be a copy of it."""
    KEY_LATE = "key_late"
    """The challenge was used, or is more than five minutes old; a new one is on the page."""
    KEY_DISABLED = "key_disabled"
    MISSING_KEY = "missing_key"
    """The form was sent without a key's answer: a browser without scripts."""
    LAST_FACTOR = "last_factor"

    MISSING_CURRENT_PASSWORD = "missing_current_password"
    CURRENT_PASSWORD_WRONG = "current_password_wrong"
    PASSWORD_TOO_SHORT = "password_too_short"
    PASSWORD_TOO_LONG = "password_too_long"
    PASSWORD_NOT_TEXT = "password_not_text"
    PASSWORD_COMMON = "password_common"
    PASSWORD_PERSONAL = "password_personal"

    EMAIL = "email"
    PHONE_NUMBER = "phone_number"
    PHRASE = "phrase"
    """Too short, too long, or something that a mail program would make a link of."""

    MISSING_RECOVERY_CODE = "missing_recovery_code"
    RECOVERY_CODE_WRONG = "recovery_code_wrong"
    RECOVERY_CODE_USED = "recovery_code_used"
    MISSING_STOP_CODE = "missing_stop_code"
    STOP_CODE_WRONG = "stop_code_wrong"
    MISSING_CHOICE = "missing_choice"
    MISSING_NAME = "missing_name"
    CPR_FORM = "cpr_form"

    MISSING_USER_CODE = "missing_user_code"
    USER_CODE_UNKNOWN = "user_code_unknown"

    MISSING_LETTER_CODE = "missing_letter_code"
    LETTER_MALFORMED = "letter_malformed"
    LETTER_UNKNOWN = "letter_unknown"
    LETTER_OTHER_KIND = "letter_other_kind"
    LETTER_USED = "letter_used"
    LETTER_REPLACED = "letter_replaced"
    LETTER_EXPIRED = "letter_expired"
    USER_ID_FORM = "user_id_form"
    USER_ID_PERSONAL = "user_id_personal"
    USER_ID_TAKEN = "user_id_taken"
    USER_ID_TRIES = "user_id_tries"
    """So many were tried that the form has become a way to ask who exists."""


_FIELD_IDS = {
    ErrorKind.CREDENTIALS_DO_NOT_MATCH: "password",
    ErrorKind.MISSING_USER_ID: "user-id",
    ErrorKind.MISSING_PASSWORD: "password",
    ErrorKind.CODE_WRONG: "code",
    ErrorKind.CODE_USED: "code",
    ErrorKind.MISSING_CODE: "code",
    ErrorKind.NAME: "name",
    ErrorKind.MISSING_CURRENT_PASSWORD: "current-password",
    ErrorKind.CURRENT_PASSWORD_WRONG: "current-password",
    ErrorKind.PASSWORD_TOO_SHORT: "new-password",
    ErrorKind.PASSWORD_TOO_LONG: "new-password",
    ErrorKind.PASSWORD_NOT_TEXT: "new-password",
    ErrorKind.PASSWORD_COMMON: "new-password",
    ErrorKind.PASSWORD_PERSONAL: "new-password",
    ErrorKind.EMAIL: "email",
    ErrorKind.PHONE_NUMBER: "phone-number",
    ErrorKind.PHRASE: "phrase",
    ErrorKind.MISSING_RECOVERY_CODE: "recovery-code",
    ErrorKind.RECOVERY_CODE_WRONG: "recovery-code",
    ErrorKind.RECOVERY_CODE_USED: "recovery-code",
    ErrorKind.MISSING_STOP_CODE: "stop-code",
    ErrorKind.STOP_CODE_WRONG: "stop-code",
    ErrorKind.MISSING_CHOICE: "lost-password",
    ErrorKind.MISSING_NAME: "name",
    ErrorKind.CPR_FORM: "cpr",
    ErrorKind.MISSING_USER_CODE: "user-code",
    ErrorKind.USER_CODE_UNKNOWN: "user-code",
    ErrorKind.MISSING_LETTER_CODE: "letter-code",
    ErrorKind.LETTER_MALFORMED: "letter-code",
    ErrorKind.LETTER_UNKNOWN: "letter-code",
    ErrorKind.LETTER_OTHER_KIND: "letter-code",
    ErrorKind.LETTER_USED: "letter-code",
    ErrorKind.LETTER_REPLACED: "letter-code",
    ErrorKind.LETTER_EXPIRED: "letter-code",
    ErrorKind.USER_ID_FORM: "user-id",
    ErrorKind.USER_ID_PERSONAL: "user-id",
    ErrorKind.USER_ID_TAKEN: "user-id",
    ErrorKind.USER_ID_TRIES: "user-id",
}


@dataclass(frozen=True, slots=True)
class FormError:
    """Why the form is shown again."""

    kind: ErrorKind
    seconds: int | None = None
    until: datetime | None = None

    @property
    def status(self) -> int:
        """An answer that was not accepted is a 400, one that was not looked at a 429 or a 503 (S-237, S-254)."""
        if self.kind is ErrorKind.BUSY:
            return 503
        return 429 if self.kind in (ErrorKind.SLOWED, ErrorKind.BLOCKED) else 400

    @property
    def field_id(self) -> str | None:
        """Id of the field that the error is about, if it is about one."""
        return _FIELD_IDS.get(self.kind)
