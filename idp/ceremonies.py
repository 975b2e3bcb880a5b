"""Challenges of WebAuthn ceremonies: given out once, taken back once, five minutes (WebAuthn Level 3 §13.4.3).

A challenge belongs to one purpose and to one binding, the digest of the secret of the attempt or session that began
the ceremony. It is forgotten the moment an answer to it comes, before anything of the answer is verified (S-265).

    begin ──▶ waiting ──take──▶ gone
                 └──five minutes──▶ gone

Verifies nothing: what the answer proves is mfa's matter.
"""

import json
import secrets
from datetime import datetime, timedelta

from idp.clock import Clock
from idp.storage import ports
from mfa.webauthn import Ceremony
from mfa.webauthn_guard import MalformedCredential, challenge_of, encode

SIGN_IN = "sign-in"
ADD_KEY = "add-key"
RECOVER = "recover"

_KIND = "webauthn-challenge"
_CHALLENGE_BYTES = 32
"""protocol.md, random values; WebAuthn Level 3 §13.4.3 asks for 16."""


class CeremonyGone(Exception):
    """No ceremony waits for this answer: unknown, used, too old, or begun for something else."""


class Ceremonies:
    """Ceremonies under way."""

    def __init__(self, one_time: ports.OneTime, clock: Clock, lifetime: timedelta) -> None:
        self._one_time = one_time
        self._clock = clock
        self._lifetime = lifetime

    def begin(self, purpose: str, binding: str, *, user_verification_required: bool) -> Ceremony:
        """A new ceremony; what is insisted on is kept here, not in the browser (S-272)."""
        challenge = secrets.token_bytes(_CHALLENGE_BYTES)
        kept = {
            "purpose": purpose,
            "binding": binding,
            "user_verification_required": user_verification_required,
            "expires_at": (self._clock() + self._lifetime).isoformat(),
        }
        if not self._one_time.put(_KIND, encode(challenge), json.dumps(kept), self._lifetime):
            raise AssertionError("256 random bits came twice")
        return Ceremony(challenge, user_verification_required)

    def take(self, purpose: str, binding: str, credential_json: str) -> Ceremony:
        """The ceremony that this answer belongs to; of many answers to one, a single one gets it (S-266).

        Raises:
            CeremonyGone
        """
        try:
            challenge = challenge_of(credential_json)
        except MalformedCredential:
            raise CeremonyGone from None
        kept = self._one_time.take(_KIND, encode(challenge))
        if kept is None:
            raise CeremonyGone
        found = json.loads(kept)
        if (found["purpose"], found["binding"]) != (purpose, binding):
            raise CeremonyGone
        if datetime.fromisoformat(found["expires_at"]) <= self._clock():
            raise CeremonyGone
        return Ceremony(challenge, found["user_verification_required"])
