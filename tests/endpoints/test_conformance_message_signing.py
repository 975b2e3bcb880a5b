"""FAPI 2.0 Message Signing (conformance.md), by openid-client: requests, answers and introspection, each signed.

What a request object must say is in test_conformance_fapi.py; here is what the library does with what we signed.
"""

from typing import Any

from tests.support.deployment import Deployment
from tests.support.fapi_variants import Make
from tests.support.openid_client import OpenidClient
from tests.support.openid_service import SERVICE, OpenidService
from tests.support.relying_party import RelyingParty
from tests.support.resource_server import ResourceServer, resource_server, token_for

SIGNED = "application/token-introspection+jwt"
SIGNED_BOTH_WAYS: dict[str, Any] = {"response_modes": ["jwt"], "require_signed_request_object": True}


def test_requests_and_answers_are_signed_in_each_variant(make: Make) -> None:
    """A signed request object through PAR, and a JARM answer that the library verifies; nothing unsigned is taken."""
    service = make(wants=("jarm",), **SIGNED_BOTH_WAYS)
    url = service.answer(service.ask(sign="signing")["url"])
    assert url.startswith(f"{SERVICE}?response=")
    assert service.library("finish", url=url)["claims"]["acr"] == "urn:adgang:loa:substantial"
    assert service.outcome("ask", push=True, parameters={"redirect_uri": SERVICE}) == "invalid_request"


def test_an_error_is_signed_like_an_answer(live_deployment: Deployment, library: OpenidClient) -> None:
    """JARM §2.3: the citizen says no, and the library has verified who says so, to whom, and until when."""
    service = signing(live_deployment, library)
    asked = service.ask(sign="signing")
    page = service.browser.submit(service.browser.get(asked["url"]), "/cancel")
    assert library.refused("finish", url=page.url).error == "access_denied"
    assert page.answer is not None and set(page.answer) == {"response"}
    told = library("verify", token=page.answer["response"], issuer=live_deployment.issuer)
    claims = told["claims"]
    assert (claims["aud"], claims["error"], claims["state"]) == (
        service.client_id, "access_denied", asked["state"],
    )  # fmt: skip
    assert 0 < claims["exp"] - claims.get("iat", claims["exp"] - 300) <= 600


def test_an_answer_that_was_altered_or_meant_for_another_is_not_believed(
    live_deployment: Deployment, library: OpenidClient
) -> None:
    """JARM §4: by the library, so that the checks above can fail."""
    service = signing(live_deployment, library)
    url = service.answer(service.ask(sign="signing")["url"])
    head, _, response = url.partition("response=")
    header, claims, signature = response.split(".")
    flipped = ("B" if signature[0] == "A" else "A") + signature[1:]
    assert library.refused("finish", url=f"{head}response={header}.{claims}.{flipped}").told["code"]
    own = library("jwt", key="signing", header={}, claims={"iss": live_deployment.issuer, "code": "x"})
    assert library.refused("finish", url=f"{head}response={own}").told["code"]
    assert library("finish", url=url)["claims"]["sub"]


def test_state_and_nonce_are_those_inside_the_request_object(
    live_deployment: Deployment, library: OpenidClient
) -> None:
    """RFC 9101 §6.3: what stands beside it changes nothing, and a state only there is no state."""
    service = signing(live_deployment, library)
    beside = {"state": "beside", "nonce": "beside"}
    signed_in = service.sign_in(sign="signing", outside=beside)  # the library has looked at both
    assert signed_in["claims"]["nonce"] != "beside"
    signed_in = service.sign_in(
        sign="signing", outside=beside, parameters={"state": None, "nonce": None}
    )  # and would refuse any
    assert "nonce" not in signed_in["claims"]


def test_what_introspection_signs_is_read_by_a_certified_library(
    live_deployment: Deployment, library: OpenidClient
) -> None:
    """RFC 9701: it asks for the type by `Accept`, and checks signature, `typ`, `iss` and `aud` by itself."""
    api = resource_server(live_deployment)
    token = token_for(RelyingParty(live_deployment, live_deployment.clients["Byggesager"]), api)
    as_resource(library, api, introspection_signed_response_alg="ES256")
    told = library("introspect", token=token)
    assert told["active"] and told["aud"] == api.identifier and told["token_type"] == "DPoP"
    assert library("introspect", token="A" * 43) == {"active": False}
    asked = [heard for heard in library("heard") if heard["url"].endswith("/introspect")]
    assert [heard["headers"]["content-type"] for heard in asked] == [SIGNED, SIGNED]
    assert {heard["sent"]["accept"] for heard in asked} == {SIGNED}
    # Without that wish it is told plainly, and by another resource's credential nothing.
    as_resource(library, api)
    assert library("introspect", token=token) == told
    as_resource(library, resource_server(live_deployment, "https://api.midtsund.example/"))
    assert library("introspect", token=token) == {"active": False}


def signing(deployment: Deployment, library: OpenidClient) -> OpenidService:
    """A service that takes nothing unsigned, and sends nothing so."""
    return OpenidService(deployment, library, wants=("jarm",), **SIGNED_BOTH_WAYS)


def as_resource(library: OpenidClient, api: ResourceServer, **metadata: Any) -> None:
    """The library, configured as an API that has the credential of its registration."""
    library(
        "configure",
        issuer=api.deployment.issuer,
        client_id=api.resource_id,
        metadata=metadata,
        auth={"method": "client_secret_basic", "secret": api.secret},
        wants=["nonrepudiation"],
    )
