"""Encrypting what we signed to a key of the client's (RFC 7516; OpenID Connect Core §10.2, JARM §2.2): a nested JWT, `cty: JWT`.

For clients that registered for it. The key is found before anything is decided or spent, and where there is none
nothing is issued: what is registered as encrypted never travels in another way. Not here: opening anything. We publish no
key of encryption, so request objects and hints that are encrypted to us are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from joserfc import jwe

from clients_registry.client import Encryption
from clients_registry.client_keys import EncryptionKey
from clients_registry.encryption import ALGORITHMS, ANSWERS, CONTENT_ALGORITHMS
from clients_registry.errors import UnknownKey
from clients_registry.registry import RegisteredClient
from idp.errors import InvalidRequest

METADATA: Mapping[str, object] = MappingProxyType(
    {f"{answer}_encryption_alg_values_supported": list(ALGORITHMS) for answer in ANSWERS}
    | {f"{answer}_encryption_enc_values_supported": list(CONTENT_ALGORITHMS) for answer in ANSWERS}
)

_REGISTRY = jwe.JWERegistry(algorithms=[*ALGORITHMS, *CONTENT_ALGORITHMS])
"""Neither `dir` nor PBES2 nor RSA1_5, and no `zip` (S-166)."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a signed token travels to one client."""

    encryption: Encryption | None = None
    """None: as it is."""
    key: EncryptionKey | None = None

    def seal(self, token: str) -> str:
        """The token as it travels."""
        if self.encryption is None:
            return token
        if self.key is None:
            raise AssertionError("an envelope without its key")
        header: dict[str, Any] = {
            "alg": self.encryption.algorithm,
            "enc": self.encryption.content_algorithm,
            "cty": "JWT",
        }
        if self.key.kid is not None:
            header["kid"] = self.key.kid
        return jwe.encrypt_compact(header, token.encode("ascii"), self.key.key, registry=_REGISTRY)


_OPEN = Envelope()


def envelope_for(registered: RegisteredClient, encryption: Encryption | None) -> Envelope:
    """The envelope of a client's answers of one kind: `client.id_token_encryption` and its like.

    Raises: InvalidRequest, where no key of the client fits.
    """
    if encryption is None:
        return _OPEN
    try:
        return Envelope(encryption, registered.keys.find_encryption(encryption.algorithm))
    except UnknownKey:
        raise InvalidRequest(
            "The client is registered for encryption, and none of its keys fits: publish one for that use."
        ) from None


def check_can_encrypt(registered: RegisteredClient, *, answer_is_signed: bool) -> None:
    """Before a citizen is asked for anything: what the request will lead to can be sent.

    Raises: InvalidRequest.
    """
    client = registered.client
    envelope_for(registered, client.id_token_encryption)
    if answer_is_signed:
        envelope_for(registered, client.authorization_response_encryption)
