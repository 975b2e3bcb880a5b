"""How a resource server proves who it is (RFC 7662 §2.1): with the credential of its own registration, and no other.

It is no client and has none of a client's rights: what authenticates here opens introspection and nothing else, and no
client's credential opens it (S-112). The method is the registered one; failures are counted as those of clients are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from clients_registry.client_secrets import verify_secret
from clients_registry.errors import WrongSecret
from clients_registry.profiles import FAPI2
from clients_registry.registry import RegisteredResource, Registry
from clients_registry.resource import AUTH_METHODS
from idp.errors import InvalidClient
from idp.protocol.assertion import Asserter, Seen, verify_assertion
from idp.protocol.auth_failures import Rates, count_failure
from idp.protocol.client_auth import Presented, parse_presented
from idp.protocol.policy import ProtocolPolicy

METADATA: Mapping[str, object] = MappingProxyType(
    {
        "introspection_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "introspection_endpoint_auth_signing_alg_values_supported": list(FAPI2.signing_algorithms),
    }
)


@dataclass(frozen=True, slots=True)
class ResourceAuthentication:
    """Authenticates resource servers."""

    registry: Registry
    seen: Seen
    rates: Rates
    policy: ProtocolPolicy

    def authenticate(
        self, parameters: Mapping[str, str], authorization: str | None, *, address: str, now: datetime
    ) -> RegisteredResource:
        """The resource that has proven who it is.

        Raises: InvalidClient, InvalidRequest, TooManyRequests.
        """
        known: RegisteredResource | None = None
        try:
            presented = parse_presented(parameters, authorization)
            known = self.registry.find_resource_by_id(presented.client_id)
            if known is None:
                raise InvalidClient(
                    "There is no resource with this id; a client's credential is not taken here."
                )
            self._verify(known, presented, now)
        except InvalidClient:
            name = None if known is None else known.resource.resource_id
            count_failure(self.rates, self.policy, name=name, address=address)
            raise
        return known

    def _verify(self, known: RegisteredResource, presented: Presented, now: datetime) -> None:
        resource = known.resource
        if presented.method != resource.introspection_auth_method:
            raise InvalidClient("The resource did not authenticate with the method it is registered for.")
        if presented.assertion is not None:
            who = Asserter(resource.resource_id, known.keys, resource.assertion_algorithms, FAPI2)
            verify_assertion(presented.assertion, who, seen=self.seen, policy=self.policy, now=now)
        else:
            try:
                verify_secret(resource, presented.secret)
            except WrongSecret:
                raise InvalidClient("The secret of the resource is wrong.") from None
        # Last, so that only the resource itself learns that it is disabled.
        if known.disabled:
            raise InvalidClient("The resource is disabled.")
