"""docker-compose.yml, Dockerfile and haproxy.cfg say what the code says. No container engine is needed to know it."""

import dataclasses
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo import compose
from demo.parties import services_with_a_page
from idp.settings import Settings
from tests.architecture.repository import ROOT
from tests.support.needs import find_program, needs

_SECRET_FOLDERS = {"/run/adgang/secrets", "/run/adgang/database"}


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


@pytest.fixture(scope="module")
def proxy() -> str:
    text = (ROOT / "deploy" / "haproxy.cfg").read_text()
    return "\n".join(line.strip() for line in text.splitlines() if not line.strip().startswith("#"))


def test_two_nodes_two_services_and_the_stores_are_there(composed: dict[str, Any]) -> None:
    services = {organisation.service.slug for organisation, _ in services_with_a_page()}
    assert set(composed["services"]) == services | {
        "provider-a", "provider-b", "proxy", "postgresql", "redis", "secrets", "seed",
    }  # fmt: skip


def test_every_variable_is_a_setting_and_the_settings_accept_them(composed: dict[str, Any]) -> None:
    known = {f"ADGANG_{field.name.upper()}" for field in dataclasses.fields(Settings)}
    for service in composed["services"].values():
        ours = {
            name: value
            for name, value in service.get("environment", {}).items()
            if name.startswith("ADGANG_")
        }
        assert set(ours) <= known
        if ours:
            settings = Settings.from_environment(ours)
            assert settings.environment == "production"
            assert settings.issuer.startswith("https://")


def test_both_nodes_are_told_the_same(composed: dict[str, Any]) -> None:
    assert composed["services"]["provider-a"] == composed["services"]["provider-b"]


def test_health_checks_ask_for_what_the_code_answers(composed: dict[str, Any], proxy: str) -> None:
    asked = {
        service: re.search(r"127\.0\.0\.1:(\d+)(/\w+)", " ".join(definition["healthcheck"]["test"]))
        for service, definition in composed["services"].items()
        if service not in ("postgresql", "redis", "proxy", "secrets", "seed")
    }
    settings = Settings.from_environment(composed["services"]["provider-a"]["environment"])
    found = asked["provider-a"]
    assert found and found.groups() == (str(settings.admin_port), "/readyz")
    assert '"/readyz"' in (ROOT / "idp" / "operators_listener.py").read_text()
    for slug in ("byggesager", "boligstoette"):
        found = asked[slug]
        assert found and found.groups() == (str(compose._SERVICE_PORT), "/healthz")
    assert '"/healthz"' in (ROOT / "demo" / "service.py").read_text()
    assert "option httpchk GET /readyz" in proxy


def test_the_proxy_leads_to_services_that_exist_on_their_ports(composed: dict[str, Any], proxy: str) -> None:
    settings = Settings.from_environment(composed["services"]["provider-a"]["environment"])
    servers = re.findall(r"^server \S+ ([\w-]+):(\d+) check(?: port (\d+))?$", proxy, re.M)
    assert {name for name, _, _ in servers} == {"provider-a", "provider-b", "byggesager", "boligstoette"}
    for name, port, check in servers:
        assert name in composed["services"]
        if name.startswith("provider"):
            assert (int(port), int(check)) == (settings.listen_port, settings.admin_port)
        else:
            assert int(port) == compose._SERVICE_PORT


def test_only_the_proxy_is_reachable_and_only_from_this_machine(composed: dict[str, Any], proxy: str) -> None:
    published = {
        name: service["ports"] for name, service in composed["services"].items() if "ports" in service
    }
    assert set(published) == {"proxy"}
    assert all(port.startswith("127.0.0.1:") for port in published["proxy"])
    binds = re.findall(r"^bind :(\d+)", proxy, re.M)
    assert {port.split(":")[2] for port in published["proxy"]} == set(binds)
    issuer = composed["services"]["provider-a"]["environment"]["ADGANG_ISSUER"]
    assert issuer == f"https://adgang.localhost:{binds[0]}"
    assert composed["networks"]["stores"]["internal"] is True


def test_the_proxy_is_trusted_and_nobody_else(composed: dict[str, Any]) -> None:
    address = composed["services"]["proxy"]["networks"]["front"]["ipv4_address"]
    assert composed["services"]["provider-a"]["environment"]["ADGANG_TRUSTED_PROXIES"] == f"{address}/32"


def test_the_proxy_removes_what_a_client_says_about_itself(proxy: str) -> None:
    """RFC 9440 §2.4: a Client-Cert from outside is removed before ours is set; and S-244 for addresses."""
    lines = proxy.splitlines()
    for header in ("Client-Cert", "X-Forwarded-For"):
        removed = lines.index(f"http-request del-header {header}")
        written = next(
            n for n, line in enumerate(lines) if line.startswith(f"http-request set-header {header} ")
        )
        assert removed < written
    assert "option http-buffer-request" in lines
    assert any(line.startswith("timeout http-request ") for line in lines)


def test_secrets_are_files_and_stand_in_no_variable(composed: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert not re.search(r"(?i)password\s*:\s*(?!/run/)\S+$", text.replace("database-password", ""), re.M)
    assert not re.search(r"://[^/\s:@]+:[^@\s]+@", text)
    writers = {
        name
        for name, service in composed["services"].items()
        for volume in service.get("volumes", [])
        if volume.split(":")[1] in _SECRET_FOLDERS and not volume.endswith(":ro")
    }
    assert writers == {"secrets"}


def test_the_stores_keep_what_protocol_says(composed: dict[str, Any]) -> None:
    words = " ".join(composed["services"]["redis"]["command"])
    assert "--appendonly yes --appendfsync everysec" in words
    assert "--maxmemory-policy noeviction" in words


def test_the_image_is_built_from_the_lock(composed: dict[str, Any]) -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes" in text
    assert "USER adgang" in text
    owner = composed["services"]["proxy"]["user"]
    assert f"--uid {owner} " in text


def test_haproxy_accepts_its_configuration(
    proxy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = needs(find_program("haproxy", also=["/usr/sbin/haproxy"]), "haproxy")
    monkeypatch.setattr(compose, "_TLS", tmp_path)
    compose._make_certificate(["adgang.localhost"])
    here = re.sub(r"^(server \S+) [\w-]+:", r"\1 127.0.0.1:", proxy, flags=re.M)
    (tmp_path / "haproxy.cfg").write_text(here.replace("/run/adgang/tls", str(tmp_path)) + "\n")
    checked = subprocess.run(
        [program, "-c", "-f", tmp_path / "haproxy.cfg"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    assert "WARNING" not in checked.stderr
