"""A real SMTP server on loopback (aiosmtpd), which keeps what it received."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "adgang", "hemmeligt ord"


@dataclass
class Received:
    """One message, as it came over the wire."""

    sender: str
    recipients: list[str]
    mail: EmailMessage
    encrypted: bool
    user: str | None

    @property
    def body(self) -> str:
        return str(self.mail.get_content())


@dataclass
class MailServer:
    """Where it listens, what it got, and how it answers."""

    host: str = "127.0.0.1"
    port: int = 0
    authority_file: Path | None = None
    received: list[Received] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    """What is said to a recipient, instead of 250; `*` stands for everybody."""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        told = self.answers.get(address) or self.answers.get("*")
        if told is not None:
            return told
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        user = session.auth_data.login.decode() if session.auth_data else None
        secure = session.ssl is not None
        self.received.append(Received(envelope.mail_from, list(envelope.rcpt_tos), mail, secure, user))
        return "250 taken"

    def settings(self, **more: str) -> dict[str, str]:
        """Of a provider that hands its messages in here."""
        found = {
            "ADGANG_SMTP_HOST": self.host,
            "ADGANG_SMTP_PORT": str(self.port),
            "ADGANG_SMTP_FROM": "ingen-svar@adgang.example",
            **more,
        }
        if self.authority_file is None:
            return found | {"ADGANG_INSECURE_SMTP_PLAIN": "true"}
        return found | {"ADGANG_SMTP_CA_FILE": str(self.authority_file)}


class _Controller(Controller):
    def __init__(self, handler: MailServer, **options: Any) -> None:
        self._options = options
        super().__init__(handler, hostname=handler.host, port=0)

    def factory(self) -> SMTP:
        return SMTP(self.handler, **self._options)

    def _trigger_server(self) -> None:
        """aiosmtpd asks its own port, which it does not know when the system chose it."""
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def running_mail_server(folder: Path | None = None, *, needs_password: bool = False) -> Iterator[MailServer]:
    """With a folder for its certificate: STARTTLS, without which it takes nothing. Without: in clear."""
    server = MailServer()
    options: dict[str, Any] = {}
    if folder is not None:
        server.authority_file, context = _certificate(folder)
        options = {"tls_context": context, "require_starttls": True}
    if needs_password:
        options |= {"authenticator": _authenticate, "auth_required": True}
    controller = _Controller(server, **options)
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = (
        isinstance(data, LoginPassword) and data.login.decode() == USER and data.password.decode() == PASSWORD
    )
    return AuthResult(success=right, auth_data=data if right else None)


def _certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """A certificate of our own for 127.0.0.1, and the file by which it is believed."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "mail.pem", folder / "mail-key.pem"
    public.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return public, context
