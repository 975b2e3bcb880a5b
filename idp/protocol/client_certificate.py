"""The certificate of a client's TLS connection, as a trusted proxy tells it (RFC 9440; RFC 8705 §3, §5).

The proxy has seen that the client holds the certificate's private key, and nothing more: whose certificate it is, who
issued it and whether it has ended is decided by us. Not here: from whom the header is taken (idp/app.py), and what a
certificate proves of a client (tls_client_auth).
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from clients_registry.key_certificates import key_of_certificate, parse_certificate
from idp.errors import InvalidRequest
from idp.protocol.policy import ProtocolPolicy

MAX_HEADER = 8 * 1024
"""As for every header of ours; a certificate of six KiB fits, and the largest in use have two."""

_BYTE_SEQUENCE = re.compile(r":([A-Za-z0-9+/]+={0,2}):")


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate whose private key the client holds."""

    parsed: x509.Certificate = field(repr=False)
    public_key: bytes = field(repr=False)
    """SubjectPublicKeyInfo, in DER."""
    thumbprint: str
    """`x5t#S256`: base64url of the SHA-256 of the DER (RFC 8705 §3.1)."""

    def is_valid_at(self, now: datetime) -> bool:
        """RFC 5280 §4.1.2.5: both ends belong to it."""
        return self.parsed.not_valid_before_utc <= now <= self.parsed.not_valid_after_utc


@lru_cache(maxsize=512)
def parse_client_certificate(header: str) -> ClientCertificate:
    """The certificate in the value of a `Client-Cert` header: one byte sequence (RFC 9440 §2.1, RFC 8941 §3.3.5).

    Remembered, since a client comes with the same one again and again; that it reads is all that this says of it.

    Raises: InvalidRequest.
    """
    found = _BYTE_SEQUENCE.fullmatch(header.strip(" ")) if len(header) <= MAX_HEADER else None
    if found is None:
        raise InvalidRequest("The Client-Cert header is not one byte sequence of RFC 9440.")
    try:
        # RFC 8941 §4.2.7: padding may be missing.
        der = base64.b64decode(found[1].rstrip("=") + "=" * (-len(found[1].rstrip("=")) % 4), validate=True)
        certificate = parse_certificate(der)
        return ClientCertificate(certificate, key_of_certificate(certificate), _thumbprint(certificate))
    except (binascii.Error, ValueError):
        raise InvalidRequest("The Client-Cert header holds no certificate that can be read.") from None


def metadata(policy: ProtocolPolicy) -> Mapping[str, object]:
    """Lines of discovery (RFC 8705 §3.3, §5)."""
    members: dict[str, object] = {"tls_client_certificate_bound_access_tokens": policy.offers_mutual_tls}
    if policy.offers_mutual_tls and policy.mtls_origin != policy.issuer:
        members["mtls_endpoint_aliases"] = {
            name: policy.mtls_alias(address) for name, address in policy.client_endpoints.items()
        }
    return members


def _thumbprint(certificate: x509.Certificate) -> str:
    return base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode("ascii")
