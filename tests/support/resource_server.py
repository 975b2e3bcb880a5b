"""A resource server in a few lines: an API that asks the provider about the tokens it is shown."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests
from joserfc import jwt
from joserfc.jwk import ECKey

from clients_registry.services import RegistryServices
from idp.ids import digest
from idp.records import BrowserSession
from keys.own_tokens import issue_token
from tests.support.deployment import Deployment
from tests.support.refreshing import tokens_of
from tests.support.relying_party import RelyingParty, claims_of

TEXT = {
    "da": "se, om du får boligstøtte",
    "en": "see whether you get housing support",
    "nb": "se om du får bostøtte",
}
IDENTIFIER = "https://api.nordhavn.example/byg"


@dataclass
class ResourceServer:
    deployment: Deployment
    identifier: str
    resource_id: str
    secret: str | None = field(default=None, repr=False)
    key: ECKey | None = field(default=None, repr=False)

    def assertion(self, **changes: Any) -> str:
        """RFC 7523: an assertion about itself; `changes` replace claims."""
        now = int(self.deployment.clock().timestamp())
        claims = {
            "iss": self.resource_id,
            "sub": self.resource_id,
            "aud": self.deployment.issuer,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 60,
            **changes,
        }
        assert self.key is not None, "this resource has no key"
        return jwt.encode({"alg": "ES256", "kid": self.key.thumbprint()}, claims, self.key)

    def authentication(self) -> dict[str, Any]:
        """Arguments of a requests call that authenticate the resource."""
        if self.secret is not None:
            return {"auth": (self.resource_id, self.secret)}
        return {
            "data": {
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": self.assertion(),
            }
        }

    def ask(self, token: str, *, accept: str = "application/json", **fields: str) -> requests.Response:
        """An introspection request."""
        arguments = self.authentication()
        data = {**arguments.pop("data", {}), "token": token, **fields}
        headers = {"Accept": accept}
        url = self.deployment.issuer + "/introspect"
        return requests.post(url, data=data, headers=headers, timeout=20, **arguments)

    def told(self, token: str) -> dict[str, Any]:
        """The members of a plain answer."""
        answer = self.ask(token)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def resource_server(
    deployment: Deployment,
    identifier: str = IDENTIFIER,
    *,
    organisation: str | None = None,
    services: RegistryServices | None = None,
    **metadata: Any,
) -> ResourceServer:
    """An API of the first organisation, or of another, with one scope and a secret unless `metadata` says otherwise.

    Registered by the deployment's own `services`, or by those of another with other settings.
    """
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"})
    registered: dict[str, Any] = {
        "identifier": identifier,
        "name": "Byggeregister",
        "organisation": organisation or deployment.wiring.registry.organisations()[0].organisation_id,
        "scopes": [scope_of(word_of(identifier), "citizens", "machines")],
    }
    if metadata.get("introspection_auth_method") == "private_key_jwt":
        registered["jwks"] = {"keys": [{**key.as_dict(private=False), "kid": key.thumbprint()}]}
    registered |= metadata
    services = services or deployment.wiring.registry_services
    registrations = services.resource_registrations
    made = services.transact(lambda tx: registrations.add(tx, registered, actor="operator:test"))
    deployment.clock.forward(seconds=2)  # past the registry's remembered version
    keyed = key if made.secret is None else None
    return ResourceServer(deployment, identifier, made.resource.resource_id, made.secret, keyed)


def token_for(
    party: RelyingParty, resource: ResourceServer, session: BrowserSession | None = None, **changes: Any
) -> str:
    """An access token of a citizen's grant that is meant for this resource; `changes` replace claims.

    With the scope that `resource_server` registers, which the client is granted here, unless another is named.
    """
    word = word_of(resource.identifier)
    if "scope" not in changes:
        let_use(party.deployment, party, word)
    claims = claims_of(tokens_of(party, session)["access_token"])
    claims |= {"aud": resource.identifier, "scope": word, **changes}
    kept = {name: value for name, value in claims.items() if value is not None}
    return issue_token(party.deployment.wiring.key_ring, "ES256", "at+jwt", kept)


def word_of(identifier: str) -> str:
    """The word of the scope of an API that was registered without any."""
    return f"test:{digest(identifier)[:12]}"


def scope_of(word: str, *used_by: str) -> dict[str, Any]:
    """A scope for citizens, or for whom it says."""
    return {"scope": word, "text": TEXT, "used_by": list(used_by or ("citizens",))}


def let_use(deployment: Deployment, party: RelyingParty, word: str, days: int = 30) -> None:
    """Grant the scope to the client."""
    services, ends_at = deployment.wiring.registry_services, deployment.clock() + timedelta(days=days)
    registrations, client_id = services.scope_registrations, party.client.client_id
    services.transact(
        lambda tx: registrations.grant(
            tx, word, client_id, purpose="byggesager", ends_at=ends_at, actor="operator:test"
        )
    )
    deployment.clock.forward(seconds=2)
