"""`make device`: a device without a browser beside the demo. It shows a code and a name, and waits for a citizen's yes
at the provider's page for devices (RFC 8628)."""

import sys
import time
from typing import Any

import requests
from rich.console import Console

from demo.place import Trouble, read_json, this_place

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
_SLOWER_SECONDS = 5
"""RFC 8628 §3.5: what `slow_down` adds to the interval, for good."""
_PATIENCE_SECONDS = 10


def main() -> int:
    """0 when a citizen said yes, 1 with a sentence when nobody did."""
    console = Console(highlight=False)
    try:
        facts = read_json(this_place().facts_file)
        if facts is None:
            raise Trouble("There is no demo here yet. Start it first: make demo")
        asked = _ask(facts)
        console.print(f"Go to [bold]{asked['verification_uri']}[/] and type [bold]{asked['user_code']}[/].")
        console.print(f"This device is called [bold]{asked['device_name']}[/]: the page must say so, too.")
        name = _name_of(facts["issuer"], _wait(facts, asked))
    except Trouble as trouble:
        console.print(str(trouble), markup=False)
        return 1
    console.print(f"Hello, {name}. This device reads your water meter now.", markup=False)
    return 0


def _ask(facts: dict[str, Any]) -> dict[str, Any]:
    answer = _post(facts, "device_authorization", {"scope": "openid profile", "ui_locales": "da"})
    if "device_code" not in answer:
        raise Trouble(f"The provider gave no code: {answer['error_description']}")
    return answer


def _wait(facts: dict[str, Any], asked: dict[str, Any]) -> str:
    """The access token, once somebody has said yes."""
    interval = asked["interval"]
    while True:
        time.sleep(interval)
        answer = _post(facts, "token", {"grant_type": GRANT_TYPE, "device_code": asked["device_code"]})
        if "access_token" in answer:
            return str(answer["access_token"])
        if answer["error"] == "slow_down":
            interval += _SLOWER_SECONDS
        elif answer["error"] != "authorization_pending":
            raise Trouble(f"Nobody let this device in: {answer['error_description']}")


def _post(facts: dict[str, Any], path: str, fields: dict[str, str]) -> dict[str, Any]:
    body = {"client_id": facts["device"], **fields}
    try:
        answer = requests.post(f"{facts['issuer']}/{path}", data=body, timeout=_PATIENCE_SECONDS)
    except requests.RequestException:
        raise Trouble("The demo does not answer. Is it running? Start it: make demo") from None
    return dict(answer.json())


def _name_of(issuer: str, access_token: str) -> str:
    headers = {"Authorization": f"Bearer {access_token}"}
    told = requests.get(f"{issuer}/userinfo", headers=headers, timeout=_PATIENCE_SECONDS).json()
    return str(told["given_name"])


if __name__ == "__main__":
    sys.exit(main())
