"""What a client may register about its requests and the answers to them (RFC 9101 §10.5, RFC 9126 §6, JARM §3)."""

from typing import Any

from clients_registry.errors import InvalidClientMetadata
from clients_registry.metadata import check_metadata
from clients_registry.policy import RegistrationPolicy
from tests.storage.registry_world import ec_key, oidc_registration, public, registration

POLICY = RegistrationPolicy(issuer="https://login.adgang.example")


def faults(given: dict[str, Any]) -> dict[str, str]:
    """The sentences by field; empty where the registration is sound."""
    try:
        check_metadata(given, POLICY)
    except InvalidClientMetadata as invalid:
        return {fault.field: fault.sentence for fault in invalid.faults}
    return {}


def test_a_fapi2_client_pushes_and_cannot_say_otherwise() -> None:
    assert check_metadata(registration(), POLICY)["require_pushed_authorization_requests"] is True
    assert list(faults(registration(require_pushed_authorization_requests=False))) == [
        "require_pushed_authorization_requests"
    ]
    assert check_metadata(oidc_registration(), POLICY)["require_pushed_authorization_requests"] is False
    assert faults(oidc_registration(require_pushed_authorization_requests=True)) == {}


def test_who_signs_requests_registers_a_key_for_it() -> None:
    keyless = oidc_registration()
    for asked in ({"require_signed_request_object": True}, {"request_object_signing_alg": "ES256"}):
        assert list(faults(keyless | asked)) == ["jwks"]
        assert faults(keyless | asked | {"jwks": {"keys": [public(ec_key())]}}) == {}
    assert list(faults(registration(request_object_signing_alg="PS256"))) == ["jwks"]


def test_request_objects_are_signed_by_an_algorithm_of_the_profile() -> None:
    """S-056, S-189."""
    for algorithm in ("none", "HS256", "RS256", "ES512", ""):
        assert "request_object_signing_alg" in faults(registration(request_object_signing_alg=algorithm))


def test_answers_are_signed_by_the_one_algorithm_of_the_client() -> None:
    assert (
        faults(registration(response_modes=["jwt", "query"], authorization_signed_response_alg="ES256")) == {}
    )
    assert list(faults(registration(authorization_signed_response_alg="PS256"))) == [
        "authorization_signed_response_alg"
    ]
    for mode in ("fragment", "fragment.jwt", "JWT"):
        assert "response_modes[0]" in faults(registration(response_modes=[mode]))
