"""Encrypted, packed and nested tokens, wherever a token is taken: refused at once, and nothing is unpacked for them."""

import base64
import json
import resource
import time
from collections.abc import Callable

import pytest
import requests
from joserfc import jwe, jwt
from joserfc.jwk import ECKey, OctKey

from tests.support.deployment import Deployment
from tests.support.journey import party
from tests.support.relying_party import RelyingParty

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CPU_SECONDS = 0.25
"""For all parsers together; S-164 says 50 ms for each."""
_BOMB = 30_000_000


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def our_key(deployment: Deployment) -> ECKey:
    """A public key of ours: anybody can encrypt to it, whatever it says it is for."""
    published = requests.get(deployment.issuer + "/jwks", timeout=20).json()["keys"]
    key = next(key for key in published if key["kty"] == "EC")
    return ECKey.import_key({name: key[name] for name in ("kty", "crv", "x", "y")})


def encrypted(header: dict[str, object], payload: bytes, key: object) -> str:
    registry = jwe.JWERegistry(algorithms=[str(header["alg"]), str(header["enc"]), "DEF"])
    return jwe.encrypt_compact(header, payload, key, registry=registry)  # type: ignore[arg-type]


def packed(deployment: Deployment) -> str:
    """A small token that would become a large one."""
    header = {"alg": "ECDH-ES", "enc": "A128GCM", "zip": "DEF"}
    return encrypted(header, b" " * _BOMB, our_key(deployment))


def many_rounds(deployment: Deployment) -> str:
    """A password hash that would take minutes."""
    header = {"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2s": "c2FsdHNhbHQ", "p2c": 2**31 - 1}
    return f"{_b64(json.dumps(header).encode())}.{_b64(b'k' * 24)}.{_b64(b'i' * 12)}.{_b64(b'c' * 40)}.{_b64(b't' * 16)}"


def direct(deployment: Deployment) -> str:
    return encrypted({"alg": "dir", "enc": "A128GCM"}, b'{"sub":"x"}', OctKey.import_key("s" * 16))


def wrapped_by_the_secret(deployment: Deployment) -> str:
    secret = str(deployment.clients["Sundhedstider"].secret)[:16]
    return encrypted({"alg": "A128KW", "enc": "A128GCM"}, b'{"sub":"x"}', OctKey.import_key(secret))


def signed_within(deployment: Deployment) -> str:
    """A good assertion, sealed to a key of ours: encryption is not authentication."""
    inner = party(deployment).assertion()
    key = our_key(deployment)
    return encrypted({"alg": "ECDH-ES", "enc": "A128GCM", "cty": "JWT"}, inner.encode(), key)


def nested(deployment: Deployment) -> str:
    """A good assertion in a signature in a signature, ten deep."""
    token, key = party(deployment).assertion(), deployment.clients["Byggesager"].key
    assert key is not None
    from joserfc import jws

    for _ in range(10):
        header = {"alg": "ES256", "kid": key.thumbprint(), "typ": "JWT", "cty": "JWT"}
        token = jws.serialize_compact(header, token, key)
    return token


def nested_as_a_claim(deployment: Deployment) -> str:
    key = deployment.clients["Byggesager"].key
    assert key is not None
    return jwt.encode({"alg": "ES256", "kid": key.thumbprint()}, {"jwt": party(deployment).assertion()}, key)


def as_assertion(deployment: Deployment, token: str) -> tuple[int, int]:
    fields = {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": token}
    grant = {"grant_type": "authorization_code", "code": "A" * 43, **fields}
    at_token = requests.post(deployment.issuer + "/token", data=grant, timeout=20)
    at_par = requests.post(deployment.issuer + "/par", data=fields, timeout=20)
    assert {at_token.json()["error"], at_par.json()["error"]} <= {"invalid_client", "invalid_request"}
    return at_token.status_code, at_par.status_code


def as_hint(deployment: Deployment, token: str) -> str:
    return _told(deployment, id_token_hint=token)


def as_request(deployment: Deployment, token: str) -> str:
    return _told(deployment, request=token)


def _told(deployment: Deployment, **extra: str) -> str:
    service = RelyingParty(deployment, deployment.clients["Sundhedstider"])
    fields = service.parameters("v" * 43, "s", "n", **extra)
    answer = requests.post(f"{deployment.issuer}/authorize", data=fields, allow_redirects=False, timeout=20)
    return answer.headers.get("Location", answer.text)


def as_access_token(deployment: Deployment, token: str) -> int:
    return RelyingParty(deployment, deployment.clients["Byggesager"]).userinfo(token[:8_000]).status_code


MADE: list[Callable[[Deployment], str]] = [
    packed, many_rounds, direct, wrapped_by_the_secret, signed_within, nested, nested_as_a_claim,
]  # fmt: skip


@pytest.mark.parametrize("make", MADE)
def test_no_encrypted_packed_or_nested_token_is_opened(
    deployment: Deployment, make: Callable[[Deployment], str]
) -> None:
    """S-057, S-164, S-165, S-166, S-175: as assertion, hint, request object and access token; cheap for us."""
    token = make(deployment)
    memory, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    assert set(as_assertion(deployment, token)) <= {400, 401}
    assert "error=invalid_request" in as_hint(deployment, token)
    assert "error=invalid_request_object" in as_request(deployment, token)
    assert as_access_token(deployment, token) == 401
    assert time.process_time() - begun < _CPU_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 10_000, "kilobytes"


def test_the_bomb_would_have_been_one(deployment: Deployment) -> None:
    """S-165: it is small, and its key can be met, so that only our refusal keeps it packed."""
    assert len(packed(deployment)) < 60_000 < _BOMB
    assert len(packed(deployment).split(".")) == 5
