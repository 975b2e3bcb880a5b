"""All parts of one process together: the services that views and endpoints take, what is swept, and how it ends."""

from datetime import timedelta
from functools import cached_property

from idp import metrics
from idp.activation.record import ActivationRecord
from idp.browser_sessions import BrowserSessionRules
from idp.ceremonies import Ceremonies
from idp.known_browsers import KnownBrowsers
from idp.ledger import events
from idp.ledger.in_sql import History
from idp.letters import in_sql as letters_in_sql
from idp.logout.records import SignOut, SignOutRequest
from idp.protocol.dpop_nonce import DpopNonces
from idp.records import AuthorizationCode, LoginAttempt, OpaqueToken, PartialSignIn, PushedRequest
from idp.recovery import in_sql as recovery_in_sql
from idp.repeated_values import RepeatedValues
from idp.services import Services
from idp.storage import in_redis, in_sql, revoked_in_sql
from idp.storage.consistency import dangling_references
from idp.storage.devices_in_redis import DeviceRequests
from idp.storage.redemptions_in_sql import Redemptions
from idp.storage.refresh_in_sql import RefreshTokens
from idp.storage.safety_in_sql import Safeties
from idp.tokens.revoked_tokens import RevokedTokens
from idp.wiring.recovery import WithRecovery
from keys.birth import ensure_keys
from keys.key import SigningKey
from keys.services import Order
from keys.token_sweep import sweep_token
from mfa.in_sql import Factors, Failures
from mfa.overview import Overview
from mfa.recovery_in_sql import RecoverySets
from mfa.webauthn_in_sql import Credentials

_LOGOUT_NOTICES_KEPT = timedelta(days=8)
"""A day longer than the security page shows them."""

_RECOVERIES_KEPT = timedelta(days=1)

_MESSAGES_KEPT = timedelta(days=400)
"""More than a year, so that what happens once a year can be compared."""


