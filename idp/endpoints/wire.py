"""A request off the wire: from a WSGI environ to a `MachineRequest`, within limits (PEP 3333; protocol.md, errors).

Headers are judged here and nowhere else, before anything else of a request: each is printable ASCII within its length, and
none has a second name. The body is read once, never beyond its limit, and never decompressed. Headers that would override
the method, the address or the host are not looked at by anybody (S-352).
"""

from functools import lru_cache
from typing import Any

from idp.endpoints.machine import MachineRequest
from idp.errors import InvalidDpopProof, InvalidRequest, TooLarge
from idp.protocol.strict_form import MAX_BYTES

MAX_HEADER = 8 * 1024
_MAX_HEADERS = 100

Environ = dict[str, Any]


def read_request(environ: Environ, headers: dict[str, str]) -> MachineRequest:
    """The request, with its body; `headers` are those that were read.

    Raises: InvalidRequest, TooLarge.
    """
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


def read_headers(environ: Environ) -> dict[str, str]:
    """The headers, by their names in lower case.

    granian hands a value that is no ASCII over as an empty one, and of several content types the first.

    Raises: InvalidDpopProof, InvalidRequest.
    """
    headers = {
        (_remembered if len(name) <= _REMEMBERED_LETTERS else _spelled)(name): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if "content-type" in headers or "content-length" in headers:
        # PEP 3333 has these two without HTTP_: this one was spelt with an underscore, for whoever takes that for the same.
        raise InvalidRequest("A header of the body has another name.")
    content_type = environ.get("CONTENT_TYPE")
    if content_type:
        if "," in content_type:  # as servers join several
            raise InvalidRequest("There must be one Content-Type.")
        headers["content-type"] = content_type
    if len(headers) > _MAX_HEADERS:
        raise InvalidRequest("The request has too many headers.")
    if len(headers.get("dpop", "")) > MAX_HEADER:  # RFC 9449 §5 has a word of its own (S-120)
        raise InvalidDpopProof("The DPoP header is larger than 8 KiB.")
    for value in headers.values():
        if len(value) > MAX_HEADER:
            raise InvalidRequest("A header is larger than 8 KiB.")
        if not value.isascii() or not (value.isprintable() or value.replace("\t", " ").isprintable()):
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
