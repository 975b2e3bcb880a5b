"""By what we encrypt what we send to a client, as it registered (OIDC Registration §2, JARM §3; RFC 7518).

For ID tokens, userinfo and signed authorization responses: an algorithm by which the key is agreed or sent, and one for
the content. Only what we have signed is encrypted, and never compressed. How it is done is idp.protocol.encryption's.
"""

from collections.abc import Iterator
from typing import Any

from clients_registry.client_keys import ClientKeys
from clients_registry.errors import MetadataFault, UnknownKey
from clients_registry.field_readers import Reader, one_of

ALGORITHMS = ("RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW")
CONTENT_ALGORITHMS = ("A128GCM", "A256GCM")
DEFAULT_CONTENT_ALGORITHM = "A128GCM"
"""As strong as A128CBC-HS256, which is the default of OIDC Registration §2 and is not offered."""

ANSWERS = ("id_token", "userinfo", "authorization")
"""What may be encrypted: the first words of the metadata names."""


def algorithm_of(answer: str) -> str:
    """The metadata name of its `alg`."""
    return f"{answer}_encrypted_response_alg"


def content_algorithm_of(answer: str) -> str:
    """The metadata name of its `enc`."""
    return f"{answer}_encrypted_response_enc"


READERS: dict[str, Reader] = {
    **{algorithm_of(answer): one_of(ALGORITHMS) for answer in ANSWERS},
    **{content_algorithm_of(answer): one_of(CONTENT_ALGORITHMS) for answer in ANSWERS},
}

READS = ("jwks", "jwks_uri", "userinfo_signed_response_alg", *READERS)
"""The fields that `faults` looks at."""


def defaults(fields: dict[str, Any]) -> dict[str, Any]:
    """What the absent ones mean."""
    found: dict[str, Any] = {}
    for answer in ANSWERS:
        chosen = fields.get(algorithm_of(answer)) is not None
        found[algorithm_of(answer)] = None
        found[content_algorithm_of(answer)] = DEFAULT_CONTENT_ALGORITHM if chosen else None
    return found


def faults(fields: dict[str, Any]) -> Iterator[MetadataFault]:
    """How they do not fit together, or with the client's keys."""
    for answer in ANSWERS:
        algorithm = fields[algorithm_of(answer)]
        if algorithm is not None:
            yield from _key_faults(algorithm, fields)
        elif fields[content_algorithm_of(answer)] is not None:
            needed = algorithm_of(answer)
            yield MetadataFault(content_algorithm_of(answer), f"needs {needed}; add it, or leave this out")
    if fields[algorithm_of("userinfo")] and fields["userinfo_signed_response_alg"] is None:
        yield MetadataFault(
            algorithm_of("userinfo"),
            "needs userinfo_signed_response_alg: anybody can encrypt, so only what is signed is",
        )


def _key_faults(algorithm: str, fields: dict[str, Any]) -> Iterator[MetadataFault]:
    if fields["jwks_uri"] is not None:
        return  # looked at when it is fetched
    if fields["jwks"] is None:
        yield MetadataFault("jwks", "is missing, and so is jwks_uri; we need a key of yours to encrypt to")
        return
    try:
        ClientKeys.parse(fields["jwks"]).find_encryption(algorithm)
    except UnknownKey:
        yield MetadataFault("jwks", f'has no key to encrypt to by {algorithm}; add one with "use": "enc"')
