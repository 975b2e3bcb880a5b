"""What a deployment decides about registrations."""

from dataclasses import dataclass

from clients_registry.profiles import EVERY_ALGORITHM, methods_offered


@dataclass(frozen=True, slots=True)
class RegistrationPolicy:
    """Handed in by whoever wires; the defaults are safe in production."""

    issuer: str = ""
    """Our own issuer identifier: no client may be registered at its host (S-178)."""
    insecure_allow_loopback_http: bool = False
    """Web clients at `http://localhost:PORT`, for a demo or a developer's machine only (S-010)."""
    mutual_tls: bool = False
    """Whether a client certificate reaches the provider at all (RFC 8705)."""
    client_authorities: bool = False
    """Whether it knows the authorities that issue them; without, a certificate stands for its own key alone."""
    signing_algorithms: tuple[str, ...] = EVERY_ALGORITHM
    """Those for which the provider keeps a key: nothing is promised to a client or an API that could not be signed."""

    def offers(self, method: str) -> bool:
        """Whether a client can authenticate so here, where its profile allows it."""
        offered = methods_offered(mutual_tls=self.mutual_tls, client_authorities=self.client_authorities)
        return method in offered
