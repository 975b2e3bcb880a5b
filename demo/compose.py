"""What `docker-compose.yml` runs once, before anything is served.

    python -m demo.compose secrets   the deployment's secrets, the database's password, a certificate for *.localhost
    python -m demo.compose seed      tables, keys, organisations, clients, citizens, the services' configurations

Both find their work done when they run again. The certificate is signed by an authority that is made here and
belongs to this machine alone: a real deployment brings its own.
"""

import os
import secrets
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from demo.parties import services_with_a_page
from demo.place import Place, Trouble, write_private
from demo.seed import prepare, seed
from idp.secrets_directory import create_secrets

_SECRETS = Path("/run/adgang/secrets")
_DATABASE = Path("/run/adgang/database")
_TLS = Path("/run/adgang/tls")
_SERVICES = Path("/run/adgang/demo")
_PORT = 8443
_SERVICE_PORT = 8000
_CERTIFICATE_DAYS = 397
"""The longest that browsers accept."""


@dataclass(frozen=True)
class ComposePlace(Place):
    """Behind the proxy: https, a name for each service, settings from the container's environment."""

    @property
    def issuer(self) -> str:
        return os.environ["ADGANG_ISSUER"]

    def url(self, slug: str, port_offset: int) -> str:
        return f"https://{slug}.localhost:{_PORT}"

    def listens(self, port_offset: int) -> tuple[str, int]:
        return "0.0.0.0", _SERVICE_PORT  # noqa: S104  inside a container, behind the proxy

    @property
    def environment(self) -> dict[str, str]:
        return dict(os.environ)


def make_secrets() -> None:
    """Every secret file that is missing."""
    create_secrets(_SECRETS)
    password = _DATABASE / "password"
    if not password.exists():
        write_private(password, secrets.token_urlsafe(32))
        write_private(_DATABASE / "passfile", f"*:*:adgang:adgang:{password.read_text()}\n")
    if not (_TLS / "bundle.pem").exists():
        names = ["adgang.localhost", *(f"{o.service.slug}.localhost" for o, _ in services_with_a_page())]
        _make_certificate(names)


def _make_certificate(names: list[str]) -> None:
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Adgang demo authority")])
    authority = _certificate(authority_name, authority_name, authority_key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    leaf = (
        _certificate(x509.Name([]), authority_name, key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    signed = leaf.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    root = authority.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (_TLS / "authority.pem").write_bytes(root)
    write_private(_TLS / "bundle.pem", (signed + private).decode())


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_CERTIFICATE_DAYS))
    )


def main(words: list[str]) -> int:
    try:
        if words == ["secrets"]:
            make_secrets()
        elif words == ["seed"]:
            place = ComposePlace(_SERVICES, _PORT)
            prepare(place)
            for citizen in seed(place)["citizens"]:
                print(
                    f"{citizen['name']}: {citizen['user_id']} / {citizen['password']} / {citizen['totp_secret']}"
                )
        else:
            print("Use: python -m demo.compose secrets | seed", file=sys.stderr)
            return 2
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
