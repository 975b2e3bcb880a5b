"""Debian's Apache with mod_auth_openidc, with a configuration of its own, until the end of the block.

All it reads and writes is in one folder of its own, which the user it runs as can reach.
"""

import os
import pwd
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.needs import find_program
from tests.support.ports import free_port
from tests.support.processes import start_server, stop_server, wait_until

_MODULES = Path("/usr/lib/apache2/modules")
_OTHER_MODULES = ("mpm_event", "authn_core", "authz_core", "authz_user", "alias", "cgid")

_CONFIGURATION = """
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/pid
Mutex file:{folder}
ScriptSock {folder}/cgi.sock
ErrorLog {folder}/error.log
LogLevel warn auth_openidc:info
{user}
{modules}
LoadModule auth_openidc_module {module_folder}/mod_auth_openidc.so
DocumentRoot {folder}/pages

OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration
OIDCClientID {client_id}
OIDCClientSecret {client_secret}
OIDCRedirectURI {site}/protected/callback
OIDCCryptoPassphrase {passphrase}
{directives}

ScriptAlias /protected/claims {folder}/claims.sh
<Location /protected>
  AuthType openid-connect
  Require valid-user
</Location>
<Location /protected/substantial>
  Require claim acr:urn:adgang:loa:substantial
</Location>
<Location /protected/high>
  Require claim acr:urn:adgang:loa:high
</Location>
"""

_CGI = """#!/bin/sh
printf 'Content-Type: text/plain; charset=utf-8\\r\\n\\r\\n'
env | grep -E '^(OIDC_CLAIM_|REMOTE_USER)'
"""


@dataclass(frozen=True)
class Apache:
    """A running server."""

    site: str
    log: Path


def find_apache() -> Path | None:
    """Apache's program, where it has the module too."""
    program = find_program("apache2", also=["/usr/sbin/apache2"])
    return program if program and (_MODULES / "mod_auth_openidc.so").exists() else None


def free_site() -> str:
    """An address that nobody answers yet."""
    return f"http://localhost:{free_port()}"


@contextmanager
def running_apache(
    program: Path, site: str, *, issuer: str, client_id: str, client_secret: str, directives: tuple[str, ...]
) -> Iterator[Apache]:
    """A server whose `/protected` asks `issuer` who comes; `/protected/claims` tells what it was told."""
    folder = Path(tempfile.mkdtemp(prefix="adgang-apache-"))
    owner = _unprivileged_user()
    (folder / "pages" / "protected").mkdir(parents=True)
    for name in ("substantial", "high"):
        (folder / "pages" / "protected" / name).write_text(name)
    cgi = folder / "claims.sh"
    cgi.write_text(_CGI)
    cgi.chmod(0o755)
    configuration = folder / "apache.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            folder=folder,
            port=site.rpartition(":")[2],
            user=f"User {owner}\nGroup #{pwd.getpwnam(owner).pw_gid}" if owner else "",
            modules="\n".join(
                f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _OTHER_MODULES
            ),
            module_folder=_MODULES,
            issuer=issuer,
            client_id=client_id,
            client_secret=client_secret,
            site=site,
            passphrase=secrets.token_urlsafe(24),
            directives="\n".join(directives),
        )
    )
    if owner:
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, owner)
    log = folder / "error.log"
    process = start_server([program, "-f", configuration, "-D", "FOREGROUND"], folder / "output")
    try:
        wait_until(lambda: _listens(site), process, folder / "output")
        yield Apache(site, log)
    finally:
        stop_server(process)
        shutil.rmtree(folder)


def _listens(site: str) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", int(site.rpartition(":")[2]))) == 0


def _unprivileged_user() -> str | None:
    """Apache's children do not run as root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "www-data" if "www-data" in known else "nobody"
