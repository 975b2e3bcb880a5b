"""Redirect URIs: what may be registered, and whether a presented one is the client's (RFC 9700 §2.1, RFC 8252 §7).

Comparison is of the raw text, before any decoding; the only freedom is the port of a native client's loopback
address. There is no prefix, no pattern and no learning.
"""

import re

from clients_registry.client import Client
from clients_registry.errors import UnregisteredRedirectUri
from clients_registry.policy import RegistrationPolicy
from clients_registry.uris import LOOPBACK_LITERALS, MAX_LENGTH, UnfitUri, Uri, check_host_name, parse_uri

_LOOPBACK = re.compile(
    r"http://(?P<host>127\.0\.0\.1|\[::1\])(?::(?P<port>[1-9][0-9]{0,4}))?(?P<rest>(?:[/?].*)?)"
)


def check_redirect_uri(client: Client, presented: str) -> str:
    """The presented URI, which is one that the client registered.

    Raises:
        UnregisteredRedirectUri: nothing may be sent to it, not even an error.
    """
    if isinstance(presented, str) and len(presented) <= MAX_LENGTH:
        if presented in client.redirect_uris:
            return presented
        if client.application_type == "native" and _is_own_loopback(client, presented):
            return presented
    raise UnregisteredRedirectUri("the redirect URI is not registered for this client")


def _is_own_loopback(client: Client, presented: str) -> bool:
    """RFC 8252 §7.3: the port is chosen by the system when the app asks, so any is accepted; all else is exact."""
    asked = _LOOPBACK.fullmatch(presented)
    if asked is None or int(asked["port"] or 80) > 65535:
        return False
    own = (_LOOPBACK.fullmatch(registered) for registered in client.redirect_uris)
    return any(
        uri is not None and (uri["host"], uri["rest"]) == (asked["host"], asked["rest"]) for uri in own
    )


def check_registrable(value: object, application_type: str, policy: RegistrationPolicy) -> str:
    """The URI, if a client of this application type may register it.

    Raises:
        UnfitUri: with what to mend.
    """
    uri = parse_uri(value)
    if uri.scheme == "https":
        check_host_name(uri.host)
    elif uri.scheme == "http":
        _check_plain_http(uri, application_type, policy)
    elif application_type == "native":
        _check_private_use(uri)
    else:
        raise UnfitUri(
            "must begin with https://"
        )  # an allow-list, so that javascript: and its kin need no list (S-008)
    return str(value)


def _check_plain_http(uri: Uri, application_type: str, policy: RegistrationPolicy) -> None:
    if application_type == "native":
        # RFC 8252 §8.3: the name localhost may lead elsewhere, the literals do not
        if uri.host not in LOOPBACK_LITERALS:
            raise UnfitUri("may use http only with the host 127.0.0.1 or [::1]; otherwise use https")
    elif not (uri.is_loopback_http and policy.insecure_allow_loopback_http):
        raise UnfitUri("must begin with https://")  # RFC 9700 §2.6, FAPI 2.0 §5.3.2.2


def _check_private_use(uri: Uri) -> None:
    """RFC 8252 §7.1: a reversed domain name, which `javascript` and `data` are not, and one slash."""
    if "." not in uri.scheme.strip("."):
        raise UnfitUri(
            "must use https, or a scheme that is your domain name reversed, such as dk.nordhavn.app:/signed-in"
        )
    if uri.host is not None or not uri.path:
        raise UnfitUri("must have one slash after a private-use scheme, such as dk.nordhavn.app:/signed-in")
