"""Client certificates (RFC 8705, RFC 9440): how the header reads, and which name is which."""

import base64
import ipaddress
from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import example, given
from hypothesis import strategies as st

from clients_registry.client import Client
from idp.errors import InvalidClient, InvalidRequest
from idp.protocol.client_certificate import MAX_HEADER, ClientCertificate, parse_client_certificate
from idp.protocol.tls_client_auth import ClientAuthorities, has_registered_name
from tests.rules.registry_clients import client
from tests.support.certificates import DN, Authority, Holder, certify, ec_key, name, self_signed
from tests.support.clock import START

AUTHORITY = Authority.new()
GOOD = AUTHORITY.issue()


def read(holder: Holder) -> ClientCertificate:
    return parse_client_certificate(holder.header)


# --- the header ------------------------------------------------------------------------------------------------


def test_the_certificate_of_a_header_is_the_one_that_was_shown() -> None:
    found = read(GOOD)
    assert found.parsed == GOOD.certificate and found.thumbprint == GOOD.thumbprint
    assert parse_client_certificate(f"  {GOOD.header} ") == found
    assert parse_client_certificate(GOOD.header.replace("=", "")) == found, "RFC 8941 §4.2.7"


def test_a_certificate_that_comes_again_is_not_read_again() -> None:
    assert read(GOOD) is read(GOOD)


def _pem() -> str:
    return "-----BEGIN CERTIFICATE-----%0A" + base64.b64encode(GOOD.der).decode()


VERSION = b"\xa0\x03\x02\x01\x02"
"""[0] EXPLICIT INTEGER 2: a certificate of version 3 (RFC 5280 §4.1.2.1)."""
MALFORMED: dict[str, str] = {
    "nothing": "",
    "an empty sequence": "::",
    "one colon": ":",
    "no colons": GOOD.header.strip(":"),
    "the end alone": GOOD.header[1:],
    "the beginning alone": GOOD.header[:-1],
    "two": f"{GOOD.header}, {GOOD.header}",
    "two without a space": f"{GOOD.header},{GOOD.header}",
    "a parameter": f"{GOOD.header};a=1",
    "quoted": f'"{GOOD.header}"',
    "base64url": GOOD.header.replace("+", "-").replace("/", "_") if "+" in GOOD.header else ":-_-_:",
    "a line break": GOOD.header[:40] + "\n" + GOOD.header[40:],
    "a space inside": GOOD.header[:40] + " " + GOOD.header[40:],
    "a tab around": GOOD.header + "\t",
    "padding inside": ":" + "AA==" * 4 + ":",
    "PEM in a URL's escapes": _pem(),
    "not a certificate": ":" + base64.b64encode(b"not a certificate").decode() + ":",
    "cut short": f":{base64.b64encode(GOOD.der[:-1]).decode()}:",
    "a byte more": f":{base64.b64encode(GOOD.der + b'0').decode()}:",
    "two certificates": f":{base64.b64encode(GOOD.der + GOOD.der).decode()}:",
    "of a version that does not exist": f":{base64.b64encode(GOOD.der.replace(VERSION, VERSION[:-1] + b'5')).decode()}:",
    "a digit that is not ASCII": GOOD.header[:-4] + "٣" + GOOD.header[-3:],
    "too long": ":" + "A" * MAX_HEADER + ":",
}


@pytest.mark.parametrize("header", MALFORMED.values(), ids=MALFORMED)
def test_anything_else_is_a_clean_refusal(header: str) -> None:
    """S-108."""
    with pytest.raises(InvalidRequest):
        parse_client_certificate(header)


def test_a_large_certificate_fits_and_a_larger_one_does_not() -> None:
    many = [x509.DNSName(f"service-{n}.nordhavn.example") for n in range(180)]
    large = AUTHORITY.issue(DN, *many[:150])
    assert 6_000 < len(large.header) <= MAX_HEADER
    assert read(large).parsed == large.certificate
    with pytest.raises(InvalidRequest):
        read(AUTHORITY.issue(DN, *many, *many, *many))


