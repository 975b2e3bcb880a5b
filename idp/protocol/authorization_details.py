"""Authorization details (RFC 9396): what a client asks to do, in the registered kinds of an API, told to the citizen in words.

A client asks for the kinds of its registration, each within its schema, through the pushed authorization request
endpoint, a signed request object or a device's request: never in a plain address, where the browser could change them
(ASVS 10.4.15). The citizen is asked each time, whatever the ground of the purpose. At the token endpoint they can only
be narrowed, element by element. What a kind may hold is clients_registry.detail_schema's matter.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from clients_registry.client import Client
from clients_registry.detail_schema import UnfitDetail, check_members
from clients_registry.detail_type import RegisteredDetailType
from clients_registry.errors import MalformedJson
from clients_registry.registry import Registry
from clients_registry.strict_json import parse_object
from idp.errors import InvalidAuthorizationDetails, InvalidRequest

PARAMETER = "authorization_details"

Detail = Mapping[str, Any]
Details = tuple[Detail, ...]

_MAX_BYTES = 4 * 1024
"""They come back inside access tokens, which must fit the 8 KiB of a header at most servers, ours too."""
_MAX_DETAILS = 10


def check_details(value: str | None, client: Client, registry: Registry) -> Details:
    """What a request asks for, each of a kind that the client may ask for and within its schema (RFC 9396 §5).

    Raises: InvalidAuthorizationDetails.
    """
    details = parse_details(value)
    for detail in details:
        known = _offered(detail["type"], client, registry)
        if known is None:
            raise InvalidAuthorizationDetails(
                "A type is unknown, withdrawn, or not registered for the client."
            )
        members = {name: member for name, member in detail.items() if name != "type"}
        try:
            check_members(known.detail_type.schema, members)
        except UnfitDetail:
            raise InvalidAuthorizationDetails("The details do not fit the schema of their type.") from None
    return details


def parse_details(value: str | None) -> Details:
    """A list of objects, each with its type and none of them twice; none where nothing is asked for.

    Raises: InvalidAuthorizationDetails.
    """
    if value is None:
        return ()
    raw = value.encode("utf-8", "surrogatepass")
    if len(raw) > _MAX_BYTES:
        raise InvalidAuthorizationDetails(
            f"The authorization_details are larger than {_MAX_BYTES // 1024} KiB."
        )
    try:
        document = parse_object(b'{"list":' + raw + b"}")
    except MalformedJson:
        raise InvalidAuthorizationDetails("The authorization_details are not well-formed JSON.") from None
    details = document["list"]
    if len(document) != 1 or not isinstance(details, list) or not 1 <= len(details) <= _MAX_DETAILS:
        raise InvalidAuthorizationDetails(
            f"The authorization_details must be a list of 1 to {_MAX_DETAILS} objects."
        )
    if not all(isinstance(detail, dict) and isinstance(detail.get("type"), str) for detail in details):
        raise InvalidAuthorizationDetails("Each of the authorization_details must be an object with a type.")
    if any(detail in details[:place] for place, detail in enumerate(details)):
        raise InvalidAuthorizationDetails("The same authorization_details stand twice.")
    return tuple(details)


def check_not_plain(parameters: Mapping[str, str]) -> None:
    """ASVS 10.4.15. Raises: InvalidRequest."""
    if PARAMETER in parameters:
        raise InvalidRequest("The authorization_details must be pushed, or stand in a signed request object.")


def narrowed(granted: Details, value: str | None) -> Details:
    """Those of the granted details that a token request names, each as it was granted; all where it names none (§6).

    Raises: InvalidAuthorizationDetails.
    """
    wanted = parse_details(value)
    if not all(detail in granted for detail in wanted):
        raise InvalidAuthorizationDetails("The authorization_details must be among those that were granted.")
    return tuple(detail for detail in granted if detail in wanted) if wanted else granted


def meant_for(identifier: str, details: Iterable[Detail], registry: Registry) -> Details:
    """Those of one API's own kinds: another learns nothing of them (§9.1)."""
    known = ((detail, registry.find_detail_type(detail["type"])) for detail in details)
    return tuple(
        detail
        for detail, kind in known
        if kind is not None and not kind.disabled and kind.detail_type.resource == identifier
    )


def still_offered(details: Details, client: Client, registry: Registry) -> bool:
    """Whether the client could ask for these kinds today (S-035)."""
    return all(_offered(detail["type"], client, registry) is not None for detail in details)


def _offered(name: str, client: Client, registry: Registry) -> RegisteredDetailType | None:
    known = registry.find_detail_type(name) if name in client.authorization_details_types else None
    return None if known is None or known.disabled else known
