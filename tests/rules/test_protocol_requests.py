"""The small rules of an authorization request, each by itself."""

from base64 import urlsafe_b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients_registry.purposes import Purpose
from idp.errors import (
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    RedirectedError,
    UnmetAuthenticationRequirements,
)
from idp.protocol.acr import HIGH, SUBSTANTIAL, acr_names, acr_of, first_met, parse_acr_values
from idp.protocol.claims import ClaimsParameter, claim_values, claims_within, matching, parse_claims
from idp.protocol.locales import parse_locales
from idp.protocol.pkce import check_verifier, parse_challenge
from idp.protocol.policy import ProtocolPolicy
from idp.protocol.prompt import parse_display, parse_max_age, parse_prompt
from idp.protocol.response_mode import code_response, error_response, parse_response_mode
from idp.protocol.scope import parse_scope
from idp.records import AuthorizationRequest, BrowserSession, Citizen, ProvenFactor

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
POLICY = ProtocolPolicy("https://id.nordhavn.example")
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 Appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


# --- PKCE


def test_the_verifier_of_the_specification_is_accepted() -> None:
    check_verifier(CHALLENGE, VERIFIER)


@pytest.mark.parametrize("method", [None, "plain", "s256", "S256 ", "S512", "S256,plain"])
def test_only_s256_is_a_challenge_method(method: str | None) -> None:
    """S-037."""
    parameters = {"code_challenge": CHALLENGE} | ({} if method is None else {"code_challenge_method": method})
    with pytest.raises(InvalidRequest):
        parse_challenge(parameters, required=False)


