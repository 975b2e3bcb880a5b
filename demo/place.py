"""Where a demo stands: its files, its ports, and the environment of its provider."""

import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parent.parent
_FIRST_PORT, _OUTBOX_OFFSET, _MAIL_OFFSET, _ADMIN_OFFSET = 8000, 3, 8, 9


class Trouble(Exception):
    """The demo cannot go on; the message is a sentence that says what to do."""


@dataclass(frozen=True)
class Place:
    """One demo: `directory` holds all of it, `port_base` is the provider's port. `demo.compose` has another kind."""

    directory: Path
    port_base: int

    @property
    def issuer(self) -> str:
        return f"http://localhost:{self.port_base}"

    @property
    def admin_port(self) -> int:
        return self.port_base + _ADMIN_OFFSET

    @property
    def mail_port(self) -> int:
        """Where the demo's mailbox takes e-mails."""
        return self.port_base + _MAIL_OFFSET

    @property
    def outbox_port(self) -> int:
        """Where it shows them."""
        return self.port_base + _OUTBOX_OFFSET

    @property
    def outbox_url(self) -> str:
        return f"http://localhost:{self.outbox_port}"

    def url(self, slug: str, port_offset: int) -> str:
        """Where citizens find a service."""
        return f"http://localhost:{self.port_base + port_offset}"

    def listens(self, port_offset: int) -> tuple[str, int]:
        """Host and port that the service's application listens on."""
        return "127.0.0.1", self.port_base + port_offset

    @property
    def facts_file(self) -> Path:
        """For scripts: who can sign in, and where."""
        return self.directory / "demo.json"

    @property
    def seeded_file(self) -> Path:
        """What the provider was told, with the clients' private keys; `demo.seed` alone reads it."""
        return self.directory / "seeded.json"

    def log(self, name: str) -> Path:
        return self.directory / "logs" / f"{name}.log"

    def service_configuration(self, slug: str) -> Path:
        return self.directory / "services" / f"{slug}.json"

    @property
    def settings(self) -> dict[str, str]:
        """The provider's settings, for its environment and for `var/demo/env`."""
        return {
            "ADGANG_ENVIRONMENT": "demo",
            "ADGANG_INSECURE_ALLOW_HTTP_LOOPBACK": "true",
            "ADGANG_ISSUER": self.issuer,
            "ADGANG_SECRETS_DIRECTORY": str(self.directory / "secrets"),
            "ADGANG_STATE_DIRECTORY": str(self.directory),
            "ADGANG_LOGO_DIRECTORY": str(_ROOT / "demo" / "logos"),
            "ADGANG_LISTEN_PORT": str(self.port_base),
            "ADGANG_ADMIN_PORT": str(self.admin_port),
            "ADGANG_WORKERS": "2",
            "ADGANG_SMTP_HOST": "127.0.0.1",
            "ADGANG_SMTP_PORT": str(self.mail_port),
            "ADGANG_SMTP_FROM": "adgang@adgang.example",
            "ADGANG_INSECURE_SMTP_PLAIN": "true",
        }

    @property
    def environment(self) -> dict[str, str]:
        """Of the provider's processes: settings of another deployment must not leak in."""
        ours = {name: value for name, value in os.environ.items() if not name.startswith("ADGANG_")}
        return ours | self.settings

    def write_env(self) -> None:
        """`var/demo/env`: to be sourced, so that any `adgang` command speaks to this demo."""
        lines = [f"export {name}={shlex.quote(value)}" for name, value in self.settings.items()]
        write_private(self.directory / "env", "\n".join(lines) + "\n")


def this_place() -> Place:
    """The demo of this checkout: ports from ADGANG_DEMO_PORT_BASE on, all files in ADGANG_DEMO_DIRECTORY."""
    asked = os.environ.get("ADGANG_DEMO_PORT_BASE", "") or str(_FIRST_PORT)
    if not (asked.isascii() and asked.isdigit() and 1024 <= int(asked) <= 65_000):
        raise Trouble("ADGANG_DEMO_PORT_BASE must be a port from 1024 to 65000, such as 9000.")
    directory = Path(os.environ.get("ADGANG_DEMO_DIRECTORY", "") or _ROOT / "var" / "demo")
    return Place(directory.resolve(), int(asked))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f"{path.name}.new")
    new.touch(mode=0o600)
    new.chmod(0o600)
    new.write_text(text)
    new.replace(path)


def write_json(path: Path, value: Any) -> None:
    write_private(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The file's content; an unreadable one is a `Trouble`, a missing one is None."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise Trouble(f"{path} is damaged. Remove {path.parent} and run `make demo` again.") from None
