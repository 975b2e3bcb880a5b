"""What a registration may contain: defaults, profiles, and every fault told at once with what mends it."""

from typing import Any

import pytest

from clients_registry.errors import InvalidClientMetadata, UnknownPurpose
from clients_registry.metadata import Fields, check_metadata
from clients_registry.policy import RegistrationPolicy
from clients_registry.purposes import Purpose
from tests.rules.registry_clients import client
from tests.storage.registry_world import (
    BUILDING_PERMIT,
    ec_key,
    ed_key,
    oidc_registration,
    public,
    registration,
    rsa_key,
)

POLICY = RegistrationPolicy(issuer="https://login.adgang.example")


def checked(given: dict[str, Any], policy: RegistrationPolicy = POLICY) -> Fields:
    return check_metadata(given, policy)


def faults(given: dict[str, Any], policy: RegistrationPolicy = POLICY) -> dict[str, str]:
    """The sentences by field; empty where the registration is sound."""
    try:
        check_metadata(given, policy)
    except InvalidClientMetadata as invalid:
        return {fault.field: fault.sentence for fault in invalid.faults}
    return {}


# --- defaults --------------------------------------------------------------------------------------------------


def test_who_says_nothing_gets_the_strictest() -> None:
    """S-186: the default is never wider than what must be asked for."""
    fields = checked(registration(scope=None))
    assert fields["profile"] == "fapi2"
    assert fields["token_endpoint_auth_method"] == "private_key_jwt"
    assert fields["id_token_signed_response_alg"] == "ES256"
    assert fields["scope"] == ("openid",)
    assert fields["require_pkce"] is True
    assert "subject_type" not in fields  # Client's own default, pairwise


def test_the_oidc_profile_has_the_defaults_of_its_specifications() -> None:
    fields = checked(oidc_registration())
    assert fields["token_endpoint_auth_method"] == "client_secret_basic"
    assert fields["id_token_signed_response_alg"] == "RS256"


# --- all at once -----------------------------------------------------------------------------------------------


def test_every_fault_is_told_at_once() -> None:
    given = registration(
        client_name=" ",
        redirect_uris=[
            "https://byg.nordhavn.example/ok",
            "http://byg.nordhavn.example/cb",
            "javascript:alert(1)",
        ],
        scope="openid cpr",
        purposes=[
            BUILDING_PERMIT,
            BUILDING_PERMIT | {"id": "Other", "text": {"da": "x", "en": "y", "nb": "\u202e"}},
        ],
        jwks={"keys": [public(ec_key(), kid=""), {"kty": "oct", "k": "c2VjcmV0"}]},
        contacts=["nobody"],
        default_max_age=-1,
        colour="red",
        client_id="mine",
    )
    assert list(faults(given)) == [
        "colour",
        "client_id",
        "client_name",
        "redirect_uris[1]",
        "redirect_uris[2]",
        "jwks.keys[0]",
        "jwks.keys[1]",
        "purposes[1].id",
        "purposes[1].text.nb",
        "contacts[0]",
        "default_max_age",
    ]


def test_rules_between_fields_are_told_together_with_faults_of_other_fields() -> None:
    told = faults(registration(client_name="", jwks=None, scope="openid cpr"))
    assert list(told) == ["client_name", "jwks", "scope"]


def test_what_must_be_there_is_named() -> None:
    assert {"client_name", "organisation", "redirect_uris", "purposes"} <= faults({}).keys()


def test_a_fault_says_what_to_do() -> None:
    told = faults(registration(jwks_uri="https://byg.nordhavn.example/jwks.json"))
    assert told == {"jwks_uri": "must not stand beside jwks; keep one of them"}
    assert faults(registration(purposes=[])) == {"purposes": "must be a list of 1 to 20 entries"}


# --- names of fields -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["client_id", "client_secret", "created_at", "sector", "organisation_id", "secret_digest", "disabled_at"],
)
def test_fields_that_the_provider_sets_are_refused(name: str) -> None:
    """S-187: mass assignment."""
    assert faults(registration(**{name: "mine"})) == {name: "is set by the provider; leave it out"}


@pytest.mark.parametrize(
    "name", ["trusted", "skip_consent", "redirect_uri", "Scope", "grant_types#da", "x#en"]
)
def test_unknown_fields_are_refused_by_name(name: str) -> None:
    """S-187: a misspelt restriction must not be dropped in silence."""
    assert list(faults(registration(**{name: ["openid"]}))) == [name]


