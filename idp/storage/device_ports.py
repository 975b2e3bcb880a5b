"""The port of device authorizations, beside those of ports.py."""

from datetime import datetime
from typing import Protocol

from idp.device_records import DeviceDecision, DevicePace, DeviceRequest, PolledDevice


class DeviceRequests(Protocol):
    """Device authorizations (RFC 8628). `key` is the digest of a device code."""

    def put(self, device_code: str, user_code: str, asked: DeviceRequest) -> bool:
        """Keep the request under both codes; False, changing nothing, where another device shows this user code."""

    def find_by_user_code(self, user_code: str) -> tuple[str, DeviceRequest] | None:
        """Key and request; None where nobody shows the code, it has expired, or it was decided."""

    def find(self, device_code: str) -> PolledDevice | None:
        """All that stands at the code; also for a while after its end, which is the caller's rule. One look."""

    def keep_pace(self, device_code: str, pace: DevicePace, until: datetime) -> None:
        """Write the pace, and nothing else."""

    def decide(self, key: str, user_code: str, decision: DeviceDecision, until: datetime) -> None:
        """Put the decision where the device finds it, and forget the user code. The caller has spent the request."""

    def forget(self, device_code: str) -> None:
        """After this returns, no caller finds it."""
