"""`adgang messages`: what was told to citizens, and could not be handed over."""

import click

from idp.commands.frame import answer_json, as_json, deployment
from idp.messages.message import Channel

_SHOWN_AT_MOST = 10_000


@click.group("messages")
def messages() -> None:
    """Messages to citizens, on their way by e-mail and by letter."""


@messages.command("waiting")
@as_json
def waiting(*, json_wanted: bool) -> None:
    """How many wait to be sent or printed. Many by e-mail: look at the mail server."""
    with deployment() as wiring:
        now, outbox = wiring.clock(), wiring.outbox
        counts = {channel.value: outbox.count_waiting(channel) for channel in Channel}
        late = len(outbox.due(now, Channel.EMAIL, _SHOWN_AT_MOST))
    if json_wanted:
        answer_json({"waiting": counts, "due_by_email": late})
        return
    click.echo(f"By e-mail: {counts['email']} wait, {late} of them are due now.")
    click.echo(f"By letter: {counts['letter']} wait. `adgang letters print` prints them.")


@messages.command("retry")
@as_json
def retry(*, json_wanted: bool) -> None:
    """Try the e-mails again that were given up, after a mail server was down or refused them."""
    with deployment() as wiring:
        again = wiring.database.transact(lambda tx: wiring.outbox.retry(tx, wiring.clock()))
    if json_wanted:
        answer_json({"queued_again": again})
    else:
        click.echo(f"{again} e-mails are queued again.")
