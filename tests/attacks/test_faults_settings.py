"""A deployment that is not fit for service does not start: an exit code, and a sentence for each fault."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.deployment import Deployment
from tests.support.ports import free_ports

Environment = dict[str, str]

PRODUCTION = {
    "ADGANG_ENVIRONMENT": "production",
    "ADGANG_ISSUER": "https://adgang.example",
    "ADGANG_INSECURE_ALLOW_HTTP_LOOPBACK": "false",
}


def environment_of(deployment: Deployment) -> Environment:
    settings = deployment.settings
    port, admin_port = free_ports(2)
    return {
        "PATH": os.environ["PATH"],
        "ADGANG_ISSUER": settings.issuer,
        "ADGANG_ENVIRONMENT": "demo",
        "ADGANG_INSECURE_ALLOW_HTTP_LOOPBACK": "true",
        "ADGANG_SECRETS_DIRECTORY": str(settings.secrets_directory),
        "ADGANG_STATE_DIRECTORY": str(settings.state_directory / "other"),
        "ADGANG_DATABASE_URL": settings.sql_url,
        "ADGANG_REDIS_URL": settings.redis_url,
        "ADGANG_LISTEN_PORT": str(port),
        "ADGANG_ADMIN_PORT": str(admin_port),
    }


def adgang(environment: Environment, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "idp", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )


def open_file(deployment: Deployment, environment: Environment) -> None:
    (deployment.settings.secrets_directory / "pepper").chmod(0o644)


def open_to_the_group(deployment: Deployment, environment: Environment) -> None:
    (deployment.settings.secrets_directory / "key-encryption-key").chmod(0o640)


def missing_key(deployment: Deployment, environment: Environment) -> None:
    (deployment.settings.secrets_directory / "key-encryption-key").unlink()


def short_key(deployment: Deployment, environment: Environment) -> None:
    (deployment.settings.secrets_directory / "subject-secret").write_text("c2hvcnQ=\n")


def other_key(deployment: Deployment, environment: Environment) -> None:
    (deployment.settings.secrets_directory / "key-encryption-key").write_text("_1ulBAgZ6mAtMEmHQBhCG_LOfnlJ1dBYGCRpjXg2kUc=\n")  # fmt: skip


def no_directory(deployment: Deployment, environment: Environment) -> None:
    environment["ADGANG_SECRETS_DIRECTORY"] += "-elsewhere"


def no_tables(deployment: Deployment, environment: Environment) -> None:
    environment["ADGANG_DATABASE_URL"] += ".new"


def no_database(deployment: Deployment, environment: Environment) -> None:
    environment["ADGANG_DATABASE_URL"] = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"


def no_redis(deployment: Deployment, environment: Environment) -> None:
    environment["ADGANG_REDIS_URL"] = "redis://127.0.0.1:1/0"


def setting(**changes: str) -> Callable[[Deployment, Environment], None]:
    return lambda _deployment, environment: environment.update(changes)


FAULTS: list[tuple[str, Callable[[Deployment, Environment], None], list[str]]] = [
    ("open file", open_file, ["pepper can be read by others", "chmod 600"]),
    ("open to the group", open_to_the_group, ["key-encryption-key can be read by others"]),
    ("missing key", missing_key, ["key-encryption-key is missing"]),
    ("short secret", short_key, ["subject-secret does not hold 32 bytes"]),
    ("another key", other_key, ["key"]),
    ("no directory", no_directory, ["ADGANG_SECRETS_DIRECTORY does not exist"]),
    ("no tables", no_tables, ["adgang migrate"]),
    ("no database", no_database, ["The database does not answer"]),
    ("no Redis", no_redis, ["Redis does not answer"]),
    ("http in production", setting(**{**PRODUCTION, "ADGANG_ISSUER": "http://adgang.example"}),
        ["ADGANG_ISSUER must begin with https://"]),
    ("debug in production", setting(**PRODUCTION, ADGANG_LOG_LEVEL="DEBUG"), ["ADGANG_LOG_LEVEL may not be DEBUG"]),
    ("demo switch in production",
        setting(**{**PRODUCTION, "ADGANG_INSECURE_ALLOW_HTTP_LOOPBACK": "true"}),
        ["ADGANG_INSECURE_ALLOW_HTTP_LOOPBACK weakens security"]),
    ("an unknown setting", setting(ADGANG_SESION_SECONDS="60"), ["ADGANG_SESION_SECONDS is not a setting"]),
    ("beyond its bound", setting(ADGANG_CODE_SECONDS="3600"), ["ADGANG_CODE_SECONDS must be from 5 to 60"]),
    ("loopback as an internal network", setting(ADGANG_OUTBOUND_INTERNAL_NETWORKS="127.0.0.0/8"),
        ["ADGANG_OUTBOUND_INTERNAL_NETWORKS has an entry that is no private network"]),
    ("no file of certificates", setting(ADGANG_OUTBOUND_CA_FILE="pyproject.toml"),
        ["ADGANG_OUTBOUND_CA_FILE is not a file of certificates"]),
    ("no number", setting(ADGANG_WORKERS="²"), ["ADGANG_WORKERS must be a whole number"]),
    ("an address in the issuer", setting(ADGANG_ISSUER="https://a@b.example/x"), ["ADGANG_ISSUER must be scheme"]),
    ("no network", setting(ADGANG_TRUSTED_PROXIES="proxy.example"), ["ADGANG_TRUSTED_PROXIES has an entry"]),
    ("client certificates that no proxy tells", setting(ADGANG_MTLS_ORIGIN="https://mtls.adgang.example"),
        ["ADGANG_MTLS_ORIGIN needs a proxy"]),
    ("client certificates without TLS",
        setting(ADGANG_MTLS_ORIGIN="http://mtls.adgang.example/x", ADGANG_TRUSTED_PROXIES="192.0.2.7"),
        ["ADGANG_MTLS_ORIGIN must be https"]),
    ("authorities that nobody is asked for", setting(ADGANG_MTLS_CA_FILE="/nowhere"),
        ["ADGANG_MTLS_CA_FILE is set without", "ADGANG_MTLS_CA_FILE must be a readable file"]),
    ("another kind of database", setting(ADGANG_DATABASE_URL="mysql://u:hemmelig@db/adgang"),
        ["ADGANG_DATABASE_URL must be"]),
    ("a driver we do not have", setting(ADGANG_DATABASE_URL="postgresql+asyncpg://db/adgang"),
        ["ADGANG_DATABASE_URL must be"]),
    ("a database in memory", setting(ADGANG_DATABASE_URL="sqlite:///:memory:"), ["ADGANG_DATABASE_URL must be"]),
    ("a database without file", setting(ADGANG_DATABASE_URL="sqlite://"), ["ADGANG_DATABASE_URL must be"]),
    ("no address of a database", setting(ADGANG_DATABASE_URL="adgang"), ["ADGANG_DATABASE_URL must be"]),
    ("a database's port in words", setting(ADGANG_DATABASE_URL="postgresql://db:five/adgang"),
        ["ADGANG_DATABASE_URL must be"]),
    ("a database's port too large", setting(ADGANG_DATABASE_URL="postgresql://db:70000/adgang"),
        ["ADGANG_DATABASE_URL must be"]),
    ("a database's host half written", setting(ADGANG_DATABASE_URL="postgresql://[::1/adgang"),
        ["ADGANG_DATABASE_URL must be"]),
    ("another kind of store", setting(ADGANG_REDIS_URL="memcached://cache:11211"), ["ADGANG_REDIS_URL must be"]),
    ("a store without host", setting(ADGANG_REDIS_URL="redis:///0"), ["ADGANG_REDIS_URL must be"]),
    ("a store's database in words", setting(ADGANG_REDIS_URL="redis://cache/zero"), ["ADGANG_REDIS_URL must be"]),
    ("a socket without path", setting(ADGANG_REDIS_URL="unix://"), ["ADGANG_REDIS_URL must be"]),
    ("listening on a name", setting(ADGANG_LISTEN_HOST="localhost", ADGANG_ADMIN_HOST="adgang.example"),
        ["ADGANG_LISTEN_HOST must be an IP address", "ADGANG_ADMIN_HOST must be an IP address"]),
    ("one port for both", setting(ADGANG_LISTEN_PORT="8000", ADGANG_ADMIN_PORT="8000"),
        ["ADGANG_ADMIN_PORT is the same"]),
    ("another machine's address", setting(ADGANG_LISTEN_HOST="192.0.2.7"), ["192.0.2.7 is no address of this machine"]),
    ("every address at once",
        setting(ADGANG_DATABASE_URL="mysql://db/x", ADGANG_REDIS_URL="ftp://x", ADGANG_LISTEN_HOST="x",
            ADGANG_TRUSTED_PROXIES="x"),
        ["ADGANG_DATABASE_URL", "ADGANG_REDIS_URL", "ADGANG_LISTEN_HOST", "ADGANG_TRUSTED_PROXIES"]),
    ("several at once",
        setting(ADGANG_CODE_SECONDS="0", ADGANG_WORKERS="no", ADGANG_ENVIRONMENT="staging"),
        ["ADGANG_CODE_SECONDS", "ADGANG_WORKERS", "ADGANG_ENVIRONMENT must be one of"]),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "told"), [pytest.param(s, t, id=name) for name, s, t in FAULTS])
def test_a_fault_forbids_the_start(
    deployment: Deployment, spoil: Callable[[Deployment, Environment], None], told: list[str]
) -> None:
    """S-396, S-321: exit code 1 or 3, every fault in a line of its own, no stack trace, no value repeated."""
    environment = environment_of(deployment)
    spoil(deployment, environment)
    done = adgang(environment, "serve")
    said = done.stderr + done.stdout
    assert done.returncode in (1, 3), said
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.strip()]
    for words in told:
        assert len([line for line in lines if words in line]) == 1, said
    assert len(lines) <= len(told) + 1
    secrets = [path.read_text().strip() for path in deployment.settings.secrets_directory.iterdir()]
    assert not any(secret in said for secret in [*secrets, "hemmelig"] if secret)
