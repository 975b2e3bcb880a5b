"""Levels of assurance: the names a client may ask for, and which of them a session meets (OIDC Core §3.1.2.1, §5.5.1.1).

Substantial is what every session has. High is claimed only where the deployment offers it and the session reached it.
`phr` and `phrh` are the phishing-resistant names of OpenID Connect Extended Authentication Profile ACR Values 1.0. How a
session came to its level is the login's matter.
"""

import re
from collections.abc import Collection, Iterable

from idp.errors import InvalidRequest, UnmetAuthenticationRequirements
from idp.protocol.policy import ProtocolPolicy
from idp.records import AuthorizationRequest, BrowserSession, ProvenFactor
from mfa.factors import USER_VERIFIED

SUBSTANTIAL = "urn:adgang:loa:substantial"
HIGH = "urn:adgang:loa:high"
PHISHING_RESISTANT = "phr"
PHISHING_RESISTANT_HARDWARE = "phrh"

_PHISHING_RESISTANT_KINDS = frozenset({"webauthn"})
_HARDWARE = "hwk"
"""RFC 8176 §2."""
_NAMES = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,128}(?: [\x21\x23-\x5b\x5d-\x7e]{1,128}){0,9}\Z")


def acr_names(policy: ProtocolPolicy) -> list[str]:
    """Every name that can be asked for in this deployment, for discovery."""
    levels = {SUBSTANTIAL, HIGH} if policy.high_offered else {SUBSTANTIAL}
    own = [name for name, level in policy.acr_names.items() if level in levels]
    return [*sorted(levels, reverse=True), PHISHING_RESISTANT, PHISHING_RESISTANT_HARDWARE, *own]


def parse_acr_values(value: str | None, *, default: Collection[str]) -> tuple[str, ...]:
    """The names asked for, in order of preference; else what the client registered.

    Raises: InvalidRequest.
    """
    if value is None:
        return tuple(default)
    if not _NAMES.match(value):
        raise InvalidRequest("The acr_values must be at most ten names, separated by one space.")
    return tuple(dict.fromkeys(value.split(" ")))


def levels_asked(names: Collection[str], policy: ProtocolPolicy) -> tuple[str, ...]:
    """What the asked names stand for, of all that this software knows; names that mean nothing here are left out."""
    known = {SUBSTANTIAL, HIGH, PHISHING_RESISTANT, PHISHING_RESISTANT_HARDWARE}
    levels = (policy.acr_names.get(name, name) for name in names)
    return tuple(dict.fromkeys(level for level in levels if level in known))


def can_be_met(request: AuthorizationRequest, policy: ProtocolPolicy) -> bool:
    """Whether anybody could meet what the request asks for, in this deployment.

    RFC 9470 §5: an asked level is necessary. Only names that nobody here knows are a wish (OIDC Core §3.1.2.1), unless
    they are essential (§5.5.1.1).
    """
    levels = levels_asked(request.acr_values, policy)
    if not levels:
        return not (request.acr_essential and request.acr_values)
    return policy.high_offered or set(levels) != {HIGH}


def missing_levels(
    request: AuthorizationRequest, session: BrowserSession, policy: ProtocolPolicy
) -> tuple[str, ...]:
    """The levels of which one must still be reached, dearest first; none where one is reached, or none was asked for."""
    levels = levels_asked(request.acr_values, policy)
    return () if first_met(levels, session, policy) is not None else levels


def level_of(factors: Iterable[ProvenFactor], policy: ProtocolPolicy, *, proofed: bool) -> str:
    """The level that these factors prove together; two of different kinds are the caller's condition.

    High: a device-bound, attested key that verified its user, of a citizen whose identity an officer has checked, in
    a deployment that offers it (protocol.md, levels). Synced keys never reach it (S-285).
    """
    strong = any(_HARDWARE in f.amr and USER_VERIFIED in f.amr for f in _phishing_resistant(factors))
    return HIGH if strong and proofed and policy.high_offered else SUBSTANTIAL


def first_met(asked: Collection[str], session: BrowserSession, policy: ProtocolPolicy) -> str | None:
    """The first of these names that the session meets, or None."""
    return next((name for name in asked if _meets(name, session, policy)), None)


def acr_of(request: AuthorizationRequest, session: BrowserSession, policy: ProtocolPolicy) -> str:
    """The `acr` to tell the client: the first asked name that was met, else the level really reached (S-027).

    Raises: UnmetAuthenticationRequirements where the client said that one of its names is essential.
    """
    met = first_met(request.acr_values, session, policy)
    if met is None and request.acr_essential:
        raise UnmetAuthenticationRequirements("None of the essential acr values could be reached.")
    return met or session.acr


def _meets(name: str, session: BrowserSession, policy: ProtocolPolicy) -> bool:
    resistant = _phishing_resistant(session.factors)
    level = policy.acr_names.get(name, name)
    if level == PHISHING_RESISTANT:
        return bool(resistant)
    if level == PHISHING_RESISTANT_HARDWARE:
        return any(_HARDWARE in factor.amr for factor in resistant)
    if level == SUBSTANTIAL:
        return session.acr in (SUBSTANTIAL, HIGH)
    return level == HIGH and policy.high_offered and session.acr == HIGH


def _phishing_resistant(factors: Iterable[ProvenFactor]) -> list[ProvenFactor]:
    """Without those that were added after a recovery: for some days they raise nothing (protocol.md, recovery)."""
    return [f for f in factors if f.kind in _PHISHING_RESISTANT_KINDS and f.raises_level]
