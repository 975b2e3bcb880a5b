"""Which addresses the settings may name: of the stores, of our own listeners, of trusted proxies.

Pure: opens nothing, asks nobody. Each fault is a sentence that never repeats the value, which may hold a password.
"""

from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from idp.outbound.addresses import internal_network

_SQLITE = ("sqlite", "sqlite+pysqlite")
_POSTGRESQL = ("postgresql", "postgresql+psycopg")
_REDIS = ("redis", "rediss")


def store_faults(database_url: str, redis_url: str) -> list[str]:
    """What is wrong with the stores' addresses; an empty one means the default."""
    faults = []
    if database_url and not _is_database(database_url):
        faults.append(
            "ADGANG_DATABASE_URL must be postgresql+psycopg://user@host/database or sqlite:////path/to/file."
        )
    if redis_url and not _is_redis(redis_url):
        faults.append("ADGANG_REDIS_URL must be redis://host:6379/0, rediss://… or unix:///path/to/socket.")
    return faults


def listen_faults(host: str, port: int, admin_host: str, admin_port: int) -> list[str]:
    """What is wrong with where we are to listen. Names are not looked up: an address says which network it is."""
    faults = [
        f"{name} must be an IP address, such as 127.0.0.1."
        for name, value in (("ADGANG_LISTEN_HOST", host), ("ADGANG_ADMIN_HOST", admin_host))
        if not _is_address(value)
    ]
    if port == admin_port:
        faults.append("ADGANG_ADMIN_PORT is the same as ADGANG_LISTEN_PORT; choose another one.")
    return faults


def network_faults(networks: Iterable[str]) -> list[str]:
    """One sentence for each entry of ADGANG_TRUSTED_PROXIES that is no network."""
    told = "ADGANG_TRUSTED_PROXIES has an entry that is no IP network, such as 10.0.0.0/24."
    return [told for network in networks if not _is_network(network)]


def internal_network_faults(networks: Iterable[str]) -> list[str]:
    """One sentence for each entry of ADGANG_OUTBOUND_INTERNAL_NETWORKS that opens what is nobody's private network."""
    told = (
        "ADGANG_OUTBOUND_INTERNAL_NETWORKS has an entry that is no private network, such as 10.20.0.0/16; "
        "loopback and link-local addresses cannot be opened."
    )
    return [told for network in networks if not _is_internal(network)]


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database; None for any other."""
    scheme, _, path = url.partition(":///")
    return Path(path.partition("?")[0]) if scheme in _SQLITE else None


def _is_database(url: str) -> bool:
    file = sqlite_file(url)
    if file is not None:
        # In memory, each process would have a database of its own. A `file:` address would hide where the file is.
        return file.name not in ("", ":memory:") and not str(file).startswith("file:")
    parts = _split(url)
    return parts is not None and parts.scheme in _POSTGRESQL and len(parts.path) > 1


def _is_redis(url: str) -> bool:
    parts = _split(url)
    if parts is None:
        return False
    if parts.scheme == "unix":
        return len(parts.path) > 1
    database = parts.path.strip("/")
    return parts.scheme in _REDIS and bool(parts.hostname) and (not database or database.isdecimal())


def _split(url: str) -> SplitResult | None:
    """The parts; None where the address is not well-formed, its port included."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _is_internal(text: str) -> bool:
    try:
        internal_network(text)
    except ValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ip_network(text)
    except ValueError:
        return False
    return True
