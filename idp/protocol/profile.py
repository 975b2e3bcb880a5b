"""What a client's profile and its registration together demand of a request (FAPI 2.0; RFC 9700; OIDC Core Basic).

The profiles themselves are one table, clients_registry.profiles; rules read it through `Client.rules`, and none
compares a profile's name.
"""

from clients_registry.client import Client
from idp.errors import InvalidRequest
from idp.protocol.confirmation import Confirmation, confirmation_of


def pkce_required(client: Client) -> bool:
    """RFC 9700 §2.1.1: always, except of a confidential `oidc` client whose registration says it cannot."""
    return not client.rules.pkce_may_be_waived or client.require_pkce or client.is_public


def sender_constraint(client: Client, proven: Confirmation | None) -> Confirmation | None:
    """What the tokens of a request are to be bound to, of what it proved (RFC 8705 §3.4, RFC 9449 §5.2; S-129).

    Raises: InvalidRequest where too little was proven.
    """
    jkt, x5t_s256 = (None, None) if proven is None else (proven.jkt, proven.x5t_s256)
    if not client.tls_client_certificate_bound_access_tokens:
        x5t_s256 = None  # it may authenticate by a certificate, and show its tokens elsewhere without
    elif x5t_s256 is None:
        raise InvalidRequest(
            "The token requests of this client need a valid TLS certificate, at the addresses of mtls_endpoint_aliases."
        )
    if client.dpop_bound_access_tokens and jkt is None:
        raise InvalidRequest("The token requests of this client need a DPoP proof (RFC 9449).")
    bound = confirmation_of(jkt=jkt, x5t_s256=x5t_s256)
    if bound is None and client.rules.requires_sender_constraint:
        raise InvalidRequest(
            "The tokens of this client must be bound to a key: send a DPoP proof (RFC 9449)."
        )
    return bound


def signing_algorithm(client: Client) -> str:
    """The one algorithm for everything that we sign for this client; the registry filled in its profile's own."""
    return client.id_token_signed_response_alg
