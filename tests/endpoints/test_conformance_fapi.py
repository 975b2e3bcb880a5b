"""What the modules of the FAPI 2.0 plans try (conformance.md), sent by openid-client, a library that nobody here wrote.

The library makes each assertion, request object and proof; a test changes one thing in it and says what must come of that.
"""

import time
from collections.abc import Callable
from typing import Any

from tests.support.deployment import Deployment
from tests.support.openid_client import OpenidClient
from tests.support.openid_service import SERVICE, OpenidService

Changes = dict[str, dict[str, Any]]


def now() -> int:
    return int(time.time())


def claims(**changes: Any) -> Changes:
    return {"claims": changes}


def header(**changes: Any) -> Changes:
    return {"header": changes}


ASSERTIONS: list[tuple[str, Callable[[str], Changes], str]] = [
    ("as it is made", lambda _: {}, "taken"),
    ("no sub", lambda _: claims(sub=None), "invalid_client"),
    ("another's iss", lambda _: claims(iss="f" * 32), "invalid_client"),
    ("no exp", lambda _: claims(exp=None), "invalid_client"),
    ("expired five minutes ago", lambda _: claims(exp=now() - 300), "invalid_client"),
    ("valid for an hour", lambda _: claims(exp=now() + 3_600), "invalid_client"),
    ("no jti", lambda _: claims(jti=None), "invalid_client"),
    ("another audience", lambda _: claims(aud="https://other.example"), "invalid_client"),
    ("the token endpoint as audience", lambda issuer: claims(aud=f"{issuer}/token"), "invalid_client"),
    ("the PAR endpoint as audience", lambda issuer: claims(aud=f"{issuer}/par"), "invalid_client"),
    ("the issuer in an array", lambda issuer: claims(aud=[issuer]), "invalid_client"),
    ("two audiences", lambda issuer: claims(aud=[issuer, "https://other.example"]), "invalid_client"),
    ("eight seconds ahead", lambda _: claims(nbf=now() - 22, iat=now() - 22), "taken"),
    ("more than a minute ahead", lambda _: claims(nbf=now() + 62), "invalid_client"),
    ("made more than a minute ahead", lambda _: claims(iat=now() + 62), "invalid_client"),
    ("another algorithm in the header", lambda _: header(alg="RS256"), "invalid_client"),
    ("no algorithm", lambda _: header(alg="none"), "invalid_client"),
    ("an unknown key", lambda _: header(kid="unknown"), "invalid_client"),
]  # fmt: skip
"""The provider's clock stands half a minute behind the client's: see tests.support.clock.MovingClock."""


def test_a_client_assertion_is_taken_only_as_the_profile_says(
    live_deployment: Deployment, library: OpenidClient
) -> None:
    """S-055, S-095, S-097, S-100, S-153."""
    service = OpenidService(live_deployment, library)
    found = {}
    for name, changes, _ in ASSERTIONS:
        service.configure(auth={"changes": changes(live_deployment.issuer)})
        found[name] = service.outcome("ask", push=True, parameters={"redirect_uri": SERVICE})
    assert found == {name: expected for name, _, expected in ASSERTIONS}


def test_an_assertion_by_rs256_is_no_authentication_in_this_profile(
    every_algorithm: Deployment, library: OpenidClient
) -> None:
    """FAPI 2.0 §5.4: a client may have a key that fits RS256, and is still not taken with it."""
    service = OpenidService(every_algorithm, library, alg="PS256")
    service.configure(auth={"changes": header(alg="RS256")})
    assert service.outcome("ask", push=True, parameters={"redirect_uri": SERVICE}) == "invalid_client"


OBJECTS: list[tuple[str, Callable[[str], Changes], str]] = [
    ("as it is made", lambda _: {}, "taken"),
    ("another audience", lambda _: claims(aud="https://other.example"), "invalid_request_object"),
    ("no audience", lambda _: claims(aud=None), "invalid_request_object"),
    ("expired", lambda _: claims(exp=now() - 61), "invalid_request_object"),
    ("no exp", lambda _: claims(exp=None), "invalid_request_object"),
    ("no nbf", lambda _: claims(nbf=None), "invalid_request_object"),
    ("not valid yet", lambda _: claims(nbf=now() + 62), "invalid_request_object"),
    ("valid for too long", lambda _: claims(exp=now() + 5_000, nbf=now()), "invalid_request_object"),
    ("an hour and a half old", lambda _: claims(nbf=now() - 5_400), "invalid_request_object"),
    ("the type of any JWT", lambda _: header(typ="JWT"), "taken"),
    ("an ID token's shape", lambda _: header(typ="at+jwt"), "invalid_request_object"),
    ("no algorithm", lambda _: header(alg="none"), "invalid_request_object"),
    ("another algorithm", lambda _: header(alg="RS256"), "invalid_request_object"),
    ("an unknown key", lambda _: header(kid="unknown"), "invalid_request_object"),
    ("no redirect_uri", lambda _: claims(redirect_uri=None), "invalid_request"),
    ("an address of somebody else", lambda _: claims(redirect_uri="https://evil.test/cb"), "invalid_request"),
    ("a request inside", lambda _: claims(request="x"), "invalid_request_object"),
    ("a request_uri inside", lambda _: claims(request_uri="urn:x"), "invalid_request_object"),
    ("hybrid", lambda _: claims(response_type="code id_token"), "unsupported_response_type"),
    ("no challenge", lambda _: claims(code_challenge=None), "invalid_request"),
    ("a plain challenge", lambda _: claims(code_challenge_method="plain"), "invalid_request"),
]  # fmt: skip