@pytest.mark.parametrize("name", ["request_object_encryption_alg", "request_object_encryption_enc"])
def test_fields_of_features_that_are_not_there_are_not_promised(name: str) -> None:
    assert "this version does not have" in faults(registration(**{name: "x"}))[name]


def test_a_name_of_a_field_that_is_not_printable_is_not_repeated() -> None:
    assert list(faults(registration(**{"a\x1b[2J": 1}))) == ["(a field)"]


def test_names_and_pages_may_come_in_several_languages() -> None:
    fields = checked(
        registration(**{"client_name#en": "Building", "tos_uri#nb": "https://nordhavn.example/vilkaar"})
    )
    assert fields["client_name#en"] == "Building"
    assert list(faults(registration(**{"client_name#en": "", "client_name#": "x"}))) == [
        "client_name#",
        "client_name#en",
    ]


# --- what differs by profile -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
def test_only_the_oidc_profile_authenticates_without_a_key(method: str) -> None:
    assert faults(oidc_registration(token_endpoint_auth_method=method)) == {}
    told = faults(registration(token_endpoint_auth_method=method))
    assert told == {
        "token_endpoint_auth_method": f'{method} needs "profile": "oidc"; in fapi2 use private_key_jwt, '
        "tls_client_auth or self_signed_tls_client_auth"
    }


@pytest.mark.parametrize("field", ["id_token_signed_response_alg", "userinfo_signed_response_alg"])
def test_only_the_oidc_profile_may_sign_with_rs256(field: str) -> None:
    assert faults(oidc_registration(**{field: "RS256"})) == {}
    assert list(faults(registration(**{field: "RS256"}))) == [field]


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES384", "RS512", "es256", "", None, 7, ["ES256"]])
def test_no_profile_signs_with_anything_outside_the_list(algorithm: Any) -> None:
    """S-189."""
    for make in (registration, oidc_registration):
        given = make() | {"id_token_signed_response_alg": algorithm}
        assert list(faults(given)) == ([] if algorithm is None else ["id_token_signed_response_alg"])


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA", "Ed25519"])
def test_both_profiles_know_the_same_good_algorithms(algorithm: str) -> None:
    assert (
        checked(registration(id_token_signed_response_alg=algorithm))["id_token_signed_response_alg"]
        == algorithm
    )
    assert faults(oidc_registration(id_token_signed_response_alg=algorithm)) == {}


def test_nothing_is_promised_that_the_provider_has_no_key_for() -> None:
    """By the client's choice, or by a default that it did not choose."""
    policy = RegistrationPolicy(signing_algorithms=("ES256",))
    assert faults(registration(), policy) == {}
    assert faults(registration(id_token_signed_response_alg="PS256"), policy) == {
        "id_token_signed_response_alg": "would be PS256, and this provider has keys for ES256 only"
    }
    assert list(faults(oidc_registration(), policy)) == ["id_token_signed_response_alg"]


def test_only_a_confidential_oidc_client_may_go_without_pkce() -> None:
    """S-036: the exception is named in the registration and possible for nobody else."""
    assert faults(oidc_registration(require_pkce=False)) == {}
    assert list(faults(registration(require_pkce=False))) == ["require_pkce"]
    assert list(faults(oidc_registration(require_pkce=False, token_endpoint_auth_method="none"))) == [
        "require_pkce"
    ]


def test_tokens_are_exchanged_by_those_who_authenticate() -> None:
    """RFC 8693 §5: the name of a public client is anybody's, and it would be the actor's."""
    grant_types = ["authorization_code", "urn:ietf:params:oauth:grant-type:token-exchange"]
    assert faults(registration(grant_types=grant_types)) == {}
    public = oidc_registration(grant_types=grant_types, token_endpoint_auth_method="none")
    assert list(faults(public)) == ["grant_types"]


