"""The device authorization grant, both halves (RFC 8628 §3.4, §3.5).

A device polls with a code that only it knows, while the citizen decides at a page of ours. The decision is one row in
SQL with its ledger row, and only after its commit is it put where the poll finds it: of two browsers that say yes at
once one is heard. The device code is then redeemed as an authorization code is, once. Not here: the page.

    request ──decided──▶ (spent) ──▶ device code ──polled──▶ (spent) ──▶ grant ──▶ tokens
       └──polled before──▶ authorization_pending, or slow_down
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from clients_registry.client import Client
from idp.asking_device import AskingDevice
from idp.device_records import DeviceDecision, PolledDevice
from idp.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrant,
    InvalidRequest,
    OAuthError,
    SlowDown,
)
from idp.grants.decision import decide_for, decided_for, record_refusal
from idp.grants.guesses import check_guesses
from idp.grants.parts import Parts
from idp.grants.redemption import UNKNOWN, redeem, refuse_again
from idp.ledger import events
from idp.protocol.confirmation import Confirmation
from idp.protocol.device_authorization import GRANT_TYPE, next_pace
from idp.records import AuthorizationCode, BrowserSession, LoginAttempt
from idp.tokens.issuer import IssuedTokens

KIND: Final = "device-code"

_WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{43}\Z")
"""As idp.ids.new_secret makes them."""


# --- the first half: the citizen's decision --------------------------------------------------------------------


def approve(
    parts: Parts, attempt: LoginAttempt, session: BrowserSession, *, lasting: bool, service_name: str
) -> None:
    """Decide the device's request in its favour.

    Raises:
        AlreadyDecided, UnmetAuthenticationRequirements: nothing was given.
    """
    record = decided_for(parts, attempt.request, session, lasting=lasting, expires_at=attempt.finish_by)
    device = _device_of(attempt)
    facts = {"device_name": device.name, "service": service_name}
    decide_for(parts, attempt, record, events.DEVICE_AUTHORIZED, now=parts.clock(), facts=facts)
    _tell(parts, attempt, DeviceDecision(record))


def refuse(parts: Parts, attempt: LoginAttempt, refusal: OAuthError, *, citizen_id: str | None) -> None:
    """Decide the device's request against it.

    Raises: AlreadyDecided.
    """
    record_refusal(parts, attempt, refusal, citizen_id=citizen_id)
    _tell(parts, attempt, DeviceDecision(None))


def _tell(parts: Parts, attempt: LoginAttempt, decision: DeviceDecision) -> None:
    """Only whoever decided comes here, so nobody's decision takes the place of another's."""
    device = _device_of(attempt)
    parts.device_requests.decide(attempt.request_key, device.user_code, decision, attempt.finish_by)


def _device_of(attempt: LoginAttempt) -> AskingDevice:
    if attempt.device is None:
        raise AssertionError("no device asked for this attempt")
    return attempt.device


# --- the second half: polling, and the redemption ----------------------------------------------------------------


def poll(
    parts: Parts,
    client: Client,
    parameters: Mapping[str, str],
    *,
    confirmation: Confirmation | None,
    address: str,
    now: datetime,
) -> IssuedTokens:
    """Tokens for the device code of an authenticated client, once the citizen has said yes (RFC 8628 §3.4).

    Raises: AuthorizationPending, SlowDown, AccessDenied, ExpiredToken, InvalidGrant, InvalidRequest, TooManyRequests.
    """
    if (code := parameters.get("device_code")) is None:
        raise InvalidRequest("The device_code is missing.")
    polled = parts.device_requests.find(code) if _WELL_FORMED.match(code) else None
    if polled is None:
        check_guesses(parts, KIND, client.client_id, address)
        refuse_again(parts, client, KIND, code, now)
    if polled.asked.request.client_id != client.client_id:  # tells nothing, and changes nothing (S-071)
        raise InvalidGrant(UNKNOWN)
    _check_pace(parts, code, polled, now)
    record = _decided(polled, now)
    issued = redeem(
        parts,
        client,
        KIND,
        code,
        record,
        resource=parameters.get("resource"),
        details=parameters.get("authorization_details"),
        confirmation=confirmation,
        now=now,
    )
    parts.device_requests.forget(code)
    parts.count("tokens", {"grant": GRANT_TYPE})
    return issued


def _check_pace(parts: Parts, code: str, polled: PolledDevice, now: datetime) -> None:
    """Raises: SlowDown."""
    pace, too_soon = next_pace(polled.pace, now)
    parts.device_requests.keep_pace(code, pace, polled.asked.expires_at)
    if too_soon:
        raise SlowDown("Wait five seconds longer between polls than before.")


def _decided(polled: PolledDevice, now: datetime) -> AuthorizationCode:
    """What the citizen gave.

    Raises: AccessDenied, AuthorizationPending, ExpiredToken.
    """
    if polled.decision is not None and polled.decision.gives is None:
        raise AccessDenied("The citizen said no.")
    if now >= polled.asked.expires_at:
        raise ExpiredToken("The device_code has expired; ask for a new one.")
    if polled.decision is None or polled.decision.gives is None:
        raise AuthorizationPending("The citizen has not decided yet; poll again after the interval.")
    return polled.decision.gives