def test_a_request_object_is_taken_only_as_the_profile_says(
    live_deployment: Deployment, library: OpenidClient
) -> None:
    """S-056, S-058, S-060, S-062, S-153: FAPI 2.0 Message Signing §5.3."""
    service = OpenidService(live_deployment, library, require_signed_request_object=True)
    found = {}
    for name, changes, _ in OBJECTS:
        asked: dict[str, Any] = {"sign": "signing", "changes": changes(live_deployment.issuer)}
        found[name] = service.outcome("ask", push=True, parameters={"redirect_uri": SERVICE}, **asked)
    assert found == {name: expected for name, _, expected in OBJECTS}


PROOFS: list[tuple[str, Callable[[], Changes], bool]] = [
    ("as it is made", lambda: {}, True),
    ("ten seconds ahead of us", lambda: claims(iat=now() - 20), True),
    ("some seconds old", lambda: claims(iat=now() - 21), True),
    ("with nbf and exp", lambda: claims(nbf=now() - 60, exp=now() + 60), True),
    ("an address with a query", lambda: {}, True),
    ("another type", lambda: header(typ="JWT"), False),
    ("no type", lambda: header(typ=None), False),
    ("no algorithm", lambda: header(alg="none"), False),
    ("RS256", lambda: header(alg="RS256"), False),
    ("no key", lambda: header(jwk=None), False),
    ("no jti", lambda: claims(jti=None), False),
    ("no htm", lambda: claims(htm=None), False),
    ("another htm", lambda: claims(htm="DELETE"), False),
    ("no htu", lambda: claims(htu=None), False),
    ("another htu", lambda: claims(htu="https://other.example/token"), False),
    ("no iat", lambda: claims(iat=None), False),
    ("stale", lambda: claims(iat=now() - 200), False),
    ("of the future", lambda: claims(iat=now() + 200), False),
]


def test_a_proof_of_possession_is_taken_only_as_the_profile_says(
    live_deployment: Deployment, library: OpenidClient
) -> None:
    """S-115, S-116, S-118, S-121: at PAR and at the resource, made by the library and changed in one place."""
    service = OpenidService(live_deployment, library)
    held = service.sign_in()["tokens"]["access_token"]
    live_deployment.clock.forward(seconds=12)  # so that the store's memory reaches back a while
    at_par, at_resource = {}, {}
    for name, changes, _ in PROOFS:
        made = changes()
        if name == "an address with a query":
            made = claims(htu=f"{live_deployment.issuer}/par?a=b#c")
        service.configure(dpop={"changes": made})
        at_par[name] = service.outcome("ask", push=True, parameters={"redirect_uri": SERVICE})
        if name == "an address with a query":
            service.configure(dpop={"changes": claims(htu=f"{live_deployment.issuer}/userinfo?a=b#c")})
        at_resource[name] = service.outcome("userinfo", token=held)
    expected = {name: "taken" if good else "invalid_dpop_proof" for name, _, good in PROOFS}
    assert at_par == expected
    assert at_resource == expected


def test_a_token_belongs_to_the_key_that_asked_for_it(
    live_deployment: Deployment, library: OpenidClient
) -> None:
    """S-123, S-124, S-126: another key, another token's hash, and a thumbprint that is not the proof's."""
    service = OpenidService(live_deployment, library)
    held = service.sign_in()["tokens"]["access_token"]
    for ath in ("x" * 43, None):
        service.configure(dpop={"changes": claims(ath=ath)})
        assert service.outcome("userinfo", token=held) == "invalid_dpop_proof"
    library("key", name="another", alg="ES256")
    service.configure(dpop={"key": "another"})
    assert service.outcome("userinfo", token=held) == "invalid_token"
    service.configure()
    mismatch = {"redirect_uri": SERVICE, "dpop_jkt": "x" * 43}
    assert service.outcome("ask", push=True, parameters=mismatch) == "invalid_request"
    # The proof at PAR binds the code: with another key it gives nothing.
    url = service.answer(service.ask(jkt=True)["url"])
    library("key", name="possession", alg="ES256")
    assert service.configure()["issuer"] == live_deployment.issuer
    assert service.outcome("finish", url=url) == "invalid_grant"


def test_a_code_is_taken_once_and_by_nobody_else(live_deployment: Deployment, library: OpenidClient) -> None:
    """S-068, S-072: what it gave is revoked; after its half minute it gives nothing."""
    service = OpenidService(live_deployment, library)
    url = service.answer(service.ask()["url"])
    held = library("finish", url=url)["tokens"]["access_token"]
    assert service.outcome("userinfo", token=held) == "taken"
    assert service.outcome("finish", url=url) == "invalid_grant"
    assert service.outcome("userinfo", token=held) == "invalid_token"
    late = service.answer(service.ask()["url"])
    live_deployment.clock.forward(seconds=61)
    assert service.outcome("finish", url=late) == "invalid_grant"
