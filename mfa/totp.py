"""Time-based one-time passwords (RFC 6238): SHA-1, 6 digits, 30 s, a 160-bit seed, one step of drift.

What every authenticator app can do. Does not remember which step was used: that is `ports.TotpSteps`, since a code
is used once only if its step is kept, not its text (S-252, S-253).
"""

import base64
import io
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime

import pyotp
import segno
from pyotp.exceptions import OTPVerificationError

from mfa.ports import Sealer

_SEED_BYTES = 20
"""RFC 4226 §4 R6: 160 bits are recommended (S-262)."""
_DRIFT_STEPS = 1
_CODE = re.compile(r"[0-9]{6}", re.ASCII)
_LONGEST_INPUT = 32


class MalformedCode(Exception):
    """Not six ASCII digits."""


class WrongCode(Exception):
    """Not the code of this seed at this time."""


@dataclass(frozen=True, slots=True)
class Seed:
    """The shared secret of one device, in base32."""

    base32: str = field(repr=False)

    @property
    def in_groups(self) -> str:
        """For typing: `ABCD EFGH …`."""
        return " ".join(self.base32[i : i + 4] for i in range(0, len(self.base32), 4))

    def uri(self, *, issuer: str, account: str) -> str:
        """The `otpauth:` URI that apps read; both names are percent-encoded (S-261)."""
        return pyotp.TOTP(self.base32).provisioning_uri(name=account, issuer_name=issuer)


def new_seed() -> Seed:
    return Seed(base64.b32encode(secrets.token_bytes(_SEED_BYTES)).decode("ascii"))


def seal_seed(sealer: Sealer, seed: Seed, citizen_id: str, factor_id: str) -> bytes:
    """The seed as it is kept: bound to this citizen and this factor, so that no two can be exchanged (S-258)."""
    return sealer.seal(seed.base32.encode("ascii"), bound_to(citizen_id, factor_id))


def unseal_seed(sealer: Sealer, sealed: bytes, citizen_id: str, factor_id: str) -> Seed:
    """The seed, if it was sealed for this citizen and this factor; else what the sealer raises."""
    return Seed(sealer.unseal(sealed, bound_to(citizen_id, factor_id)).decode("ascii"))


def bound_to(citizen_id: str, factor_id: str) -> bytes:
    return f"mfa.totp\0{citizen_id}\0{factor_id}".encode()


def render_qr_code(uri: str, *, title: str) -> str:
    """The URI as an inline SVG: black on a white field of its own, so that it is read in a dark page too.

    It carries neither `style` nor `class` nor script, so no content security policy stands in its way.
    """
    target = io.BytesIO()
    segno.make(uri, error="m", micro=False).save(
        target, kind="svg", xmldecl=False, nl=False, svgclass=None, lineclass=None, omitsize=True,
        dark="#000", light="#fff", border=4, title=title,
    )  # fmt: skip
    return target.getvalue().decode("utf-8")


def verify_code(seed: Seed, typed: str, *, now: datetime) -> int:
    """The time step whose code this is: the present one, the one before or the one after (S-256).

    Spaces are forgiven, since apps show the digits in groups. Digits of other scripts are not: pyotp would take
    them (S-253).

    Raises:
        MalformedCode, WrongCode
    """
    if len(typed) > _LONGEST_INPUT or not _CODE.fullmatch(code := typed.replace(" ", "")):
        raise MalformedCode
    try:
        return pyotp.TOTP(seed.base32).verify_and_get_timecode(code, for_time=now, valid_window=_DRIFT_STEPS)
    except OTPVerificationError:
        raise WrongCode from None
