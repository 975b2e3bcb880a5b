"""Where an address is said to be, from a database that the operator supplies (MMDB format 2.0, such as GeoLite2 City).

Only city and country go on; the address itself is not kept. Without a database no place is ever shown, and a place
never decides anything: such databases are often wrong, and the page is for a person to look at.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from idp.errors import ConfigurationFaults
from idp.records import Place

FindPlace = Callable[[str], Place | None]

_LONGEST_CITY = 60


class Reader(Protocol):
    """What is used of `maxminddb.Reader`."""

    def get(self, ip_address: str) -> Any: ...


def find_no_place(address: str) -> Place | None:
    """What a deployment without a database does."""
    del address
    return None


def open_places(file: Path | None) -> FindPlace:
    """How to find places: in `file`, or not at all where there is none.

    Raises:
        ConfigurationFaults: the file cannot be read, or the library that reads it is missing.
    """
    if file is None:
        return find_no_place
    try:
        import maxminddb
    except ImportError:
        raise ConfigurationFaults(
            ["ADGANG_LOCATION_DATABASE needs the library maxminddb: install adgang with [places]."]
        ) from None
    try:
        # In memory, not mapped: a file that is replaced in place would otherwise end the process.
        reader = maxminddb.open_database(file, maxminddb.MODE_MEMORY)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError):
        raise ConfigurationFaults(
            ["ADGANG_LOCATION_DATABASE is no readable MMDB file; name another, or leave it empty."]
        ) from None
    return lambda address: _find(reader, address)


def _find(reader: Reader, address: str) -> Place | None:
    try:
        found = reader.get(address)
    except Exception:  # noqa: BLE001  # a damaged record costs the page a place, and nobody a sign-in
        return None
    return _place_of(found) if isinstance(found, dict) else None


def _place_of(found: dict[str, Any]) -> Place | None:
    city, country = _english_name(found.get("city")), _code(found.get("country"))
    return Place(city, country) if city or country else None


def _english_name(part: Any) -> str:
    names = part.get("names") if isinstance(part, dict) else None
    name = names.get("en") if isinstance(names, dict) else None
    return name[:_LONGEST_CITY] if isinstance(name, str) and name.isprintable() else ""


def _code(part: Any) -> str:
    code = part.get("iso_code") if isinstance(part, dict) else None
    return code if isinstance(code, str) and len(code) == 2 and code.isascii() and code.isalpha() else ""
