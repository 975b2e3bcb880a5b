"""What may be registered of an API and its scopes."""

from typing import Any

import pytest

from clients_registry.errors import InvalidResourceMetadata
from clients_registry.policy import RegistrationPolicy
from clients_registry.resource_metadata import check_resource
from tests.storage.registry_world import BUILDING_READ, ec_key, public, resource

POLICY = RegistrationPolicy(issuer="https://adgang.example")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"identifier": "/building"}, "identifier"),
        ({"identifier": "https://api.nordhavn.example/building#part"}, "identifier"),
        ({"identifier": "https://api.nordhavn.example/building?part=1"}, "identifier"),
        ({"identifier": "http://api.nordhavn.example/building"}, "identifier"),
        ({"identifier": "https://API.nordhavn.example/building"}, "identifier"),
        ({"identifier": "https://api.nordhavn.example/../building"}, "identifier"),
        ({"identifier": "https://api.nordhavn.example/" + "a" * 500}, "identifier"),
        ({"identifier": None}, "identifier"),
        ({"organisation": "Nordhavn Kommune"}, "organisation"),
        ({"identifier": "https://adgang.example"}, "identifier"),
        ({"identifier": "https://adgang.example/userinfo"}, "identifier"),
        ({"name": "Bygge\u202eAPI"}, "name"),
        ({"token_algorithm": "RS256"}, "token_algorithm"),
        ({"token_algorithm": "none"}, "token_algorithm"),
        ({"token_algorithm": "HS256"}, "token_algorithm"),
        ({"token_form": "saml"}, "token_form"),
        ({"token_seconds": 3601}, "token_seconds"),
        ({"token_seconds": True}, "token_seconds"),
        ({"introspection_auth_method": "none"}, "introspection_auth_method"),
        ({"introspection_signed_response_alg": "RS256"}, "introspection_signed_response_alg"),
        ({"introspection_auth_method": "private_key_jwt"}, "jwks"),
        ({"jwks": {"keys": [public(ec_key())]}}, "jwks"),
        ({"resource_id": "mine"}, "resource_id"),
        ({"scopes": [BUILDING_READ, BUILDING_READ]}, "scopes"),
        ({"scopes": [BUILDING_READ | {"used_by": []}]}, "scopes[0].used_by"),
        ({"scopes": [BUILDING_READ | {"used_by": ["robots"]}]}, "scopes[0].used_by[0]"),
        ({"scopes": [BUILDING_READ | {"text": {"da": "Læse."}}]}, "scopes[0].text"),
        ({"scopes": [BUILDING_READ | {"claims": ["sub"]}]}, "scopes[0]"),
        *(
            ({"scopes": [BUILDING_READ | {"scope": word}]}, "scopes[0].scope")
            for word in (
                "openid",
                "cpr",
                "offline_access",
                "a b:c",
                'a:"b',
                "a:",
                ":a",
                "A:b",
                "a:b\n",
                "a\\:b",
                7,
            )
        ),
    ],
)
def test_a_registration_that_does_not_fit_is_refused_by_member(changes: dict[str, Any], field: str) -> None:
    """S-139, S-148: not even an API at the provider's own host, whose tokens could be taken for the provider's."""
    with pytest.raises(InvalidResourceMetadata) as refused:
        check_resource(resource(**changes), POLICY)
    assert [fault.field for fault in refused.value.faults] == [field]


def test_nothing_is_signed_for_an_api_by_an_algorithm_that_the_provider_has_no_key_for() -> None:
    """Such a token could only fail when a service asks for it; an opaque one is told of in signed answers, too."""
    few = RegistrationPolicy(issuer=POLICY.issuer, signing_algorithms=("ES256", "RS256"))
    check_resource(resource(token_algorithm="ES256", introspection_signed_response_alg="ES256"), few)
    for form in ("jwt", "opaque"):
        given = resource(
            token_form=form, token_algorithm="PS256", introspection_signed_response_alg="Ed25519"
        )
        with pytest.raises(InvalidResourceMetadata) as refused:
            check_resource(given, few)
        assert {fault.field: fault.sentence for fault in refused.value.faults} == {
            "token_algorithm": "would be PS256, and this provider has keys for ES256 or RS256 only",
            "introspection_signed_response_alg": "would be Ed25519, and this provider has keys for ES256 or RS256 only",
        }


def test_every_fault_is_told_at_once() -> None:
    given = resource(identifier="x", token_form="y", colour="red", name=None)
    with pytest.raises(InvalidResourceMetadata) as refused:
        check_resource(given, POLICY)
    assert {fault.field for fault in refused.value.faults} == {"identifier", "token_form", "colour", "name"}
