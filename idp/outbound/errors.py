"""Why a call to a client's address gave nothing: one small family, each with a constant word for log and metrics."""

from typing import Literal

Reason = Literal[
    "url",
    "address",
    "name",
    "unreachable",
    "timeout",
    "tls",
    "broken",
    "busy",
    "paused",
    "status",
    "redirect",
    "content_type",
    "encoding",
    "too_large",
]


class OutboundError(Exception):
    """Nothing came of the call; `reason` says why and quotes nothing of what was received."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class FetchRefused(OutboundError):
    """We do not call there (`url`, `address`): another try is of no use until somebody changes something."""


class FetchFailed(OutboundError):
    """The other side did not give what was asked for; a later try may do."""


UNREACHED: frozenset[Reason] = frozenset({"name", "unreachable", "timeout", "tls", "broken"})
"""Reasons that speak of the host and not of the one document."""
