"""Verifying a WebAuthn assertion: whose key it is, the signature, what changed since; in one transaction.

As a second factor the citizen is known and the key must be theirs; passkey first, the key says who it is. A failure
is counted on the key that was named. One that nobody has is counted under its id's digest, and a signature is checked
in vain, so that it is answered, slowed and blocked like a wrong signature, in the same time (Level 3 §14.6.3, S-291).
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from mfa.attempts import Attempt, Attempts, Claimant
from mfa.errors import FactorRejected, Rejection
from mfa.factors import FactorKind, VerifiedFactor
from mfa.ports import Credentials, StoredCredential, Tx
from mfa.webauthn import (
    Assertion,
    Ceremony,
    RelyingParty,
    WebauthnRejected,
    amr_of,
    parse_assertion,
    verify_assertion,
)
from mfa.webauthn_guard import Credential
from mfa.webauthn_keys import nobodys_key


@dataclass(frozen=True, slots=True)
class WebauthnAnswer:
    """What `navigator.credentials.get` gave, as JSON, with the ceremony that the caller began and has taken back."""

    credential_json: str = field(repr=False)
    ceremony: Ceremony
    allowed: frozenset[bytes] | None = None
    """The credential ids that were offered; None where any passkey could answer (S-280)."""


class WebauthnVerification:
    """Part of `mfa.verification.Verification`, which alone calls it."""

    def __init__(self, credentials: Credentials, relying_party: RelyingParty) -> None:
        self._credentials = credentials
        self._relying_party = relying_party
        self._nobodys_key = nobodys_key()

    def check(
        self, tx: Tx, attempts: Attempts, claimant: Claimant, answer: WebauthnAnswer, now: datetime
    ) -> VerifiedFactor | FactorRejected:
        """The proven key, or why not: returned, so that the transaction commits the count (S-242).

        Raises:
            FactorRejected: no answer is looked at now, and nothing was counted.
        """
        try:
            parsed = parse_assertion(answer.credential_json)
        except WebauthnRejected:
            return self._refuse(tx, attempts, claimant, Rejection.MALFORMED, now)
        stored = self._credentials.find(tx, parsed.credential_id)
        if stored is None or not _may_answer(stored, parsed, claimant, answer):
            if claimant.citizen_id is None:
                return self._refuse_stranger(tx, attempts, claimant, stored, parsed, answer.ceremony, now)
            return self._refuse(tx, attempts, claimant, Rejection.WRONG, now)
        owner = replace(claimant, citizen_id=stored.factor.citizen_id)
        attempt = attempts.open_for(tx, owner, FactorKind.WEBAUTHN, stored.factor, now)
        try:
            assertion = verify_assertion(
                parsed,
                public_key=stored.public_key,
                relying_party=self._relying_party,
                ceremony=answer.ceremony,
            )
        except WebauthnRejected:
            return attempts.reject(tx, attempt, Rejection.WRONG, now)
        if assertion.backup_eligible != stored.backup_eligible:  # Level 3 §6.1.3: it never changes (S-284)
            return attempts.reject(tx, attempt, Rejection.WRONG, now)
        return self._accept(tx, attempts, attempt, stored, assertion, now)

    def _accept(
        self,
        tx: Tx,
        attempts: Attempts,
        attempt: Attempt,
        stored: StoredCredential,
        assertion: Assertion,
        now: datetime,
    ) -> VerifiedFactor | FactorRejected:
        factor = stored.factor
        if not self._credentials.advance(
            tx, factor.factor_id, assertion.sign_count, backed_up=assertion.backed_up
        ):
            self._credentials.suspect(tx, factor.factor_id, now)
            attempts.suspected(tx, attempt, now)
            return attempts.reject(tx, attempt, Rejection.SUSPECT, now)
        amr = amr_of(
            attested=stored.attested,
            backup_eligible=stored.backup_eligible,
            user_verified=assertion.user_verified,
        )
        return attempts.succeeded(tx, attempt, factor, amr, now)

    def _refuse(
        self,
        tx: Tx,
        attempts: Attempts,
        claimant: Claimant,
        reason: Rejection,
        now: datetime,
    ) -> FactorRejected:
        """No key of this citizen's was named: counted for a citizen we know, as for one without a key. What names no
        key at all is counted nowhere, whoever sends it."""
        if claimant.citizen_id is None:
            return FactorRejected(reason)
        attempt = attempts.open_for(tx, claimant, FactorKind.WEBAUTHN, None, now)
        return attempts.reject(tx, attempt, reason, now)

    def _refuse_stranger(
        self,
        tx: Tx,
        attempts: Attempts,
        claimant: Claimant,
        stored: StoredCredential | None,
        parsed: Credential,
        ceremony: Ceremony,
        now: datetime,
    ) -> FactorRejected:
        """Passkey first, with a key that nobody has, or that belongs to another than it says."""
        if stored is None:
            factor, named = None, hashlib.sha256(parsed.credential_id).hexdigest()
            public_key, claimed = self._nobodys_key, replace(claimant, unknown_key=named)
        else:
            factor, public_key = stored.factor, stored.public_key
            claimed = replace(claimant, citizen_id=factor.citizen_id)
        attempt = attempts.open_for(tx, claimed, FactorKind.WEBAUTHN, factor, now)
        with suppress(WebauthnRejected):
            verify_assertion(
                parsed, public_key=public_key, relying_party=self._relying_party, ceremony=ceremony
            )
        return attempts.reject(tx, attempt, Rejection.WRONG, now)


def _may_answer(
    stored: StoredCredential, parsed: Credential, claimant: Claimant, answer: WebauthnAnswer
) -> bool:
    """Level 3 §7.2 (5, 6): the key was offered, and belongs to who is signing in (S-277 to S-280)."""
    if answer.allowed is not None and parsed.credential_id not in answer.allowed:
        return False
    if parsed.user_handle is not None and parsed.user_handle != stored.user_handle:
        return False
    if claimant.citizen_id is None:
        return parsed.user_handle is not None
    return claimant.citizen_id == stored.factor.citizen_id