@pytest.mark.filterwarnings("ignore")  # cryptography warns of what it will refuse one day
@given(
    st.one_of(
        st.text(),
        st.binary().map(lambda raw: f":{base64.b64encode(raw).decode()}:"),
        st.tuples(st.integers(0, len(GOOD.der) - 1), st.integers(0, 255)).map(
            lambda at: (
                f":{base64.b64encode(GOOD.der[: at[0]] + bytes([at[1]]) + GOOD.der[at[0] + 1 :]).decode()}:"
            )
        ),
    )
)
@example(":MAA=:")
def test_whatever_comes_is_a_certificate_or_a_refusal(header: str) -> None:
    """S-108, S-109: and what was altered is believed nowhere, whatever of it still reads."""
    try:
        found = parse_client_certificate(header)
    except InvalidRequest:
        return
    has_registered_name(found.parsed, client(tls_client_auth_san_dns="byg.nordhavn.example"))
    if found.parsed != GOOD.certificate:
        with pytest.raises(InvalidClient):
            ClientAuthorities([AUTHORITY.holder.certificate]).verify(found, START)


@pytest.mark.parametrize(
    ("key", "taken"),
    [
        (lambda: rsa.generate_private_key(65537, 1024), False),
        (lambda: rsa.generate_private_key(65537, 2048), True),
        (lambda: ec.generate_private_key(ec.SECP192R1()), False),
        (lambda: ec.generate_private_key(ec.SECP384R1()), True),
        (ed25519.Ed25519PrivateKey.generate, True),
    ],
    ids=["RSA 1024", "RSA 2048", "P-192", "P-384", "Ed25519"],
)
def test_a_weak_key_stands_for_nobody(key: Callable[[], Any], taken: bool) -> None:
    """S-169: FAPI 2.0 §5.4.1, for TLS too."""
    holder = AUTHORITY.issue(key=key())
    if taken:
        assert read(holder).public_key
    else:
        with pytest.raises(InvalidRequest):
            read(holder)


# --- whose it is -----------------------------------------------------------------------------------------------


def registered(**names: str) -> Client:
    return client(token_endpoint_auth_method="tls_client_auth", jwks=None, **names)


def is_named(holder: Holder, **names: str) -> bool:
    return has_registered_name(holder.certificate, registered(**names))


@pytest.mark.parametrize(
    "written",
    [
        "CN=Byggesager,O=Nordhavn Kommune,C=DK",
        "cn=Byggesager,o=Nordhavn Kommune,c=DK",
        "2.5.4.3=Byggesager,2.5.4.10=Nordhavn Kommune,2.5.4.6=DK",
        r"CN=\42yggesager,O=Nordhavn\20Kommune,C=DK",
    ],
)
def test_a_distinguished_name_may_be_written_as_rfc_4514_has_it(written: str) -> None:
    """S-109: types in either case or by number, letters escaped: the same name."""
    assert is_named(GOOD, tls_client_auth_subject_dn=written)


@pytest.mark.parametrize(
    "subject",
    [
        "C=DK,O=Nordhavn Kommune,CN=Byggesager",
        "CN=Byggesager,C=DK,O=Nordhavn Kommune",
        "CN=Byggesager+O=Nordhavn Kommune,C=DK",
        "CN=Byggesager,O=Nordhavn Kommune",
        "CN=Byggesager,O=Nordhavn Kommune,C=DK,DC=example",
        "OU=x,CN=Byggesager,O=Nordhavn Kommune,C=DK",
        "CN=byggesager,O=Nordhavn Kommune,C=DK",
        "CN=Byggesager ,O=Nordhavn Kommune,C=DK".replace("er ,", "er\\ ,"),
        "CN=Byggesager2,O=Nordhavn Kommune,C=DK",
        "OU=Byggesager,O=Nordhavn Kommune,C=DK",
        "CN=Byggesager,O=Nordhavn Kommune,C=NO",
        "CN=Byggesager\\,O=Nordhavn Kommune,C=DK",
    ],
)
def test_another_distinguished_name_is_another_client(subject: str) -> None:
    """S-109: reordered, shortened, lengthened, in other letters."""
    assert not is_named(AUTHORITY.issue(subject), tls_client_auth_subject_dn=DN)


