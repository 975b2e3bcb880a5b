"""The only file that joins settings, stores and services: each part is opened when it is first asked for.

So a command opens no more than it needs: `adgang keys list` touches no Redis, and discovery is served while the
database is away.
"""

from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import redis

from clients_registry.detail_registrations import DetailRegistrations
from clients_registry.errors import NotFetched
from clients_registry.in_sql import Clients, ClientUses
from clients_registry.policy import RegistrationPolicy
from clients_registry.published_keys import MEDIA_TYPES, PublishedKeySets
from clients_registry.registrations import Registrations
from clients_registry.registry import RegisteredClient, Registry
from clients_registry.resource_registrations import ResourceRegistrations
from clients_registry.resources_in_sql import Resources
from clients_registry.scope_registrations import ScopeRegistrations
from clients_registry.services import RegistryServices
from idp import metrics
from idp.activation.activation import Activation
from idp.activation.record import ActivationRecord
from idp.browser_sessions import BrowserSessionRules
from idp.ceremonies import Ceremonies
from idp.citizens import Citizens
from idp.clock import Clock, system_clock
from idp.errors import ConfigurationFaults, StoreUnavailable
from idp.jwks_clients import JwksClients
from idp.key_metrics import KeyMetrics, key_samples
from idp.key_schedule import KeySchedule
from idp.known_browsers import KnownBrowsers
from idp.lasting_access import LastingAccesses
from idp.ledger import events
from idp.ledger.in_sql import History, Ledger
from idp.letters import in_sql as letters_in_sql
from idp.letters.invitations_in_sql import Invitations
from idp.letters.letters import Letters
from idp.logout.in_sql import LogoutNotices
from idp.logout.notice import LogoutNotice
from idp.logout.records import SignOut, SignOutRequest
from idp.logout.sending import LogoutSending
from idp.logout.telling import TellingEndedSessions
from idp.messages.in_sql import Outbox
from idp.messages.sending import MessageSending
from idp.messages.smtp import MailServer
from idp.messages.telling import TellingLedger
from idp.messages.texts import MessageTexts
from idp.new_citizens import NewCitizens
from idp.outbound.addresses import internal_network
from idp.outbound.errors import OutboundError
from idp.outbound.fetcher import Fetcher, FetchPolicy
from idp.places import FindPlace, open_places
from idp.protocol.dpop_nonce import DpopNonces
from idp.protocol.encryption import envelope_for
from idp.protocol.policy import ProtocolPolicy
from idp.protocol.step_up_challenge import WantedSignIn
from idp.protocol.tls_client_auth import ClientAuthorities
from idp.records import AuthorizationCode, LoginAttempt, OpaqueToken, PartialSignIn, PushedRequest
from idp.recovery import in_sql as recovery_in_sql
from idp.recovery.completion import Completion
from idp.recovery.letter_orders import LetterOrdering, LetterOrderThread
from idp.recovery.moves import RecoveryMoves
from idp.recovery.proofing import Proofing
from idp.recovery.recovery import RecoveryTimes
from idp.recovery.stopping import RecoveryStops
from idp.repeated_values import RepeatedValues
from idp.sealed_columns import sealed_columns
from idp.secrets_directory import DeploymentSecrets, read_secrets, read_smtp_password
from idp.self_service import SelfService
from idp.services import Services
from idp.settings import Settings
from idp.settings_mtls import read_authorities
from idp.settings_webauthn import read_trust_roots
from idp.storage import citizens_in_sql, embedded_valkey, in_redis, in_sql, redis_client, revoked_in_sql
from idp.storage.client_keys_in_redis import ClientKeySets
from idp.storage.consistency import dangling_references
from idp.storage.database import Database
from idp.storage.devices_in_redis import DeviceRequests
from idp.storage.redemptions_in_sql import Redemptions
from idp.storage.refresh_in_sql import RefreshTokens
from idp.storage.safety_in_sql import Safeties
from idp.storage.sealed_in_sql import SealedColumn
from idp.tokens.logout_token import issue_logout_token
from idp.tokens.revoked_tokens import RevokedTokens
from idp.tokens.subject import Subjects
from idp.traffic import Traffic
from keys.birth import ensure_keys
from keys.high_water import FileHighWater, HighestOf, OpenedWhenAsked
from keys.hsm import HsmAddress, HsmFault
from keys.in_redis import RedisHighWater
from keys.in_sql import Fetches, Keys, Refusals
from keys.key import SigningKey
from keys.key_ring import KeyRing
from keys.policy import KeyPolicy
from keys.sealing import Sealer
from keys.services import KeysServices, Order
from keys.signing_backends import SOFTWARE, SigningBackends
from keys.token_keys import TokenKeys
from keys.token_sweep import sweep_token
from mfa.enrolment import Enrolment
from mfa.in_sql import Factors, Failures, PendingTotps, TotpSteps
from mfa.overview import Overview
from mfa.password import Passwords
from mfa.recovery_codes import RecoveryDigests
from mfa.recovery_enrolment import RecoveryEnrolment
from mfa.recovery_in_sql import RecoverySets
from mfa.verification import RecoveryVerification, Verification, WebauthnVerification
from mfa.webauthn import Attestation, RelyingParty
from mfa.webauthn_enrolment import WebauthnEnrolment
from mfa.webauthn_in_sql import Credentials

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from idp.letters.inviting import Inviting
    from idp.letters.posted_messages import PostedMessages
    from idp.letters.printing import Printing
    from idp.letters.words import Sender

