"""`make totp`: the six digits of each test citizen, as an authenticator app would show them."""

import sys
import time

import pyotp
from rich.console import Console
from rich.table import Table

from demo.place import Trouble, read_json, this_place

_STEP_SECONDS = 30


def main() -> int:
    console = Console(highlight=False)
    try:
        facts = read_json(this_place().facts_file)
    except Trouble as trouble:
        console.print(str(trouble), markup=False)
        return 1
    if facts is None:
        console.print("There is no demo here yet. Start it first: make demo")
        return 1
    now = int(time.time())
    table = Table(box=None)
    for heading in ("Name", "User ID", "Six digits"):
        table.add_column(heading)
    for citizen in facts["citizens"]:
        digits = pyotp.TOTP(citizen["totp_secret"]).at(now)
        table.add_row(citizen["name"], citizen["user_id"], f"[bold]{digits[:3]} {digits[3:]}[/]")
    console.print(table)
    left = _STEP_SECONDS - now % _STEP_SECONDS
    console.print(f"New digits in {left} seconds. Each can be used once.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
