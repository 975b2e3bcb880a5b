"""Clients that are registered for refresh tokens, and what they do with them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import requests

from idp.ids import digest, new_id, new_secret
from idp.records import Grant
from idp.refresh_records import RefreshToken
from tests.support.deployment import Deployment
from tests.support.relying_party import RelyingParty
from tests.support.signed_in import code_for, session_of

REGISTERED: dict[str, Any] = {
    "grant_types": ["authorization_code", "refresh_token"],
    "scope": "openid profile offline_access",
}
KINDS: dict[str, dict[str, Any]] = {
    "confidential": {},
    "secret": {"profile": "oidc", "token_endpoint_auth_method": "client_secret_basic"},
    "public": {"profile": "oidc", "token_endpoint_auth_method": "none"},
}


def refreshing_party(
    deployment: Deployment, kind: str = "confidential", *, offline: bool = False, **metadata: Any
) -> RelyingParty:
    """A client of this kind, which asks for lasting access or does not."""
    organisation = deployment.wiring.registry.organisations()[0].organisation_id
    client = deployment.add_client(
        f"Løbende {kind}", organisation, **{**REGISTERED, **KINDS[kind], **metadata}
    )
    scope = "openid profile offline_access" if offline else "openid profile"
    return RelyingParty(deployment, client, scope)


def tokens_of(party: RelyingParty, session: Any = None, **fields: str) -> dict[str, Any]:
    """The answer to a code that a signed-in citizen gave, redeemed with these fields beside the usual ones."""
    asked = party.ask()
    code = code_for(party, asked, session or session_of(party.deployment))
    answer = party.redeem(code, asked.verifier, **fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refresh(party: RelyingParty, refresh_token: str, **fields: str) -> requests.Response:
    return party.post("/token", {"grant_type": "refresh_token", "refresh_token": refresh_token, **fields})


def refused(answer: requests.Response, error: str = "invalid_grant") -> None:
    assert (answer.status_code, answer.json()["error"]) == (400, error), answer.text


def give_lasting_access(deployment: Deployment, citizen_id: str, name: str = "Byggesager") -> str:
    """Lasting access of this client, as a sign-in would have left it; returns the refresh token."""
    services, now, secret = deployment.wiring.services, deployment.clock(), new_secret()
    client_id = deployment.clients[name].client_id
    grant = Grant(new_id(), citizen_id, client_id, new_id(), ("openid", "profile"), (), "byggesag", now, now)
    grant = replace(grant, scope=("openid", "offline_access"), expires_at=now + timedelta(days=30))
    token = RefreshToken(grant, "urn:adgang:loa:substantial", ("pwd", "otp", "mfa"), now, now)

    def work(tx: object) -> None:
        services.grants.add(tx, grant)
        services.refresh_tokens.add(tx, digest(secret), token)

    services.transact(work)
    return secret
