"""Client authentication by certificate (RFC 8705 §2): `tls_client_auth` and `self_signed_tls_client_auth`.

The first asks for a certificate of an authority that the deployment trusts, valid now, for clients, with exactly the one
name that the client registered. The second asks for the very key of a certificate that the client registered. Both
follow from what was verified; that some certificate came along proves nothing (S-101, S-109).
"""

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from clients_registry.certificate_subjects import parse_distinguished_name
from clients_registry.client import Client
from clients_registry.errors import UnknownKey
from clients_registry.registry import RegisteredClient
from idp.errors import InvalidClient
from idp.protocol.client_certificate import ClientCertificate

_AGNOSTIC = verification.Criticality.AGNOSTIC
_NO_NAMES = (
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    ValueError,  # a name that does not read
)
_FOR_CLIENTS = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})


class ClientAuthorities:
    """The authorities whose certificates are believed. None by default, and then nobody's."""

    def __init__(self, certificates: Iterable[x509.Certificate] = ()) -> None:
        anchors = list(certificates)
        self._store = verification.Store(anchors) if anchors else None

    def verify(self, certificate: ClientCertificate, now: datetime) -> ClientCertificate:
        """The certificate, issued by one of them and good now (RFC 5280 §6.1). Nothing is fetched.

        Raises: InvalidClient.
        """
        if self._store is None:
            raise InvalidClient("This provider knows no authority for client certificates.")
        policy = (
            verification.PolicyBuilder()
            .store(self._store)
            .time(now)
            .extension_policies(ca_policy=_OF_AUTHORITIES, ee_policy=_OF_CLIENTS)
        )
        try:
            policy.build_client_verifier().verify(certificate.parsed, [])
        except (verification.VerificationError, ValueError):
            raise InvalidClient(
                "The client certificate was not issued by an authority that this provider trusts, or is not for clients."
            ) from None
        return certificate


def verify_certificate(
    known: RegisteredClient,
    certificate: ClientCertificate | None,
    authorities: ClientAuthorities,
    now: datetime,
) -> ClientCertificate:
    """The certificate, if it is that of a client whose registered method is one of the two.

    Raises: InvalidClient.
    """
    if certificate is None:
        raise InvalidClient(
            "The client must authenticate by its TLS certificate, at the addresses of mtls_endpoint_aliases."
        )
    if not certificate.is_valid_at(now):
        raise InvalidClient("The client certificate has expired, or is not valid yet.")
    if known.client.token_endpoint_auth_method == "tls_client_auth":
        authorities.verify(certificate, now)
        if not has_registered_name(certificate.parsed, known.client):
            raise InvalidClient("The client certificate does not have the name that the client registered.")
    else:
        try:
            known.keys.find_certified(certificate.public_key)
        except UnknownKey:
            raise InvalidClient(
                "The client certificate's key is not one that the client registered with x5c."
            ) from None
    return certificate


def has_registered_name(certificate: x509.Certificate, client: Client) -> bool:
    """RFC 8705 §2.1.2. No wildcard, no suffix, no other order of a distinguished name: the registered one, or not."""
    try:
        if client.tls_client_auth_subject_dn is not None:
            return certificate.subject == parse_distinguished_name(client.tls_client_auth_subject_dn)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except _NO_NAMES:
        return False
    if client.tls_client_auth_san_dns is not None:
        # RFC 4343: the registered one is in lower case.
        return client.tls_client_auth_san_dns in map(str.lower, names.get_values_for_type(x509.DNSName))
    if client.tls_client_auth_san_uri is not None:
        return client.tls_client_auth_san_uri in names.get_values_for_type(x509.UniformResourceIdentifier)
    if client.tls_client_auth_san_ip is not None:
        return client.tls_client_auth_san_ip in map(str, names.get_values_for_type(x509.IPAddress))
    if client.tls_client_auth_san_email is not None:
        return client.tls_client_auth_san_email in names.get_values_for_type(x509.RFC822Name)
    return False


def _check_usage(
    _policy: verification.Policy, _certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None
) -> None:
    """RFC 5280 §4.2.1.12: a certificate that says what it is for, says clients."""
    if usage is not None and _FOR_CLIENTS.isdisjoint(usage):
        raise ValueError("not for clients")


def _check_authority(
    _policy: verification.Policy, _certificate: x509.Certificate, constraints: x509.BasicConstraints
) -> None:
    if not constraints.ca:
        raise ValueError("not an authority")


def _check_signs(
    _policy: verification.Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("its key signs no certificates")


# The browsers' rules but for two: a certificate for a service may have a subject and no alternative name, and an
# authority of the state's may be older than they are.
_OF_CLIENTS = verification.ExtensionPolicy.permit_all().may_be_present(
    x509.ExtendedKeyUsage, _AGNOSTIC, _check_usage
)
_OF_AUTHORITIES = (
    verification.ExtensionPolicy.permit_all()
    .require_present(x509.BasicConstraints, _AGNOSTIC, _check_authority)
    .may_be_present(x509.KeyUsage, _AGNOSTIC, _check_signs)
    .may_be_present(x509.ExtendedKeyUsage, _AGNOSTIC, _check_usage)
)
