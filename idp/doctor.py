"""`adgang doctor`: what is well and what is not, each with the sentence that says what to do."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from idp.readiness import database_faults, redis_faults, secret_faults
from idp.settings_mtls import read_authorities
from idp.storage import redis_client
from keys.rotation import upcoming

if TYPE_CHECKING:
    from idp.wiring import Wiring

_MOST_DIFFERENCE = timedelta(seconds=60)
"""Beyond this a clock is not one to trust with tokens (keys.md, rule 11)."""

_AUTHORITY_ENDS = timedelta(days=60)
"""Time for every service to have a certificate of the next one."""

_MOST_LATENESS = timedelta(minutes=10)
"""The longest pause of a schedule (settings)."""


@dataclass(frozen=True, slots=True)
class Finding:
    part: str
    ok: bool
    text: str


def examine(wiring: "Wiring") -> list[Finding]:
    """Every part, the well ones too."""
    findings = _findings(
        "secrets", secret_faults(wiring), "every secret file is there, and only we can read it"
    )
    if not all(finding.ok for finding in findings):
        return findings  # without them no key opens, and nothing more can be asked
    findings += [
        *_findings("database", database_faults(wiring), "answers, and its tables are up to date"),
        *_findings("redis", redis_faults(wiring), "answers, evicts nothing and survives a restart"),
    ]
    if all(finding.ok for finding in findings):
        findings += [*_clock(wiring), *_keys(wiring), *_resources(wiring)]
        findings += [*_client_authorities(wiring), *_consistency(wiring)]
    return findings


def _findings(part: str, faults: list[str], well: str) -> list[Finding]:
    return [Finding(part, False, fault) for fault in faults] or [Finding(part, True, well)]


def _clock(wiring: "Wiring") -> list[Finding]:
    difference = abs(wiring.clock() - redis_client.server_time(wiring.redis))
    if difference > _MOST_DIFFERENCE:
        seconds = int(difference.total_seconds())
        return [Finding("clock", False, f"differs from Redis' clock by {seconds} s. Set both by NTP.")]
    return [Finding("clock", True, "agrees with Redis' clock")]


def _keys(wiring: "Wiring") -> list[Finding]:
    found = []
    keys = wiring.key_store.load_all().keys
    for algorithm in wiring.settings.key_algorithms:
        states = [str(key.state) for key in keys if key.algorithm == algorithm]
        if "active" not in states:
            found.append(Finding("keys", False, f"{algorithm} has no active key. See `adgang keys list`."))
        elif "published" not in states:
            found.append(
                Finding("keys", False, f"{algorithm} has no published successor. Run `adgang migrate`.")
            )
        else:
            found.append(Finding("keys", True, f"{algorithm} has an active key and a published successor"))
    return [*found, *_key_set(wiring), *_key_schedule(wiring), *_sealing(wiring)]


def _resources(wiring: "Wiring") -> list[Finding]:
    """An API whose tokens, or answers about them, no key of ours signs gets none."""
    able = {key.algorithm for key in wiring.key_store.load_all().keys if str(key.state) == "active"}
    entries = [entry for entry in wiring.registry.resources() if not entry.disabled]
    faults = [
        f"{resource.identifier} wants {what} by {algorithm}, and no key signs them. "
        f"Add the algorithm to ADGANG_KEY_ALGORITHMS."
        for resource in (entry.resource for entry in entries)
        for what, algorithm in (
            ("tokens", resource.token_algorithm),
            ("answers", resource.introspection_signed_response_alg),
        )
        if algorithm not in (None, *able)
    ]
    return _findings("resources", faults, "every API's tokens and answers have a key") if entries else []


def _key_set(wiring: "Wiring") -> list[Finding]:
    fault = wiring.key_ring.status().fault
    return _findings("keys", [fault] if fault else [], "open, and are as new as anything we have seen")


def _key_schedule(wiring: "Wiring") -> list[Finding]:
    """A move that is late although every worker looks every minute: no worker runs, or something holds it back."""
    services, now = wiring.keys_services, wiring.clock()
    late = [
        f"{move.act} {move.algorithm} has been due since {move.due_at:%Y-%m-%d %H:%M} UTC. "
        f"`adgang keys schedule --run` does it, or says what holds it back."
        for move in upcoming(services.keys.load_all(), services.policy, now)
        if now - move.due_at > _MOST_LATENESS
    ]
    return _findings("key schedule", late, "nothing is late")


def _sealing(wiring: "Wiring") -> list[Finding]:
    """What the present key-encryption key has not sealed would be lost with the previous one."""
    services = wiring.keys_services
    old = {
        "signing keys": sum(
            not services.sealer.is_current(key.sealed) for key in services.keys.load_all().keys
        )
    }
    old |= {secrets.name: secrets.waiting() for secrets in services.sealed_elsewhere}
    waiting = ", ".join(f"{count} {name}" for name, count in old.items() if count)
    text = (
        f"{waiting} are sealed under another key-encryption key than the present. Run `adgang keys reseal`."
    )
    more = "; the next or previous key can be taken away" if wiring.secrets.other_key_encryption_keys else ""
    return _findings(
        "sealing", [text] if waiting else [], f"all is under the present key-encryption key{more}"
    )


def _client_authorities(wiring: "Wiring") -> list[Finding]:
    """When one ends, every certificate that it issued is refused from one moment to the next."""
    if wiring.settings.mtls_ca_file is None:
        return []
    soon = wiring.clock() + _AUTHORITY_ENDS
    ending = [
        f"{authority.subject.rfc4514_string()} ends on {authority.not_valid_after_utc:%Y-%m-%d}. Put the authority's "
        "next certificate beside it in ADGANG_MTLS_CA_FILE, and restart."
        for authority in read_authorities(wiring.settings.mtls_ca_file)
        if authority.not_valid_after_utc < soon
    ]
    return _findings("client authorities", ending, "none ends within 60 days")


def _consistency(wiring: "Wiring") -> list[Finding]:
    """No foreign key crosses packages, so this is where a dangling reference shows."""
    dangling = wiring.count_dangling()
    return [
        Finding(
            "consistency",
            count == 0,
            f"{name}: none" if count == 0 else f"{name}: {count}. Restore the rows they name from backup.",
        )
        for name, count in dangling.items()
    ]