def test_the_parts_of_one_relative_name_have_no_order() -> None:
    """RFC 4514 §2.2: a set; between sets the order counts."""
    holder = AUTHORITY.issue("CN=Byggesager+UID=7,O=Nordhavn Kommune")
    assert is_named(holder, tls_client_auth_subject_dn="UID=7+CN=Byggesager,O=Nordhavn Kommune")


def test_a_nul_hides_nothing() -> None:
    """S-109: what a C library would have cut off belongs to the name."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Byggesager\0.evil")])
    issuer, signer = AUTHORITY.holder.certificate.subject, AUTHORITY.holder.key
    assert not is_named(
        certify(subject, ec_key(), issuer, signer), tls_client_auth_subject_dn="CN=Byggesager"
    )


SAN = (
    x509.DNSName("byg.nordhavn.example"),
    x509.UniformResourceIdentifier("https://nordhavn.example/byg"),
    x509.IPAddress(ipaddress.ip_address("2001:db8::7")),
    x509.IPAddress(ipaddress.ip_address("192.0.2.7")),
    x509.RFC822Name("byg@nordhavn.example"),
)
NAMES: list[tuple[str, str, bool]] = [
    ("dns", "byg.nordhavn.example", True),
    ("dns", "nordhavn.example", False),
    ("dns", "a.byg.nordhavn.example", False),
    ("dns", "byg.nordhavn.example.evil.example", False),
    ("dns", "192.0.2.7", False),
    ("uri", "https://nordhavn.example/byg", True),
    ("uri", "https://nordhavn.example/", False),
    ("uri", "https://nordhavn.example/byg/", False),
    ("uri", "https://NORDHAVN.example/byg", False),
    ("uri", "byg.nordhavn.example", False),
    ("ip", "2001:db8::7", True),
    ("ip", "192.0.2.7", True),
    ("ip", "192.0.2.70", False),
    ("ip", "::ffff:192.0.2.7", False),
    ("email", "byg@nordhavn.example", True),
    ("email", "byg@nordhavn.example.evil.example", False),
    ("email", "@nordhavn.example", False),
]


@pytest.mark.parametrize(("kind", "value", "same"), NAMES, ids=lambda value: str(value))
def test_an_alternative_name_is_the_registered_one_or_another(kind: str, value: str, same: bool) -> None:
    """S-109: no suffix, no other kind."""
    assert is_named(AUTHORITY.issue(DN, *SAN), **{f"tls_client_auth_san_{kind}": value}) is same


def test_a_wildcard_in_a_certificate_is_no_host() -> None:
    """S-109; but a host name has no case (RFC 4343)."""
    registered = "byg.nordhavn.example"
    assert not is_named(
        AUTHORITY.issue(DN, x509.DNSName("*.nordhavn.example")), tls_client_auth_san_dns=registered
    )
    assert is_named(
        AUTHORITY.issue(DN, x509.DNSName("Byg.Nordhavn.Example")), tls_client_auth_san_dns=registered
    )


@pytest.mark.parametrize("kind", ["dns", "uri", "ip", "email"])
def test_a_subject_is_no_alternative_name(kind: str) -> None:
    """S-109: a common name that looks like a host is none."""
    holder = AUTHORITY.issue("CN=byg.nordhavn.example")
    assert not is_named(holder, **{f"tls_client_auth_san_{kind}": "byg.nordhavn.example"})


def test_a_client_without_a_registered_name_has_no_certificate() -> None:
    assert not has_registered_name(AUTHORITY.issue(DN, *SAN).certificate, registered())


# --- who vouches for it ----------------------------------------------------------------------------------------


def is_vouched_for(holder: Holder, *authorities: Authority) -> bool:
    try:
        ClientAuthorities([each.holder.certificate for each in authorities]).verify(read(holder), START)
    except InvalidClient:
        return False
    return True


def test_only_an_authority_that_the_deployment_names_is_believed() -> None:
    """S-109: the same name on another authority's certificate, and nobody by default."""
    twin = Authority.new()
    assert twin.holder.certificate.subject == AUTHORITY.holder.certificate.subject
    assert is_vouched_for(GOOD, AUTHORITY) and is_vouched_for(GOOD, twin, AUTHORITY)
    assert not is_vouched_for(twin.issue(), AUTHORITY)
    assert not is_vouched_for(self_signed(), AUTHORITY)
    assert not is_vouched_for(GOOD)


