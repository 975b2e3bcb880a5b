"""Makes the demo's parties known to its provider, with the provider's own commands. A second run finds all done.

What was told stands in `seeded.json`, written after each step, so that an interrupted run is taken up again.
"""

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

from click.testing import CliRunner
from joserfc.jwk import ECKey

from demo.on_behalf import GRANT_TYPE as TOKEN_EXCHANGE
from demo.parties import (
    CITIZENS,
    DEVICE,
    INVITED,
    ORGANISATIONS,
    Api,
    Citizen,
    Organisation,
    Service,
    apis,
    services_with_a_page,
)
from demo.place import Place, Trouble, read_json, write_json
from idp.cli import main as adgang

_GRANTED_FOR = timedelta(days=4 * 365)
"""The registry asks for an end of everything that is granted, at most five years ahead."""


def prepare(place: Place) -> None:
    """Secrets, tables and keys: what a provider needs before it can be told of anybody."""
    _adgang(place, "secrets", "create", place.environment["ADGANG_SECRETS_DIRECTORY"])
    _adgang(place, "migrate")
    if not json.loads(_adgang(place, "keys", "list", "--json")):
        for algorithm in ("ES256", "RS256"):
            _adgang(place, "keys", "generate", "--algorithm", algorithm)


def seed(place: Place) -> dict[str, Any]:
    """Register organisations, clients and citizens that are missing; returns the facts for `demo.json`."""
    told = _what_was_told(place)
    for organisation in ORGANISATIONS:
        _seed_organisation(place, told, organisation)
    if "device" not in told:
        told["device"] = json.loads(_adgang(place, "clients", "add", "-", "--json", given=DEVICE))[
            "client_id"
        ]
        write_json(place.seeded_file, told)
    for organisation, api in apis():
        _seed_api(place, told, organisation, api)
    for citizen in CITIZENS:
        if citizen.user_id not in told["citizens"]:
            told["citizens"][citizen.user_id] = _add_citizen(place, citizen)
            write_json(place.seeded_file, told)
    if "letter" not in told:
        told["letter"] = _invite(place)
        write_json(place.seeded_file, told)
    for organisation, offset in services_with_a_page():
        _write_configuration(place, told, organisation, offset)
    facts = {
        "issuer": place.issuer,
        "services": [
            {
                "name": f"{organisation.name}: {organisation.service.name}",
                "url": place.url(organisation.service.slug, offset),
            }
            for organisation, offset in services_with_a_page()
        ],
        "citizens": [{"name": c.name, "user_id": c.user_id} | told["citizens"][c.user_id] for c in CITIZENS],
        "outbox": place.outbox_url,
        "device": told["device"],
        "invited": {"name": INVITED.name, "letter": told["letter"]},
    }
    write_json(place.facts_file, facts)
    return facts


def _what_was_told(place: Place) -> dict[str, Any]:
    known = json.loads(_adgang(place, "organisations", "list", "--json"))
    told = read_json(place.seeded_file)
    if told is None and known:
        raise Trouble(
            f"{place.directory} holds a demo whose passwords are lost. Remove it and run `make demo` again."
        )
    if told is None or not known:  # a new database
        return {"port_base": place.port_base, "clients": {}, "citizens": {}}
    return dict(told)


def _seed_organisation(place: Place, told: dict[str, Any], organisation: Organisation) -> None:
    slug = organisation.service.slug
    if slug not in told["clients"]:
        known = json.loads(_adgang(place, "organisations", "list", "--json"))
        if organisation.name not in [entry["name"] for entry in known]:
            _adgang(
                place, "organisations", "add", "--cvr", organisation.cvr_number, "--kind", organisation.kind,
                "--name", organisation.name, "--contact", organisation.contact, "--logo", f"{organisation.slug}.svg",
            )  # fmt: skip
        key = ECKey.generate_key("P-256", {"kid": f"{slug}-1", "use": "sig", "alg": "ES256"})
        answer = _adgang(
            place,
            "clients",
            "add",
            "-",
            "--json",
            given=_metadata(place, organisation, key.as_dict(private=False)),
        )
        told["clients"][slug] = {
            "client_id": json.loads(answer)["client_id"],
            "key": key.as_dict(private=True),
            "port_base": place.port_base,
        }
        write_json(place.seeded_file, told)
    client = told["clients"][slug]
    if client["port_base"] != place.port_base:  # the demo moved to other ports
        public = ECKey.import_key(client["key"]).as_dict(private=False)
        _adgang(
            place,
            "clients",
            "change",
            client["client_id"],
            "-",
            "--yes",
            given=_metadata(place, organisation, public),
        )
        client["port_base"] = place.port_base
        write_json(place.seeded_file, told)


