"""Request objects: whole, signed by the client itself, for us, now, and nothing else."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey, RSAKey

from idp.errors import OAuthError, RedirectedError
from tests.support.deployment import Deployment
from tests.support.relying_party import RelyingParty
from tests.support.request_objects import TYP, request_object
from tests.support.signed_in import code_for, opened

STATE = "inside"


@pytest.fixture
def party(deployment: Deployment) -> RelyingParty:
    return RelyingParty(deployment, deployment.clients["Byggesager"])


def parameters(party: RelyingParty, **changes: Any) -> dict[str, Any]:
    return party.parameters("v" * 43, STATE, "n") | changes


def pushed(party: RelyingParty, text: str, **beside: str) -> requests.Response:
    return party.post("/par", {"request": text, **beside})


def refused(party: RelyingParty, text: str) -> str:
    answer = pushed(party, text)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "invalid_request_object"
    return str(answer.json()["error_description"])


def state_of(party: RelyingParty, answer: requests.Response) -> str | None:
    assert answer.status_code == 201, answer.text
    query = {"client_id": party.client.client_id, "request_uri": answer.json()["request_uri"]}
    return opened(party.deployment, query).request.state


def test_a_pushed_request_object_is_the_request(party: RelyingParty) -> None:
    """RFC 9101 §6.3: what stands beside it is ignored."""
    beside = {
        "state": "outside",
        "nonce": "outside",
        "scope": "openid cpr",
        "prompt": "none",
        "redirect_uri": "x",
    }
    text = request_object(party, parameters(party))
    assert state_of(party, pushed(party, text, **beside)) == STATE
    without = request_object(party, parameters(party), state=None)
    assert state_of(party, pushed(party, without, state="outside")) is None


def test_its_parameters_may_have_their_json_types(party: RelyingParty) -> None:
    """OIDC Core §6.1: max_age is a number, claims an object."""
    claims = {"userinfo": {"name": {"essential": True}}, "id_token": {"acr": {"value": "phr"}}}
    answer = pushed(party, request_object(party, parameters(party, max_age=60, claims=claims)))
    query = {"client_id": party.client.client_id, "request_uri": answer.json()["request_uri"]}
    request = opened(party.deployment, query).request
    assert (request.max_age_seconds, request.acr_values) == (60, ("phr",))
    assert "name" in request.claims


def test_a_code_for_a_signed_request_is_redeemed_like_any_other(party: RelyingParty) -> None:
    asked = party.ask()
    answer = pushed(party, request_object(party, party.parameters(asked.verifier, asked.state, asked.nonce)))
    asked.url = f"?client_id={party.client.client_id}&request_uri={answer.json()['request_uri']}"
    assert party.redeem(code_for(party, asked), asked.verifier).status_code == 200


def test_types_are_those_of_a_request_object(party: RelyingParty) -> None:
    """S-062: a set type is the registered one, or the JWT that libraries write by themselves."""
    for typ in (TYP, "OAUTH-authz-req+jwt", "application/" + TYP, "JWT", None):
        text = request_object(party, parameters(party), header={"typ": typ})
        assert pushed(party, text).status_code == 201, typ
    for typ in ("at+jwt", "logout+jwt", "client-authentication+jwt", "dpop+jwt", "userinfo+jwt", "jwt+json"):
        refused(party, request_object(party, parameters(party), header={"typ": typ}))


def unsigned(party: RelyingParty) -> Iterator[str]:
    head, body, mark = request_object(party, parameters(party)).split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    yield f"{none}.{body}."
    yield f"{none}.{body}.{mark}"
    yield f"{head}.{body}."
    yield f"{head}.{body}"
    yield f"{head}.{body}.{mark[:-6]}AAAAAA"
    yield json.dumps(parameters(party))


def test_an_unsigned_or_altered_one_is_refused(party: RelyingParty) -> None:
    """S-056."""
    for text in unsigned(party):
        refused(party, text)


def test_only_a_key_of_the_client_signs_for_it(party: RelyingParty) -> None:
    """S-056: another client's key, an unknown one, a secret, and an algorithm of another profile."""
    other = party.deployment.clients["Boligstøtte"]
    assert other.key is not None
    secret = OctKey.generate_key(256)
    rsa = RSAKey.generate_key(2_048)
    for key, header in (
        (other.key, {}),
        (other.key, {"kid": party.client.key and party.client.key.thumbprint()}),
        (ECKey.generate_key("P-256"), {}),
        (secret, {"alg": "HS256"}),
        (rsa, {"alg": "RS256"}),
    ):
        refused(party, request_object(party, parameters(party), header=header, key=key))


