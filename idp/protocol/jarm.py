"""JARM: the authorization response as one JWT that we signed (JWT Secured Authorization Response Mode for OAuth 2.0).

For clients that registered one of its modes. Success and error alike carry `iss`, `aud` and `exp` in the signature, so
neither can be made by another provider, meant for another client, or kept for later. `fragment.jwt` is not offered,
since nothing here is answered in a fragment.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from clients_registry.client import Client
from idp.protocol.encryption import Envelope
from idp.protocol.policy import ProtocolPolicy
from idp.protocol.response_mode import JWT_MODES, AuthorizationResponse
from keys.key_ring import KeyRing
from keys.own_tokens import issue_token

TYP = "authorization-response+jwt"
"""JARM names no type; one of its own keeps it from passing for an ID token (RFC 8725 §3.11)."""

_CARRIED_BY: Mapping[str, str] = MappingProxyType({"query.jwt": "query", "form_post.jwt": "form_post"})


def is_secured(mode: str) -> bool:
    """Whether the answers of this mode are signed."""
    return mode in JWT_MODES


def secure(
    answer: AuthorizationResponse,
    client: Client,
    envelope: Envelope,
    *,
    key_ring: KeyRing,
    policy: ProtocolPolicy,
    now: datetime,
) -> AuthorizationResponse:
    """The answer as it travels: signed for this client where its mode asks for that, and put into its envelope; else as
    it is (JARM §2.1 to §2.3).

    Raises: NoActiveKey, KnowledgeTooOld, as `KeyRing.signer`.
    """
    if not is_secured(answer.mode):
        return answer
    lifetime = int(policy.authorization_response_lifetime.total_seconds())
    issued_at = int(now.timestamp())
    # `iss` is among the parameters already (RFC 9207).
    claims = {
        **dict(answer.parameters),
        "aud": client.client_id,
        "iat": issued_at,
        "exp": issued_at + lifetime,
    }
    token = issue_token(key_ring, client.authorization_response_algorithm, TYP, claims)
    return AuthorizationResponse(
        answer.redirect_uri, _CARRIED_BY[answer.mode], (("response", envelope.seal(token)),)
    )
