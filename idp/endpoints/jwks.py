"""The JWK Set (RFC 7517 §5): the bytes that keys made, with their entity tag. What stands in it is keys' matter."""

from idp.endpoints.machine import MachineFunction, MachineRequest, MachineResponse, published_response
from idp.protocol.policy import ProtocolPolicy
from keys.key_ring import KeyRing


def jwks(policy: ProtocolPolicy, key_ring: KeyRing) -> MachineFunction:
    """The endpoint."""
    max_age = int(policy.published_max_age.total_seconds())

    def respond(request: MachineRequest) -> MachineResponse:
        document = key_ring.public_jwks()
        return published_response(
            request,
            document.body,
            content_type="application/jwk-set+json",
            etag=document.etag,
            max_age_seconds=max_age,
        )

    return respond
