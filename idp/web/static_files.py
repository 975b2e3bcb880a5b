"""Static files, read once when the process starts and served with their digest in the address.

So a browser may keep them for ever, and a new release has new addresses. While two releases run side by side, an
address of the other one gets the present file, not to be kept.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import Flask, Response
from werkzeug.exceptions import NotFound

from idp.security_headers import file_headers

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is served."""

    content: bytes
    media_type: str
    digest: str
    """The first 16 hex digits of its SHA-256: enough to tell releases apart."""


class StaticFiles:
    """The files of one or two directories; `/static/<digest>/<name>`."""

    def __init__(self, files: Mapping[str, StaticFile], *, https: bool) -> None:
        self._files = files
        self._https = https

    def url(self, name: str) -> str:
        """The address of a file that is there. Raises KeyError otherwise: a template's mistake."""
        return f"/static/{self._files[name].digest}/{name}"

    def find_url(self, name: str) -> str | None:
        """The address of a file that may be there, such as a logo."""
        return self.url(name) if name in self._files else None

    def serve(self, digest: str, name: str) -> Response:
        """The file. Raises NotFound."""
        file = self._files.get(name)
        if file is None:
            raise NotFound
        headers = file_headers(https=self._https, immutable=digest == file.digest)
        return Response(file.content, headers=dict(headers), content_type=file.media_type)


def read_static_files(directory: Path, logo_directory: Path | None) -> dict[str, StaticFile]:
    """All files of `directory`, and the SVG files of `logo_directory` as `logos/<name>.svg`."""
    files = {path.name: _read(path) for path in sorted(directory.iterdir()) if path.suffix in _TYPES}
    if logo_directory is not None:
        files |= {f"logos/{path.name}": _read(path) for path in sorted(logo_directory.glob("*.svg"))}
    return files


def install_static_files(app: Flask, files: StaticFiles) -> None:
    app.add_url_rule("/static/<digest>/<path:name>", "static_file", files.serve, methods=["GET"])
    app.add_url_rule("/favicon.ico", "favicon", lambda: files.serve("", "favicon.ico"), methods=["GET"])
    app.extensions["adgang.static"] = files


def _read(path: Path) -> StaticFile:
    content = path.read_bytes()
    return StaticFile(content, _TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:16])