def _issued(*extensions: Any, **options: Any) -> Holder:
    return AUTHORITY.issue(extensions=extensions, **options)


DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
CERTIFICATES: list[tuple[str, Callable[[], Holder], bool]] = [
    ("until now", lambda: _issued(ends=START), True),
    ("ended", lambda: _issued(ends=START - SECOND), False),
    ("from now", lambda: _issued(begins=START), True),
    ("not begun", lambda: _issued(begins=START + SECOND), False),
    ("for clients", lambda: _issued((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False)), True),
    ("for servers", lambda: _issued((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)), False),
    (
        "critical and unknown",
        lambda: _issued((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True)),
        False,
    ),
    (
        "issued by a client",
        lambda: certify(name(DN), ec_key(1), GOOD.certificate.subject, GOOD.key),
        False,
    ),
    ("SHA-384", lambda: _issued(algorithm=hashes.SHA384), True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("holder", "taken"), [row[1:] for row in CERTIFICATES], ids=[r[0] for r in CERTIFICATES]
)
def test_a_certificate_is_vouched_for_as_rfc_5280_says(holder: Callable[[], Holder], taken: bool) -> None:
    """S-109."""
    assert is_vouched_for(holder(), AUTHORITY) is taken


def test_an_authority_whose_time_is_over_vouches_for_nobody() -> None:
    """S-109."""
    old = Authority.new(ends=START - SECOND)
    assert not is_vouched_for(old.issue(), old)


def test_a_certificate_without_its_authority_s_leave_is_no_authority() -> None:
    """S-109: a client's certificate in the file of authorities would make its owner one."""
    for extensions in ((), ((x509.BasicConstraints(ca=False, path_length=None), True),)):
        leaf = Authority.new(extensions=extensions)
        assert not is_vouched_for(leaf.issue(), leaf)


def test_a_signature_has_one_spelling() -> None:
    """S-109: one in 32 ends with five bits of zero, which could be called unused."""
    issued = (AUTHORITY.issue(DN, *SAN) for _ in range(2_000))
    holder = next(each for each in issued if each.certificate.signature[-1] & 0b11111 == 0)
    count = len(holder.der) - len(holder.certificate.signature) - 1
    respelt = holder.der[:count] + bytes([5]) + holder.der[count + 1 :]
    assert holder.der[count] == 0
    parse_client_certificate(f":{base64.b64encode(holder.der).decode()}:")
    with pytest.raises(InvalidRequest):
        parse_client_certificate(f":{base64.b64encode(respelt).decode()}:")


@pytest.mark.filterwarnings("ignore")  # cryptography warns of what it will refuse one day
def test_no_byte_of_a_certificate_can_be_altered_in_peace() -> None:
    """S-109: each in turn, to what means something in DER; refused when read, when vouched for, or when named."""
    holder, authorities = AUTHORITY.issue(DN, *SAN), ClientAuthorities([AUTHORITY.holder.certificate])
    for at, altered in product(range(len(holder.der)), (0, 5, 0x31, 0xFF)):
        der = holder.der[:at] + bytes([altered]) + holder.der[at + 1 :]
        if der == holder.der:
            continue
        try:
            found = parse_client_certificate(f":{base64.b64encode(der).decode()}:")
        except InvalidRequest:
            continue
        for names in ({"tls_client_auth_subject_dn": DN}, {"tls_client_auth_san_ip": "192.0.2.7"}):
            has_registered_name(found.parsed, registered(**names))
        with pytest.raises(InvalidClient):
            authorities.verify(found, START)
