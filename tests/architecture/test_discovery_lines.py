"""Each line of discovery has a test that holds it to its word; a line without one is not announced."""

import ast

import pytest

from idp.endpoints.discovery import provider_metadata
from idp.protocol.policy import ProtocolPolicy
from tests.architecture.repository import ROOT

_WORDS = "endpoints/test_discovery.py::test_every_announced_word_of_a_request_is_taken"
_ALGORITHMS = "endpoints/test_discovery.py::test_every_announced_algorithm_of_clients_is_verified"
_SIGNED = "endpoints/test_discovery.py::test_everything_signed_is_signed_by_each_announced_algorithm"
_ENCRYPTED = (
    "flows/test_encrypted_answers.py::test_everything_that_was_registered_so_is_signed_and_then_encrypted"
)
_METHODS = "endpoints/test_idpyoidc_client.py::test_it_signs_a_citizen_in"
_TOLD = "flows/test_back_channel_logout.py::test_a_service_gets_a_logout_token_that_any_library_can_check"
_FRAMES = "flows/test_sign_out.py::test_services_that_registered_for_it_are_told_by_hidden_frames"
_RESOURCES = "attacks/test_introspection.py::test_an_assertion_of_a_resource_is_its_own_fresh_and_used_once"
_MTLS = "attacks/test_mtls_bound_tokens.py"

LINES: dict[str, str] = {
    "issuer": "attacks/test_mix_up.py",
    "authorization_endpoint": "endpoints/test_authlib_sign_in.py",
    "pushed_authorization_request_endpoint": "attacks/test_par_endpoint.py::test_a_pushed_request_is_answered_with_its_address",
    "token_endpoint": "endpoints/test_authlib_client.py::test_authlib_redeems_a_code_and_reads_claims",
    "introspection_endpoint": "attacks/test_introspection.py::test_a_resource_is_told_what_stands_in_a_token_that_is_meant_for_it",
    "revocation_endpoint": "attacks/test_revocation.py::test_an_access_token_ends_alone",
    "device_authorization_endpoint": "flows/test_device.py::test_authlib_is_given_tokens_by_the_device_grant",
    "userinfo_endpoint": "endpoints/test_code_exchange.py::test_a_code_becomes_tokens_and_the_token_opens_userinfo",
    "end_session_endpoint": "flows/test_sign_out.py::test_a_service_that_shows_its_id_token_signs_the_citizen_out_and_gets_them_back",
    "jwks_uri": "endpoints/test_keys_in_the_provider.py",
    "mtls_endpoint_aliases": _MTLS,
    "grant_types_supported": "endpoints/test_discovery.py::test_every_announced_grant_type_is_one",
    "subject_types_supported": "endpoints/test_code_exchange.py::test_two_organisations_know_a_citizen_by_different_subjects_and_sessions",
    "id_token_signing_alg_values_supported": _SIGNED,
    "userinfo_signing_alg_values_supported": _SIGNED,
    "authorization_signing_alg_values_supported": _SIGNED,
    "introspection_signing_alg_values_supported": "attacks/test_introspection.py::test_an_answer_is_signed_for_who_asks_for_that",
    "id_token_encryption_alg_values_supported": _ENCRYPTED,
    "id_token_encryption_enc_values_supported": _ENCRYPTED,
    "userinfo_encryption_alg_values_supported": _ENCRYPTED,
    "userinfo_encryption_enc_values_supported": _ENCRYPTED,
    "authorization_encryption_alg_values_supported": _ENCRYPTED,
    "authorization_encryption_enc_values_supported": _ENCRYPTED,
    "acr_values_supported": _WORDS,
    "require_pushed_authorization_requests": "attacks/test_par_endpoint.py::test_a_fapi2_client_must_push",
    "claims_parameter_supported": "endpoints/test_conformance_claims.py::test_claims_are_given_where_they_were_asked_for",
    "claim_types_supported": "endpoints/test_conformance_claims.py::test_every_standard_scope_gives_all_its_claims",
    "claims_supported": "endpoints/test_conformance_claims.py::test_every_standard_scope_gives_all_its_claims",
    "ui_locales_supported": "flows/test_sign_in.py::test_pages_speak_the_language_that_the_service_asks_for",
    "backchannel_logout_supported": _TOLD,
    "backchannel_logout_session_supported": _TOLD,
    "frontchannel_logout_supported": _FRAMES,
    "frontchannel_logout_session_supported": _FRAMES,
    "code_challenge_methods_supported": "rules/test_protocol_requests.py::test_only_s256_is_a_challenge_method",
    "dpop_signing_alg_values_supported": "rules/test_protocol_dpop.py::test_a_proof_by_each_announced_algorithm_is_taken",
    "prompt_values_supported": _WORDS,
    "display_values_supported": _WORDS,
    "request_parameter_supported": "endpoints/test_idpyoidc_client.py::test_its_signed_request_objects_are_understood",
    "request_uri_parameter_supported": "endpoints/test_conformance_requests.py::test_what_is_refused_is_told_to_the_client_with_its_registered_error",
    "request_object_signing_alg_values_supported": _ALGORITHMS,
    "require_signed_request_object": "attacks/test_request_objects.py::test_a_client_that_registered_so_is_taken_at_its_word",
    "response_types_supported": "attacks/test_authorize_request_redirects.py::test_no_response_type_but_code_is_answered",
    "response_modes_supported": _WORDS,
    "authorization_response_iss_parameter_supported": "attacks/test_mix_up.py",
    "introspection_endpoint_auth_methods_supported": _RESOURCES,
    "introspection_endpoint_auth_signing_alg_values_supported": _RESOURCES,
    "scopes_supported": _WORDS,
    "token_endpoint_auth_methods_supported": _METHODS,
    "token_endpoint_auth_signing_alg_values_supported": _ALGORITHMS,
    "revocation_endpoint_auth_methods_supported": "attacks/test_revocation.py::test_only_the_client_itself_may_revoke",
    "revocation_endpoint_auth_signing_alg_values_supported": _ALGORITHMS,
    "tls_client_certificate_bound_access_tokens": _MTLS,
}
"""A member of the document, and the test, or the file of tests, that fails when it is not true."""

_ISSUER = "https://id.nordhavn.example"


def announced() -> set[str]:
    """The members of the largest document that a deployment can have, and of the smallest."""
    policies = (ProtocolPolicy(_ISSUER), ProtocolPolicy(_ISSUER, mtls_origin="https://mtls.nordhavn.example"))
    return {name for policy in policies for name in provider_metadata(policy, ("ES256", "RS256"))}


def test_each_line_of_discovery_has_a_test_and_each_test_a_line() -> None:
    """A member that nobody tests is refused: write a test that fails when it is not true, and name it in LINES."""
    assert announced() - LINES.keys() == set(), "announced and held by no test"
    assert LINES.keys() - announced() == set(), "in the table and not announced any more"


@pytest.mark.parametrize("named", sorted(set(LINES.values())))
def test_a_named_test_exists(named: str) -> None:
    file, _, name = named.partition("::")
    tree = ast.parse((ROOT / "tests" / file).read_text())
    tests = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert name in tests if name else any(test.startswith("test_") for test in tests)
