"""`adgang organisations` and `adgang clients`, as an operator and a script meet them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from clients_registry import cli_frame
from clients_registry.cli import make_clients_group, make_organisations_group
from clients_registry.client_secrets import verify_secret
from clients_registry.policy import RegistrationPolicy
from idp.errors import StoreUnavailable
from tests.storage.registry_world import (
    NORDHAVN_CVR,
    RegistryWorld,
    ec_key,
    oidc_registration,
    public,
    registration,
)
from tests.support.clock import FrozenClock

Run = Callable[..., Result]


@pytest.fixture
def world(sqlite_url: str, clock: FrozenClock) -> Iterator[RegistryWorld]:
    world = RegistryWorld(sqlite_url, clock, RegistrationPolicy(mutual_tls=True, client_authorities=True))
    yield world
    world.close()


@pytest.fixture
def run(world: RegistryWorld) -> Run:
    """Type a command; every one is a process of its own."""

    def run(*words: str, **options: Any) -> Result:
        adgang = click.Group(
            commands=[make_organisations_group(world.services), make_clients_group(world.services)]
        )
        return CliRunner().invoke(adgang, list(words), **options)

    return run


@pytest.fixture
def nordhavn(run: Run) -> Run:
    added = run(
        "organisations", "add", "--cvr", NORDHAVN_CVR, "--kind", "municipality", "--name", "Nordhavn Kommune"
    )
    assert added.exit_code == 0
    return run


def written(folder: Path, metadata: Any) -> str:
    file = folder / "client.json"
    file.write_text(json.dumps(metadata), encoding="utf-8")
    return str(file)


def added(run: Run, metadata: dict[str, Any]) -> dict[str, Any]:
    result = run("clients", "add", "-", input=json.dumps(metadata))
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_a_registered_client_is_printed_as_json_with_its_secret_once(
    nordhavn: Run, world: RegistryWorld, tmp_path: Path
) -> None:
    result = nordhavn("clients", "add", written(tmp_path, oidc_registration()))
    printed = json.loads(result.stdout)
    assert (result.exit_code, printed["organisation"], printed["profile"]) == (0, NORDHAVN_CVR, "oidc")
    found = world.node().find_client(printed["client_id"])
    assert found is not None
    verify_secret(found.client, printed["client_secret"])
    shown = nordhavn("clients", "show", printed["client_id"])
    assert json.loads(shown.stdout).keys() == printed.keys() - {"client_secret"}
    for words in (("list", "--json"), ("show", printed["client_id"])):
        assert printed["client_secret"] not in nordhavn("clients", *words).output
        assert str(found.client.secret_digest) not in nordhavn("clients", *words).output


def test_what_show_prints_can_be_edited_and_given_to_change(nordhavn: Run, tmp_path: Path) -> None:
    document = added(nordhavn, registration())
    shown = json.loads(nordhavn("clients", "show", document["client_id"]).stdout)
    file = written(tmp_path, shown | {"client_name": "Skure"})
    changed = nordhavn("clients", "change", document["client_id"], file, "--yes", "--reason", "new name")
    assert changed.exit_code == 0, changed.stderr
    assert "Changed: client_name." in changed.stderr
    assert json.loads(changed.stdout)["client_name"] == "Skure"


_SIGNS = {"keys": [public(ec_key(), kid="byg-1"), public(ec_key(1), kid="byg-2", use="enc")]}
KINDS: dict[str, dict[str, Any]] = {
    "strict": registration(),
    "a certificate": registration(
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_subject_dn="CN=Byggesager,O=Nordhavn Kommune,C=DK",
        tls_client_certificate_bound_access_tokens=True,
        jwks=None,
    ),
    "keys elsewhere": registration(jwks=None, jwks_uri="https://byg.nordhavn.example/jwks.json"),
    "everything signed": registration(
        require_signed_request_object=True,
        request_object_signing_alg="ES256",
        response_modes=["jwt"],
        authorization_signed_response_alg="ES256",
        userinfo_signed_response_alg="ES256",
        grant_types=["authorization_code", "refresh_token"],
    ),
    "encrypted": registration(
        jwks=_SIGNS,
        id_token_encrypted_response_alg="ECDH-ES",
        id_token_encrypted_response_enc="A256GCM",
    ),
    "a secret": oidc_registration(require_pkce=False, default_max_age=600, default_acr_values=["phr"]),
    "public": oidc_registration(token_endpoint_auth_method="none", application_type="native"),
    "a device": oidc_registration(
        grant_types=["urn:ietf:params:oauth:grant-type:device_code"],
        token_endpoint_auth_method="none",
        redirect_uris=None,
    ),
    "a machine": registration(
        grant_types=["client_credentials"], redirect_uris=None, purposes=None, scope=None
    ),
    "names and ways out": registration(
        **{"client_name#en": "Building permits"},
        client_uri="https://byg.nordhavn.example/",
        initiate_login_uri="https://byg.nordhavn.example/begin",
        post_logout_redirect_uris=["https://byg.nordhavn.example/out"],
        backchannel_logout_uri="https://byg.nordhavn.example/back",
        backchannel_logout_session_required=True,
        frontchannel_logout_uri="https://byg.nordhavn.example/front",
        contacts=["drift@nordhavn.example"],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_stored_can_be_given_back_unchanged(nordhavn: Run, tmp_path: Path, kind: str) -> None:
    """Whatever kind of client it is: as `add` and as `show` printed it."""
    document = added(nordhavn, KINDS[kind])
    shown = nordhavn("clients", "show", document["client_id"]).stdout
    for given in (shown, json.dumps({k: v for k, v in document.items() if k != "client_secret"})):
        changed = nordhavn(
            "clients", "change", document["client_id"], written(tmp_path, json.loads(given)),
            "--yes", "--reason", "nothing new",
        )  # fmt: skip
        assert changed.exit_code == 0, changed.stderr
        assert "Changed: nothing." in changed.stderr
    again = json.loads(nordhavn("clients", "show", document["client_id"]).stdout)
    assert again | {"changed_at": ""} == json.loads(shown) | {"changed_at": ""}


def test_every_fault_has_a_line_of_its_own(nordhavn: Run, world: RegistryWorld, tmp_path: Path) -> None:
    bad = registration(client_name="", jwks=None, colour="red")
    result = nordhavn("clients", "add", written(tmp_path, bad))
    assert (result.exit_code, result.stdout) == (1, "")
    lines = result.stderr.splitlines()
    assert lines[0] == "Error: Not registered."
    assert [line.partition(":")[0] for line in lines[1:]] == ["colour", "client_name", "jwks"]
    assert world.node().clients() == []


@pytest.mark.parametrize("text", [b"", b"{", b'{"a":1,"a":2}', b"\xff", b"[]", b"x" * 70_000])
def test_a_file_that_is_not_json_gets_one_line(nordhavn: Run, text: bytes) -> None:
    result = nordhavn("clients", "add", "-", input=text)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1


def test_a_secret_is_renewed_and_printed_once(nordhavn: Run, world: RegistryWorld) -> None:
    document = added(nordhavn, oidc_registration())
    renewed = json.loads(nordhavn("clients", "renew-secret", document["client_id"], "--yes").stdout)
    assert renewed["client_secret"] != document["client_secret"]
    found = world.node().find_client(document["client_id"])
    assert found is not None
    verify_secret(found.client, renewed["client_secret"])
    fapi2 = added(nordhavn, registration())
    assert nordhavn("clients", "renew-secret", fapi2["client_id"], "--yes").exit_code == 1


def test_a_client_is_disabled_once(nordhavn: Run, world: RegistryWorld) -> None:
    client_id = added(nordhavn, registration())["client_id"]
    assert nordhavn("clients", "disable", client_id, "--yes", "--as", "karen").exit_code == 0
    again = nordhavn("clients", "disable", client_id, "--yes")
    assert (again.exit_code, len(again.stderr.splitlines())) == (1, 1)
    found = world.node().find_client(client_id)
    assert found is not None and found.disabled
    assert "disabled" in nordhavn("clients", "list").stdout


def test_an_organisation_is_disabled_with_its_clients(nordhavn: Run, world: RegistryWorld) -> None:
    client_id = added(nordhavn, registration())["client_id"]
    done = nordhavn("organisations", "disable", NORDHAVN_CVR, "--yes")
    assert (done.exit_code, done.stdout) == (0, "Nordhavn Kommune is disabled, with its clients: 1.\n")
    found = world.node().find_client(client_id)
    assert found is not None and found.disabled
    assert nordhavn("organisations", "disable", NORDHAVN_CVR, "--yes").exit_code == 1
    assert nordhavn("organisations", "disable", "99999999", "--yes").exit_code == 1


def test_the_list_tells_the_profiles_apart_within_a_hundred_columns(nordhavn: Run) -> None:
    added(nordhavn, registration(client_name="Byggesager [red]og[/red] skure " + "x" * 60))
    added(nordhavn, oidc_registration(client_name="Gammelt system"))
    added(nordhavn, registration(jwks=None, jwks_uri="https://byg.nordhavn.example/jwks"))
    listed = nordhavn("clients", "list").stdout
    assert max(map(len, listed.splitlines())) <= 100
    for whole in (
        "fapi2",
        "oidc",
        "private_key_jwt",
        "client_secret_basic",
        "keys by jwks_uri",
        "[red]og[/red]",
        "Organisation",
    ):
        assert whole in listed
    assert max(map(len, nordhavn("organisations", "list").stdout.splitlines())) <= 100
    organisations = json.loads(nordhavn("organisations", "list", "--json").stdout)
    assert [entry["name"] for entry in organisations] == ["Nordhavn Kommune"]


def test_an_empty_registry_says_how_to_begin(run: Run) -> None:
    assert "adgang organisations add" in run("organisations", "list").stdout
    assert "adgang clients add FILE.json" in run("clients", "list").stdout
    assert (run("organisations", "list", "--json").stdout, run("clients", "list", "--json").stdout) == (
        "[]\n",
        "[]\n",
    )


@pytest.mark.parametrize(
    "words",
    [("clients", "disable"), ("clients", "renew-secret"), ("organisations", "disable")],
)
def test_where_nobody_can_be_asked_nothing_is_done(
    nordhavn: Run, world: RegistryWorld, words: tuple[str, str]
) -> None:
    client_id = added(nordhavn, oidc_registration())["client_id"]
    before = world.journal()
    result = nordhavn(*words, client_id if words[0] == "clients" else NORDHAVN_CVR)
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert world.journal() == before


def test_who_is_asked_may_say_no(
    nordhavn: Run, world: RegistryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    client_id = added(nordhavn, registration())["client_id"]
    for answer, exit_code in (("n\n", 1), ("y\n", 0)):
        with monkeypatch.context() as patched:
            patched.setattr(cli_frame, "_somebody_is_there", lambda: True)
            assert nordhavn("clients", "disable", client_id, input=answer).exit_code == exit_code


def test_who_and_why_stand_in_the_journal(nordhavn: Run, world: RegistryWorld) -> None:
    client_id = added(nordhavn, registration())["client_id"]
    nordhavn("clients", "disable", client_id, "--yes", "--as", "karen", "--reason", "closed")
    assert world.journal()[-1] == (
        "client-disabled",
        {
            "client_id": client_id,
            "organisation_id": world.node().organisations()[0].organisation_id,
            "reason": "closed",
        },
    )
    assert nordhavn("clients", "disable", client_id, "--yes", "--reason", "a\nb").exit_code == 2


def test_wrong_use_is_two_and_nothing_found_is_one(nordhavn: Run) -> None:
    assert nordhavn("clients", "add", "no-such-file.json").exit_code == 2
    assert nordhavn("organisations", "add", "--cvr", "1").exit_code == 2
    assert nordhavn("clients", "show", "0" * 32).exit_code == 1
    twice = ("organisations", "add", "--cvr", NORDHAVN_CVR, "--kind", "state", "--name", "Another")
    assert nordhavn(*twice).exit_code == 1


def test_a_database_that_does_not_answer_is_three(world: RegistryWorld) -> None:
    def away(_work: Any) -> Any:
        raise StoreUnavailable("the database did not answer")

    registry = world.node()
    services = replace(world.services(), transact=away, registry=registry)
    group = make_clients_group(lambda: services)
    result = CliRunner().invoke(group, ["add", "-"], input=json.dumps(registration()))
    assert (result.exit_code, len(result.stderr.splitlines())) == (3, 1)
