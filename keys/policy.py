"""How long things last in a key's life, and what follows from that (keys.md, rules 1 and 3)."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class KeyPolicy:
    """One deployment's figures. idp makes it from its settings and the registry."""

    algorithms: tuple[str, ...] = ("ES256", "RS256")
    """Those that always have an active key and a published successor."""
    jwks_max_age: timedelta = timedelta(seconds=300)
    """What `Cache-Control` of the JWKS says."""
    slowest_cache: timedelta = timedelta(seconds=86_400)
    """The longest `jwks_cache_seconds` of any client; 86,400 where a client names none."""
    longest_token: timedelta = timedelta(seconds=3600)
    """The longest life of anything we sign that somebody checks with the JWKS."""
    skew: timedelta = timedelta(seconds=60)
    rotate_after: timedelta = timedelta(days=90)
    laggards_hold: timedelta = timedelta(days=7)
    """How long the schedule waits for clients that are overdue (rule 2)."""
    bound: timedelta = timedelta(seconds=5)
    """Every process that reaches the store follows a change within this (rule 6)."""
    ring_max_age: timedelta = timedelta(seconds=300)
    """How long a process that does not reach the store goes on signing (S-379)."""

    @property
    def lead(self) -> timedelta:
        """How long a key is published before it may sign: until no cache can lack it."""
        return self.jwks_max_age + self.slowest_cache + self.skew + self.bound

    @property
    def tail(self) -> timedelta:
        """How long a key is served after it was deactivated: a process cut off may have signed with it until then."""
        return self.ring_max_age + self.longest_token + self.skew
