"""`adgang citizens` and `adgang consents`: what operators do with citizens. Each act is told to the citizen's ledger."""

import click
import segno
from rich.table import Table

from idp.citizens import NewCitizen
from idp.commands.frame import answer_json, answer_table, as_json, asking, confirm, deployment, telling
from idp.commands.invitations import invite
from idp.new_citizens import Contact, FirstAccess
from idp.profile_claims import parse_profile
from idp.records import Address, Citizen


@click.group("citizens")
def citizens() -> None:
    """Citizens: invite, add, find, block, unblock, end sessions, close."""


citizens.add_command(invite)


@citizens.command("add")
@click.option("--user-id", required=True, help="5 to 48 letters, digits or . _ @ -")
@click.option("--cpr", prompt="CPR number", hide_input=True, help="Ten digits. Left out, it is asked for.")
@click.option("--given-name", required=True)
@click.option("--family-name", required=True)
@click.option("--birthdate", required=True, help="Such as 1984-02-29.")
@click.option("--language", default="da", type=click.Choice(["da", "en", "nb"]), show_default=True)
@click.option("--email")
@click.option("--phone", help="E.164, such as +4500000000.")
@click.option("--street-address")
@click.option("--postal-code")
@click.option("--locality")
@click.option("--country", default="DK", show_default=True)
@click.option(
    "--profile", help='More of the scope profile, as JSON: {"middle_name": "Bech", "gender": "female"}.'
)
@telling
@as_json
def add(
    *,
    user_id: str,
    cpr: str,
    given_name: str,
    family_name: str,
    birthdate: str,
    language: str,
    email: str | None,
    phone: str | None,
    street_address: str | None,
    postal_code: str | None,
    locality: str | None,
    country: str,
    profile: str | None,
    actor: str,
    reason: str,
    json_wanted: bool,
) -> None:
    """Add a citizen; prints a first password and the secret of an authenticator app, once."""
    address = (
        Address(street_address, postal_code, locality, country)
        if street_address and postal_code and locality
        else None
    )
    new = NewCitizen(user_id, cpr, given_name, family_name, birthdate, language)
    more = parse_profile(profile) if profile is not None else None
    with deployment() as wiring:
        access = wiring.new_citizens.add(
            new, actor=actor, reason=reason, contact=Contact(email, phone, address), profile=more
        )
    if json_wanted:
        answer_json(
            {
                "citizen_id": access.citizen.citizen_id,
                "user_id": access.citizen.user_id,
                "password": access.password,
                "totp_secret": access.totp_secret,
            }
        )
    else:
        _show_access(access)


def _show_access(access: FirstAccess) -> None:
    click.echo(f"Added {access.citizen.name}. What follows is shown once.\n")
    click.echo(f"  user ID       {access.citizen.user_id}")
    click.echo(f"  password      {access.password}")
    click.echo(f"  app secret    {access.totp_secret}\n")
    segno.make(access.totp_uri).terminal(compact=True)
    click.echo(
        "Hand it over in person, or by letter. Next: the citizen signs in and chooses a password of their own."
    )


def _who(command: click.decorators.FC) -> click.decorators.FC:
    command = click.option("--cpr", help="Instead of the user ID: ten digits.")(command)
    return click.argument("user_id", required=False)(command)


def _check_who(user_id: str | None, cpr: str | None) -> None:
    if bool(user_id) == bool(cpr):
        raise click.UsageError("Name one citizen: a user ID, or --cpr with the CPR number.")


@citizens.command("find")
@_who
@telling
@as_json
def find(*, user_id: str | None, cpr: str | None, actor: str, reason: str, json_wanted: bool) -> None:
    """Look a citizen up. The citizen can see that you did, and why."""
    _check_who(user_id, cpr)
    if not reason:
        raise click.UsageError("A look at a citizen needs a --reason; the citizen will read it.")
    with deployment() as wiring:
        found = wiring.citizens.look_up(actor=actor, reason=reason, user_id=user_id, cpr=cpr)
        sessions = wiring.services.browser_sessions.of_citizen(found.citizen_id)
    facts = {
        "citizen_id": found.citizen_id,
        "user_id": found.user_id,
        "name": found.name,
        "status": found.status,
        "added": found.created_at.isoformat(),
        "sessions": len(sessions),
    }
    if json_wanted:
        answer_json(facts)
        return
    table = Table("What", "Value", box=None)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), str(value))
    answer_table(table)


