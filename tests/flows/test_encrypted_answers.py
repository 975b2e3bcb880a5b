"""ID tokens, userinfo and signed answers that are encrypted to a key of the client's, for who registered for it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from clients_registry.documents import shown
from tests.support.citizen_browser import Page
from tests.support.deployment import Deployment
from tests.support.envelopes import header_of, opened
from tests.support.journey import Journey, begin
from tests.support.key_server import KeyServer, running_key_server
from tests.support.relying_party import RelyingParty

NORDHAVN = "99000001"
SIGNING, CURVE, RSA = ECKey.generate_key("P-256"), ECKey.generate_key("P-256"), RSAKey.generate_key(2048)


def public(key: ECKey | RSAKey, kid: str, use: str) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": kid, "use": use}


KEYS = [
    public(SIGNING, SIGNING.thumbprint(), "sig"),
    public(CURVE, "kurve", "enc"),
    public(RSA, "primtal", "enc"),
]


def encrypting(algorithm: str, content: str | None = None) -> dict[str, Any]:
    """Metadata of a client that wants everything encrypted."""
    metadata: dict[str, Any] = {"userinfo_signed_response_alg": "ES256", "response_modes": ["query", "jwt"]}
    for answer in ("id_token", "userinfo", "authorization"):
        metadata[f"{answer}_encrypted_response_alg"] = algorithm
        if content is not None:
            metadata[f"{answer}_encrypted_response_enc"] = content
    return metadata


def service_of(deployment: Deployment, **metadata: Any) -> RelyingParty:
    given = {"jwks": {"keys": KEYS}, **metadata}
    return RelyingParty(
        deployment, replace(deployment.add_client("Fortroligt", NORDHAVN, **given), key=SIGNING)
    )


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    with running_key_server() as server:
        server.publish_raw(KEYS)
        yield server


def verified(deployment: Deployment, token: str) -> dict[str, Any]:
    """What we signed says, verified by our published keys."""
    ours = KeySet.import_key_set(requests.get(deployment.issuer + "/jwks", timeout=20).json())
    return dict(jwt.decode(token, ours, algorithms=["ES256"]).claims)


def answered(deployment: Deployment, service: RelyingParty, **extra: str) -> tuple[Journey, Page]:
    journey = begin(deployment, service=service, **extra)
    page = journey.sign_in()
    return journey, page if page.answer is not None else journey.answer()  # told of the purpose once


def forget_keys(deployment: Deployment) -> None:
    """As after a restart of everything."""
    registry, store = vars(deployment.wiring)["registry"], deployment.wiring.redis
    registry._published._sets.clear()
    store.delete(*store.keys("adgang:client-keys:*"), *store.keys("adgang:once:client-keys:*"))


@pytest.mark.parametrize(
    ("algorithm", "content", "key", "kid"),
    [
        ("ECDH-ES", "A128GCM", CURVE, "kurve"),
        ("ECDH-ES+A256KW", "A256GCM", CURVE, "kurve"),
        ("RSA-OAEP-256", "A256GCM", RSA, "primtal"),
        ("RSA-OAEP-256", None, RSA, "primtal"),
    ],
)
def test_everything_that_was_registered_so_is_signed_and_then_encrypted(
    deployment: Deployment, algorithm: str, content: str | None, key: Any, kid: str
) -> None:
    """OpenID Connect Core §10.2, §5.3.2, JARM §2.2: opened by a foreign library, verified by our keys."""
    service = service_of(deployment, **encrypting(algorithm, content))
    journey, page = answered(deployment, service, response_mode="jwt")
    assert page.answer is not None
    response = verified(deployment, opened(page.answer["response"], key))
    assert (response["iss"], response["aud"]) == (deployment.issuer, service.client.client_id)
    tokens = service.redeem(response["code"], journey.asked.verifier).json()
    told = service.userinfo(tokens["access_token"])
    assert told.headers["Content-Type"] == "application/jwt"
    for token in (page.answer["response"], tokens["id_token"], told.text):
        header = header_of(token)
        assert (header["alg"], header["enc"]) == (algorithm, content or "A128GCM")
        assert (header["cty"], header["kid"]) == ("JWT", kid)
        assert "zip" not in header
    identity = verified(deployment, opened(tokens["id_token"], key))
    claims = verified(deployment, opened(told.text, key))
    assert len(page.answer["response"]) < 2_000, "it stands in an address"
    assert identity["nonce"] == journey.asked.nonce
    assert identity["sub"] == claims["sub"]
    assert claims["given_name"] == "Freja"
    assert tokens["access_token"].count(".") == 2


def test_a_refusal_and_a_refreshed_token_are_encrypted_too(deployment: Deployment) -> None:
    """Whatever the way by which a token or an answer comes about."""
    grants = ["authorization_code", "refresh_token"]
    service = service_of(deployment, grant_types=grants, **encrypting("ECDH-ES"))
    silent = begin(deployment, service=service, response_mode="jwt", prompt="none")
    assert silent.page.answer is not None
    assert verified(deployment, opened(silent.page.answer["response"], CURVE))["error"] == "login_required"
    journey, page = answered(deployment, service)
    assert page.answer is not None
    tokens = service.redeem(page.answer["code"], journey.asked.verifier).json()
    fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    again = service.post("/token", fields).json()["id_token"]
    assert verified(deployment, opened(again, CURVE))["sub"]


def test_an_id_token_is_a_hint_once_its_client_has_opened_it(deployment: Deployment) -> None:
    """OpenID Connect Core §3.1.2.1: the signed token is the hint; what is encrypted is not for us to open."""
    service = service_of(deployment, **encrypting("ECDH-ES"))
    journey, page = answered(deployment, service)
    assert page.answer is not None
    token = service.redeem(page.answer["code"], journey.asked.verifier).json()["id_token"]
    fields = service.parameters("v" * 43, "s", "n")
    assert service.post("/par", fields | {"id_token_hint": opened(token, CURVE)}).status_code == 201
    assert service.post("/par", fields | {"id_token_hint": token}).json()["error"] == "invalid_request"


# --- no key ----------------------------------------------------------------------------------------------------


def test_a_request_is_refused_where_its_answer_could_not_be_encrypted(
    deployment: Deployment, keys: KeyServer
) -> None:
    """The developer learns it at once, and not from a citizen who signed in for nothing."""
    keys.publish_raw(KEYS[:2])
    service = service_of(deployment, jwks=None, jwks_uri=keys.uri, **encrypting("RSA-OAEP-256"))
    refused = service.post("/par", service.parameters("v" * 43, "s", "n"))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert "encryption" in refused.json()["error_description"]
    keys.publish_raw(KEYS)
    deployment.clock.forward(seconds=61)
    assert service.post("/par", service.parameters("v" * 43, "s", "n")).status_code == 201


def test_nothing_is_issued_unencrypted_when_the_key_is_gone(deployment: Deployment, keys: KeyServer) -> None:
    """The code is not spent by it, and userinfo says nothing; with the key back, both go on."""
    service = service_of(deployment, jwks=None, jwks_uri=keys.uri, **encrypting("ECDH-ES"))
    journey, page = answered(deployment, service)
    assert page.answer is not None
    tokens = service.redeem(page.answer["code"], journey.asked.verifier).json()
    deployment.clock.forward(seconds=30)  # six digits are good once
    second, page = answered(deployment, service)
    assert page.answer is not None
    keys.publish_raw(KEYS[:1])
    forget_keys(deployment)
    for refused in (
        service.redeem(page.answer["code"], second.asked.verifier),
        service.userinfo(tokens["access_token"]),
    ):
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
        assert "eyJ" not in refused.text
    keys.publish_raw(KEYS)
    forget_keys(deployment)
    assert service.redeem(page.answer["code"], second.asked.verifier).status_code == 200
    assert service.userinfo(tokens["access_token"]).status_code == 200


def test_an_answer_that_cannot_be_encrypted_is_a_page_and_decides_nothing(
    deployment: Deployment, keys: KeyServer
) -> None:
    """Neither the code nor an error travels in the clear; with the key back, the same sign-in goes on."""
    service = service_of(deployment, jwks=None, jwks_uri=keys.uri, **encrypting("ECDH-ES"))
    journey = begin(deployment, service=service, response_mode="jwt")
    journey.sign_in()
    keys.publish_raw(KEYS[:1])
    forget_keys(deployment)
    page = journey.answer()
    assert page.answer is None and page.status == 400
    keys.publish_raw(KEYS)
    forget_keys(deployment)
    page = journey.browser.get(journey.address)
    assert page.answer is not None
    code = verified(deployment, opened(page.answer["response"], CURVE))["code"]
    assert service.redeem(code, journey.asked.verifier).status_code == 200


# --- registration ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"id_token_encrypted_response_alg": "RSA1_5"}, "id_token_encrypted_response_alg"),
        ({"id_token_encrypted_response_alg": "dir"}, "id_token_encrypted_response_alg"),
        ({"id_token_encrypted_response_alg": "RSA-OAEP"}, "id_token_encrypted_response_alg"),
        (encrypting("ECDH-ES", "A128CBC-HS256"), "id_token_encrypted_response_enc"),
        ({"id_token_encrypted_response_enc": "A256GCM"}, "id_token_encrypted_response_enc"),
        ({"userinfo_encrypted_response_alg": "ECDH-ES"}, "userinfo_encrypted_response_alg"),
        (encrypting("ECDH-ES") | {"jwks": {"keys": KEYS[:1]}}, "jwks"),
        (encrypting("RSA-OAEP-256") | {"jwks": {"keys": KEYS[:2]}}, "jwks"),
        ({"request_object_encryption_alg": "ECDH-ES"}, "request_object_encryption_alg"),
    ],
)
def test_a_registration_that_could_not_be_kept_is_refused(
    deployment: Deployment, metadata: dict[str, Any], field: str
) -> None:
    """S-166: the algorithms are a list; a secret, or RSA as it was in 1998, is none of them."""
    with pytest.raises(Exception, match=field):
        service_of(deployment, **metadata)


def test_a_change_that_says_nothing_of_encryption_lifts_none(deployment: Deployment) -> None:
    """S-186: null lifts it on purpose."""
    service = service_of(deployment, **encrypting("ECDH-ES", "A256GCM"))
    services = deployment.wiring.registry_services
    found = services.registry.find_client(service.client.client_id)
    assert found is not None
    document = {
        name: value
        for name, value in shown(found.client, found.organisation).items()
        if "encrypted" not in name and "logout" not in name
    }

    def change(**more: Any) -> Any:
        return services.transact(
            lambda tx: services.registrations.change(
                tx, service.client.client_id, document | more, actor="operator:test"
            )
        ).client

    kept = change()
    assert kept.id_token_encrypted_response_alg == "ECDH-ES"
    assert kept.userinfo_encrypted_response_enc == "A256GCM"
    lifted = change(id_token_encrypted_response_alg=None)
    assert lifted.id_token_encryption is None and lifted.userinfo_encryption is not None


def test_discovery_says_what_is_offered(deployment: Deployment) -> None:
    metadata = requests.get(deployment.issuer + "/.well-known/openid-configuration", timeout=20).json()
    for answer in ("id_token", "userinfo", "authorization"):
        offered = metadata[f"{answer}_encryption_alg_values_supported"]
        assert set(offered) == {"RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"}
        assert set(metadata[f"{answer}_encryption_enc_values_supported"]) == {"A128GCM", "A256GCM"}
    assert not [name for name in metadata if name.startswith("request_object_encryption")]