@pytest.mark.parametrize(
    "challenge", ["x", CHALLENGE + "=", CHALLENGE[:-1], CHALLENGE + "A", CHALLENGE[:-1] + "+"]
)
def test_a_challenge_is_a_digest(challenge: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_challenge({"code_challenge": challenge, "code_challenge_method": "S256"}, required=True)


def test_a_missing_challenge_is_refused_where_it_is_required() -> None:
    """S-036."""
    with pytest.raises(InvalidRequest):
        parse_challenge({}, required=True)
    assert parse_challenge({}, required=False) is None


@pytest.mark.parametrize(
    "verifier",
    [
        None,
        "",
        VERIFIER[:-1],
        VERIFIER + "A" * 86,
        VERIFIER[:-1] + "!",
        VERIFIER[:-1] + "l",
        CHALLENGE,
        VERIFIER + "\n",
    ],
)
def test_a_wrong_verifier_is_refused(verifier: str | None) -> None:
    """S-038, S-040."""
    with pytest.raises(InvalidGrant):
        check_verifier(CHALLENGE, verifier)


@pytest.mark.parametrize("verifier", ["v" * 42, "v" * 129, "a b" * 20, "v" * 50 + "!"])
def test_a_verifier_of_a_wrong_form_is_refused_though_its_digest_is_right(verifier: str) -> None:
    """S-040: a client that made it so has a fault that would let others guess it."""
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    with pytest.raises(InvalidGrant):
        check_verifier(challenge, verifier)


def test_a_verifier_for_a_code_without_a_challenge_is_refused() -> None:
    """S-039."""
    with pytest.raises(InvalidGrant):
        check_verifier(None, VERIFIER)
    check_verifier(None, None)


# --- scope


@pytest.mark.parametrize(
    "value",
    [
        None,
        "profile",
        "openid  profile",
        " openid",
        "openid openid",
        "openid profile profile",
        "openid\x00",
        "openid æ",
        'openid "x"',
        "openid " + "x" * 1_100,
        " ".join(["openid", *map(str, range(40))]),
    ],
)
def test_a_malformed_scope_is_refused(value: str | None) -> None:
    """S-018."""
    with pytest.raises(InvalidScope):
        parse_scope(value, registered=("openid", "profile"))


def test_unknown_scopes_are_dropped_and_known_ones_need_registration() -> None:
    """S-034."""
    assert parse_scope("openid offline_access profile", registered=("openid", "profile")) == (
        "openid",
        "profile",
    )
    with pytest.raises(InvalidScope):
        parse_scope("openid cpr", registered=("openid", "profile"))


@given(st.text(max_size=100))
def test_any_scope_is_read_or_refused_and_nothing_else(value: str) -> None:
    with suppress(InvalidScope):
        assert "openid" in parse_scope(value, registered=())


# --- prompt, max_age, display, locales


@pytest.mark.parametrize(
    "value", ["none login", "create", "login,consent", "", "NONE", "login  consent", "x" * 100]
)
def test_an_unknown_or_contradictory_prompt_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_prompt(value)


@pytest.mark.parametrize("value", ["-1", "1e309", "1 OR 1=1", str(2**63), "", "1.5", "+1", "٣", " 1"])
def test_max_age_is_a_whole_number_of_seconds(value: str) -> None:
    """S-025."""
    with pytest.raises(InvalidRequest):
        parse_max_age(value, default=None)


def test_good_interaction_parameters_are_read() -> None:
    assert parse_prompt("login consent") == ("login", "consent")
    assert parse_max_age("0", default=5) == 0
    assert parse_max_age(None, default=5) == 5
    assert parse_display("touch") == "page"
    assert parse_display("popup") == "popup"
    with pytest.raises(InvalidRequest):
        parse_display("hologram")


@given(st.text(max_size=200))
def test_ui_locales_only_ever_become_languages_we_speak(value: str) -> None:
    """S-019."""
    assert set(parse_locales(value)) <= {"da", "en", "nb"}


def test_ui_locales_keep_their_order() -> None:
    assert parse_locales("fr-CA no en-GB EN da") == ("nb", "en", "da")


# --- acr


def _session(*kinds: str, acr: str = SUBSTANTIAL) -> BrowserSession:
    factors = tuple(
        ProvenFactor(kind, kind, ("hwk", "mfa") if kind == "webauthn" else ("pwd",), NOW) for kind in kinds
    )
    end = NOW + timedelta(hours=8)
    return BrowserSession("s", "c", factors, acr, NOW, NOW, NOW, end, end)


def _request(*acr_values: str, essential: bool = False) -> AuthorizationRequest:
    return AuthorizationRequest(
        "c", "https://rp.example/cb", ("openid",), "p", (), acr_values=acr_values, acr_essential=essential
    )


def test_the_acr_is_the_first_asked_name_that_was_met() -> None:
    """S-027."""
    policy = ProtocolPolicy("https://id.example", acr_names={"idporten-loa-substantial": SUBSTANTIAL})
    password = _session("password", "totp")
    assert (
        acr_of(_request(HIGH, "idporten-loa-substantial", SUBSTANTIAL), password, policy)
        == "idporten-loa-substantial"
    )
    assert acr_of(_request("phr"), password, policy) == SUBSTANTIAL
    assert acr_of(_request("phr", SUBSTANTIAL), _session("webauthn"), policy) == "phr"
    assert acr_of(_request("phrh"), _session("webauthn"), policy) == "phrh"
    assert acr_of(_request(), password, policy) == SUBSTANTIAL


def test_high_is_never_claimed_where_the_deployment_does_not_offer_it() -> None:
    high = _session("webauthn", acr=HIGH)
    assert first_met((HIGH,), high, POLICY) is None
    assert first_met((HIGH,), high, ProtocolPolicy("https://id.example", high_offered=True)) == HIGH
    assert HIGH not in acr_names(POLICY)


def test_an_essential_level_that_was_not_met_is_an_error() -> None:
    """S-027."""
    with pytest.raises(UnmetAuthenticationRequirements):
        acr_of(_request("phr", essential=True), _session("password", "totp"), POLICY)


def test_acr_values_are_few_and_short() -> None:
    """S-019."""
    for value in ("", " ".join(map(str, range(11))), "x" * 200, "a\x00b", "a  b"):
        with pytest.raises(InvalidRequest):
            parse_acr_values(value, default=())
    assert parse_acr_values(None, default=("phr",)) == ("phr",)


# --- claims

PURPOSE = Purpose("p", {"da": "x"}, "law", ("name", "birthdate", "cpr"))
CITIZEN = Citizen(
    "c1", "freja", "active", "Freja", "Holm", "1970-02-28", "da", NOW, phone_number="+4512345678"
)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "[]",
        '{"userinfo":1}',
        '{"userinfo":{"name":1}}',
        '{"userinfo":{"name":"x"}}',
        '{"userinfo":{"name":{"essential":"yes"}}}',
        '{"id_token":{"acr":{"values":"x"}}}',
        '{"id_token":{"acr":{"values":[1]}}}',
        '{"id_token":{"acr":{"value":{}}}}',
        '{"userinfo":{},"userinfo":{}}',
        '{"id_token":{"sub":{"values":["a","b"]}}}',
        '{"userinfo":' * 1_000,
        "{" + " " * 5_000 + "}",
    ],
)
def test_a_malformed_claims_parameter_is_refused(value: str) -> None:
    """S-020."""
    with pytest.raises(InvalidRequest):
        parse_claims(value)


