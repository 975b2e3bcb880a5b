"""What is kept of device authorizations, as frozen dataclasses beside those of records.py."""

from dataclasses import dataclass
from datetime import datetime

from idp.asking_device import AskingDevice
from idp.records import AuthorizationCode, AuthorizationRequest


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """RFC 8628 §3.1: what a device asks for. Found by its device code, and by its user code until it is decided."""

    request: AuthorizationRequest
    device: AskingDevice
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class DevicePace:
    """When the device last asked whether the citizen has decided, and how long it must wait before it asks again."""

    polled_at: datetime
    interval_seconds: int


@dataclass(frozen=True, slots=True)
class DeviceDecision:
    """What the citizen decided."""

    gives: AuthorizationCode | None
    """What the device code may be redeemed for; None: the citizen said no."""


@dataclass(frozen=True, slots=True)
class PolledDevice:
    """All that stands at a device code."""

    asked: DeviceRequest
    pace: DevicePace | None
    decision: DeviceDecision | None
