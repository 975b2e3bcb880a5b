"""A resource server in a few lines: an API that asks the provider about the tokens it is shown."""

import secrets
from dataclasses import dataclass, field
from typing import Any

import requests
from joserfc import jwt
from joserfc.jwk import ECKey

from keys.own_tokens import issue_token
from tests.support.deployment import Deployment
from tests.support.refreshing import tokens_of
from tests.support.relying_party import RelyingParty, claims_of

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
    deployment: Deployment, identifier: str = IDENTIFIER, *, organisation: str | None = None, **metadata: Any
) -> ResourceServer:
    """An API of the first organisation, or of another, with a secret unless `metadata` says otherwise."""
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"})
    registered: dict[str, Any] = {
        "identifier": identifier,
        "name": "Byggeregister",
        "organisation": organisation or deployment.wiring.registry.organisations()[0].organisation_id,
    }
    if metadata.get("introspection_auth_method") == "private_key_jwt":
        registered["jwks"] = {"keys": [{**key.as_dict(private=False), "kid": key.thumbprint()}]}
    registered |= metadata
    services = deployment.wiring.registry_services
    registrations = services.resource_registrations
    made = services.transact(lambda tx: registrations.add(tx, registered, actor="operator:test"))
    deployment.clock.forward(seconds=2)  # past the registry's remembered version
    keyed = key if made.secret is None else None
    return ResourceServer(deployment, identifier, made.resource.resource_id, made.secret, keyed)


def token_for(party: RelyingParty, resource: ResourceServer, **changes: Any) -> str:
    """An access token of a citizen's grant that is meant for this resource; `changes` replace claims."""
    claims = claims_of(tokens_of(party)["access_token"])
    claims = {
        name: value
        for name, value in (claims | {"aud": resource.identifier} | changes).items()
        if value is not None
    }
    return issue_token(party.deployment.wiring.key_ring, "ES256", "at+jwt", claims)
