"""A request off the wire: from a WSGI environ to a `MachineRequest`, within limits (PEP 3333; protocol.md, errors).

The body is read once, never beyond its limit, and never decompressed. Headers that would override the method, the
address or the host are not looked at by anybody (S-352).
"""

from functools import lru_cache
from typing import Any

from idp.endpoints.machine import MachineRequest
from idp.errors import InvalidDpopProof, InvalidRequest, TooLarge
from idp.protocol.strict_form import MAX_BYTES

MAX_HEADER = 8 * 1024
_MAX_HEADERS = 100

Environ = dict[str, Any]


def read_request(environ: Environ) -> MachineRequest:
    """The request, with its body.

    Raises: InvalidRequest, TooLarge.
    """
    headers = _headers(environ)
    query = environ.get("QUERY_STRING", "")
    if len(query) > MAX_BYTES:
        raise TooLarge("The query string is larger than 64 KiB.")
    return MachineRequest(
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"],
        query_string=query.encode("latin-1"),
        headers=headers,
        body=_body(environ, headers),
        peer_address=environ.get("adgang.peer") or environ.get("REMOTE_ADDR", ""),
        client_certificate=environ.get("adgang.client_certificate"),
        reference=environ.get("adgang.reference", ""),
    )


_REMEMBERED_LETTERS = 64
"""A longer name is nobody's but its sender's, who would fill our memory with it."""


def _spelled(name: str) -> str:
    return name[5:].replace("_", "-").lower()


_remembered = lru_cache(maxsize=256)(_spelled)


def _headers(environ: Environ) -> dict[str, str]:
    headers = {
        (_remembered if len(name) <= _REMEMBERED_LETTERS else _spelled)(name): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    if len(headers) > _MAX_HEADERS:
        raise InvalidRequest("The request has too many headers.")
    if len(headers.get("dpop", "")) > MAX_HEADER:  # RFC 9449 §5 has a word of its own (S-120)
        raise InvalidDpopProof("The DPoP header is larger than 8 KiB.")
    for value in headers.values():
        if len(value) > MAX_HEADER:
            raise InvalidRequest("A header is larger than 8 KiB.")
        if not value.isprintable() and not value.replace("\t", " ").isprintable():
            raise InvalidRequest("A header has characters that are not allowed.")
    return headers


def _body(environ: Environ, headers: dict[str, str]) -> bytes:
    declared = environ.get("CONTENT_LENGTH") or ""
    chunked = "transfer-encoding" in headers
    if not declared and not chunked:
        return b""
    if "content-encoding" in headers:
        raise InvalidRequest("The body must not be compressed.")
    if declared and (chunked or not (declared.isascii() and declared.isdigit() and len(declared) < 20)):
        raise InvalidRequest("The Content-Length is not well-formed.")
    if declared and int(declared) > MAX_BYTES:
        raise TooLarge("The request body is larger than 64 KiB.")
    body: bytes = environ["wsgi.input"].read(int(declared) if declared else MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise TooLarge("The request body is larger than 64 KiB.")
    if declared and len(body) != int(declared):
        raise InvalidRequest("The body is shorter than its Content-Length.")
    return body
