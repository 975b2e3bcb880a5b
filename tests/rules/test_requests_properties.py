"""Properties that hold for any request: the form parser, redirect URIs, and what a request object leaves of the rest."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlsplit

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

from clients_registry.client_keys import ClientKeys
from clients_registry.errors import UnregisteredRedirectUri
from clients_registry.organisation import Organisation
from clients_registry.redirect_uris import check_redirect_uri
from clients_registry.registry import RegisteredClient
from idp.errors import InvalidRequest, InvalidRequestObject, OAuthError, TooLarge
from idp.protocol.authorization_request import authorization_parameters
from idp.protocol.policy import ProtocolPolicy
from idp.protocol.request_object import RequestObjects
from idp.protocol.strict_form import parse_form
from tests.rules.registry_clients import client, native

FORM = "application/x-www-form-urlencoded"
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
NAMES = st.sampled_from(
    [
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "prompt",
        "max_age",
        "claims",
        "display",
        "purpose",
        "x",
    ]
)


# --- the form parser


@given(st.lists(st.tuples(TEXT, TEXT), max_size=12), st.randoms(use_true_random=False))
def test_a_form_has_one_meaning_or_none(fields: list[tuple[str, str]], order: Any) -> None:
    """S-017: a name that stands twice refuses the form, in whatever order; else every value arrives."""
    order.shuffle(fields)
    body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in fields).encode()
    names = [name for name, _ in fields]
    if len(set(names)) < len(names):
        with pytest.raises(InvalidRequest):
            parse_form(body, FORM)
    else:
        assert parse_form(body, FORM) == {name: value for name, value in fields if value}


@given(st.text("a=&%+;C3A9 \0", max_size=40).map(str.encode))
def test_what_is_read_is_what_any_other_reader_reads(raw: bytes) -> None:
    """S-360: a proxy or a log that reads the same octets reads the same parameters."""
    try:
        mine = parse_form(raw, FORM)
    except (InvalidRequest, TooLarge):
        return
    assert mine == dict(parse_qsl(raw.decode("ascii"), errors="strict"))


@given(NAMES, TEXT.filter(bool), TEXT.filter(bool))
def test_query_and_body_never_both_name_a_parameter(name: str, first: str, second: str) -> None:
    """S-017."""
    query, body = (f"{name}={quote_plus(value)}".encode() for value in (first, second))
    with pytest.raises(InvalidRequest):
        authorization_parameters("POST", query, body, FORM)
    assert authorization_parameters("POST", query, b"other=1", FORM) == {name: first, "other": "1"}


# --- redirect URIs

WEB = client("https://rp.test/cb", "https://rp.test/cb?a=b", "https://rp.test:8443/x/")
APP = native("http://127.0.0.1/cb", "http://[::1]:7000/cb?x=1", "dk.nordhavn.app:/in")
_PIECES = st.text("htps:/rp.test@%2e?#\\\t 0127[]cbCB&=x", max_size=6)


@st.composite
def altered(draw: st.DrawFn, uris: tuple[str, ...]) -> str:
    """A registered address with a piece taken out and another put in."""
    uri = draw(st.sampled_from(uris))
    start = draw(st.integers(0, len(uri)))
    end = draw(st.integers(start, min(len(uri), start + 4)))
    return uri[:start] + draw(_PIECES) + uri[end:]


def accepted(who: Any, uri: str) -> bool:
    try:
        return check_redirect_uri(who, uri) == uri
    except UnregisteredRedirectUri:
        return False


@given(altered(WEB.redirect_uris) | st.text(max_size=60))
def test_a_web_clients_address_is_registered_letter_for_letter(uri: str) -> None:
    """S-001, S-002, S-003, S-004, S-006."""
    assert accepted(WEB, uri) is (uri in WEB.redirect_uris)


@given(
    altered(APP.redirect_uris)
    | st.integers(0, 99_999).map("http://127.0.0.1:{}/cb".format)
    | st.text(max_size=60)
)
def test_an_apps_address_differs_from_the_registered_one_by_the_port_alone(uri: str) -> None:
    """S-009, RFC 8252 §7.3."""
    if not accepted(APP, uri) or uri in APP.redirect_uris:
        return
    parts = urlsplit(uri)
    assert parts.hostname in ("127.0.0.1", "::1") and parts.username is None and (parts.port or 80) <= 65_535
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    rest = uri.partition(parts.netloc)[2]
    assert any(
        uri.startswith(f"http://{host}") and own.partition(urlsplit(own).netloc)[2] == rest
        for own in APP.redirect_uris
    )


@given(TEXT)
def test_a_client_without_addresses_has_none(uri: str) -> None:
    """S-007."""
    assert not accepted(replace(WEB, redirect_uris=()), uri)


# --- the merge of a request object with what stands beside it: there is none

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
POLICY = ProtocolPolicy("https://id.nordhavn.example")
KEY = ECKey.generate_key("P-256", {"use": "sig"})
_JWKS = {"keys": [{**KEY.as_dict(private=False), "kid": KEY.thumbprint()}]}
SIGNER = RegisteredClient(
    client("https://rp.test/cb", jwks=_JWKS),
    Organisation("o1", "99000001", "municipality", "Nordhavn Kommune", (), NOW),
    ClientKeys.parse(_JWKS),
)


OBJECTS = RequestObjects(POLICY, None)  # type: ignore[arg-type]  # nothing is pushed here, so nothing is once


def signed(inside: dict[str, Any]) -> str:
    now = int(NOW.timestamp())
    claims = {
        "aud": POLICY.issuer, "iss": SIGNER.client.client_id, "nbf": now, "exp": now + 60, "jti": secrets.token_hex(8),
    }  # fmt: skip
    return jwt.encode({"alg": "ES256"}, {**inside, **claims, "client_id": SIGNER.client.client_id}, KEY)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAMES, TEXT, max_size=6), st.dictionaries(NAMES, TEXT, max_size=6))
def test_nothing_beside_a_request_object_reaches_the_request(
    inside: dict[str, str], beside: dict[str, str]
) -> None:
    """RFC 9101 §6.3, S-052: whatever is said beside it, the request is what was signed."""
    stated = OBJECTS.stated({**beside, "request": signed(inside)}, SIGNER, now=NOW, once=False)
    wanted = {name: value for name, value in inside.items() if value}
    assert stated == {**wanted, "client_id": SIGNER.client.client_id}


@given(
    NAMES.filter(lambda name: name != "client_id"),
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.lists(TEXT, max_size=2)
    | st.dictionaries(TEXT, TEXT),
)
def test_a_parameter_of_another_type_is_never_guessed_at(name: str, value: Any) -> None:
    takes_number = name == "max_age" and isinstance(value, int) and not isinstance(value, bool)
    assume(not (takes_number or (name == "claims" and isinstance(value, dict))))
    with pytest.raises(InvalidRequestObject):
        OBJECTS.stated({"request": signed({name: value})}, SIGNER, now=NOW, once=False)


@given(st.text(max_size=120) | st.text('eyJ.-_{}"alg:none', max_size=80))
def test_any_text_as_a_request_object_is_refused_with_its_registered_error(text: str) -> None:
    """S-114."""
    assume(text)
    with pytest.raises(OAuthError) as refused:
        OBJECTS.stated({"request": text}, SIGNER, now=NOW, once=False)
    assert refused.value.code == "invalid_request_object"
    assert refused.value.description.isascii() and '"' not in refused.value.description


@given(st.integers(-7_200, 7_200), st.integers(-7_200, 7_200))
def test_the_times_of_a_request_object_are_within_an_hour_of_each_other_and_of_now(
    begins: int, ends: int
) -> None:
    """S-060, FAPI 2.0 Message Signing §5.3.1."""
    now = int(NOW.timestamp())
    times = {"nbf": now + begins, "exp": now + ends}
    claims = {"aud": POLICY.issuer, "client_id": SIGNER.client.client_id, **times}
    text = jwt.encode({"alg": "ES256"}, claims, KEY)
    good = begins <= POLICY.skew / timedelta(seconds=1) and ends > 0 and ends - begins <= 3_600
    try:
        OBJECTS.stated({"request": text}, SIGNER, now=NOW, once=False)
        taken = True
    except InvalidRequestObject:
        taken = False
    assert taken is good, (begins, ends)
