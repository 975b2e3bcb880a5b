"""What the settings may say about passkeys and security keys: our rpId, our origins, the models we believe.

Pure but for the trust roots' file, which must be readable at start. WebAuthn Level 3 §5.1.2, §7.1; S-290: a provider
that has moved to another domain does not start with the old rpId, under which no key would ever answer.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

_AAGUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_NO_MODEL = "00000000-0000-0000-0000-000000000000"
_NAME = "ADGANG_WEBAUTHN_"


@dataclass(frozen=True, slots=True)
class WebauthnSettings:
    """The settings of this matter, with their defaults filled in."""

    issuer: str
    rp_id: str
    origins: tuple[str, ...]
    aaguids: tuple[str, ...]
    trust_roots: Path | None
    level_high: bool

    def faults(self) -> Iterator[str]:
        """One sentence for everything that is wrong."""
        yield from self._place_faults()
        yield from self._attestation_faults()

    def _place_faults(self) -> Iterator[str]:
        for address in (self.issuer, *self.origins):
            if not is_within(urlsplit(address).hostname or "", self.rp_id):
                yield f"{_NAME}RP_ID must be the host of ADGANG_ISSUER and of every origin, or a domain above it."
                break
        if self.issuer not in self.origins:
            yield f"{_NAME}ORIGINS must have ADGANG_ISSUER among them."
        if any(_is_no_origin(origin) for origin in self.origins):
            yield f"{_NAME}ORIGINS must be scheme, host and perhaps a port each: https://adgang.example."

    def _attestation_faults(self) -> Iterator[str]:
        if bool(self.aaguids) != (self.trust_roots is not None):
            yield f"{_NAME}AAGUIDS and {_NAME}TRUST_ROOTS belong together: set both or neither."
        if any(not _AAGUID.match(name) or name == _NO_MODEL for name in self.aaguids):
            yield f"{_NAME}AAGUIDS must be model numbers such as 2fc0579f-8113-47ea-b116-bb5a8db9202a."
        if self.level_high and not self.aaguids:
            yield f"ADGANG_LEVEL_HIGH needs attested keys: set {_NAME}AAGUIDS and {_NAME}TRUST_ROOTS."
        if self.trust_roots is not None:
            try:
                read_trust_roots(self.trust_roots)
            except (OSError, ValueError):
                yield f"{_NAME}TRUST_ROOTS must be a readable file with certificates in PEM."


def is_within(host: str, rp_id: str) -> bool:
    """HTML, "is a registrable domain suffix of or is equal to", without the public suffix list."""
    return bool(rp_id) and (host == rp_id or (host.endswith(f".{rp_id}") and "." in rp_id))


def read_trust_roots(path: Path) -> tuple[bytes, ...]:
    """Each certificate of the file, in PEM.

    Raises:
        OSError, ValueError
    """
    roots = tuple(_CERTIFICATE.findall(path.read_bytes()))
    if not roots:
        raise ValueError("the file holds no certificate")
    for root in roots:
        x509.load_pem_x509_certificate(root)
    return tuple(root + b"\n" for root in roots)


def webauthn_settings(
    issuer: str,
    *,
    rp_id: str,
    origins: tuple[str, ...],
    aaguids: tuple[str, ...],
    trust_roots: Path | None,
    level_high: bool,
) -> WebauthnSettings:
    """What was set, and where nothing was, what the issuer says."""
    return WebauthnSettings(
        issuer,
        rp_id or urlsplit(issuer).hostname or "",
        origins or (issuer,),
        tuple(name.lower() for name in aaguids),
        trust_roots,
        level_high,
    )


def _is_no_origin(origin: str) -> bool:
    parts = urlsplit(origin)
    return origin != f"{parts.scheme}://{parts.netloc}" or not parts.hostname or origin != origin.lower()
