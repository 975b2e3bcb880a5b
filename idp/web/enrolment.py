"""What pages need to add a factor: the device's secret as a picture and as text, and errors from mfa's reasons.

The forms are macros in templates/parts/enrolment.html, the same for activation, recovery and the security page.
"""

from dataclasses import dataclass, field

from markupsafe import Markup

from idp.web.form_errors import ErrorKind, FormError
from mfa.enrolment import TotpOffer
from mfa.errors import EnrolmentFault, EnrolmentRefused, FactorRejected, PasswordFault, PasswordRefused
from mfa.totp import render_qr_code

_ISSUER = "Adgang"
"""What authenticator apps show beside the six digits."""


@dataclass(frozen=True, slots=True)
class TotpToAdd:
    """A device that is being added, as the page shows it. None of it is ever part of an address (S-261)."""

    secret: str = field(repr=False)
    """In groups of four, for typing."""
    uri: str = field(repr=False)
    """For an app on the same device."""
    qr_code: Markup = field(repr=False)


def totp_to_add(offer: TotpOffer, *, account: str) -> TotpToAdd:
    """The offer as a page shows it; `account` is the citizen's user ID, which the app shows."""
    uri = offer.seed.uri(issuer=_ISSUER, account=account)
    # Our own drawing: segno escapes the title, and the rest is digits.
    drawing = Markup(render_qr_code(uri, title=f"{_ISSUER}: {account}"))  # noqa: S704
    return TotpToAdd(offer.seed.in_groups, uri, drawing)


_ENROLMENT = {
    EnrolmentFault.UNKNOWN: ErrorKind.OFFER_GONE,
    EnrolmentFault.LAST: ErrorKind.LAST_FACTOR,
    EnrolmentFault.TOO_MANY: ErrorKind.TOO_MANY_FACTORS,
    EnrolmentFault.ALREADY: ErrorKind.KEY_KNOWN,
    EnrolmentFault.NAME: ErrorKind.NAME,
}
_PASSWORD = {
    PasswordFault.TOO_SHORT: ErrorKind.PASSWORD_TOO_SHORT,
    PasswordFault.TOO_LONG: ErrorKind.PASSWORD_TOO_LONG,
    PasswordFault.NOT_TEXT: ErrorKind.PASSWORD_NOT_TEXT,
    PasswordFault.COMMON: ErrorKind.PASSWORD_COMMON,
    PasswordFault.PERSONAL: ErrorKind.PASSWORD_PERSONAL,
}


def enrolment_error(refusal: EnrolmentRefused | FactorRejected) -> FormError:
    """Why a device or key was not added; `FactorRejected` is a first code that does not fit."""
    if isinstance(refusal, FactorRejected):
        return FormError(ErrorKind.CODE_WRONG)
    return FormError(_ENROLMENT[refusal.fault])


def new_password_error(refusal: PasswordRefused) -> FormError:
    """Why a password may not be chosen."""
    return FormError(_PASSWORD[refusal.fault])
