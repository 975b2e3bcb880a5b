"""Authorities and client certificates, made for one test, and a relying party that shows one."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey
from requests.adapters import HTTPAdapter

from tests.support.clock import START
from tests.support.deployment import Deployment, TestClient
from tests.support.relying_party import RelyingParty

Extension = tuple[x509.ExtensionType, bool]

DN = "CN=Byggesager,O=Nordhavn Kommune,C=DK"
MTLS_ORIGIN = "https://mtls.adgang.test"


def name(written: str) -> x509.Name:
    return x509.Name.from_rfc4514_string(written)


@cache
def ec_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    """A private key; the same for the same number."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class Holder:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: Any = field(repr=False)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def header(self) -> str:
        """The value of `Client-Cert` (RFC 9440)."""
        return f":{base64.b64encode(self.der).decode()}:"

    @property
    def headers(self) -> dict[str, str]:
        return {"Client-Cert": self.header}

    @property
    def thumbprint(self) -> str:
        return base64.urlsafe_b64encode(self.certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode()

    @property
    def jwk(self) -> dict[str, Any]:
        """As registered for `self_signed_tls_client_auth`."""
        public = ECKey.import_key(self.key.public_key()).as_dict(private=False)
        return {**public, "use": "sig", "x5c": [base64.b64encode(self.der).decode()]}

    def write(self, folder: Path) -> tuple[str, str]:
        """The files that a TLS client is given: certificate and key."""
        certificate, key = folder / f"{self.thumbprint}.pem", folder / f"{self.thumbprint}.key"
        certificate.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return str(certificate), str(key)


def certify(
    subject: x509.Name,
    key: Any,
    issuer: x509.Name,
    signer: Any,
    extensions: Sequence[Extension] = (),
    begins: datetime = START - timedelta(days=1),
    ends: datetime = START + timedelta(days=30),
    algorithm: Any = hashes.SHA256,
) -> Holder:
    """`key` certified by `signer`."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return Holder(builder.sign(signer, algorithm()), key)


@dataclass(frozen=True)
class Authority:
    """Who issues certificates."""

    holder: Holder

    @classmethod
    def new(cls, called: str = "CN=Fiktiv Erhvervsmyndighed,C=DK", **options: Any) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        is_one: Extension = (x509.BasicConstraints(ca=True, path_length=0), True)
        options.setdefault("extensions", (is_one,))
        return cls(certify(name(called), key, name(called), key, **options))

    def issue(self, subject: str = DN, *san: x509.GeneralName, key: Any = None, **options: Any) -> Holder:
        """A certificate for clients."""
        extensions = [*options.pop("extensions", ())]
        if san:
            extensions.append((x509.SubjectAlternativeName(san), not subject))
        issuer, signer = self.holder.certificate.subject, self.holder.key
        return certify(name(subject), key or ec_key(), issuer, signer, extensions, **options)

    def write(self, folder: Path) -> Path:
        file = folder / f"{self.holder.thumbprint}.pem"
        file.write_bytes(self.holder.certificate.public_bytes(Encoding.PEM))
        return file


def self_signed(key: Any = None, called: str = DN, **options: Any) -> Holder:
    key = key or ec_key()
    return certify(name(called), key, name(called), key, **options)


def mtls_settings(authority: Authority | None, folder: Path) -> dict[str, str]:
    """Of a deployment whose proxy is this very machine at 127.0.0.1, and nobody else."""
    settings = {"ADGANG_TRUSTED_PROXIES": "127.0.0.1/32", "ADGANG_MTLS_ORIGIN": MTLS_ORIGIN}
    if authority is not None:
        settings["ADGANG_MTLS_CA_FILE"] = str(authority.write(folder))
    return settings


def add_tls_client(deployment: Deployment, called: str, **metadata: Any) -> TestClient:
    """A client of `tls_client_auth` with this name in its certificate, unless the metadata say otherwise."""
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    metadata.setdefault("token_endpoint_auth_method", "tls_client_auth")
    client = deployment.add_client(called, organisation, **metadata)
    signs = metadata["token_endpoint_auth_method"] == "private_key_jwt" and "jwks" not in metadata
    return client if signs else replace(client, key=None)


@dataclass
class CertificateParty(RelyingParty):
    """A relying party behind whose requests stands a certificate, told by the proxy; it sends proofs only with a key for them."""

    holder: Holder | None = None

    def __post_init__(self) -> None:
        """Its certificate is what its tokens are bound to."""

    def authentication(self) -> dict[str, Any]:
        arguments = super().authentication()
        if self.holder is not None:
            arguments["headers"] = self.holder.headers
        return arguments

    def userinfo(self, access_token: str) -> requests.Response:
        told = {} if self.holder is None else self.holder.headers
        return requests.get(
            self.deployment.issuer + "/userinfo",
            headers={**self.presented(access_token), **told},
            timeout=20,
        )


class FromAddress(HTTPAdapter):
    """Requests from another address of this machine: from somebody who is no proxy."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, source_address=(self._address, 0))


def stranger() -> requests.Session:
    """Somebody who reaches the provider around the proxy."""
    session = requests.Session()
    session.mount("http://", FromAddress("127.0.0.2"))
    return session
