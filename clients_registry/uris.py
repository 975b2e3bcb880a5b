"""How we read a URI of a registration, and which of them lead to a public page.

One strict reading of RFC 3986, by one expression, instead of a lenient parser whose idea of the host may differ from a
browser's (S-002, S-003, S-004). Nothing is fetched here; whoever fetches asks here again, and then judges the address
(idp.outbound, S-178).
"""

import re
from dataclasses import dataclass

from clients_registry.policy import RegistrationPolicy

MAX_LENGTH = 2000
"""Browsers and proxies agree on about this; the response's parameters come on top."""

MAX_API_ADDRESS = 500
"""It stands in every token."""

LOOPBACK_LITERALS = ("127.0.0.1", "[::1]")

_URI = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*):"
    r"(?://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::(?P<port>[1-9][0-9]{0,4}))?(?=[/?]|$))?"
    r"(?P<path>(?:/[^/?#][^?#]*|/)?)"
    r"(?P<query>(?:\?[^#]*)?)"
)
"""No user information, no fragment; scheme and host in lower case, as browsers send them back."""

_FORBIDDEN = re.compile(r"""[^!-~]|["<>\\^`{|}*]|%(?![0-9A-Fa-f]{2})|%[01][0-9A-Fa-f]|%5[cC]|%7[fF]""")
"""Not ASCII, not URI characters, wildcards, broken escapes, escaped controls and backslashes."""

_DOT_SEGMENT = re.compile(r"/(?:\.|%2[eE]){1,2}(?:[/;?]|$)")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LAST_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
"""Begins with a letter: so no address in decimal, octal or hexadecimal passes for a name."""

_NEVER_PUBLIC = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "invalid", "onion")
"""RFC 6761, RFC 8375, RFC 7686, and what is used like them: names that mean something else on every network."""


class UnfitUri(Exception):
    """The sentence says what to mend; it never repeats the URI."""


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI that reads in one way only."""

    scheme: str
    host: str | None
    """None where there is no authority: a private-use scheme."""
    port: int | None
    path: str
    query: str = ""
    """With its question mark."""

    @property
    def target(self) -> str:
        """What stands in the first line of a request for it (RFC 9112 §3.2.1)."""
        return (self.path or "/") + self.query

    @property
    def is_loopback_http(self) -> bool:
        """Plain HTTP that does not leave the machine."""
        return self.scheme == "http" and self.host in (*LOOPBACK_LITERALS, "localhost")


def parse_uri(value: object) -> Uri:
    """Read an absolute URI.

    Raises:
        UnfitUri: it does not read in one way only.
    """
    if not isinstance(value, str) or not 0 < len(value) <= MAX_LENGTH:
        raise UnfitUri(f"must be a text of 1 to {MAX_LENGTH} characters")
    if _FORBIDDEN.search(value):
        raise UnfitUri(
            "may hold only ASCII characters of a URI (RFC 3986), no wildcard and no escaped control"
        )
    found = _URI.fullmatch(value)
    if found is None:
        raise UnfitUri("must be absolute, in lower case up to the path, without user information or fragment")
    if _DOT_SEGMENT.search(found["path"]) or "//" in found["path"]:
        raise UnfitUri("may have no empty, '.' or '..' part in its path")
    port = int(found["port"]) if found["port"] else None
    if port is not None and port > 65535:
        raise UnfitUri("has a port above 65535")
    return Uri(found["scheme"], found["host"], port, found["path"], found["query"])


def site_of(value: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port of a URI that was read before; the scheme's own port where it has none."""
    uri = parse_uri(value)
    return uri.scheme, uri.host, uri.port or {"https": 443, "http": 80}.get(uri.scheme)


def check_host_name(host: str | None) -> str:
    """The host, if it is a DNS name and not an address.

    Raises:
        UnfitUri: it is an address, or no host name.
    """
    labels = (host or "").split(".")
    sound = all(_LABEL.fullmatch(label) for label in labels) and _LAST_LABEL.fullmatch(labels[-1])
    if not host or not sound or len(host) > 253:
        raise UnfitUri("must have a host name, not an address")
    return host


def check_public_url(value: object, policy: RegistrationPolicy) -> str:
    """The URL, if it leads by https to a host that the public can reach and that is not ours (S-178).

    Raises:
        UnfitUri: otherwise.
    """
    uri = parse_uri(value)
    if uri.is_loopback_http and policy.insecure_allow_loopback_http:
        if _is_loopback_issuer(uri, policy.issuer):
            raise UnfitUri("must lead to a service of the organisation, not to this provider")
        return str(value)
    if uri.scheme != "https":
        raise UnfitUri("must begin with https://")
    host = check_host_name(uri.host)
    if "." not in host or host.endswith(tuple(f".{name}" for name in _NEVER_PUBLIC)):
        raise UnfitUri("must lead to a host that is known in public DNS")
    if policy.issuer and host == _host_of_issuer(policy.issuer):
        raise UnfitUri("must lead to a host of the organisation, not to this provider")
    return str(value)


def check_api_address(value: object, policy: RegistrationPolicy) -> str:
    """The identifier of an API: an https URL without query or fragment at a host that is not ours (RFC 8707 §2).

    Nothing is fetched from it, so a host inside a network will do.

    Raises:
        UnfitUri: otherwise.
    """
    uri = parse_uri(value)
    if "?" in str(value) or len(str(value)) > MAX_API_ADDRESS:
        raise UnfitUri(f"may have no query and at most {MAX_API_ADDRESS} characters")
    if uri.is_loopback_http and policy.insecure_allow_loopback_http:
        if _is_loopback_issuer(uri, policy.issuer):
            raise UnfitUri("must be an API of the organisation, not of this provider")
        return str(value)
    if uri.scheme != "https":
        raise UnfitUri("must begin with https://")
    if check_host_name(uri.host) == _host_of_issuer(policy.issuer):
        raise UnfitUri("must be at a host of the organisation, not of this provider")
    return str(value)


def _is_loopback_issuer(uri: Uri, issuer: str) -> bool:
    """All of a machine's own names are one host, which its services share."""
    own = parse_uri(issuer) if issuer else None
    return own is not None and own.is_loopback_http and (own.port or 80) == (uri.port or 80)


def _host_of_issuer(issuer: str) -> str | None:
    found = _URI.fullmatch(issuer)
    return found["host"] if found else None
