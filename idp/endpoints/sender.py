"""The phase "sender proof": what a request proves to hold, so that tokens can be bound to it and are good for nobody else.

Between the authentication of a client and its grant (token endpoint), and between a token and what it opens (userinfo).
It gives a `Confirmation`, or None where nothing was proven; what must be proven is the rule of the client (profile), of
the grant or of the token.
"""

from datetime import datetime

from idp.endpoints.client import client_certificate
from idp.endpoints.machine import MachineRequest
from idp.protocol.confirmation import Confirmation


def proven_sender(request: MachineRequest, now: datetime) -> Confirmation | None:
    """What the sender proved to hold: for now, the key of its certificate (RFC 8705 §3). One that has ended proves nothing.

    Raises: InvalidRequest.
    """
    certificate = client_certificate(request)
    if certificate is None or not certificate.is_valid_at(now):
        return None
    return Confirmation(x5t_s256=certificate.thumbprint)