class Wiring(WithRecovery):
    """One process's parts, each made when first asked for. `close` ends what was opened."""

    @cached_property
    def services(self) -> Services:
        reading, client, clock = self.database.reading, self.redis, self.clock
        login_attempts = in_redis.Records(client, clock, "login-attempt", LoginAttempt)
        partial_sign_ins = in_redis.Records(client, clock, "partial-sign-in", PartialSignIn)
        browser_sessions = in_redis.BrowserSessions(client, clock)
        return Services(
            policy=self.policy,
            clock=clock,
            transact=self.database.transact,
            registry=self.registry,
            client_authorities=self.client_authorities,
            key_ring=self.key_ring,
            verification=self.verification,
            factors=Factors(reading),
            enrolment=self.enrolment,
            factor_overview=Overview(
                Factors(reading), Failures(reading), Credentials(reading), RecoverySets(reading)
            ),
            self_service=self.self_service,
            lasting_accesses=self.lasting_accesses,
            webauthn=self.webauthn_enrolment,
            recovery_codes=self.recovery_enrolment,
            ceremonies=Ceremonies(in_redis.OneTime(client), clock, self.policy.challenge_lifetime),
            subjects=self.subjects,
            known_browsers=KnownBrowsers(self.secrets.index_secret),
            find_place=self.find_place,
            sessions=BrowserSessionRules(
                self.policy.substantial_idle,
                self.policy.substantial_absolute,
                self.policy.high_idle,
                self.policy.high_absolute,
            ),
            pushed_requests=in_redis.Records(client, clock, "pushed-request", PushedRequest),
            login_attempts=login_attempts,
            partial_sign_ins=partial_sign_ins,
            visits=in_redis.Visits(client, login_attempts, partial_sign_ins, browser_sessions),
            codes=in_redis.Records(client, clock, "code", AuthorizationCode),
            device_requests=DeviceRequests(client, clock),
            opaque_tokens=in_redis.Records(client, clock, "opaque-token", OpaqueToken),
            browser_sessions=browser_sessions,
            one_time=in_redis.OneTime(client),
            seen=in_redis.Seen(client, clock),
            dpop_nonces=DpopNonces(self.secrets.index_secret),
            rates=in_redis.Rates(client),
            citizens=self.citizen_store,
            consents=in_sql.Consents(reading),
            grants=in_sql.Grants(reading, clock),
            refresh_tokens=RefreshTokens(reading),
            revoked_tokens=RevokedTokens(revoked_in_sql.RevokedTokens(reading), clock),
            spent=in_sql.Spent(reading),
            ended_sessions=self.ended_sessions,
            redemptions=Redemptions(reading),
            ledger=self.ledger,
            history=History(reading),
            letters=self.letters,
            activation=self.activation,
            activations=in_redis.Records(client, clock, "activation", ActivationRecord),
            outbox=self.outbox,
            logout_notices=self.logout_notices,
            sign_out_requests=in_redis.Records(client, clock, "sign-out-request", SignOutRequest),
            sign_outs=in_redis.Records(client, clock, "sign-out", SignOut),
            recoveries=self.recovery_moves,
            recovery_stops=self.recovery_stops,
            letter_orders=self.letter_ordering,
            safeties=Safeties(reading, self.recovery_times.cap),
            fetcher=self.fetcher,
            traffic=self.traffic,
            repeated_values=RepeatedValues(metrics.count),
            count=metrics.count,
        )

    def ensure_keys(self) -> list[SigningKey]:
        """Make what the settings' algorithms lack; safe at every start."""
        return ensure_keys(self.keys_services, Order(events.BY_SYSTEM, "first start, or a new algorithm"))

    def sweep(self) -> dict[str, int]:
        """Remove rows that can no longer matter, a table at a time."""
        now, transact, reading = self.clock(), self.database.transact, self.database.reading
        return {
            "spent codes and requests": transact(lambda tx: in_sql.Spent(reading).sweep(tx, now)),
            "ended sessions": transact(lambda tx: in_sql.EndedSessions(reading).sweep(tx, now)),
            "expired grants": transact(lambda tx: in_sql.Grants(reading, self.clock).sweep(tx, now)),
            "expired refresh tokens": transact(lambda tx: RefreshTokens(reading).sweep(tx, now)),
            "revoked access tokens": transact(
                lambda tx: revoked_in_sql.RevokedTokens(reading).sweep(tx, now)
            ),
            "failures of unknown user IDs": self.verification.sweep(now),
            "unfinished enrolments": self.enrolment.sweep(now),
            "private keys in the HSM that nothing needs": sweep_token(self.keys_services),
            "recoveries long over": transact(
                lambda tx: recovery_in_sql.Recoveries(reading).sweep(tx, now - _RECOVERIES_KEPT)
            ),
            "logout notices long over": transact(
                lambda tx: self.logout_notices.sweep(tx, now - _LOGOUT_NOTICES_KEPT)
            ),
            "old messages": transact(lambda tx: self.outbox.sweep(tx, now - _MESSAGES_KEPT)),
            "letters long expired": transact(lambda tx: letters_in_sql.Letters(reading).sweep(tx, now)),
        }

    def count_dangling(self) -> dict[str, int]:
        """References across packages that lead nowhere, by what they are."""
        return dangling_references(self.database.reading)

    def disconnect(self) -> None:
        """Close every connection and forget what holds one; each part is made anew when next asked for."""
        parts = vars(self)
        if "redis" in parts:
            self.redis.close()
        if "database" in parts:
            self.database.close()
        if "signing_backends" in parts:
            self.signing_backends.close()
        for name in set(parts) - {"settings", "clock", "secrets", "embedded_valkey"}:
            del parts[name]

    def close(self) -> None:
        """End what was opened, the embedded store last."""
        self.disconnect()
        parts = vars(self)
        if "embedded_valkey" in parts and self.embedded_valkey is not None:
            self.embedded_valkey.stop()
