"""What a deployment decides about registrations."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RegistrationPolicy:
    """Handed in by whoever wires; the defaults are safe in production."""

    issuer: str = ""
    """Our own issuer identifier: no client may be registered at its host (S-178)."""
    insecure_allow_loopback_http: bool = False
    """Web clients at `http://localhost:PORT`, for a demo or a developer's machine only (S-010)."""
