"""Handing messages to a mail server (RFC 5321), over TLS unless the settings say otherwise.

Plain text, no attachment, no link. Does not decide when, or what becomes of a message that was not taken.
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from idp.messages.texts import MessageText

Security = Literal["starttls", "tls", "plain"]

_TIMEOUT_SECONDS = 15


class MailRefused(Exception):
    """This recipient's address was refused for good (RFC 5321 §4.2.1, 5yz)."""


class MailServerUnavailable(Exception):
    """The server did not take the message now; another try may do."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where messages are handed in, and in whose name."""

    host: str
    port: int
    security: Security
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    authority_file: Path | None = None
    """PEM of the authority that signed the server's certificate; None: those that the system trusts."""


class Mailer:
    """A connection to the server, for one batch."""

    def __init__(self, connection: smtplib.SMTP, sender: str) -> None:
        self._connection = connection
        self._sender = sender

    def send(self, text: MessageText, *, to: str, message_id: str, at: datetime) -> None:
        """
        Raises:
            MailRefused: never to be sent to this address again.
            MailServerUnavailable: not now.
        """
        try:
            mail = _mail(text, sender=self._sender, to=to, message_id=message_id, at=at)
        except (ValueError, MessageError):
            raise MailRefused("no address") from None  # such as a line break in it
        try:
            self._connection.send_message(mail)
        except smtplib.SMTPRecipientsRefused as refusal:
            code = next(iter(refusal.recipients.values()))[0]
            raise _fault(code) from None
        except smtplib.SMTPResponseException as answer:
            raise _fault(answer.smtp_code) from None
        except (smtplib.SMTPException, OSError, UnicodeError):
            raise MailServerUnavailable("no answer") from None


@contextmanager
def connected(server: MailServer) -> Iterator[Mailer]:
    """A connection that is encrypted and authenticated as the settings say.

    Raises:
        MailServerUnavailable: no connection, no TLS, or our name and password were not taken.
    """
    try:
        connection = _connect(server)
    except (smtplib.SMTPException, OSError, ValueError) as fault:
        raise MailServerUnavailable(type(fault).__name__) from None
    try:
        yield Mailer(connection, server.sender)
    finally:
        _leave(connection)


def _connect(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=server.authority_file)
    if server.security == "tls":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=_TIMEOUT_SECONDS, context=context
        )
    else:
        connection = smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT_SECONDS)
    try:
        if server.security == "starttls":
            connection.starttls(
                context=context
            )  # raises where the server has none: never in clear (RFC 3207 §6)
        if server.user:
            connection.login(server.user, server.password)
    except BaseException:
        connection.close()
        raise
    return connection


def _leave(connection: smtplib.SMTP) -> None:
    try:
        connection.quit()
    except (smtplib.SMTPException, OSError):
        connection.close()


def _mail(text: MessageText, *, sender: str, to: str, message_id: str, at: datetime) -> EmailMessage:
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["From"] = Address("Adgang", addr_spec=sender)
    mail["To"] = Address(addr_spec=to)
    mail["Subject"] = text.subject
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nobody's absence notice answers it
    mail.set_content(text.body)
    mail["Content-Language"] = text.language  # after the content, which takes such headers away
    return mail


def _fault(code: int) -> Exception:
    return MailRefused("refused") if 500 <= code < 600 else MailServerUnavailable("later")
