"""What a client of mutual TLS registers (RFC 8705 §2.1.2, §2.2.2, §3.4): one name or the certificate of a key."""

import base64
from typing import Any

import pytest

from clients_registry.client_keys import ClientKeys
from clients_registry.errors import InvalidClientMetadata, UnknownKey
from clients_registry.metadata import Fields, check_metadata
from clients_registry.policy import RegistrationPolicy
from tests.rules.registry_clients import client
from tests.storage.registry_world import ec_key as signing_key
from tests.storage.registry_world import oidc_registration, public, registration
from tests.support.certificates import DN, ec_key, self_signed

OFFERED = RegistrationPolicy(mutual_tls=True, client_authorities=True)
HOLDER = self_signed()
KEYS = {"keys": [HOLDER.jwk]}


def faults(given: dict[str, Any], policy: RegistrationPolicy = OFFERED) -> dict[str, str]:
    try:
        check_metadata(given, policy)
    except InvalidClientMetadata as invalid:
        return {fault.field: fault.sentence for fault in invalid.faults}
    return {}


def checked(given: dict[str, Any]) -> Fields:
    return check_metadata(given, OFFERED)


def by_name(**names: Any) -> dict[str, Any]:
    return registration(token_endpoint_auth_method="tls_client_auth", jwks=None, **names)


def by_key(**changes: Any) -> dict[str, Any]:
    return registration(
        token_endpoint_auth_method="self_signed_tls_client_auth", **({"jwks": KEYS} | changes)
    )


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("subject_dn", DN, DN),
        ("subject_dn", "serialNumber=UI:DK-O:G:11223344,CN=Byggesager,C=DK", None),
        ("subject_dn", "2.5.4.97=NTRDK-11223344,O=Nordhavn Kommune", None),
        ("san_dns", "byg.nordhavn.example", None),
        ("san_uri", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", None),
        ("san_ip", "2001:DB8:0::7", "2001:db8::7"),
        ("san_email", "byg@nordhavn.example", None),
    ],
)
def test_one_name_of_any_of_the_five_kinds_is_enough(field: str, value: str, kept: str | None) -> None:
    for make in (registration, oidc_registration):
        given = make(
            token_endpoint_auth_method="tls_client_auth", jwks=None, **{f"tls_client_auth_{field}": value}
        )
        assert checked(given)[f"tls_client_auth_{field}"] == (kept or value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject_dn", ""),
        ("subject_dn", " "),
        ("subject_dn", "Byggesager"),
        ("subject_dn", "CN=Byggesager, O=Nordhavn"),
        ("subject_dn", "CN=Byggesager;O=Nordhavn"),
        ("subject_dn", "/C=DK/CN=Byggesager"),
        ("subject_dn", "CN=Byggesager,"),
        ("subject_dn", "unheardOf=x"),
        ("subject_dn", "CN=#0C034259"),
        ("subject_dn", "C=Danmark"),
        ("subject_dn", "CN=" + "x" * 65),
        ("subject_dn", "CN=\u202eBy"),
        ("subject_dn", ["CN=Byggesager"]),
        ("san_dns", "*.nordhavn.example"),
        ("san_dns", "192.0.2.7"),
        ("san_dns", "Byg.nordhavn.example"),
        ("san_dns", ".nordhavn.example"),
        ("san_dns", 7),
        ("san_uri", "nordhavn.example"),
        ("san_uri", "https://nordhavn.example/ byg"),
        ("san_ip", "192.0.2.0/24"),
        ("san_ip", "fe80::1%eth0"),
        ("san_ip", 7),
        ("san_email", "byg"),
    ],
    ids=repr,
)  # fmt: skip
def test_a_name_that_no_certificate_can_have_is_refused(field: str, value: Any) -> None:
    """S-109, S-187."""
    assert list(faults(by_name(**{f"tls_client_auth_{field}": value}))) == [f"tls_client_auth_{field}"]


def test_a_client_has_exactly_one_name() -> None:
    """RFC 8705 §2.1.2; S-109."""
    assert "exactly one of" in faults(by_name())["tls_client_auth_subject_dn"]
    two = by_name(tls_client_auth_subject_dn=DN, tls_client_auth_san_dns="byg.nordhavn.example")
    assert "exactly one of" in faults(two)["tls_client_auth_subject_dn"]


