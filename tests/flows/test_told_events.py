"""Each event reaches the citizen on each channel that the table promises, and no other event reaches them at all."""

from datetime import timedelta

import pytest

from idp.messages.message import Channel, Message, MessageKind
from idp.records import Citizen
from idp.storage.ports import Tx
from tests.support.authenticator import Authenticator
from tests.support.deployment import Deployment
from tests.support.invited import ActivationJourney, invite
from tests.support.told_events import NOT_ON_PAPER, NOT_TOLD, TOLD

EVENTS = [*TOLD, *NOT_TOLD]


def freja(made: Deployment) -> Citizen:
    return made.citizens["freja.holm"].citizen


def without_email(made: Deployment) -> Citizen:
    citizen = made.add_citizen("per.holm", "6101701234", "Per").citizen
    store = made.wiring.citizen_store
    made.wiring.database.transact(
        lambda tx: store.set_contact(tx, citizen.citizen_id, email=None, phone_number=None, at=made.clock())
    )
    return citizen


def happen(made: Deployment, citizen: Citizen, event: str) -> None:
    def work(tx: Tx) -> None:
        made.wiring.ledger.append(
            tx,
            event=event,
            actor="citizen",
            at=made.clock(),
            citizen_id=citizen.citizen_id,
            facts={"kind": "totp"},
        )

    made.wiring.database.transact(work)


def inbox(made: Deployment, citizen_id: str) -> list[Message]:
    return made.wiring.outbox.of_citizen(citizen_id)


def queued(made: Deployment, citizen_id: str, channel: Channel) -> list[MessageKind]:
    due = made.wiring.outbox.due(made.clock(), channel, 1000)
    return [each.message.topic.kind for each in due if each.message.citizen_id == citizen_id]


def test_every_channel_tells_what_the_table_says(deployment: Deployment) -> None:
    """S-260, S-307: e-mail and inbox for one citizen, paper and inbox for another whom no e-mail reaches."""
    made = deployment
    by_mail, by_post = freja(made), without_email(made)
    for event in EVENTS:
        made.clock.forward(timedelta(days=2))
        for citizen, channel in ((by_mail, Channel.EMAIL), (by_post, Channel.LETTER)):
            seen = len(inbox(made, citizen.citizen_id)), len(queued(made, citizen.citizen_id, channel))
            happen(made, citizen, event)
            messages = inbox(made, citizen.citizen_id)
            told, sent = messages[: len(messages) - seen[0]], queued(made, citizen.citizen_id, channel)
            expected = [TOLD[event]] if event in TOLD else []
            assert [message.topic.kind for message in told] == expected, event
            quiet = channel is Channel.LETTER and event in NOT_ON_PAPER
            assert sent[seen[1] :] == ([] if quiet else expected), (event, channel)


@pytest.mark.parametrize("first", ["app", "key"])
def test_an_activation_is_one_message_and_one_letter(deployment: Deployment, first: str) -> None:
    """The password, the first factor and the codes are parts of it, and nothing was changed."""
    person = invite(deployment)
    journey = ActivationJourney(deployment, person)
    if first == "app":
        journey.activate()
    else:
        activate_with_a_key(journey)
    assert [message.topic.kind for message in inbox(deployment, person.citizen_id)] == [MessageKind.ACTIVATED]
    assert queued(deployment, person.citizen_id, Channel.LETTER) == [MessageKind.ACTIVATED]
    happened = journey.browser.get("/me/security/activity").words
    assert "Sat: Adgangskode" in happened
    assert "på ny" not in happened


def activate_with_a_key(journey: ActivationJourney) -> None:
    journey.up_to_factor()
    page = journey.browser.get("/activate?factor=key")
    key = Authenticator(origin=journey.deployment.issuer)
    made = key.create(page.form("/activate/key").options)
    journey.browser.submit(page, "/activate/key", credential=made, name="Min nøgle")


def test_a_citizen_whom_an_operator_makes_is_told_once(deployment: Deployment) -> None:
    citizen = freja(deployment)
    assert [message.topic.kind for message in inbox(deployment, citizen.citizen_id)] == [MessageKind.ADDED]


def test_a_password_that_is_set_later_is_told_as_changed(deployment: Deployment) -> None:
    citizen_id = freja(deployment).citizen_id
    deployment.wiring.enrolment.set_password(citizen_id, "en ny lang adgangskode", now=deployment.clock())
    kinds = [message.topic.kind for message in inbox(deployment, citizen_id)]
    assert sorted(kinds) == [MessageKind.ADDED, MessageKind.PASSWORD_CHANGED]
