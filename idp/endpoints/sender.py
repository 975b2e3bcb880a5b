"""The phase "sender proof": what a request proves to hold, so that tokens can be bound to it and are good for nobody else.

Between the authentication of a client and its grant (token endpoint), and between a token and what it opens (userinfo).
It gives a `Confirmation`, or None where nothing was proven; what must be proven is the rule of the grant or of the token.
"""

from clients_registry.client import Client
from idp.endpoints.machine import MachineRequest
from idp.protocol.confirmation import Confirmation


def proven_sender(request: MachineRequest, client: Client) -> Confirmation | None:
    """What the sender proved to hold. No proof is taken yet: neither DPoP nor mutual TLS is offered."""
    del request, client
    return None
