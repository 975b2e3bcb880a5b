"""What `make demo` shows, on one screen."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from demo.place import Place

_WIDTH = 100


def show(console: Console, facts: dict[str, Any], place: Place) -> None:
    """The links, who can sign in, and what to do next."""
    width = min(_WIDTH, console.width)
    links = Table.grid(padding=(0, 3))
    for service in facts["services"]:
        links.add_row(service["name"], _link(service["url"]))
    links.add_row("The provider itself", _link(facts["issuer"]))
    links.add_row("E-mails that it has sent", _link(facts["outbox"]))
    console.print(Panel(links, title="Adgang is running", title_align="left", width=width, padding=(1, 2)))

    citizens = Table(title="Who can sign in", title_justify="left", width=width, box=None, title_style="bold")
    for heading in ("Name", "User ID", "Password"):
        citizens.add_column(heading, overflow="fold")
    for citizen in facts["citizens"]:
        citizens.add_row(citizen["name"], citizen["user_id"], citizen["password"])
    console.print(citizens)
    console.print()
    invited = facts["invited"]
    console.print(f"A letter for {invited['name']}, who has no access yet: {_near(Path(invited['letter']))}")
    console.print("The six digits: run [bold]make totp[/] in another window.")
    console.print(f"Commands: [bold]. {_short(place)}/env && .venv/bin/adgang --help[/]")
    console.print(f"Logs: {_short(place)}/logs. Start afresh: remove {_short(place)}. End: Ctrl-C.")


def _link(url: str) -> str:
    return f"[link={url}]{url}[/link]"


def _short(place: Place) -> str:
    return _near(place.directory)


def _near(path: Path) -> str:
    """From here, where it is below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
