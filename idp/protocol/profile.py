"""What a client's profile and its registration together demand of a request (FAPI 2.0; RFC 9700; OIDC Core Basic).

The profiles themselves are one table, clients_registry.profiles; rules read it through `Client.rules`, and none
compares a profile's name. Sender-constrained tokens are not demanded of `fapi2` clients yet: neither DPoP nor mutual
TLS is offered, and discovery says so.
"""

from collections.abc import Mapping
from types import MappingProxyType

from clients_registry.client import Client

METADATA: Mapping[str, object] = MappingProxyType(
    {
        # A word of our own for DPoP and mutual TLS together: not yet.
        "adgang_sender_constrained_access_tokens": False,
    }
)


def pkce_required(client: Client) -> bool:
    """RFC 9700 §2.1.1: always, except of a confidential `oidc` client whose registration says it cannot."""
    return not client.rules.pkce_may_be_waived or client.require_pkce or client.is_public


def signing_algorithm(client: Client) -> str:
    """The one algorithm for everything that we sign for this client; the registry filled in its profile's own."""
    return client.id_token_signed_response_alg
