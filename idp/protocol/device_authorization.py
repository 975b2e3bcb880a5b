"""Device authorization (RFC 8628): what a device may ask, its two codes, how often it may poll.

For clients of the `oidc` profile that registered the grant: whoever shows a stranger's code to a citizen can ask for a
yes in another's name (§5.4), so it stands beside, not inside, FAPI 2.0. Against that: a page that the citizen opens, two
factors in the citizen's own session, a name of our choice on both sides, and no `verification_uri_complete`, which
would make the code a link. A request object is not taken here. What the citizen sees is login's matter, the codes'
spending grants'.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from clients_registry.client import Client
from clients_registry.profiles import DEVICE_CODE
from clients_registry.registry import Registry
from idp.device_records import DevicePace
from idp.errors import InvalidRequest, InvalidTarget, UnmetAuthenticationRequirements
from idp.protocol.acr import can_be_met
from idp.protocol.authorization_request import check_what_is_asked
from idp.protocol.locales import language_of
from idp.protocol.policy import ProtocolPolicy
from idp.records import AuthorizationRequest

GRANT_TYPE = DEVICE_CODE

USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""RFC 8628 §6.1: no vowel, so no word; no digit, so nothing that looks like one. Eight of them are 34 bits."""
INTERVAL_SECONDS = 5
"""RFC 8628 §3.2, §3.5: the default, and by how much each poll that came too soon raises it."""
_LONGEST_INTERVAL_SECONDS = 60
_EARLY = timedelta(seconds=1)
"""A device that waits its five seconds may arrive a little sooner than they passed here."""

_USER_CODE = re.compile(rf"[{USER_CODE_LETTERS}]{{8}}\Z")
_BETWEEN = re.compile(r"[\s\-\u2010-\u2015\u2212.]+")
_LONGEST_TYPED = 64

_NAMES = {
    "da": (
        ("blå", "gul", "rød", "grå", "stor", "lille", "rolig", "glad", "hurtig", "klog", "varm", "stille"),
        ("ugle", "ræv", "svane", "bæver", "hest", "krage", "måge", "odder", "gås", "hare", "kat", "bi",
         "lærke", "ged", "and", "sæl"),
    ),
    "en": (
        ("blue", "yellow", "red", "grey", "big", "little", "calm", "happy", "quick", "clever", "warm", "quiet"),
        ("owl", "fox", "swan", "beaver", "horse", "crow", "gull", "otter", "goose", "hare", "cat", "bee",
         "lark", "goat", "duck", "seal"),
    ),
    "nb": (
        ("blå", "gul", "rød", "grå", "stor", "liten", "rolig", "glad", "rask", "klok", "varm", "stille"),
        ("ugle", "rev", "svane", "bever", "hest", "kråke", "måke", "oter", "gås", "hare", "katt", "bie",
         "lerke", "geit", "and", "sel"),
    ),
}  # fmt: skip


def check_device_request(
    parameters: Mapping[str, str], client: Client, registry: Registry, policy: ProtocolPolicy
) -> AuthorizationRequest:
    """What the device asks the citizen for, checked as any authorization request is (RFC 8628 §3.1).

    Raises: OAuthError.
    """
    for name in ("request", "request_uri"):
        if name in parameters:
            raise InvalidRequest(
                "A device sends its parameters by themselves: request and request_uri are not taken."
            )
    if "resource" in parameters:
        raise InvalidTarget("A device gets tokens for userinfo; leave resource out.")
    request, asked = check_what_is_asked(parameters, client, registry)
    if asked.subject is not None:
        raise InvalidRequest("A device cannot ask for a certain citizen.")
    if not can_be_met(request, policy):
        raise UnmetAuthenticationRequirements("This provider reaches none of the levels that are asked for.")
    return request


def parse_user_code(typed: str) -> str | None:
    """The letters of a code as a person types it: case and what stands between them are forgiven (RFC 8628 §6.1)."""
    if len(typed) > _LONGEST_TYPED:
        return None
    letters = _BETWEEN.sub("", typed).upper()
    return letters if _USER_CODE.match(letters) else None


def device_name(number: int, languages: tuple[str, ...]) -> tuple[str, str]:
    """Two words by which device and page are known to be one, and their language; no secret and no proof."""
    language = next((found for tag in languages if (found := language_of(tag))), "da")
    traits, animals = _NAMES[language]
    which, trait = divmod(number, len(traits))
    return f"{traits[trait]} {animals[which % len(animals)]}", language


def next_pace(pace: DevicePace | None, now: datetime) -> tuple[DevicePace, bool]:
    """How the device may go on after this poll, and whether it came too soon (RFC 8628 §3.5)."""
    if pace is None:
        return DevicePace(now, INTERVAL_SECONDS), False
    wait = timedelta(seconds=pace.interval_seconds)
    if now - pace.polled_at >= wait - _EARLY:
        return DevicePace(now, pace.interval_seconds), False
    slower = min(pace.interval_seconds + INTERVAL_SECONDS, _LONGEST_INTERVAL_SECONDS)
    return DevicePace(now, slower), True