_NAME = "Adgang"
"""What authenticator apps show beside the six digits."""

_SPARE_CONNECTIONS = 6
"""Beside one for each thread: the look-outs for changed keys and clients, the messages, the orders for letters,
the logouts with their answers."""

_TIMEZONE = "Europe/Copenhagen"
"""Of times in messages, like that of the pages."""

_MESSAGES_EVERY = timedelta(seconds=5)
_LOGOUTS_EVERY = timedelta(seconds=1)
"""The citizen who signed out looks at the answers (login/signed_out.py)."""
_LOGOUT_NOTICES_KEPT = timedelta(days=8)
"""A day longer than the security page shows them."""
_RECOVERIES_KEPT = timedelta(days=1)
_MESSAGES_KEPT = timedelta(days=400)
"""More than a year, so that what happens once a year can be compared."""


class Wiring:
    """One process's parts, each made when first asked for. `close` ends what was opened."""

    def __init__(self, settings: Settings, clock: Clock = system_clock) -> None:
        self.settings = settings
        self.clock = clock

    @cached_property
    def secrets(self) -> DeploymentSecrets:
        return read_secrets(
            self.settings.secrets_directory,
            key_encryption_key=self.settings.key_encryption_key,
            key_encryption_key_file=self.settings.key_encryption_key_file,
            key_encryption_key_pkcs11=self.settings.key_encryption_key_pkcs11,
            key_encryption_key_other_pkcs11=self.settings.key_encryption_key_other_pkcs11,
        )

    @cached_property
    def signing_backends(self) -> SigningBackends:
        settings = self.settings
        if not settings.signing_token_pkcs11:
            return SOFTWARE
        try:
            token = TokenKeys(HsmAddress.parse(settings.signing_token_pkcs11))
        except HsmFault as fault:
            raise ConfigurationFaults([f"ADGANG_SIGNING_TOKEN_PKCS11 {fault}"]) from None
        return SigningBackends(token, in_token=settings.signing_backend == "pkcs11")

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.sql_url, connections=self.settings.threads + _SPARE_CONNECTIONS)

    @cached_property
    def embedded_valkey(self) -> embedded_valkey.RunningStore | None:
        """The embedded store, where no other is configured."""
        if self.settings.redis_url:
            return None
        return embedded_valkey.start(self.settings.state_directory / "valkey")

    @cached_property
    def redis(self) -> "redis.Redis":
        url = self.settings.redis_url or (self.embedded_valkey.url if self.embedded_valkey else "")
        return redis_client.connect(url, self.clock, connections=self.settings.threads + _SPARE_CONNECTIONS)

    @cached_property
    def ledger(self) -> TellingLedger:
        return TellingLedger(Ledger(self.database.reading), self.outbox)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.database.reading)

    @cached_property
    def logout_notices(self) -> LogoutNotices:
        return LogoutNotices(self.database.reading)

    @cached_property
    def logout_sending(self) -> LogoutSending:
        return LogoutSending(
            transact=self.database.transact,
            queue=self.logout_notices,
            registry=self.registry,
            make_token=self.logout_token,
            fetcher=self.fetcher,
            ledger=self.ledger,
            clock=self.clock,
            every=_LOGOUTS_EVERY,
            count=metrics.count,
        )

    def logout_token(self, registered: RegisteredClient, notice: LogoutNotice) -> str:
        """A fresh one for this try, encrypted where the client's ID tokens are."""
        token = issue_logout_token(
            self.policy,
            self.key_ring,
            self.services.subjects,
            client=registered.client,
            citizen_id=notice.citizen_id,
            session_id=notice.session_id,
            now=self.clock(),
        )
        return envelope_for(registered, registered.client.id_token_encryption).seal(token)

    @cached_property
    def ended_sessions(self) -> TellingEndedSessions:
        return TellingEndedSessions(in_sql.EndedSessions(self.database.reading), self.logout_notices)

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

    @cached_property
    def recovery_moves(self) -> RecoveryMoves:
        reading = self.database.reading
        return RecoveryMoves(
            transact=self.database.transact,
            store=recovery_in_sql.Recoveries(reading),
            proofings=recovery_in_sql.Proofings(reading),
            letters=self.letters,
            citizens=self.citizen_store,
            outbox=self.outbox,
            sealer=self._sealer("messages"),
            ledger=self.ledger,
            completion=Completion(
                recoveries=recovery_in_sql.Recoveries(reading),
                citizens=self.citizen_store,
                safeties=Safeties(reading, self.recovery_times.cap),
                sessions=in_redis.BrowserSessions(self.redis, self.clock),
                ended_sessions=self.ended_sessions,
                grants=in_sql.Grants(reading, self.clock),
                ledger=self.ledger,
                recovery_codes=self.recovery_enrolment,
            ),
            times=self.recovery_times,
        )

    @cached_property
    def recovery_stops(self) -> RecoveryStops:
        store = recovery_in_sql.Recoveries(self.database.reading)
        return RecoveryStops(self.database.transact, store, self.ledger)

    @cached_property
    def letter_ordering(self) -> LetterOrdering:
        return LetterOrdering(
            transact=self.database.transact,
            orders=recovery_in_sql.LetterOrders(),
            letters=self.letters,
            citizens=self.citizen_store,
            sealer=self._sealer("letter-orders"),
            clock=self.clock,
            between_letters=self.recovery_times.between_letters,
        )

    @cached_property
    def letter_order_thread(self) -> LetterOrderThread:
        return LetterOrderThread(self.letter_ordering, _MESSAGES_EVERY)

    @cached_property
    def proofing(self) -> Proofing:
        return Proofing(
            transact=self.database.transact,
            proofings=recovery_in_sql.Proofings(self.database.reading),
            ledger=self.ledger,
            clock=self.clock,
            lifetime=self.recovery_times.proofing,
        )

    @cached_property
    def message_texts(self) -> MessageTexts:
        return MessageTexts(_TIMEZONE, cap=self.recovery_times.cap)

    @cached_property
    def mail_server(self) -> MailServer | None:
        """None: messages go to the portal's inbox and by letter."""
        settings = self.settings
        if not settings.smtp_host:
            return None
        return MailServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security="plain" if settings.insecure_smtp_plain else settings.smtp_security,
            sender=settings.smtp_from,
            user=settings.smtp_user,
            password=read_smtp_password(settings.secrets_directory) if settings.smtp_user else "",
            authority_file=settings.smtp_ca_file,
        )

    @cached_property
    def message_sending(self) -> MessageSending | None:
        server = self.mail_server
        if server is None:
            return None
        return MessageSending(
            transact=self.database.transact,
            outbox=self.outbox,
            server=server,
            texts=lambda: self.message_texts,
            sealer=self._sealer("messages"),
            clock=self.clock,
            every=_MESSAGES_EVERY,
            count=metrics.count,
        )

    @cached_property
    def key_store(self) -> Keys:
        return Keys(self.database.reading)

    def key_policy(self, slowest_cache: timedelta) -> KeyPolicy:
        settings = self.settings
        return KeyPolicy(
            algorithms=settings.key_algorithms,
            jwks_max_age=timedelta(seconds=settings.jwks_max_age_seconds),
            slowest_cache=slowest_cache,
            longest_token=timedelta(seconds=max(settings.access_token_seconds, settings.id_token_seconds)),
            skew=timedelta(seconds=settings.clock_skew_seconds),
            rotate_after=timedelta(days=settings.key_rotate_days),
        )

    @cached_property
    def jwks_clients(self) -> JwksClients:
        unregistered = timedelta(seconds=self.settings.jwks_slowest_cache_seconds)
        reading = self.database.reading
        return JwksClients(Clients(reading), ClientUses(reading), self.clock, unregistered)

    @property
    def keys_services(self) -> KeysServices:
        """Made anew each time: its policy follows the registered clients."""
        return KeysServices(
            transact=self.database.transact,
            keys=self.key_store,
            sealer=self._sealer("signing-keys"),
            journal=self.ledger,
            clock=self.clock,
            policy=self.key_policy(self.jwks_clients.slowest_cache()),
            store_time=self.store_time,
            high_water=self.key_high_water,
            fetches=Fetches(self.database.reading),
            clients=self.jwks_clients.active,
            backends=self.signing_backends,
            refusals=Refusals(self.database.reading),
            sealed_elsewhere=self.sealed_columns,
            unavailable=(StoreUnavailable,),
        )

    @cached_property
    def sealed_columns(self) -> list[SealedColumn]:
        return sealed_columns(self._sealer, self.database.reading, self.database.transact)

    def key_samples(self) -> "list[Metric]":
        """What is measured of the keys, as the store has them now."""
        keys, moves = self.key_store.load_all(), self.key_store.history()
        policy = self.keys_services.policy
        refusals, mark = Refusals(self.database.reading).of_all_time(), self.key_high_water.read()
        return list(key_samples(keys, moves, refusals, mark, policy, self.clock()))

    def store_time(self) -> datetime | None:
        """The time by PostgreSQL, or by Redis where there is none; None where that does not answer.

        A clock that was handed in is nobody else's time, so nothing is held against it.
        """
        if self.clock is not system_clock:
            return None
        try:
            return self.key_store.time() or redis_client.server_time(self.redis)
        except StoreUnavailable:
            return None

    @cached_property
    def key_high_water(self) -> HighestOf:
        beside_the_secrets = FileHighWater(self.settings.secrets_directory / "keys-high-water")
        return HighestOf([beside_the_secrets, OpenedWhenAsked(lambda: RedisHighWater(self.redis))])

    @cached_property
    def key_ring(self) -> KeyRing:
        sealer, max_age = self._sealer("signing-keys"), KeyPolicy().ring_max_age
        mark, backends = self.key_high_water, self.signing_backends
        ring = KeyRing(self.key_store, sealer, self.clock, max_age, mark, backends)
        ring.load()
        return ring

    @cached_property
    def key_schedule(self) -> KeySchedule:
        return KeySchedule(
            services=lambda: self.keys_services,
            traffic=self.services.traffic,
            clients=self.jwks_clients,
            fetches=Fetches(self.database.reading),
            uses=ClientUses(self.database.reading),
            key_ring=self.key_ring,
            every=timedelta(seconds=self.settings.key_schedule_seconds),
            metrics=KeyMetrics(),
        )

    @cached_property
    def registry(self) -> Registry:
        # Half of the threads may wait for keys of clients, so that the others go on.
        waiting = max(1, self.settings.threads // 2)
        shared = ClientKeySets(lambda: self.redis, self.clock)
        published = PublishedKeySets(self._fetch_keys, shared, self.clock, waiting=waiting)
        reading = self.database.reading
        return Registry(Clients(reading), Resources(reading), self.clock, published=published)

    def _fetch_keys(self, uri: str) -> bytes:
        try:
            return self.fetcher.get(uri, accept=MEDIA_TYPES)
        except OutboundError as fault:
            raise NotFetched(fault.reason) from None

    @cached_property
    def client_authorities(self) -> ClientAuthorities:
        file = self.settings.mtls_ca_file
        return ClientAuthorities(read_authorities(file) if file is not None else ())

    @property
    def registration_policy(self) -> RegistrationPolicy:
        return RegistrationPolicy(
            issuer=self.settings.issuer,
            insecure_allow_loopback_http=self.settings.insecure_allow_http_loopback,
            mutual_tls=self.policy.offers_mutual_tls,
            client_authorities=self.policy.client_authorities,
            signing_algorithms=self.settings.key_algorithms,
        )

    @cached_property
    def fetcher(self) -> Fetcher:
        settings = self.settings
        policy = FetchPolicy(
            urls=self.registration_policy,
            internal_networks=tuple(map(internal_network, settings.outbound_internal_networks)),
            authority_file=settings.outbound_ca_file,
        )
        try:
            return Fetcher(policy, self.clock, metrics.count)
        except OSError:  # ssl.SSLError is one
            raise ConfigurationFaults(["ADGANG_OUTBOUND_CA_FILE is not a file of certificates."]) from None

    @cached_property
    def registry_services(self) -> RegistryServices:
        store, resources = Clients(self.database.reading), Resources(self.database.reading)
        policy = self.registration_policy
        return RegistryServices(
            transact=self.database.transact,
            registry=self.registry,
            registrations=Registrations(store, resources, self.ledger, self.clock, policy),
            resource_registrations=ResourceRegistrations(resources, store, self.ledger, self.clock, policy),
            scope_registrations=ScopeRegistrations(resources, store, self.ledger, self.clock),
            detail_registrations=DetailRegistrations(resources, store, self.ledger, self.clock),
            unavailable=(StoreUnavailable,),
        )

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
        return RelyingParty(configured.rp_id, _NAME, configured.origins)

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
        )

    @cached_property
    def new_citizens(self) -> NewCitizens:
        return NewCitizens(self.citizens, self.enrolment, _NAME)

    @cached_property
    def citizen_store(self) -> citizens_in_sql.Citizens:
        return citizens_in_sql.Citizens(
            self.database.reading, self._sealer("citizens"), self.secrets.index_secret
        )

    @cached_property
    def letters(self) -> Letters:
        store = letters_in_sql.Letters(self.database.reading)
        lifetime = timedelta(days=self.settings.letter_days)
        return Letters(store, self._sealer("letters"), self.ledger, lifetime)

    @cached_property
    def invitations(self) -> Invitations:
        sealer = self._sealer("invitations")
        return Invitations(self.database.reading, sealer, self.citizen_store.cpr_index)

    @cached_property
    def activation(self) -> Activation:
        return Activation(
            transact=self.database.transact,
            letters=self.letters,
            invitations=self.invitations,
            citizens=self.citizen_store,
            enrolment=self.enrolment,
            recovery=self.recovery_enrolment,
            ledger=self.ledger,
            clock=self.clock,
        )

    @property
    def inviting(self) -> "Inviting":
        from idp.letters.inviting import Inviting  # draws letters: no process that serves loads that

        return Inviting(
            self.database.transact,
            self.invitations,
            self.citizen_store,
            self.letters,
            self.ledger,
            self.clock,
        )

    @property
    def printing(self) -> "Printing":
        from idp.letters.printing import Printing

        return Printing(self.database.transact, self.letters, self._letters_sender, self.clock)

    @cached_property
    def posted_messages(self) -> "PostedMessages":
        from idp.letters.posted_messages import PostedMessages

        return PostedMessages(
            transact=self.database.transact,
            outbox=self.outbox,
            texts=lambda: self.message_texts,
            sealer=self._sealer("messages"),
            sender=self._letters_sender,
            clock=self.clock,
        )

    @property
    def _letters_sender(self) -> "Sender":
        from idp.letters.words import Sender

        settings = self.settings
        return Sender(settings.issuer, settings.operator_name, settings.operator_contact)

    @cached_property
    def citizens(self) -> Citizens:
        services = self.services
        return Citizens(
            transact=services.transact,
            store=self.citizen_store,
            consents=services.consents,
            grants=services.grants,
            sessions=services.browser_sessions,
            ended_sessions=services.ended_sessions,
            ledger=self.ledger,
            clock=self.clock,
        )

    @cached_property
    def find_place(self) -> FindPlace:
        return open_places(self.settings.location_database)

    @cached_property
    def self_service(self) -> SelfService:
        reading = self.database.reading
        return SelfService(
            transact=self.database.transact,
            citizens=self.citizen_store,
            grants=in_sql.Grants(reading, self.clock),
            sessions=in_redis.BrowserSessions(self.redis, self.clock),
            ended_sessions=self.ended_sessions,
            ledger=self.ledger,
            history=History(reading),
            safeties=Safeties(reading, self.recovery_times.cap),
            enrolment=self.enrolment,
            clock=self.clock,
        )

    @cached_property
    def lasting_accesses(self) -> LastingAccesses:
        reading = self.database.reading
        return LastingAccesses(
            transact=self.database.transact,
            refresh_tokens=RefreshTokens(reading),
            grants=in_sql.Grants(reading, self.clock),
            consents=in_sql.Consents(reading),
            ledger=self.ledger,
            clock=self.clock,
        )

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
            subjects=Subjects(self.secrets.subject_secret),
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
            traffic=Traffic(),
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

    def _sealer(self, purpose: str) -> Sealer:
        secrets = self.secrets
        return Sealer(secrets.key_encryption_key, purpose, others=secrets.other_key_encryption_keys)