def test_a_name_is_only_for_who_authenticates_by_it() -> None:
    """S-101."""
    for given in (registration(), oidc_registration(), by_key()):
        told = faults(given | {"tls_client_auth_san_dns": "byg.nordhavn.example"})
        assert told == {"tls_client_auth_san_dns": "is only for tls_client_auth; leave it out"}


def test_a_key_is_registered_with_its_own_certificate() -> None:
    """S-109: RFC 7517 §4.7."""
    other = self_signed(ec_key(1)).jwk
    version = b"\xa0\x03\x02\x01\x02"
    odd = base64.b64encode(HOLDER.der.replace(version, version[:-1] + b"5")).decode()
    for x5c in (
        [],
        ["x"],
        HOLDER.jwk["x5c"][0],
        [7],
        [None],
        other["x5c"],
        HOLDER.jwk["x5c"] * 6,
        {},
        ["MAA="],
        [odd],
    ):
        told = faults(by_key(jwks={"keys": [HOLDER.jwk | {"x5c": x5c}]}))
        assert "x5c must" in told["jwks.keys[0]"], x5c
    assert "x5c" in faults(by_key(jwks={"keys": [public(signing_key())]}))["jwks"]
    assert "x5c" in faults(by_key(jwks=None))["jwks"]


def test_a_chain_is_kept_as_the_key_s_own_certificate() -> None:
    chain = HOLDER.jwk | {"x5c": [*HOLDER.jwk["x5c"], "bm8gbWF0dGVy"]}
    (kept,) = checked(by_key(jwks={"keys": [chain]}))["jwks"]["keys"]
    assert kept["x5c"] == HOLDER.jwk["x5c"]
    assert checked(by_key())["jwks"] == checked(by_key(jwks=checked(by_key())["jwks"]))["jwks"]


def test_a_key_without_a_certificate_is_not_for_connections() -> None:
    """S-109: what signs assertions opens no connection."""
    bare = {name: value for name, value in HOLDER.jwk.items() if name != "x5c"}
    certified, only_signs = ClientKeys.parse(KEYS), ClientKeys.parse({"keys": [bare]})
    assert certified.has_certificate and not only_signs.has_certificate
    assert certified.find_certified(_public_key())
    for keys, asked in ((only_signs, _public_key()), (certified, b"")):
        with pytest.raises(UnknownKey):
            keys.find_certified(asked)


def _public_key() -> bytes:
    from idp.protocol.client_certificate import parse_client_certificate

    return parse_client_certificate(HOLDER.header).public_key


@pytest.mark.parametrize(
    ("policy", "refused"),
    [
        (RegistrationPolicy(), {"tls_client_auth", "self_signed_tls_client_auth", "bound"}),
        (
            RegistrationPolicy(client_authorities=True),
            {"tls_client_auth", "self_signed_tls_client_auth", "bound"},
        ),
        (RegistrationPolicy(mutual_tls=True), {"tls_client_auth"}),
        (OFFERED, set()),
    ],
    ids=["nothing", "authorities alone", "mutual TLS alone", "both"],
)
def test_what_this_deployment_does_not_offer_is_not_registered(
    policy: RegistrationPolicy, refused: set[str]
) -> None:
    """A client that could never sign anybody in is told so at once."""
    given = {
        "tls_client_auth": by_name(tls_client_auth_subject_dn=DN),
        "self_signed_tls_client_auth": by_key(),
        "bound": registration(tls_client_certificate_bound_access_tokens=True),
    }
    told = {method: faults(each, policy) for method, each in given.items()}
    assert {method for method, found in told.items() if found} == refused
    assert all("not set up" in sentence for found in told.values() for sentence in found.values())


def test_a_change_that_leaves_a_restriction_out_keeps_it() -> None:
    """S-186."""
    named = client(
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_san_dns="byg.nordhavn.example",
        tls_client_certificate_bound_access_tokens=True,
        require_pushed_authorization_requests=True,
    )
    changed = check_metadata(registration(jwks=None), OFFERED, named)
    assert changed["tls_client_auth_san_dns"] == "byg.nordhavn.example"
    assert changed["tls_client_certificate_bound_access_tokens"] is True
    renamed = check_metadata(registration(jwks=None, tls_client_auth_subject_dn=DN), OFFERED, named)
    assert (renamed["tls_client_auth_subject_dn"], renamed["tls_client_auth_san_dns"]) == (DN, None)
    keyed = check_metadata(registration(token_endpoint_auth_method="private_key_jwt"), OFFERED, named)
    assert keyed["tls_client_auth_san_dns"] is None
