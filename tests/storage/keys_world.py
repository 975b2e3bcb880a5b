"""What tests of keys stand on: the real tables in a real database, and a journal that remembers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from idp.errors import StoreUnavailable
from idp.storage.database import Database
from keys.birth import ensure_keys
from keys.evidence import JwksClient
from keys.in_sql import Fetches, Keys, Refusals
from keys.key import SigningKey
from keys.key_ring import KeyRing
from keys.policy import KeyPolicy
from keys.ports import HighWater
from keys.sealing import Sealer
from keys.services import KeysServices, Order
from keys.signing_backends import SOFTWARE, SigningBackends
from keys.tables import metadata
from tests.support.clock import FrozenClock

KEK = b"k" * 32
ORDER = Order("operator:karen", "a test")


@dataclass
class RememberingJournal:
    """Implements `keys.ports.Journal`."""

    entries: list[dict[str, Any]] = field(default_factory=list)

    def append(
        self,
        tx: Any,
        *,
        event: str,
        actor: str,
        at: datetime,
        citizen_id: str | None = None,
        facts: Mapping[str, str | int | list[str]] | None = None,
    ) -> None:
        self.entries.append({"event": event, "actor": actor, "at": at, **(facts or {})})


@dataclass
class World:
    """One deployment's keys. Every `node()` is a process of its own with the same store."""

    url: str
    clock: FrozenClock
    policy: KeyPolicy = field(default_factory=KeyPolicy)
    kek: bytes = KEK

    clients: tuple[JwksClient, ...] = ()
    high_water: HighWater | None = None
    backends: SigningBackends = SOFTWARE
    store_time: Callable[[], datetime | None] = lambda: None

    def __post_init__(self) -> None:
        self.database = Database(self.url)
        metadata.create_all(self.database.writing)
        self.journal = RememberingJournal()
        self.sealer = Sealer(self.kek, "signing keys")
        self.keys = Keys(self.database.reading)
        self.fetches = Fetches(self.database.reading)

    @property
    def services(self) -> KeysServices:
        return KeysServices(
            transact=self.database.transact,
            keys=self.keys,
            sealer=self.sealer,
            journal=self.journal,
            clock=self.clock,
            policy=self.policy,
            store_time=self.store_time,
            high_water=self.high_water,
            fetches=self.fetches,
            clients=lambda: self.clients,
            refusals=Refusals(self.database.reading),
            backends=self.backends,
            unavailable=(StoreUnavailable,),
        )

    def ensure(self) -> list[SigningKey]:
        return ensure_keys(self.services, ORDER)

    def ring(self, **options: Any) -> KeyRing:
        given = {"high_water": self.high_water, "backends": self.backends, **options}
        ring = KeyRing(self.keys, self.sealer, self.clock, **given)
        ring.load()
        return ring

    def active(self, algorithm: str = "ES256") -> SigningKey:
        found = self.keys.load_all().active(algorithm)
        assert found is not None
        return found

    def successor(self, algorithm: str = "ES256") -> SigningKey:
        return self.keys.load_all().successors(algorithm)[0]

    def key(self, kid: str) -> SigningKey:
        return self.keys.load_all().load(kid)

    def fetched(self, client_id: str) -> None:
        self.database.transact(lambda tx: self.fetches.record(tx, client_id, self.clock()))

    def past_lead(self) -> None:
        self.clock.forward(self.policy.lead + timedelta(seconds=1))

    def close(self) -> None:
        self.database.close()
