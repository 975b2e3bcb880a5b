"""The registry of clients and APIs, and the calls that we make to addresses that they registered."""

from functools import cached_property

from clients_registry.detail_registrations import DetailRegistrations
from clients_registry.errors import NotFetched
from clients_registry.in_sql import Clients
from clients_registry.policy import RegistrationPolicy
from clients_registry.published_keys import MEDIA_TYPES, PublishedKeySets
from clients_registry.registrations import Registrations
from clients_registry.registry import Registry
from clients_registry.resource_registrations import ResourceRegistrations
from clients_registry.resources_in_sql import Resources
from clients_registry.scope_registrations import ScopeRegistrations
from clients_registry.services import RegistryServices
from idp import metrics
from idp.errors import ConfigurationFaults, StoreUnavailable
from idp.outbound.addresses import internal_network
from idp.outbound.errors import OutboundError
from idp.outbound.fetcher import Fetcher, FetchPolicy
from idp.protocol.tls_client_auth import ClientAuthorities
from idp.settings_mtls import read_authorities
from idp.storage.client_keys_in_redis import ClientKeySets
from idp.wiring.signing_keys import WithKeys


class WithClients(WithKeys):
    """What clients_registry/ needs, and what needs it."""

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