def test_one_wrapped_in_encryption_is_refused(party: RelyingParty) -> None:
    """S-057: to a key of ours, with plain JSON or a signed request object inside."""
    jwks = requests.get(party.deployment.issuer + "/jwks", timeout=20).json()
    point = next(jwk for jwk in jwks["keys"] if jwk.get("crv") == "P-256")
    key = ECKey.import_key({name: point[name] for name in ("kty", "crv", "x", "y")})
    for inside in (json.dumps(parameters(party)), request_object(party, parameters(party))):
        text = jwe.encrypt_compact(
            {"alg": "ECDH-ES", "enc": "A128GCM"}, inside, key, algorithms=["ECDH-ES", "A128GCM"]
        )
        refused(party, text)


def test_nothing_inside_may_point_to_another_request(party: RelyingParty) -> None:
    """S-058."""
    for name in ("request", "request_uri"):
        refused(party, request_object(party, parameters(party), **{name: "urn:x"}))


WRONG: list[dict[str, Any]] = [
    {"aud": None},
    {"aud": "https://other.example"},
    {"aud": ["https://other.example"]},
    {"aud": []},
    {"aud": {"x": 1}},
    {"client_id": None},
    {"client_id": "another"},
    {"client_id": ["{me}"]},
    {"iss": "another"},
    {"iss": 7},
    {"sub": "{me}"},
    {"prompt": ["login"]},
    {"max_age": True},
    {"max_age": 1.5},
    {"claims": ["name"]},
    {"scope": {"openid": True}},
    {"state": 7},
    {"jti": ""},
    {"jti": "j" * 300},
    {"jti": 7},
]


def test_it_says_whose_it_is_and_for_whom(party: RelyingParty) -> None:
    """S-060, S-063, RFC 9101 §4."""
    own = {party.client.client_id: "{me}"}
    for changes in WRONG:
        swapped = json.loads(json.dumps(changes).replace("{me}", next(iter(own))))
        good = parameters(party)
        text = request_object(party, good | {k: v for k, v in swapped.items() if k in good}, **swapped)
        refused(party, text)
    several = request_object(party, parameters(party), aud=["https://other.example", party.deployment.issuer])
    assert pushed(party, several).status_code == 201


def test_it_is_good_for_an_hour_at_most_and_not_before_its_time(party: RelyingParty) -> None:
    """S-060: the clock forgives a minute of the client's future, and nothing of the past."""
    now = int(party.deployment.clock().timestamp())
    for nbf, exp in (
        (None, now + 60),
        (now, None),
        (now - 60, now),
        (now - 60, now - 1),
        (now, now + 3_601),
        (now - 3_601, now - 3_600 + 3_700),
        (now + 61, now + 120),
        (now + 0.5, now + 60),
        (str(now), now + 60),
        (now, 10**14),
    ):
        refused(party, request_object(party, parameters(party), nbf=nbf, exp=exp, iat=None))
    refused(party, request_object(party, parameters(party), iat=now + 61))
    for nbf, exp in ((now + 8, now + 68), (now, now + 3_600), (now - 3_600, now), (now - 3_590, now + 10)):
        answer = pushed(party, request_object(party, parameters(party), nbf=nbf, exp=exp, iat=now + 8))
        assert answer.status_code == (400 if exp == now else 201), (nbf - now, exp - now)


def test_one_that_was_pushed_is_not_pushed_again(party: RelyingParty) -> None:
    """S-061."""
    text = request_object(party, parameters(party))
    assert pushed(party, text).status_code == 201
    assert "used before" in refused(party, text)
    other = RelyingParty(party.deployment, party.deployment.clients["Boligstøtte"])
    same_jti = request_object(other, parameters(other), jti="shared")
    assert pushed(other, same_jti).status_code == 201
    assert pushed(party, request_object(party, parameters(party), jti="shared")).status_code == 201


def test_it_needs_its_own_redirect_uri_and_every_rule_of_a_request(party: RelyingParty) -> None:
    """FAPI 2.0: without redirect_uri, with an unregistered one, without PKCE, for another response type."""
    for changes, error in (
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "https://evil.test/cb"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"scope": "openid cpr"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
    ):
        good = {**parameters(party), **changes}
        beside = {"redirect_uri": party.client.redirect_uri, "code_challenge": "x"}
        answer = pushed(
            party, request_object(party, {k: v for k, v in good.items() if v is not None}), **beside
        )
        assert (answer.status_code, answer.json()["error"]) == (400, error), changes


# --- in the browser, for clients that need not push ----------------------------------------------------------------


