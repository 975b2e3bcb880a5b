"""Which certificate a client of `tls_client_auth` has, by one of the five names of RFC 8705 §2.1.2.

A name is registered as text and read here, once, into what a certificate's own is compared with. That the certificate
was issued by an authority we trust, and when it ends, is whoever authenticates' matter.
"""

import ipaddress
import re
from functools import lru_cache
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier

from clients_registry.field_readers import Reading, Unfit, email, text
from clients_registry.uris import UnfitUri, check_host_name

SUBJECT_FIELDS = (
    "tls_client_auth_subject_dn",
    "tls_client_auth_san_dns",
    "tls_client_auth_san_uri",
    "tls_client_auth_san_ip",
    "tls_client_auth_san_email",
)

_MAX_LETTERS = 1000
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]{1,500}")

_TYPES = {
    "CN": NameOID.COMMON_NAME,
    "L": NameOID.LOCALITY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "C": NameOID.COUNTRY_NAME,
    "STREET": NameOID.STREET_ADDRESS,
    "DC": NameOID.DOMAIN_COMPONENT,
    "UID": NameOID.USER_ID,
    # Beyond the table of RFC 4514 §3, but in the certificates of the Nordic authorities (ETSI EN 319 412).
    "serialNumber": NameOID.SERIAL_NUMBER,
    "organizationIdentifier": NameOID.ORGANIZATION_IDENTIFIER,
    "emailAddress": NameOID.EMAIL_ADDRESS,
    "givenName": NameOID.GIVEN_NAME,
    "surname": NameOID.SURNAME,
    "title": NameOID.TITLE,
}
_SPELLINGS: dict[str, ObjectIdentifier] = {
    spelling: oid for name, oid in _TYPES.items() for spelling in (name, name.lower(), name.upper())
}


@lru_cache(maxsize=4096)
def parse_distinguished_name(value: str) -> x509.Name:
    """The name that an RFC 4514 string writes. Two are equal where every value is, letter for letter, in this order.

    Raises:
        ValueError: it is no such string, or holds no name; the message is for nobody.
    """
    name = x509.Name.from_rfc4514_string(value, _SPELLINGS)
    if not name.rdns:
        raise ValueError("an empty name is everybody's")
    return name


def subject_dn(value: Any, reading: Reading) -> str:
    """RFC 4514, as the certificate has it: `CN=Byggesager,O=Nordhavn Kommune,C=DK`."""
    line = str(text(_MAX_LETTERS)(value, reading))
    try:
        if "=#" in line:
            raise ValueError("values in hexadecimal are not read")
        parse_distinguished_name(line)
    except ValueError:
        raise Unfit(
            "must be the certificate's whole subject by RFC 4514, such as CN=Byggesager,O=Nordhavn Kommune,C=DK:"
            " no space around a comma, the last part first, a type without a short name by its number"
        ) from None
    return line


def san_dns(value: Any, _reading: Reading) -> str:
    try:
        return check_host_name(value if isinstance(value, str) else None)
    except UnfitUri:
        raise Unfit("must be one host name in lower case, without a wildcard") from None


def san_uri(value: Any, _reading: Reading) -> str:
    if not isinstance(value, str) or _URI.fullmatch(value) is None:
        raise Unfit("must be a URI")
    return value


def san_ip(value: Any, _reading: Reading) -> str:
    """Kept in the one spelling of RFC 5952."""
    try:
        address = ipaddress.ip_address(value if isinstance(value, str) else "")
    except ValueError:
        address = None
    if address is None or "%" in str(value):
        raise Unfit("must be an IP address")
    return str(address)


san_email = email