def _act(name: str, help_line: str, question: str, done: str) -> None:
    """Register the command `name`, which asks, acts and says what happened."""

    @citizens.command(name, help=help_line)
    @_who
    @telling
    @asking
    def command(*, user_id: str | None, cpr: str | None, actor: str, reason: str, yes: bool) -> None:
        _check_who(user_id, cpr)
        if not reason:
            raise click.UsageError("This needs a --reason; the citizen will read it.")
        with deployment() as wiring:
            found: Citizen = wiring.citizens.look_up(actor=actor, reason=reason, user_id=user_id, cpr=cpr)
            confirm(question.format(name=found.name), yes=yes)
            act = getattr(wiring.citizens, name.replace("-", "_"))
            ended = act(found, actor=actor, reason=reason)
        click.echo(done.format(name=found.name, ended=ended))


_act(
    "block",
    "Block a citizen: nobody signs in as them, and every session ends.",
    "Block {name} and end every session?",
    "{name} is blocked; {ended} sessions ended. `adgang citizens unblock` opens the access again.",
)
_act(
    "unblock",
    "Open a blocked citizen's access again.",
    "Open the access of {name} again?",
    "{name} may sign in again.",
)
_act(
    "end-sessions",
    "Sign a citizen out everywhere.",
    "End every session of {name}?",
    "{ended} sessions of {name} ended; tokens given in them no longer work.",
)
_act(
    "close",
    "Close a citizen's access for good.",
    "Close the access of {name} for good? It cannot be opened again.",
    "The access of {name} is closed; {ended} sessions ended. The user ID is never given to anybody else.",
)


@citizens.command("proof")
@_who
@telling
@asking
def proof(*, user_id: str | None, cpr: str | None, actor: str, reason: str, yes: bool) -> None:
    """Record that you proofed a citizen's identity anew, in person. It lets a letter alone begin a recovery, once.

    Where level High is offered, two officers must do so.
    """
    _check_who(user_id, cpr)
    if not reason:
        raise click.UsageError("This needs a --reason, such as the case number; the citizen will read it.")
    with deployment() as wiring:
        found = wiring.citizens.look_up(actor=actor, reason=reason, user_id=user_id, cpr=cpr)
        confirm(f"Have you seen {found.name} in person, with a document that proves who it is?", yes=yes)
        proofed = wiring.proofing.record(found, actor=actor, reason=reason)
    until = f"{proofed.expires_at.astimezone():%Y-%m-%d %H:%M}"
    if proofed.missing_officers:
        click.echo(
            f"You have proofed the identity of {found.name}. Next: before {until} a second officer sees the citizen and "
            "runs the same command; until then it opens nothing, since level High is offered here."
        )
    else:
        click.echo(
            f"The identity of {found.name} is proofed until {until}. "
            "Next: the citizen orders a letter and begins the recovery."
        )


@click.group("consents")
def consents() -> None:
    """Consents that citizens have given."""


@consents.command("revoke")
@click.argument("user_id")
@click.argument("client_id")
@click.option("--purpose", help="One purpose only; else every purpose of the client.")
@telling
@asking
def revoke(*, user_id: str, client_id: str, purpose: str | None, actor: str, reason: str, yes: bool) -> None:
    """Take a consent back on a citizen's behalf. The service's tokens for the citizen stop working at once."""
    with deployment() as wiring:
        found = wiring.citizens.look_up(actor=actor, reason=reason or "revoke consent", user_id=user_id)
        confirm(f"Revoke what {found.name} consented to at client {client_id}?", yes=yes)
        count = wiring.citizens.revoke_consent(found, client_id, purpose, actor=actor)
    if count == 0:
        raise click.ClickException("There is no such consent. `adgang clients list` shows the clients.")
    click.echo(f"{count} consents revoked. The citizen will be asked again at the next sign-in.")


@consents.command("list")
@click.argument("user_id")
@telling
@as_json
def list_consents(*, user_id: str, actor: str, reason: str, json_wanted: bool) -> None:
    """Show a citizen's consents. The citizen can see that you did."""
    with deployment() as wiring:
        found = wiring.citizens.look_up(actor=actor, reason=reason or "list consents", user_id=user_id)
        given = wiring.citizens.consents_of(found)
    if json_wanted:
        answer_json(
            [
                {
                    "client_id": consent.client_id,
                    "purpose": consent.purpose_id,
                    "claims": list(consent.claims),
                    "given_at": consent.given_at.isoformat(),
                    "revoked_at": consent.revoked_at.isoformat() if consent.revoked_at else None,
                }
                for consent in given
            ]
        )
        return
    table = Table("Client", "Purpose", "Data", "Given", "Revoked", box=None)
    for consent in given:
        table.add_row(
            consent.client_id,
            consent.purpose_id,
            ", ".join(consent.claims),
            f"{consent.given_at.astimezone():%Y-%m-%d %H:%M}",
            f"{consent.revoked_at.astimezone():%Y-%m-%d %H:%M}" if consent.revoked_at else "",
        )
    answer_table(table)
