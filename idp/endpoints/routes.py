"""Which function answers at which path. A new endpoint is a line here, and a row in the tests' matrices."""

from idp.endpoints.device_authorization import device_authorization
from idp.endpoints.discovery import announced_types, discovery
from idp.endpoints.health import healthz
from idp.endpoints.introspection import introspection
from idp.endpoints.jwks import jwks
from idp.endpoints.machine import Route, RouteTable
from idp.endpoints.par import par
from idp.endpoints.revocation import revocation
from idp.endpoints.sender import Senders
from idp.endpoints.token import token
from idp.endpoints.userinfo import userinfo
from idp.protocol.client_auth import ClientAuthentication
from idp.protocol.dpop import DpopProofs
from idp.protocol.resource_auth import ResourceAuthentication
from idp.services import Services


def routes(services: Services) -> RouteTable:
    """The table of a process."""
    policy = services.policy
    authentication = ClientAuthentication(
        services.registry, services.seen, services.rates, policy, services.client_authorities
    )
    resources = ResourceAuthentication(services.registry, services.seen, services.rates, policy)
    detail_types = announced_types(services.registry, services.clock)
    metadata = Route(
        {"GET": discovery(policy, services.key_ring.algorithms, detail_types)}, cross_origin=True
    )
    senders = Senders(DpopProofs(policy, services.seen, services.dpop_nonces), services.rates)
    claims = userinfo(services, senders)
    published_keys = jwks(policy, services.key_ring, services.traffic, services.clock)
    keys = Route({"GET": published_keys}, cross_origin=True)
    return {
        "/.well-known/openid-configuration": metadata,
        "/.well-known/oauth-authorization-server": metadata,
        "/jwks": keys,
        "/jwks/": keys,
        "/device_authorization": Route({"POST": device_authorization(services, authentication)}),
        "/par": Route({"POST": par(services, authentication, senders)}),
        "/token": Route({"POST": token(services, authentication, senders)}, cross_origin=True),
        "/introspect": Route({"POST": introspection(services, resources)}),
        "/revoke": Route({"POST": revocation(services, authentication)}, cross_origin=True),
        "/userinfo": Route({"GET": claims, "POST": claims}, cross_origin=True),
        "/healthz": Route({"GET": healthz}),
    }
