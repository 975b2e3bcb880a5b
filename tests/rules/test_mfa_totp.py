"""Time-based codes: RFC 6238 as every app speaks it, and nothing else."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

import pyotp
import pytest

from mfa import totp

NOW = datetime(2026, 11, 23, 12, 0, 10, tzinfo=UTC)
STEP = int(NOW.timestamp()) // 30
RFC_SEED = totp.Seed(base64.b32encode(b"12345678901234567890").decode())


def code_at(seed: totp.Seed, at: datetime) -> str:
    return pyotp.TOTP(seed.base32).at(at)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
    ],
)
def test_the_codes_of_rfc_6238_are_accepted(seconds: int, code: str) -> None:
    """RFC 6238 appendix B, the SHA-1 rows, last six digits."""
    assert totp.verify_code(RFC_SEED, code, now=datetime.fromtimestamp(seconds, UTC)) == seconds // 30


@pytest.mark.parametrize("offset", [-30, -10, 0, 19, 20, 49])
def test_one_step_of_drift_is_accepted_and_names_its_step(offset: int) -> None:
    """S-256"""
    at = NOW + timedelta(seconds=offset)
    assert totp.verify_code(RFC_SEED, code_at(RFC_SEED, at), now=NOW) == int(at.timestamp()) // 30


@pytest.mark.parametrize("offset", [-41, -61, 61, 50, 3600, -3600])
def test_more_than_one_step_of_drift_is_refused(offset: int) -> None:
    """S-256"""
    with pytest.raises(totp.WrongCode):
        totp.verify_code(RFC_SEED, code_at(RFC_SEED, NOW + timedelta(seconds=offset)), now=NOW)


def test_time_zones_make_no_difference() -> None:
    """S-256"""
    from zoneinfo import ZoneInfo

    there = NOW.astimezone(ZoneInfo("Europe/Copenhagen"))
    assert totp.verify_code(RFC_SEED, code_at(RFC_SEED, NOW), now=there) == STEP


def test_spaces_are_forgiven() -> None:
    code = code_at(RFC_SEED, NOW)
    assert totp.verify_code(RFC_SEED, f" {code[:3]} {code[3:]} ", now=NOW) == STEP


def _written_in(zero: int) -> str:
    return "".join(chr(zero + int(digit)) for digit in code_at(RFC_SEED, NOW))


@pytest.mark.parametrize(
    "typed",
    [
        _written_in(0xFF10),  # full-width
        _written_in(0x1D7D8),  # mathematical
        _written_in(0x660),  # Arabic-Indic
        code_at(RFC_SEED, NOW).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")),
        code_at(RFC_SEED, NOW) + "\n",
        code_at(RFC_SEED, NOW) + "\u200b",
        code_at(RFC_SEED, NOW) + "\u00a0",
        code_at(RFC_SEED, NOW)[:5],
        code_at(RFC_SEED, NOW) + "0",
        code_at(RFC_SEED, NOW) + " " * 1_000_000,
        "abcdef",
        "-12345",
        "1e1234",
        "",
        "\ud835\ud835",
    ],
)
def test_a_code_is_six_ascii_digits(typed: str) -> None:
    """S-253, S-254"""
    with pytest.raises(totp.MalformedCode):
        totp.verify_code(RFC_SEED, typed, now=NOW)


def test_seeds_have_160_bits_and_none_comes_twice() -> None:
    """S-262"""
    seeds = {totp.new_seed().base32 for _ in range(10_000)}
    assert len(seeds) == 10_000
    assert {len(base64.b32decode(seed)) for seed in seeds} == {20}


def test_a_uri_escapes_both_names() -> None:
    """S-261"""
    uri = RFC_SEED.uri(issuer="Adgang: test & co", account="søren?secret=x/#&issuer=y")
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("otpauth", "totp", "")
    assert unquote(parts.path).endswith("søren?secret=x/#&issuer=y")
    assert parse_qs(parts.query)["secret"] == [RFC_SEED.base32]
    assert parse_qs(parts.query)["issuer"] == ["Adgang: test & co"]


def test_the_seed_can_be_typed_in_groups() -> None:
    assert RFC_SEED.in_groups == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"


def test_the_qr_code_is_a_drawing_that_any_content_security_policy_lets_through() -> None:
    drawing = totp.render_qr_code(RFC_SEED.uri(issuer="Adgang", account="astrid"), title="QR <kode>")
    root = ElementTree.fromstring(drawing)  # our own drawing
    names = {name for element in root.iter() for name in element.attrib}
    assert root.tag.endswith("svg") and "viewBox" in root.attrib
    assert not names & {"style", "class", "onload", "href"}
    assert "QR <kode>" in [element.text for element in root.iter()]


def test_the_qr_code_brings_its_own_white_field_for_dark_pages() -> None:
    drawing = totp.render_qr_code(RFC_SEED.uri(issuer="Adgang", account="astrid"), title="QR")
    assert 'fill="#fff"' in drawing and 'stroke="#000"' in drawing


def test_a_seed_does_not_show_in_a_repr() -> None:
    """S-261"""
    assert RFC_SEED.base32 not in repr(RFC_SEED)