@given(st.text(max_size=80) | st.text('{}[]":,userinfo_toknacrvlse', max_size=80))
def test_any_claims_parameter_is_read_or_refused_and_nothing_else(value: str) -> None:
    """S-020."""
    with suppress(InvalidRequest):
        assert isinstance(parse_claims(value), ClaimsParameter)


def test_a_claims_parameter_says_what_it_asks_for() -> None:
    asked = parse_claims(
        '{"userinfo":{"name":{"essential":true},"shoe_size":null,"birthdate":null},'
        '"id_token":{"acr":{"essential":true,"values":["phr","phrh"]},"sub":{"value":"c.x"},"email":null,"cpr":null}}'
    )
    assert asked == ClaimsParameter(
        ("name", "birthdate", "email", "cpr"), ("email",), {}, ("phr", "phrh"), True, "c.x"
    )


def test_a_claim_with_a_value_is_released_where_it_is_the_citizens() -> None:
    """OIDC Core §5.5.1; the CPR number is never compared, since a comparison would be a release."""
    asked = parse_claims(
        '{"userinfo":{"given_name":{"value":"Freja"},"family_name":{"values":["Krogh","Berg"]},'
        '"email_verified":{"value":true},"cpr":{"value":"0000000000"},"name":{"values":["Freja Holm","x"]}},'
        '"id_token":{"name":{"value":"Freja Holm"}}}'
    )
    assert asked.wanted_values["name"] == ("Freja Holm",)
    assert set(matching(CITIZEN, asked.named, asked.wanted_values)) == {"name", "given_name", "cpr"}


def test_claims_are_limited_by_the_purpose() -> None:
    assert claims_within(PURPOSE, ("openid",), ()) == ()
    assert claims_within(PURPOSE, ("openid", "profile"), ()) == ("name", "birthdate")
    assert claims_within(PURPOSE, ("openid",), ("cpr",)) == ("cpr",)
    with pytest.raises(InvalidRequest):
        claims_within(PURPOSE, ("openid", "email"), ())
    with pytest.raises(InvalidRequest):
        claims_within(PURPOSE, ("openid",), ("email",))


def test_the_cpr_number_is_only_loaded_where_it_was_granted() -> None:
    loaded: list[str] = []

    def load(citizen_id: str) -> str:
        loaded.append(citizen_id)
        return "8802701234"

    assert claim_values(
        CITIZEN, ("name", "email", "email_verified", "phone_number_verified", "address"), load
    ) == {
        "name": "Freja Holm",
        "phone_number_verified": False,
    }
    assert loaded == []
    assert claim_values(CITIZEN, ("cpr",), load) == {"cpr": "8802701234"}
    assert loaded == ["c1"]


# --- the response


def test_every_answer_says_whose_it_is_and_gives_state_back() -> None:
    """RFC 9207."""
    request = AuthorizationRequest("c", "https://rp.example/cb?a=b", ("openid",), "p", (), state="x y&z")
    answer = code_response(POLICY.issuer, request, "CODE")
    assert answer.location == (
        "https://rp.example/cb?a=b&code=CODE&state=x%20y%26z&iss=https%3A%2F%2Fid.nordhavn.example"
    )
    refusal = RedirectedError(InvalidRequest("Not so."), "c", "https://rp.example/cb", "form_post", None)
    assert error_response(POLICY.issuer, refusal, reference="4711").parameters == (
        ("error", "invalid_request"),
        ("error_description", "Not so."),
        ("error_uri", f"{POLICY.issuer}/help/errors?reference=4711#invalid_request"),
        ("iss", POLICY.issuer),
    )


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_no_state_can_add_a_parameter_or_a_line(state: str) -> None:
    """S-345."""
    request = AuthorizationRequest("c", "https://rp.example/cb", ("openid",), "p", (), state=state)
    location = code_response(POLICY.issuer, request, "CODE").location
    assert location.isascii() and location.isprintable() and " " not in location
    assert location.count("&") == 2


@pytest.mark.parametrize("mode", ["fragment", "form_post", "jwt", "query.jwt", "form_post.jwt", "", "QUERY"])
def test_a_mode_that_the_client_did_not_register_is_refused(mode: str) -> None:
    """S-015."""
    with pytest.raises(InvalidRequest):
        parse_response_mode(mode, registered=("query",))
