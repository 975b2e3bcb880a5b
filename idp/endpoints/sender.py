"""The phase "sender proof": what a request proves to hold, so that tokens can be bound to it and are good for nobody else.

Between the authentication of a client and its grant (token endpoint, PAR), and between a token and what it opens
(userinfo). A proof is verified before anything is spent, and taken when it counts. It gives a `Confirmation`, or None
where nothing was proven; what must be proven is the rule of the client (profile), of the grant or of the token.
"""

from dataclasses import dataclass
from datetime import datetime

from idp.addresses import neighbourhood
from idp.endpoints.client import client_certificate
from idp.endpoints.machine import Headers, MachineRequest
from idp.errors import InvalidDpopProof
from idp.protocol.auth_failures import Rates, count_bad_proof
from idp.protocol.confirmation import Confirmation, confirmation_of
from idp.protocol.dpop import DpopProofs, Proof


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a request, as far as it proved that."""

    confirmation: Confirmation | None = None
    headers: Headers = ()
    """To go with the answer."""


@dataclass(frozen=True, slots=True)
class Senders:
    """Verifies the proofs of requests, for every endpoint that takes them."""

    dpop: DpopProofs
    rates: Rates

    def verify(
        self, request: MachineRequest, *, url: str, now: datetime, access_token: str | None = None
    ) -> Proof | None:
        """The DPoP proof of this request to `url`, if it brings one; `access_token` is the one that comes with it.

        Raises: InvalidDpopProof, UseDpopNonce, TooManyRequests.
        """
        header = request.header("dpop")
        if header is None:
            return None
        try:
            return self.dpop.verify(
                header, method=request.method, url=url, now=now, access_token=access_token
            )
        except InvalidDpopProof as refusal:
            address = neighbourhood(request.peer_address)
            count_bad_proof(self.rates, self.dpop.policy, why=refusal.description, address=address)
            raise

    def take(self, request: MachineRequest, proof: Proof | None, now: datetime) -> Sender:
        """What the request proves: the key of its proof, which counts once, and that of its certificate.

        Raises: InvalidDpopProof, InvalidRequest.
        """
        thumbprint = _certified(request, now)
        if proof is None:
            return Sender(confirmation_of(jkt=None, x5t_s256=thumbprint))
        self.dpop.take(proof)
        # RFC 9449 §8.2: offered with every good answer, so that the next proof can carry it.
        headers = (("DPoP-Nonce", proof.next_nonce),)
        return Sender(Confirmation(jkt=proof.jkt, x5t_s256=thumbprint), headers)


def _certified(request: MachineRequest, now: datetime) -> str | None:
    """The thumbprint of the sender's certificate (RFC 8705 §3). One that has ended proves nothing."""
    certificate = client_certificate(request)
    return None if certificate is None or not certificate.is_valid_at(now) else certificate.thumbprint
