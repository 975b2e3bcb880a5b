"""Messages reach citizens through a real SMTP server, once each, in their language, without a link."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from idp.messages.message import Channel, MessageKind, Topic
from idp.messages.sending import GIVEN_UP_AFTER
from idp.messages.texts import MessageTexts
from idp.self_service import ContactData
from idp.settings import Settings
from idp.storage.ports import Tx
from tests.support.clock import FrozenClock
from tests.support.deployment import Deployment, running_deployment
from tests.support.mail_server import PASSWORD, USER, MailServer, running_mail_server

ADDRESS = "freja.holm@mail.example"
CHANGED = Topic(MessageKind.PASSWORD_CHANGED)


@contextmanager
def provider(
    server: MailServer, tmp_path: Path, clock: FrozenClock, valkey_url: str, **more: str
) -> Iterator[Deployment]:
    folder = tmp_path / "provider"
    folder.mkdir()
    settings = server.settings(**more)
    with running_deployment(
        folder, f"sqlite:///{folder / 'a.sqlite3'}", valkey_url, clock, **settings
    ) as made:
        send(made)  # what furnishing the deployment had to tell
        server.received.clear()
        yield made


def citizen_id(deployment: Deployment) -> str:
    return deployment.citizens["freja.holm"].citizen.citizen_id


def write(deployment: Deployment, topic: Topic = CHANGED) -> None:
    def work(tx: Tx) -> None:
        deployment.wiring.outbox.write(tx, citizen_id(deployment), topic, at=deployment.clock())

    deployment.wiring.database.transact(work)


def send(deployment: Deployment) -> int:
    sending = deployment.wiring.message_sending
    assert sending is not None
    return sending.run_once()


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with running_mail_server() as server:
        yield server


@pytest.fixture
def sending_deployment(
    mail_server: MailServer, tmp_path: Path, clock: FrozenClock, valkey_url: str
) -> Iterator[Deployment]:
    with provider(mail_server, tmp_path, clock, valkey_url) as made:
        yield made


def test_a_changed_password_is_told_by_mail(sending_deployment: Deployment, mail_server: MailServer) -> None:
    made = sending_deployment
    made.wiring.enrolment.set_password(citizen_id(made), "en ny lang adgangskode", now=made.clock())
    assert send(made) == 1
    (received,) = mail_server.received
    assert received.recipients == [ADDRESS]
    assert received.mail["Subject"] == "Adgang: Din adgangskode er skiftet"
    assert received.mail["From"] == "Adgang <ingen-svar@adgang.example>"
    assert received.mail["Auto-Submitted"] == "auto-generated"
    assert received.mail["Content-Language"] == "da"
    assert "23. november 2026 kl. 13.0" in received.body
    assert "Vi sender aldrig links" in received.body


def test_a_message_carries_the_phrase_that_the_citizen_chose(
    sending_deployment: Deployment, mail_server: MailServer
) -> None:
    made = sending_deployment
    made.wiring.database.transact(
        lambda tx: made.wiring.services.safeties.set_phrase(tx, citizen_id(made), "Farmors røde cykel")
    )
    write(made)
    send(made)
    assert "Farmors røde cykel" in mail_server.received[0].body


def test_nothing_is_sent_twice(sending_deployment: Deployment, mail_server: MailServer) -> None:
    write(sending_deployment)
    assert [send(sending_deployment), send(sending_deployment)] == [1, 0]
    sending_deployment.clock.forward(timedelta(days=2))
    assert send(sending_deployment) == 0
    assert len(mail_server.received) == 1


def test_of_many_workers_exactly_one_sends_each_message(
    sending_deployment: Deployment, mail_server: MailServer
) -> None:
    for _ in range(20):
        write(sending_deployment)
    with ThreadPoolExecutor(4) as workers:
        sent = sum(workers.map(lambda _: send(sending_deployment), range(8)))
    identifiers = [received.mail["Message-ID"] for received in mail_server.received]
    assert sent == len(identifiers) == len(set(identifiers)) == 20


def test_what_was_not_taken_is_tried_again_with_growing_pauses(
    sending_deployment: Deployment, mail_server: MailServer
) -> None:
    made = sending_deployment
    mail_server.answers["*"] = "451 come again later"
    write(made)
    tries = []
    for minute in range(16):
        before = made.wiring.outbox.due(made.clock(), Channel.EMAIL, 10)
        send(made)
        tries += [minute] if before else []
        made.clock.forward(seconds=60)
    assert tries == [0, 1, 3, 7, 15]
    mail_server.answers.clear()
    made.clock.forward(timedelta(hours=2))
    assert send(made) == 1
    assert len(mail_server.received) == 1


def test_after_a_day_of_trying_it_goes_by_letter(
    sending_deployment: Deployment, mail_server: MailServer
) -> None:
    made, outbox = sending_deployment, sending_deployment.wiring.outbox
    mail_server.answers["*"] = "451 come again later"
    write(made)
    for _ in range(60):
        send(made)
        made.clock.forward(timedelta(minutes=30))
        assert made.clock() < FrozenClock()() + GIVEN_UP_AFTER * 2
    mail_server.answers.clear()
    assert send(made) == 0
    (letter,) = outbox.due(made.clock(), Channel.LETTER, 10)
    assert letter.message.topic == CHANGED
    assert letter.address is not None


def test_a_refused_address_is_given_up_at_once_and_may_be_tried_again_by_command(
    sending_deployment: Deployment, mail_server: MailServer
) -> None:
    made, outbox = sending_deployment, sending_deployment.wiring.outbox
    mail_server.answers[ADDRESS] = "550 no such mailbox"
    write(made)
    assert send(made) == 0
    assert outbox.due(made.clock() + timedelta(days=2), Channel.EMAIL, 10) == []
    assert len(outbox.due(made.clock(), Channel.LETTER, 10)) == 1
    mail_server.answers.clear()
    assert made.wiring.database.transact(lambda tx: outbox.retry(tx, made.clock())) == 1
    assert send(made) == 1


def change_address(made: Deployment, email: str | None) -> None:
    contact = ContactData(email, "+4500000000")
    assert made.wiring.services.self_service.change_contact(citizen_id(made), contact)


def told_to(made: Deployment, server: MailServer) -> list[str]:
    """Who gets the mails that go out now."""
    server.received.clear()
    send(made)
    return sorted(received.recipients[0] for received in server.received)


def test_for_a_week_the_old_address_hears_what_the_new_one_hears(
    sending_deployment: Deployment, mail_server: MailServer
) -> None:
    """S-260: a thief who changed the address is not the only one who is told what the thief does next."""
    made = sending_deployment
    change_address(made, "tyv@mail.example")
    assert told_to(made, mail_server) == [ADDRESS]
    write(made)
    assert told_to(made, mail_server) == [ADDRESS, "tyv@mail.example"]
    change_address(made, "tyv2@mail.example")
    told_to(made, mail_server)
    write(made)
    assert told_to(made, mail_server) == [ADDRESS, "tyv2@mail.example", "tyv@mail.example"]
    made.clock.forward(timedelta(days=7))
    write(made)
    assert told_to(made, mail_server) == ["tyv2@mail.example"]


def test_for_a_week_a_first_address_does_not_end_the_letters(
    sending_deployment: Deployment, mail_server: MailServer
) -> None:
    """S-260: whoever has given none is told on paper, and goes on to be."""
    made, outbox = sending_deployment, sending_deployment.wiring.outbox
    change_address(made, None)
    assert told_to(made, mail_server) == [ADDRESS]
    made.clock.forward(timedelta(days=8))
    change_address(made, "tyv@mail.example")
    write(made)
    write(made, Topic(MessageKind.FACTOR_RENAMED))
    assert told_to(made, mail_server) == ["tyv@mail.example"] * 2
    on_paper = [letter.message.topic.kind for letter in outbox.due(made.clock(), Channel.LETTER, 10)]
    assert sorted(on_paper) == [MessageKind.CONTACT_CHANGED, MessageKind.PASSWORD_CHANGED]


def test_a_message_that_two_addresses_refuse_is_one_letter(
    sending_deployment: Deployment, mail_server: MailServer
) -> None:
    made, outbox = sending_deployment, sending_deployment.wiring.outbox
    change_address(made, "ny@mail.example")
    send(made)
    mail_server.answers["*"] = "550 no such mailbox"
    write(made)
    assert send(made) == 0
    assert len(outbox.due(made.clock(), Channel.LETTER, 10)) == 1


def test_a_server_that_is_away_loses_nothing(tmp_path: Path, clock: FrozenClock, valkey_url: str) -> None:
    away = MailServer(port=9)
    with provider(away, tmp_path, clock, valkey_url) as made:
        write(made)
        assert send(made) == 0
        clock.forward(timedelta(hours=3))
        assert made.wiring.outbox.due(clock(), Channel.EMAIL, 10) != []


def test_messages_go_over_tls_and_with_our_name_and_password(
    tmp_path: Path, clock: FrozenClock, valkey_url: str
) -> None:
    with running_mail_server(tmp_path, needs_password=True) as server:
        with provider(server, tmp_path, clock, valkey_url) as made:
            password = made.settings.secrets_directory / "smtp-password"
            password.touch(mode=0o600)
            password.write_text(PASSWORD + "\n")
        with reopened(made, ADGANG_SMTP_USER=USER, **server.settings()) as again:
            write(again)
            clock.forward(timedelta(hours=3))
            assert send(again) >= 1
    assert all(received.encrypted and received.user == USER for received in server.received)


@contextmanager
def reopened(made: Deployment, **settings: str) -> Iterator[Deployment]:
    from idp.app import create_app

    kept = made.settings
    source = {
        "ADGANG_ISSUER": kept.issuer,
        "ADGANG_ENVIRONMENT": "demo",
        "ADGANG_INSECURE_ALLOW_HTTP_LOOPBACK": "true",
        "ADGANG_SECRETS_DIRECTORY": str(kept.secrets_directory),
        "ADGANG_STATE_DIRECTORY": str(kept.state_directory),
        "ADGANG_DATABASE_URL": kept.database_url,
        "ADGANG_REDIS_URL": kept.redis_url,
        **settings,
    }
    provider = create_app(Settings.from_environment(source), made.clock)
    again = Deployment(kept, made.clock, provider, made.clients, made.citizens)
    yield again
    again.wiring.close()


def test_nothing_is_said_in_clear_to_a_server_without_tls(
    mail_server: MailServer, tmp_path: Path, clock: FrozenClock, valkey_url: str
) -> None:
    with demanding_starttls(mail_server, tmp_path, clock, valkey_url) as made:
        write(made)
        assert send(made) == 0
    assert mail_server.received == []


@contextmanager
def demanding_starttls(
    server: MailServer, tmp_path: Path, clock: FrozenClock, valkey_url: str
) -> Iterator[Deployment]:
    """A provider as it is in production: without the setting that lets it speak in clear."""
    settings = server.settings()
    settings.pop("ADGANG_INSECURE_SMTP_PLAIN", None)
    url = f"sqlite:///{tmp_path / 'a.sqlite3'}"
    with running_deployment(tmp_path, url, valkey_url, clock, **settings) as made:
        yield made


def test_a_server_whose_certificate_we_do_not_trust_gets_nothing(
    tmp_path: Path, clock: FrozenClock, valkey_url: str
) -> None:
    with running_mail_server(tmp_path) as server:
        server.authority_file = None  # so that the provider is not told to trust it
        with demanding_starttls(server, tmp_path, clock, valkey_url) as made:
            write(made)
            assert send(made) == 0
    assert server.received == []


def test_a_password_file_that_others_can_read_stops_the_start(
    sending_deployment: Deployment, mail_server: MailServer
) -> None:
    from idp.errors import ConfigurationFaults

    made = sending_deployment
    password = made.settings.secrets_directory / "smtp-password"
    password.write_text("hemmeligt")
    password.chmod(0o644)
    settings = mail_server.settings(ADGANG_SMTP_USER=USER)
    with reopened(made, **settings) as again, pytest.raises(ConfigurationFaults, match="smtp-password"):
        _ = again.wiring.message_sending


TEXTS = MessageTexts("Europe/Copenhagen")
EVERY_TOPIC = [
    *(Topic(kind) for kind in MessageKind if kind is not MessageKind.RECOVERY_BEGUN),
    *(
        Topic(kind, about)
        for kind in (MessageKind.FACTOR_ADDED, MessageKind.FACTOR_REMOVED, MessageKind.FACTOR_DISABLED)
        for about in ("totp", "webauthn", "recovery_code", "password")
    ),
    Topic(MessageKind.RECOVERY_BEGUN, "2026-11-24T12:00:00+00:00"),
]


@pytest.mark.parametrize("language", ["da", "en", "nb"])
@pytest.mark.parametrize("topic", EVERY_TOPIC, ids=lambda topic: f"{topic.kind.value}-{topic.about[:8]}")
def test_no_message_carries_a_link_or_an_address(topic: Topic, language: str, clock: Any) -> None:
    text = TEXTS.write(
        topic, language=language, at=clock(), phrase="Farmors røde cykel", stop_code="7F3K-2QXA-9MTD-04WZ"
    )
    whole = text.subject + text.body
    assert not re.search(r"://|www\.|@|\b[\w-]+\.(?:dk|no|com|org|net|example|localhost)\b", whole)
    assert "%(" not in whole
    assert "{{" not in whole
    assert text.language == language
    assert len(text.paragraphs) >= 4


def test_a_message_in_a_language_that_we_do_not_speak_is_in_danish(clock: Any) -> None:
    assert TEXTS.write(CHANGED, language="kl", at=clock()).subject == "Adgang: Din adgangskode er skiftet"
