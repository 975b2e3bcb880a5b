"""What the settings may say about client certificates (RFC 8705): where they are asked for, and whose are believed.

Pure but for the authorities' file, which must be readable at start: without one, no `tls_client_auth` is offered.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

_NAME = "ADGANG_MTLS_"


@dataclass(frozen=True, slots=True)
class MtlsSettings:
    """The settings of this matter."""

    origin: str
    ca_file: Path | None
    trusted_proxies: tuple[str, ...]

    def faults(self) -> Iterator[str]:
        """One sentence for everything that is wrong."""
        if self.ca_file is not None:
            if not self.origin:
                yield f"{_NAME}CA_FILE is set without {_NAME}ORIGIN: nobody would be asked for a certificate."
            try:
                read_authorities(self.ca_file)
            except (OSError, ValueError):
                yield f"{_NAME}CA_FILE must be a readable file with certificates of authorities in PEM."
        if not self.origin:
            return
        parts = urlsplit(self.origin)
        if self.origin != f"https://{parts.netloc}" or not parts.hostname or "@" in parts.netloc:
            yield f"{_NAME}ORIGIN must be https, host and perhaps a port, nothing else: https://mtls.adgang.example."
        if not self.trusted_proxies:
            yield f"{_NAME}ORIGIN needs a proxy that asks for certificates; name it in ADGANG_TRUSTED_PROXIES."


def read_authorities(path: Path) -> list[x509.Certificate]:
    """The certificates of the file, each of which must be an authority's.

    Raises:
        OSError, ValueError
    """
    found = x509.load_pem_x509_certificates(path.read_bytes())
    for certificate in found:
        try:
            constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        except x509.ExtensionNotFound:
            raise ValueError("a certificate is no authority's") from None
        if not constraints.ca:
            raise ValueError("a certificate is no authority's")
    return found
