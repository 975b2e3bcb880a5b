"""The JWK Set (RFC 7517 §5): the bytes that keys made, with their entity tag. What stands in it is keys' matter.

Under `/jwks`, and for a client that wants to be known by its fetches, under an address of its own (keys.md, rule 2).
An address that nobody has is answered like any other: a mistyped one breaks no client, and proves nothing.
"""

from idp.clock import Clock
from idp.endpoints.machine import MachineFunction, MachineRequest, MachineResponse, published_response
from idp.protocol.policy import ProtocolPolicy
from idp.traffic import Traffic
from keys.key_ring import KeyRing

PATH = "/jwks"
_LONGEST_HANDLE = 64


def jwks(policy: ProtocolPolicy, key_ring: KeyRing, traffic: Traffic, clock: Clock) -> MachineFunction:
    """The endpoint."""
    max_age = int(policy.published_max_age.total_seconds())

    def respond(request: MachineRequest) -> MachineResponse:
        document = key_ring.public_jwks()
        if request.method == "GET":  # after HEAD a client has no keys
            handle = request.path[len(PATH) + 1 :]
            traffic.jwks_fetched(request.peer_address, handle[:_LONGEST_HANDLE] or None, clock())
        return published_response(
            request,
            document.body,
            content_type="application/jwk-set+json",
            etag=document.etag,
            max_age_seconds=max_age,
        )

    return respond