@pytest.fixture
def plain(deployment: Deployment) -> RelyingParty:
    """An `oidc` client with a key, which may send its requests through the browser."""
    organisation = deployment.add_organisation("Prøvestaten", "99000009", "state")
    client = deployment.add_client(
        "Prøvetid", organisation, profile="oidc", token_endpoint_auth_method="private_key_jwt"
    )
    return RelyingParty(deployment, client)


def brought(party: RelyingParty, text: str, **beside: str) -> dict[str, str]:
    return {"client_id": party.client.client_id, "response_type": "code", "request": text, **beside}


def test_by_value_it_is_the_request_too_and_may_come_again(plain: RelyingParty) -> None:
    """A reload of the citizen's is no replay; its `redirect_uri` wins over the one beside it."""
    text = request_object(plain, parameters(plain), exp=None, nbf=None)
    for _ in range(2):
        found = opened(
            plain.deployment, brought(plain, text, state="outside", redirect_uri="https://evil.test")
        )
        assert (found.request.state, found.request.redirect_uri) == (STATE, plain.client.redirect_uri)


def test_a_refused_one_is_told_where_a_registered_address_stands_beside_it(plain: RelyingParty) -> None:
    """S-012: else on a page; what an unverified object says is no address."""
    text = request_object(plain, parameters(plain), key=ECKey.generate_key("P-256"))
    with pytest.raises(OAuthError) as on_a_page:
        opened(plain.deployment, brought(plain, text))
    assert on_a_page.value.code == "invalid_request_object"
    with pytest.raises(OAuthError):
        opened(plain.deployment, brought(plain, text, redirect_uri="https://evil.test"))
    with pytest.raises(RedirectedError) as told:
        opened(plain.deployment, brought(plain, text, redirect_uri=plain.client.redirect_uri, state="s"))
    assert (told.value.error.code, told.value.state) == ("invalid_request_object", "s")


def test_an_address_inside_that_is_not_registered_is_told_on_a_page(plain: RelyingParty) -> None:
    """S-012: though a registered one stands beside it."""
    text = request_object(plain, parameters(plain, redirect_uri="https://evil.test/cb"))
    with pytest.raises(OAuthError):
        opened(plain.deployment, brought(plain, text, redirect_uri=plain.client.redirect_uri))


def test_it_does_not_come_beside_a_request_uri(plain: RelyingParty) -> None:
    """RFC 9101 §5."""
    text = request_object(plain, parameters(plain))
    pushed_uri = pushed(plain, text).json()["request_uri"]
    with pytest.raises(OAuthError) as refusal:
        opened(plain.deployment, brought(plain, text, request_uri=pushed_uri))
    assert refusal.value.code == "invalid_request"


def test_a_client_that_registered_so_is_taken_at_its_word(plain: RelyingParty) -> None:
    """RFC 9101 §10.5, RFC 9126 §6, OIDC Registration §2: signed only, pushed only, by one algorithm only."""
    deployment = plain.deployment
    organisation = deployment.add_organisation("Prøveregionen", "99000008", "region")

    def registered(name: str, **metadata: Any) -> RelyingParty:
        client = deployment.add_client(
            name, organisation, profile="oidc", token_endpoint_auth_method="private_key_jwt", **metadata
        )
        return RelyingParty(deployment, client)

    signing = registered("Signerer", require_signed_request_object=True)
    with pytest.raises(RedirectedError):
        opened(deployment, parameters(signing))
    assert signing.post("/par", parameters(signing)).json()["error"] == "invalid_request"
    assert pushed(signing, request_object(signing, parameters(signing))).status_code == 201

    pushing = registered("Skubber", require_pushed_authorization_requests=True)
    with pytest.raises(RedirectedError):
        opened(deployment, brought(pushing, request_object(pushing, parameters(pushing))))
    assert pushed(pushing, request_object(pushing, parameters(pushing))).status_code == 201

    key = RSAKey.generate_key(2_048)
    keys = [
        {**made.as_dict(private=False), "kid": made.thumbprint()}
        for made in (key, ECKey.generate_key("P-256"))
    ]
    choosy = registered("Vælger", jwks={"keys": keys}, request_object_signing_alg="PS256")
    assert key.thumbprint()
    named = {"alg": "RS256", "kid": key.thumbprint()}
    for alg, code in (("PS256", None), ("RS256", "invalid_request_object")):
        text = request_object(choosy, parameters(choosy), header=named | {"alg": alg}, key=key)
        if code is None:
            assert opened(deployment, brought(choosy, text)).request.state == STATE
        else:
            with pytest.raises(OAuthError):
                opened(deployment, brought(choosy, text))
