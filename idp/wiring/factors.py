"""The factors: how they are checked, added and taken away."""

from functools import cached_property

from idp.settings_webauthn import read_trust_roots
from idp.wiring.logouts import WithLogouts
from mfa.enrolment import Enrolment
from mfa.in_sql import Factors, Failures, PendingTotps, TotpSteps
from mfa.password import Passwords
from mfa.recovery_codes import RecoveryDigests
from mfa.recovery_enrolment import RecoveryEnrolment
from mfa.recovery_in_sql import RecoverySets
from mfa.verification import RecoveryVerification, Verification, WebauthnVerification
from mfa.webauthn import Attestation, RelyingParty
from mfa.webauthn_enrolment import WebauthnEnrolment
from mfa.webauthn_in_sql import Credentials

SHOWN_NAME = "Adgang"
"""What authenticator apps show beside the six digits."""


class WithFactors(WithLogouts):
    """What mfa/ needs, and what needs it."""

    @cached_property
    def passwords(self) -> Passwords:
        return Passwords(self.secrets.pepper, concurrency=self.settings.password_hashing_concurrency)

    @cached_property
    def verification(self) -> Verification:
        reading = self.database.reading
        return Verification(
            transact=self.database.transact,
            factors=Factors(reading),
            failures=Failures(reading),
            totp_steps=TotpSteps(),
            journal=self.ledger,
            passwords=self.passwords,
            sealer=self._sealer("totp"),
            webauthn=WebauthnVerification(Credentials(reading), self.relying_party),
            recovery=RecoveryVerification(RecoverySets(reading), RecoveryDigests(self.secrets.pepper)),
        )

    @cached_property
    def relying_party(self) -> RelyingParty:
        configured = self.settings.webauthn
        return RelyingParty(configured.rp_id, SHOWN_NAME, configured.origins)

    @cached_property
    def webauthn_enrolment(self) -> WebauthnEnrolment:
        configured, reading = self.settings.webauthn, self.database.reading
        roots = read_trust_roots(configured.trust_roots) if configured.trust_roots else ()
        return WebauthnEnrolment(
            transact=self.database.transact,
            factors=Factors(reading),
            credentials=Credentials(reading),
            journal=self.ledger,
            relying_party=self.relying_party,
            attestation=Attestation(frozenset(configured.aaguids), roots),
        )

    @cached_property
    def recovery_enrolment(self) -> RecoveryEnrolment:
        return RecoveryEnrolment(
            transact=self.database.transact,
            sets=RecoverySets(self.database.reading),
            journal=self.ledger,
            digests=RecoveryDigests(self.secrets.pepper),
        )

    @cached_property
    def enrolment(self) -> Enrolment:
        return Enrolment(
            transact=self.database.transact,
            factors=Factors(self.database.reading),
            pending=PendingTotps(),
            journal=self.ledger,
            passwords=self.passwords,
            sealer=self._sealer("totp"),
            service_names=lambda: self.registry.service_names(),
        )
