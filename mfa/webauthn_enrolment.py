"""Adding passkeys and security keys. Naming and removing them is `mfa.enrolment`, as for every factor.

The caller gives out each challenge, binds it to the session, and takes it back once before it calls here (S-265).
"""

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any

from mfa import events
from mfa.errors import EnrolmentFault, EnrolmentRefused
from mfa.factor_changes import check_name, check_room, new_factor_id, tell
from mfa.factors import Factor, FactorKind
from mfa.ports import Credentials, Factors, Journal, StoredCredential, Transact, Tx
from mfa.webauthn import (
    Attestation,
    Ceremony,
    NewCredential,
    RelyingParty,
    WebauthnRejected,
    parse_assertion,
    verify_registration,
)
from mfa.webauthn_options import authentication_options, registration_options

MOST_KEYS = 10
_HANDLE_BYTES = 64
"""WebAuthn Level 3 §14.6.1: random, and it says nothing about the person (S-279)."""


class WebauthnEnrolment:
    """The two halves of adding a key, and what a browser needs to use one."""

    def __init__(
        self,
        transact: Transact,
        factors: Factors,
        credentials: Credentials,
        journal: Journal,
        relying_party: RelyingParty,
        attestation: Attestation,
    ) -> None:
        self._transact = transact
        self._factors = factors
        self._credentials = credentials
        self._journal = journal
        self._relying_party = relying_party
        self._attestation = attestation

    def begin(
        self,
        citizen_id: str,
        ceremony: Ceremony,
        *,
        user_id: str,
        display_name: str,
        leaving: Collection[str] = (),
    ) -> dict[str, Any]:
        """The options for `navigator.credentials.create`; `leaving`: factors that go when the new one has come.

        Raises:
            EnrolmentRefused: too many keys.
        """

        def work(tx: Tx) -> bytes:
            check_room(self._factors, tx, citizen_id, FactorKind.WEBAUTHN, MOST_KEYS, leaving=leaving)
            return self._credentials.user_handle(tx, citizen_id, new=secrets.token_bytes(_HANDLE_BYTES))

        return registration_options(
            self._relying_party,
            ceremony,
            user_handle=self._transact(work),
            user_id=user_id,
            display_name=display_name,
            existing=self.credential_ids(citizen_id),
            attestation=self._attestation,
        )

    def finish(
        self, citizen_id: str, credential_json: str, ceremony: Ceremony, *, name: str, now: datetime
    ) -> Factor:
        """Add the key that the ceremony made.

        Raises:
            WebauthnRejected: the answer proves no new key.
            EnrolmentRefused: known already, too many keys, or a bad name.
        """
        made = self.verify_new(credential_json, ceremony)
        return self._transact(lambda tx: self.keep_key(tx, citizen_id, made, name=name, now=now))

    def verify_new(self, credential_json: str, ceremony: Ceremony) -> NewCredential:
        """The key that the ceremony made, to be kept with `keep_key`.

        Raises:
            WebauthnRejected
        """
        return verify_registration(
            credential_json,
            relying_party=self._relying_party,
            ceremony=ceremony,
            attestation=self._attestation,
        )

    def keep_key(
        self,
        tx: Tx,
        citizen_id: str,
        made: NewCredential,
        *,
        name: str,
        now: datetime,
        part_of: str = "",
        leaving: Collection[str] = (),
    ) -> Factor:
        """Make it the citizen's, in the caller's transaction; `part_of` is the ledger event that it belongs to.

        Raises:
            EnrolmentRefused
        """
        factor = self._add(tx, citizen_id, made, check_name(name), now, leaving)
        tell(self._journal, tx, events.FACTOR_ADDED, factor, "citizen", now, part_of=part_of)
        return factor

    def options(
        self, citizen_id: str | None, ceremony: Ceremony, *, allowed: Collection[bytes] | None = None
    ) -> dict[str, Any]:
        """The options for `navigator.credentials.get`; None, passkey first, names no keys.

        `allowed` names some of the citizen's keys, where not every one would do.
        """
        if allowed is None:
            allowed = () if citizen_id is None else self.credential_ids(citizen_id)
        return authentication_options(self._relying_party, ceremony, allowed=allowed)

    def keys_of(self, citizen_id: str) -> list[StoredCredential]:
        """A citizen's keys with what is known of each, oldest first; disabled ones too."""
        return self._credentials.of_citizen(citizen_id)

    def owner_of(self, credential_json: str) -> str | None:
        """Whose key an answer claims to be from. Proves nothing; for finding who is to be counted against."""
        try:
            parsed = parse_assertion(credential_json)
        except WebauthnRejected:
            return None
        return self._credentials.owner(parsed.credential_id)

    def credential_ids(self, citizen_id: str) -> tuple[bytes, ...]:
        """The ids of a citizen's keys, which `WebauthnAnswer.allowed` repeats."""
        return tuple(stored.credential_id for stored in self._credentials.of_citizen(citizen_id))

    def _add(
        self,
        tx: Tx,
        citizen_id: str,
        made: NewCredential,
        name: str,
        now: datetime,
        leaving: Collection[str],
    ) -> Factor:
        check_room(self._factors, tx, citizen_id, FactorKind.WEBAUTHN, MOST_KEYS, leaving=leaving)
        factor = Factor(
            new_factor_id(), citizen_id, FactorKind.WEBAUTHN, name, now, proves_two=made.user_verified
        )
        stored = StoredCredential(
            factor=factor,
            user_handle=self._credentials.user_handle(tx, citizen_id, new=secrets.token_bytes(_HANDLE_BYTES)),
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            aaguid=made.aaguid,
            backup_eligible=made.backup_eligible,
            backed_up=made.backed_up,
            attested=made.attested,
        )
        if not self._credentials.add(tx, stored):
            raise EnrolmentRefused(EnrolmentFault.ALREADY)
        return factor
