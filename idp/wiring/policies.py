"""The settings as the rules know them: times, limits, what is offered."""

from datetime import timedelta
from functools import cached_property

from idp.protocol.policy import ProtocolPolicy
from idp.protocol.step_up_challenge import WantedSignIn
from idp.recovery.recovery import RecoveryTimes
from idp.wiring.foundation import Foundation


class WithPolicies(Foundation):
    """The values by which rules decide."""

    @cached_property
    def policy(self) -> ProtocolPolicy:
        settings = self.settings
        return ProtocolPolicy(
            issuer=settings.issuer,
            code_lifetime=timedelta(seconds=settings.code_seconds),
            request_uri_lifetime=timedelta(seconds=settings.pushed_request_seconds),
            id_token_lifetime=timedelta(seconds=settings.id_token_seconds),
            access_token_lifetime=timedelta(seconds=settings.access_token_seconds),
            offline_access_lifetime=timedelta(days=settings.offline_access_days),
            offline_access_unused=timedelta(days=settings.offline_access_unused_days),
            login_attempt_lifetime=timedelta(seconds=settings.login_attempt_seconds),
            substantial_idle=timedelta(seconds=settings.session_idle_seconds),
            substantial_absolute=timedelta(seconds=settings.session_seconds),
            skew=timedelta(seconds=settings.clock_skew_seconds),
            dpop_nonce_required=settings.dpop_nonce_required,
            userinfo_sign_in=WantedSignIn(
                settings.userinfo_acr_values,
                timedelta(seconds=settings.userinfo_max_age_seconds) or None,
            ),
            failed_sign_ins_per_address=settings.failed_sign_ins_per_address,
            sign_ins_begun_per_address=settings.sign_ins_begun_per_address,
            opaque_tokens_per_client=settings.opaque_tokens_per_client,
            published_max_age=timedelta(seconds=settings.jwks_max_age_seconds),
            mtls_origin=settings.mtls_origin,
            client_authorities=settings.mtls_ca_file is not None,
            high_offered=settings.level_high,
        )

    @cached_property
    def recovery_times(self) -> RecoveryTimes:
        settings = self.settings
        return RecoveryTimes(
            proving=timedelta(minutes=settings.recovery_minutes),
            cooling=timedelta(hours=settings.recovery_wait_hours),
            cooling_by_post=timedelta(days=settings.recovery_wait_by_post_days),
            finishing=timedelta(days=settings.recovery_finish_days),
            between_letters=timedelta(days=settings.recovery_letter_every_days),
            proofing=timedelta(days=settings.proofing_days),
            cap=timedelta(days=settings.recovery_cap_days),
        )