# --- single fields ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("response_types", ["token"]),
        ("response_types", ["code id_token"]),
        ("response_types", []),
        ("response_types", "code"),
        ("grant_types", ["implicit"]),
        ("grant_types", ["password"]),
        ("grant_types", ["authorization_code", "authorization_code"]),
        ("grant_types", ["refresh_token"]),
        ("response_modes", ["fragment"]),
        ("response_modes", ["query", "query"]),
        ("token_endpoint_auth_method", "client_secret_jwt"),
        ("scope", "profile"),
        ("scope", "openid  profile"),
        ("scope", "openid openid"),
        ("scope", "openid offline"),
        ("scope", ["openid"]),
        ("scope", ""),
        ("subject_type", "secret"),
        ("application_type", "desktop"),
        ("profile", "fapi1"),
        ("profile", ["fapi2"]),
        ("organisation", "Nordhavn Kommune"),
        ("organisation", 11223344),
        ("require_auth_time", "yes"),
        ("require_pkce", 1),
        ("default_max_age", True),
        ("default_max_age", 1e3),
        ("default_max_age", 10**30),
        ("default_acr_values", ["a b"]),
        ("jwks_cache_seconds", 604_801),
        ("jwks_fetch_addresses", ["192.0.2.1/24"]),
        ("jwks_fetch_addresses", [3221225985]),
        ("contacts", ["a@b"]),
        ("contacts", "post@nordhavn.example"),
        ("client_name", "x" * 101),
        ("client_name", "Nord\u202ehavn"),
        ("client_name", "Nord\u200bhavn"),
        ("client_name", "Nord\nhavn"),
        ("client_name", {"da": "Nordhavn"}),
        ("post_logout_redirect_uris", ["http://nordhavn.example/"]),
        ("redirect_uris", ["https://nordhavn.example/", "https://nordhavn.example/"]),
        ("redirect_uris", [f"https://nordhavn.example/{n}" for n in range(51)]),
        ("redirect_uris", [["https://nordhavn.example/"]]),
        ("initiate_login_uri", "http://nordhavn.example/"),
        ("jwks", {"keys": []}),
        ("jwks", []),
    ],
)
def test_a_value_outside_its_list_is_refused(field: str, value: Any) -> None:
    """S-013, S-015, S-183, S-189."""
    told = faults(oidc_registration() | {field: value})
    assert [name.partition("[")[0] for name in told] == [field]


def test_a_name_may_be_in_any_letters_and_hold_markup_that_pages_escape() -> None:
    """S-183: escaping is the page's work, and nothing is dropped in silence."""
    assert checked(registration(client_name="Æbler & <b>øl</b>"))["client_name"] == "Æbler & <b>øl</b>"


# --- rules between fields --------------------------------------------------------------------------------------


def test_a_client_that_signs_registers_a_key_that_fits() -> None:
    assert list(faults(registration(jwks=None))) == ["jwks"]
    ed_only = registration(jwks={"keys": [public(ed_key())]}, token_endpoint_auth_signing_alg="ES256")
    assert faults(ed_only) == {"jwks": "has no key that can verify ES256; add one"}
    rs256_only = registration(jwks={"keys": [public(rsa_key(), alg="RS256")]})
    assert list(faults(rs256_only)) == ["jwks"]
    assert faults(registration(jwks={"keys": [public(rsa_key())]})) == {}
    assert list(faults(registration(jwks={"keys": [public(ec_key(), use="enc")]}))) == ["jwks"]


def test_an_algorithm_for_assertions_is_only_for_who_signs_them() -> None:
    given = oidc_registration(token_endpoint_auth_signing_alg="ES256")
    assert list(faults(given)) == ["token_endpoint_auth_signing_alg"]


def test_one_algorithm_signs_everything_for_one_client() -> None:
    given = registration(id_token_signed_response_alg="ES256", userinfo_signed_response_alg="PS256")
    assert list(faults(given)) == ["userinfo_signed_response_alg"]


def test_a_native_app_keeps_no_secret() -> None:
    given = oidc_registration(application_type="native")
    assert list(faults(given)) == ["token_endpoint_auth_method"]
    assert faults(given | {"token_endpoint_auth_method": "none"}) == {}


def test_a_scope_without_a_purpose_is_refused() -> None:
    told = faults(registration(scope="openid profile cpr"))
    assert told == {"scope": "cpr is in no purpose: add its claims to one, or leave cpr out"}


