"""Step-up challenges (RFC 9470): a resource says that a token's sign-in is too weak or too old, and what would do.

For any resource server that reads our access tokens, userinfo among them: `check_sign_in` takes what a token says (`acr`,
`auth_time`), and the refusal holds the parameters of the challenge. Its client then sends the citizen with `acr_values`
and `max_age` as they stand there, and comes again with the new token. What the citizen is asked is the login's matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from idp.errors import InsufficientUserAuthentication


@dataclass(frozen=True, slots=True)
class WantedSignIn:
    """What a resource wants of the sign-in behind a token."""

    acr_values: tuple[str, ...] = ()
    """One of these, dearest first; none: any level."""
    max_age: timedelta | None = None
    """No longer ago than this."""

    @property
    def parameters(self) -> Mapping[str, str]:
        """Those of the challenge (RFC 9470 §3), which are also those of the authorization request that helps."""
        told = {} if not self.acr_values else {"acr_values": " ".join(self.acr_values)}
        return told if self.max_age is None else told | {"max_age": str(int(self.max_age.total_seconds()))}


def check_sign_in(
    wanted: WantedSignIn, *, acr: str | None, authenticated_at: datetime | None, now: datetime
) -> None:
    """Whether the sign-in of a token will do; a token that says nothing of it will not.

    Raises: InsufficientUserAuthentication.
    """
    if wanted.acr_values and acr not in wanted.acr_values:
        raise InsufficientUserAuthentication(
            "A stronger sign-in is needed, with one of the acr_values.", parameters=wanted.parameters
        )
    if wanted.max_age is not None and (authenticated_at is None or now - authenticated_at > wanted.max_age):
        raise InsufficientUserAuthentication(
            "A more recent sign-in is needed, at most max_age seconds old.", parameters=wanted.parameters
        )
