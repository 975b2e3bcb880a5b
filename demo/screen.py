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
    console.print(Panel(links, title="Adgang is running", title_align="left", width=width, padding=(1, 2)))

    citizens = Table(title="Who can sign in", title_justify="left", width=width, box=None, title_style="bold")
    for heading in ("Name", "User ID", "Password"):
        citizens.add_column(heading, overflow="fold")
    for citizen in facts["citizens"]:
        citizens.add_row(citizen["name"], citizen["user_id"], citizen["password"])
    console.print(citizens)
    console.print()
    console.print("The six digits: run [bold]make totp[/] in another window.")
    console.print(f"Commands: [bold]. {_short(place)}/env && .venv/bin/adgang --help[/]")
    console.print(f"Logs: {_short(place)}/logs. Start afresh: remove {_short(place)}. End: Ctrl-C.")


def _link(url: str) -> str:
    return f"[link={url}]{url}[/link]"


def _short(place: Place) -> str:
    here = Path.cwd()
    inside = place.directory.is_relative_to(here)
    return str(place.directory.relative_to(here) if inside else place.directory)
