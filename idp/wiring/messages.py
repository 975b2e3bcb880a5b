"""What is sent to citizens, by e-mail and by post."""

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from idp import metrics
from idp.messages.sending import MessageSending
from idp.messages.smtp import MailServer
from idp.messages.texts import MessageTexts
from idp.secrets_directory import read_smtp_password
from idp.wiring.citizens import WithCitizens

if TYPE_CHECKING:
    from idp.letters.inviting import Inviting
    from idp.letters.posted_messages import PostedMessages
    from idp.letters.printing import Printing
    from idp.letters.words import Sender

_TIMEZONE = "Europe/Copenhagen"
"""Of times in messages, like that of the pages."""

_MESSAGES_EVERY = timedelta(seconds=5)


class WithMessages(WithCitizens):
    """Messages and printed letters. A process that serves loads nothing that draws."""

    @cached_property
    def message_texts(self) -> MessageTexts:
        return MessageTexts(_TIMEZONE, cap=self.recovery_times.cap)

    @cached_property
    def mail_server(self) -> MailServer | None:
        """None: messages go to the portal's inbox and by letter."""
        settings = self.settings
        if not settings.smtp_host:
            return None
        return MailServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security="plain" if settings.insecure_smtp_plain else settings.smtp_security,
            sender=settings.smtp_from,
            user=settings.smtp_user,
            password=read_smtp_password(settings.secrets_directory) if settings.smtp_user else "",
            authority_file=settings.smtp_ca_file,
        )

    @cached_property
    def message_sending(self) -> MessageSending | None:
        server = self.mail_server
        if server is None:
            return None
        return MessageSending(
            transact=self.database.transact,
            outbox=self.outbox,
            server=server,
            texts=lambda: self.message_texts,
            sealer=self._sealer("messages"),
            clock=self.clock,
            every=_MESSAGES_EVERY,
            count=metrics.count,
        )

    @property
    def inviting(self) -> "Inviting":
        from idp.letters.inviting import Inviting  # draws letters: no process that serves loads that

        return Inviting(
            self.database.transact,
            self.invitations,
            self.citizen_store,
            self.letters,
            self.ledger,
            self.clock,
        )

    @property
    def printing(self) -> "Printing":
        from idp.letters.printing import Printing

        return Printing(self.database.transact, self.letters, self._letters_sender, self.clock)

    @cached_property
    def posted_messages(self) -> "PostedMessages":
        from idp.letters.posted_messages import PostedMessages

        return PostedMessages(
            transact=self.database.transact,
            outbox=self.outbox,
            texts=lambda: self.message_texts,
            sealer=self._sealer("messages"),
            sender=self._letters_sender,
            clock=self.clock,
        )

    @property
    def _letters_sender(self) -> "Sender":
        from idp.letters.words import Sender

        settings = self.settings
        return Sender(settings.issuer, settings.operator_name, settings.operator_contact)
