"""The keys: where they lie, who signs with them, and the schedule of their life."""

from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from clients_registry.in_sql import Clients, ClientUses
from idp.clock import system_clock
from idp.errors import ConfigurationFaults, StoreUnavailable
from idp.jwks_clients import JwksClients
from idp.key_metrics import KeyMetrics, key_samples
from idp.key_schedule import KeySchedule
from idp.sealed_columns import sealed_columns
from idp.storage import redis_client
from idp.storage.sealed_in_sql import SealedColumn
from idp.wiring.policies import WithPolicies
from keys.high_water import FileHighWater, HighestOf, OpenedWhenAsked
from keys.hsm import HsmAddress, HsmFault
from keys.in_redis import RedisHighWater
from keys.in_sql import Fetches, Keys, Refusals
from keys.key_ring import KeyRing
from keys.policy import KeyPolicy
from keys.services import KeysServices
from keys.signing_backends import SOFTWARE, SigningBackends
from keys.token_keys import TokenKeys

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric


class WithKeys(WithPolicies):
    """What keys/ needs, and what needs it."""

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
            traffic=self.traffic,
            clients=self.jwks_clients,
            fetches=Fetches(self.database.reading),
            uses=ClientUses(self.database.reading),
            key_ring=self.key_ring,
            every=timedelta(seconds=self.settings.key_schedule_seconds),
            metrics=KeyMetrics(),
        )
