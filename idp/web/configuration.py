"""What the pages must know about the deployment. Read by app.py from the settings, never from the environment."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from flask import Flask, current_app

_EXTENSION = "adgang.web"


def _count_nothing(event: str, labels: dict[str, str]) -> None:
    """The default of `count`: nobody measures."""


@dataclass(frozen=True, kw_only=True)
class WebConfig:
    """One deployment, as the pages see it. What follows from the issuer is worked out once: every page asks for it."""

    issuer: str
    """The only address that we believe we have; links and checks never use the Host header (S-363)."""
    operator_name: str = ""
    """Who runs this provider and answers for it; shown on help, privacy and accessibility pages."""
    contact: str = ""
    """An e-mail address or a telephone number of the operator, as people should read it."""
    demonstration: bool = False
    """Every page says that this is a demonstration with fictional people."""
    timezone: str = "Europe/Copenhagen"
    """The zone in which times are shown."""
    logo_directory: Path | None = None
    """SVG files of organisations' logos, served under /static."""
    count: Callable[[str, dict[str, str]], None] = _count_nothing
    """`Services.count`."""

    @cached_property
    def https(self) -> bool:
        return self.issuer.startswith("https://")

    @cached_property
    def host(self) -> str:
        """Host and port, as browsers show and send them: without the scheme's own port."""
        return urlsplit(self.issuer).netloc.removesuffix(":443" if self.https else ":80")

    @cached_property
    def port(self) -> int:
        return urlsplit(self.issuer).port or (443 if self.https else 80)


def install_config(app: Flask, config: WebConfig) -> None:
    app.extensions[_EXTENSION] = config


def current_config() -> WebConfig:
    """The configuration of the application that serves this request."""
    return cast(WebConfig, current_app.extensions[_EXTENSION])
