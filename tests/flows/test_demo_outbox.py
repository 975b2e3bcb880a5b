"""The demo's mailbox: what Python's own mail client hands in stands on its page."""

import smtplib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

import pytest

from demo.outbox import Mailbox, create_app


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox(0) as box:
        threading.Thread(target=box.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield box
        box.shutdown()


def sent(mailbox: Mailbox, subject: str, text: str) -> str:
    """The page after a mail."""
    mail = EmailMessage()
    mail["To"], mail["Subject"], mail["Content-Language"] = "freja@post.example", subject, "da"
    mail["From"], mail["Date"] = (
        "adgang@adgang.example",
        format_datetime(datetime(2026, 11, 24, 9, 30, tzinfo=UTC)),
    )
    mail.set_content(text)
    with smtplib.SMTP(*mailbox.server_address) as server:  # type: ignore[misc]
        server.send_message(mail)
    return create_app(mailbox, "http://localhost:8000").test_client().get("/").text


def test_a_mail_stands_on_the_page_as_it_was_written(mailbox: Mailbox) -> None:
    page = sent(mailbox, "Din nøgle er fjernet", ".\n..to prikker\nblå bånd\n")
    assert "Din nøgle er fjernet" in page and "freja@post.example" in page
    assert ".\n..to prikker\nblå bånd" in page
    assert "24.11.2026 kl. 10.30" in page


def test_markup_in_a_mail_is_text(mailbox: Mailbox) -> None:
    assert "&lt;b&gt;fed&lt;/b&gt;" in sent(mailbox, "<b>fed</b>", "<b>fed</b>")


def test_the_newest_stands_first_and_none_is_said_so(mailbox: Mailbox) -> None:
    page = create_app(mailbox, "http://localhost:8000").test_client().get("/").text
    assert 'id="empty"' in page
    sent(mailbox, "Den første", "1")
    page = sent(mailbox, "Den anden", "2")
    assert page.index("Den anden") < page.index("Den første") and 'id="empty"' not in page
