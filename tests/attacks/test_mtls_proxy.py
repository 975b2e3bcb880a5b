"""Mutual TLS through the real proxy: HAProxy with the configuration that is delivered, and connections with certificates."""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.certificates import (
    DN,
    Authority,
    CertificateParty,
    add_tls_client,
    ec_key,
    self_signed,
    stranger,
)
from tests.support.clock import START, FrozenClock
from tests.support.dpop import DpopKey
from tests.support.mutual_tls import AUTHORITY, BehindHaproxy, behind_haproxy
from tests.support.refreshing import REGISTERED
from tests.support.signed_in import code_for
from tests.support.tls_proxy import HOST, handshake, over_tls

KINDS: dict[str, dict[str, Any]] = {
    "tls_client_auth": {"tls_client_auth_subject_dn": DN},
    "self_signed_tls_client_auth": {"jwks": {"keys": [self_signed().jwk]}},
    "private_key_jwt": {},
}


@pytest.fixture
def world(tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[BehindHaproxy]:
    with behind_haproxy(tmp_path, sqlite_url, valkey_url, clock) as running:
        yield running


@dataclass
class ThroughProxy(CertificateParty):
    """A relying party that follows `mtls_endpoint_aliases`, and shows its certificate in the handshake."""

    world: BehindHaproxy | None = None
    port: int | None = None
    extra_headers: dict[str, str] = field(default_factory=dict)

    def _call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        assert self.world is not None
        files = None if self.holder is None else self.holder.write(self.world.folder)
        address = f"https://127.0.0.1:{self.port or self.world.proxy.mtls_port}{path}"
        with over_tls(self.world.proxy, files) as session:
            return session.request(method, address, timeout=20, **arguments)

    def post(self, path: str, fields: dict[str, str]) -> requests.Response:
        told = replace(self, holder=None).authentication()
        headers = {**self.extra_headers, **self.proof("POST", path)}
        return self._call("POST", path, data={**told["data"], **fields}, headers=headers)

    def userinfo(self, access_token: str) -> requests.Response:
        return self._call("GET", "/userinfo", headers={**self.presented(access_token), **self.extra_headers})

    def proof(
        self, method: str, path: str, access_token: str | None = None, **changes: Any
    ) -> dict[str, str]:
        """For the address that it speaks to."""
        alias = self.deployment.settings.mtls_origin + path
        return super().proof(method, path, access_token, **{"htu": alias, **changes})


def party_of(world: BehindHaproxy, method: str, **metadata: Any) -> ThroughProxy:
    registered = {
        **REGISTERED,
        "tls_client_certificate_bound_access_tokens": True,
        "token_endpoint_auth_method": method,
        **KINDS[method],
        **metadata,
    }
    client = add_tls_client(world.deployment, method, **registered)
    holder = AUTHORITY.issue() if method == "tls_client_auth" else self_signed()
    return ThroughProxy(world.deployment, client, holder=holder, world=world)


def error_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def pushes(party: ThroughProxy) -> tuple[int, str]:
    answer = party.post("/par", party.parameters("v" * 43, "s", "n"))
    return (201, "") if answer.status_code == 201 else error_of(answer)


@pytest.mark.parametrize("method", KINDS)
def test_a_service_signs_a_citizen_in_with_its_certificate(world: BehindHaproxy, method: str) -> None:
    """RFC 8705 from end to end: PAR, code, userinfo, refresh; with another certificate, or none, nothing of it (S-109, S-110)."""
    party = party_of(world, method)
    told = requests.get(world.deployment.issuer + "/.well-known/openid-configuration", timeout=20).json()
    assert told["mtls_endpoint_aliases"]["token_endpoint"] == f"https://{HOST}:{world.proxy.mtls_port}/token"

    asked = party.ask(push=True)
    code = code_for(party, asked)
    others = [replace(party, holder=other) for other in (None, self_signed(ec_key(1)))]
    expected = {"private_key_jwt": [(400, "invalid_request"), None]}.get(
        method, [(401, "invalid_client")] * 2
    )
    for other, refusal in zip(others, expected, strict=True):
        if refusal is not None:
            assert error_of(other.redeem(code, asked.verifier)) == refusal
    tokens = party.redeem(code, asked.verifier).json()
    assert party.userinfo(tokens["access_token"]).status_code == 200
    for other in others:
        assert error_of(other.userinfo(tokens["access_token"])) == (401, "invalid_token")
    refreshed = party.post(
        "/token", {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    ).json()
    assert party.userinfo(refreshed["access_token"]).json()["given_name"] == "Freja"


def test_a_service_with_a_certificate_may_bind_its_tokens_by_proofs(world: BehindHaproxy) -> None:
    """RFC 9449 with RFC 8705 §2, as FAPI 2.0 lets both: the certificate is who it is, the proof's key holds its tokens."""
    party = party_of(world, "tls_client_auth", tls_client_certificate_bound_access_tokens=False)
    asked = party.ask(push=True)
    code = code_for(party, asked)
    assert error_of(party.redeem(code, asked.verifier)) == (400, "invalid_request")
    party.dpop = DpopKey()
    tokens = party.redeem(code, asked.verifier).json()
    assert tokens["token_type"] == "DPoP"
    assert party.userinfo(tokens["access_token"]).json()["given_name"] == "Freja"
    thief = ThroughProxy(world.deployment, party.client, holder=party.holder, world=world)
    thief.dpop = DpopKey()
    assert error_of(thief.userinfo(tokens["access_token"])) == (401, "invalid_token")


def test_a_certificate_that_the_proxy_lets_through_is_judged_by_us(world: BehindHaproxy) -> None:
    """S-109: the handshake proves the key, and the provider asks whose it is."""
    party = party_of(world, "tls_client_auth")
    for holder in (
        AUTHORITY.issue(ends=START - timedelta(hours=1)),
        AUTHORITY.issue("C=DK,O=Nordhavn Kommune,CN=Byggesager"),
        Authority.new().issue(),
        self_signed(),
    ):
        assert pushes(replace(party, holder=holder)) == (401, "invalid_client")
    assert pushes(party) == (201, "")


def test_a_header_of_one_s_own_is_stripped_by_the_proxy(world: BehindHaproxy) -> None:
    """S-108: in any spelling, on either port, beside another certificate or none."""
    party = party_of(world, "tls_client_auth")
    assert party.holder is not None
    for name in ("Client-Cert", "Client_Cert", "CLIENT-CERT"):
        forged = replace(party, extra_headers={name: party.holder.header}, holder=None)
        assert pushes(forged) == (401, "invalid_client")
        assert pushes(replace(forged, port=world.proxy.port)) == (401, "invalid_client")
        assert pushes(replace(forged, holder=self_signed())) == (401, "invalid_client")
        own = replace(party, extra_headers={name: self_signed().header})
        assert pushes(own) == (201, ""), "the connection's certificate stays what counts"


def test_the_header_is_forged_in_vain_around_the_proxy(world: BehindHaproxy) -> None:
    """S-108: whoever finds the provider's own port."""
    party = party_of(world, "tls_client_auth")
    assert party.holder is not None
    found = stranger().post(
        world.deployment.issuer + "/par",
        data=party.parameters("v" * 43, "s", "n"),
        headers=party.holder.headers,
        timeout=20,
    )
    assert error_of(found) == (401, "invalid_client")


def test_the_citizens_address_asks_for_no_certificate(world: BehindHaproxy) -> None:
    """A browser there would ask its user for one; a certificate in hand is not asked for and not told."""
    party = party_of(world, "tls_client_auth")
    assert pushes(replace(party, port=world.proxy.port)) == (401, "invalid_client")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")  # they are what is tested
def test_old_versions_of_tls_end_at_the_proxy(world: BehindHaproxy) -> None:
    """FAPI 2.0 §5.2.1 (RFC 9325): 1.2 and 1.3, and nothing before."""
    for port in (world.proxy.port, world.proxy.mtls_port):
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            assert handshake(world.proxy, port, version) == name
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with pytest.raises(ssl.SSLError, match=r"(?i)protocol.version"):
                handshake(world.proxy, port, version)
