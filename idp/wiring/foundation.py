"""What every other part stands on: secrets, stores, the ledger with the messages that it sends."""

from functools import cached_property

import redis

from idp.clock import Clock, system_clock
from idp.ledger.in_sql import Ledger
from idp.messages.in_sql import Outbox
from idp.recovery.in_sql import Recoveries
from idp.recovery.stopping_ledger import StoppingLedger
from idp.secrets_directory import DeploymentSecrets, read_secrets
from idp.settings import Settings
from idp.storage import embedded_valkey, redis_client
from idp.storage.database import Database
from idp.tokens.subject import Subjects
from idp.traffic import Traffic
from keys.sealing import Sealer

_SPARE_CONNECTIONS = 6
"""Beside one for each thread: the look-outs for changed keys and clients, the messages, the orders for letters,
the logouts with their answers."""


class Foundation:
    """The settings, the clock and the stores of one process."""

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
    def outbox(self) -> Outbox:
        return Outbox(self.database.reading)

    @cached_property
    def ledger(self) -> StoppingLedger:
        reading = self.database.reading
        return StoppingLedger(Ledger(reading), self.outbox, Recoveries(reading))

    @cached_property
    def subjects(self) -> Subjects:
        return Subjects(self.secrets.subject_secret)

    @cached_property
    def traffic(self) -> Traffic:
        return Traffic()

    def _sealer(self, purpose: str) -> Sealer:
        secrets = self.secrets
        return Sealer(secrets.key_encryption_key, purpose, others=secrets.other_key_encryption_keys)