def _seed_api(place: Place, told: dict[str, Any], organisation: Organisation, api: Api) -> None:
    """The API, and what the other authority's service may ask of it."""
    if api.identifier in told.setdefault("apis", []):
        return
    known = json.loads(_adgang(place, "resources", "list", "--json"))
    if api.identifier not in [entry["identifier"] for entry in known]:
        scope = {"scope": api.scope, "text": api.text, "used_by": ["citizens"]}
        registered = {
            "identifier": api.identifier,
            "name": api.name,
            "organisation": organisation.cvr_number,
            "scopes": [scope],
        }
        _adgang(place, "resources", "add", "-", "--json", given=registered)
    _adgang(
        place, "scopes", "grant", api.scope, told["clients"][api.granted_to]["client_id"],
        "--purpose", api.granted_for, "--until", f"{datetime.now(UTC) + _GRANTED_FOR:%Y-%m-%d}", "--json",
    )  # fmt: skip
    told["apis"].append(api.identifier)
    write_json(place.seeded_file, told)


def _metadata(place: Place, organisation: Organisation, public_key: dict[str, Any]) -> dict[str, Any]:
    """The registration of a service: RFC 7591 metadata, and ours."""
    service = organisation.service
    url = (
        place.url(service.slug, service.port_offset)
        if service.port_offset
        else "https://tider.midtsund.example"
    )
    # The registry takes no address of a private network for these, except the loopback address itself.
    address = {} if url.startswith("https:") and service.port_offset else {"client_uri": url}
    if service.port_offset and not url.startswith("https:"):
        address |= {"backchannel_logout_uri": f"{url}/logout-besked", "initiate_login_uri": f"{url}/log-ind"}
    return {
        "organisation": organisation.cvr_number,
        "profile": "fapi2",
        "client_name": service.name,
        **{f"client_name#{language}": name for language, name in service.localized_names.items()},
        **address,
        "redirect_uris": [f"{url}/callback"],
        "post_logout_redirect_uris": [f"{url}/"],
        "scope": service.scope,
        "grant_types": ["authorization_code", *([TOKEN_EXCHANGE] if _asks_others(service) else [])],
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks": {"keys": [public_key]},
        "contacts": [organisation.contact],
        "purposes": [
            {
                "id": service.purpose_id,
                "text": service.purpose,
                "legal_ground": service.legal_ground,
                "claims": list(service.claims),
            }
        ],
    }


def _asks_others(service: Service) -> bool:
    return any(api.granted_to == service.slug for _, api in apis())


def _add_citizen(place: Place, citizen: Citizen) -> dict[str, str]:
    answer = _adgang(
        place, "citizens", "add", "--user-id", citizen.user_id, "--cpr", citizen.cpr,
        "--given-name", citizen.given_name, "--family-name", citizen.family_name,
        "--birthdate", citizen.birthdate.isoformat(), "--language", citizen.language,
        "--email", citizen.email, "--street-address", citizen.street_address,
        "--postal-code", citizen.postal_code, "--locality", citizen.locality, "--phone", citizen.phone,
        "--profile", json.dumps(citizen.profile), "--json",
    )  # fmt: skip
    added = json.loads(answer)
    return {"password": added["password"], "totp_secret": added["totp_secret"]}


def _invite(place: Place) -> str:
    """Print a letter for somebody who has no access yet; the file's path."""
    answer = _adgang(
        place, "citizens", "invite", "--cpr", INVITED.cpr, "--name", INVITED.name, "--address", INVITED.address,
        "--language", INVITED.language, "--out", str(place.directory / "letters"), "--json",
    )  # fmt: skip
    # None where an earlier run was broken off right after it had printed.
    files = json.loads(answer)["files"] or sorted(map(str, (place.directory / "letters").glob("*.pdf")))
    return str(files[0])


def _write_configuration(place: Place, told: dict[str, Any], organisation: Organisation, offset: int) -> None:
    client = told["clients"][organisation.service.slug]
    host, port = place.listens(offset)
    configuration = {
        "service": organisation.service.slug,
        "url": place.url(organisation.service.slug, offset),
        "issuer": place.issuer,
        "client_id": client["client_id"],
        "key": client["key"],
        "listen_host": host,
        "listen_port": port,
        "others": {
            other.service.slug: place.url(other.service.slug, at) for other, at in services_with_a_page()
        },
    }
    write_json(place.service_configuration(organisation.service.slug), configuration)


def _adgang(place: Place, *words: str, given: dict[str, Any] | None = None) -> str:
    """Run one of the provider's commands, in this process; what it prints."""
    others: dict[str, str | None] = {name: None for name in os.environ if name.startswith("ADGANG_")}
    done = CliRunner(env=others | place.environment).invoke(
        adgang, words, input=None if given is None else json.dumps(given)
    )
    if done.exit_code:
        why = done.stderr.strip() or repr(done.exception)
        raise Trouble(
            f"`adgang {' '.join(words[:2])}` did not work: {_end_of(why)}\n"
            f"If {place.directory} is from an older version, remove it and run `make demo` again."
        )
    return done.stdout


def _end_of(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-6:])