# --- purposes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"id": "Building Permit"}, ".id"),
        ({"id": "x" * 65}, ".id"),
        ({"text": {"da": "x", "en": "y"}}, ".text"),
        ({"text": "Vi behandler din byggeansøgning."}, ".text"),
        ({"text": {"da": "x", "en": "y", "nb": ""}}, ".text.nb"),
        ({"legal_ground": "habit"}, ".legal_ground"),
        ({"claims": ["shoe_size"]}, ".claims[0]"),
        ({"claims": ["name", "name"]}, ".claims"),
        ({"claims": ["sub"]}, ".claims[0]"),
        ({"always": True}, ""),
    ],
)
def test_a_purpose_is_complete_and_nothing_else(change: dict[str, Any], where: str) -> None:
    assert f"purposes[0]{where}" in faults(registration(purposes=[BUILDING_PERMIT | change], scope="openid"))


@pytest.mark.parametrize(
    "claim",
    ["iss", "sub", "aud", "exp", "iat", "id", "nonce", "cnf", "acr", "amr", "sid", "at_hash", "client_id"],
)
def test_no_purpose_releases_a_claim_of_the_protocol(claim: str) -> None:
    """S-139: what a token says of itself comes from nobody's registration."""
    assert "purposes[0].claims[0]" in faults(
        registration(purposes=[BUILDING_PERMIT | {"claims": [claim]}], scope="openid")
    )


def test_two_purposes_have_two_ids() -> None:
    assert list(
        faults(registration(purposes=[BUILDING_PERMIT, BUILDING_PERMIT | {"legal_ground": "consent"}]))
    ) == ["purposes"]


def test_the_version_of_a_purpose_changes_with_what_the_citizen_was_told() -> None:
    same = Purpose.from_json(BUILDING_PERMIT | {"claims": ["email", "name"]})
    first = Purpose.from_json(BUILDING_PERMIT)
    assert same.version == first.version
    texts: Any = BUILDING_PERMIT["text"]
    for change in (
        {"claims": ["name"]},
        {"legal_ground": "consent"},
        {"text": texts | {"nb": "Noe annet."}},
    ):
        assert Purpose.from_json(BUILDING_PERMIT | change).version != first.version


def test_a_request_names_a_purpose_unless_there_is_only_one() -> None:
    one = Purpose.from_json(BUILDING_PERMIT)
    other = Purpose.from_json(BUILDING_PERMIT | {"id": "other"})
    assert client(purposes=(one,)).purpose(None) == one
    assert client(purposes=(one, other)).purpose("other") == other
    for purposes, asked in (((one,), "other"), ((one, other), None), ((one, other), "")):
        with pytest.raises(UnknownPurpose):
            client(purposes=purposes).purpose(asked)


# --- clients that nobody signs in to ---------------------------------------------------------------------------

_NO_SIGN_IN: dict[str, Any] = {"redirect_uris": None, "purposes": None, "scope": None}


def test_a_machine_needs_nothing_that_a_sign_in_needs() -> None:
    """RFC 7591 §2.1."""
    fields = checked(registration(grant_types=["client_credentials"], **_NO_SIGN_IN))
    assert fields["response_types"] == fields["redirect_uris"] == fields["purposes"] == fields["scope"] == ()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        (_NO_SIGN_IN | {"scope": "openid"}, "scope"),
        (_NO_SIGN_IN | {"redirect_uris": ["https://nordhavn.example/"]}, "redirect_uris"),
        (_NO_SIGN_IN | {"purposes": [BUILDING_PERMIT]}, "purposes"),
        (_NO_SIGN_IN | {"response_types": ["code"]}, "response_types"),
        ({"grant_types": ["client_credentials", "refresh_token"]}, "grant_types"),
        (
            _NO_SIGN_IN | {"profile": "oidc", "jwks": None, "token_endpoint_auth_method": "none"},
            "grant_types",
        ),
        (
            {"grant_types": ["authorization_code", "client_credentials"], "redirect_uris": None},
            "redirect_uris",
        ),
        ({"grant_types": ["authorization_code"], "purposes": None, "scope": "openid"}, "purposes"),
    ],
)
def test_grants_and_what_they_need_fit_together(changes: dict[str, Any], field: str) -> None:
    """S-189."""
    assert [*faults(registration(**{"grant_types": ["client_credentials"]} | changes))] == [field]


def test_who_does_not_authenticate_never_acts_in_its_own_name() -> None:
    """S-189: not even beside sign-ins."""
    public = oidc_registration(
        token_endpoint_auth_method="none", grant_types=["authorization_code", "client_credentials"]
    )
    assert [*faults(public)] == ["grant_types"]
