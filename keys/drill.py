"""The drill that proves the life cycle: a virtual clock, several nodes, clients with caches, rotations, a compromise.

Runs the real rules, key rings and store (SQLite in memory), and touches no deployment. The same drill with the
overlap or the evidence switched off must fail, or it proves nothing. What clients do is in drill_clients.py.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from keys.birth import ensure_keys, make_key
from keys.changes import commit, look
from keys.drill_clients import DrillClient, standard_clients
from keys.endings import compromise
from keys.errors import KeysUnavailable
from keys.in_sql import Fetches, Keys, in_memory
from keys.key import KeySet
from keys.key_ring import KeyRing
from keys.own_tokens import issue_token
from keys.policy import KeyPolicy
from keys.rotation import Act, may_activate_at
from keys.schedule import Outcome, run_due
from keys.sealed_keys import sealed_anew
from keys.sealing import Sealer
from keys.services import KeysServices, Order
from keys.states import KeyState

_ALGORITHM = "ES256"
_START = datetime(2027, 1, 1, tzinfo=UTC)
_ORDER = Order("system", "a drill")
_STEP = timedelta(minutes=29)
_FINE_STEP = timedelta(seconds=15)
_FINE_FOR = timedelta(minutes=15)
"""After each change the drill looks closely: caches of minutes decide there."""
_CUT_OFF_FOR = timedelta(minutes=4)
"""One node does not reach the store for so long after each rotation."""


def drill_policy(rotate_after: timedelta) -> KeyPolicy:
    """The policy of a deployment as it comes, but with one algorithm, and rotated oftener than one would."""
    return KeyPolicy(algorithms=(_ALGORITHM,), rotate_after=rotate_after)


@dataclass(frozen=True, slots=True)
class DrillPlan:
    days: int = 365
    nodes: int = 3
    policy: KeyPolicy = field(default_factory=lambda: drill_policy(timedelta(days=30)))
    overlap: bool = True
    """False: a new key signs the moment it is made, as in a naive rotation."""
    evidence: bool = True
    """False: nobody looks at who has fetched the JWKS."""


@dataclass(frozen=True, slots=True)
class DrillReport:
    """`failed_verifications` are those of clients that follow the rules."""

    days: int
    nodes: int
    rotations: int
    compromises: int
    verifications: int
    failed_verifications: int
    failures_by_client: Mapping[str, int]
    named_before_promotion: Sequence[str]
    passed: bool


class _Clock:
    def __init__(self) -> None:
        self.now = _START

    def __call__(self) -> datetime:
        return self.now


class _Line:
    """A node's way to the store, which can be cut."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self.cut = False

    def __getattr__(self, name: str) -> Any:
        if self.cut:
            raise KeysUnavailable("The line is cut.")
        return getattr(self._keys, name)


class _NoJournal:
    def append(self, tx: object, **entry: object) -> None:
        """A drill is nobody's history."""


class _Token(NamedTuple):
    kid: str
    text: str
    expires_at: datetime


class Drill:
    """One run. `run()` answers with the report."""

    def __init__(self, plan: DrillPlan) -> None:
        self._plan = plan
        self._clock = _Clock()
        engine, transact = in_memory()
        self._keys, self._fetches = Keys(engine), Fetches(engine)
        sealer = Sealer(b"\0" * 32, "drill")
        self._clients = standard_clients()
        self._services = KeysServices(
            transact=transact,
            keys=self._keys,
            sealer=sealer,
            journal=_NoJournal(),
            clock=self._clock,
            policy=plan.policy,
            fetches=self._fetches,
            clients=lambda: [client.registered for client in self._clients] if plan.evidence else [],
        )
        ensure_keys(self._services, _ORDER)
        self._lines = [_Line(self._keys) for _ in range(plan.nodes)]
        self._rings = [KeyRing(line, sealer, self._clock, plan.policy.ring_max_age) for line in self._lines]
        for ring in self._rings:
            ring.load()
        self._outstanding: deque[_Token] = deque()
        self._failures: Counter[str] = Counter()
        self._named: dict[str, None] = {}
        self._verifications = self._rotations = self._compromises = 0
        self._changed_at = self._rotated_at = _START - timedelta(days=1)
        self._distrusted: set[str] = set()

    def run(self) -> DrillReport:
        end = _START + timedelta(days=self._plan.days)
        halfway = _START + timedelta(days=self._plan.days) / 2
        while self._clock.now < end:
            self._clock.now += self._step()
            self._cut_lines()
            if self._clock.now >= halfway and not self._compromises:
                self._try_compromise()
            self._move()
            self._check_traffic()
        return self._report()

    def _step(self) -> timedelta:
        return _FINE_STEP if self._clock.now - self._changed_at < _FINE_FOR else _STEP

    def _cut_lines(self) -> None:
        self._lines[-1].cut = self._clock.now - self._rotated_at < _CUT_OFF_FOR

    def _try_compromise(self) -> None:
        """Once the successor has stood for long enough, as the schedule sees to nearly always."""
        found = self._keys.load_all()
        active, successors = found.active(_ALGORITHM), found.successors(_ALGORITHM)
        known_from = may_activate_at(successors[0], self._plan.policy) if successors else None
        if active is None or (known_from is not None and known_from > self._clock.now):
            return
        compromise(self._services, active.kid, _ORDER)
        self._distrusted.add(active.kid)
        self._compromises += 1
        self._changed_at = self._clock.now

    def _move(self) -> None:
        if not self._plan.overlap:
            self._rotate_naively(self._keys.load_all())
            return
        for outcome in run_due(self._services):
            self._note(outcome)

    def _note(self, outcome: Outcome) -> None:
        self._named |= dict.fromkeys(outcome.waits_for)
        if outcome.done:
            self._changed_at = self._clock.now
        if outcome.done and outcome.move.act is Act.ROTATE:
            self._rotations += 1
            self._rotated_at = self._clock.now

    def _rotate_naively(self, found: KeySet) -> None:
        old = found.active(_ALGORITHM)
        if old is None or self._clock.now - old.newest() < self._plan.policy.rotate_after:
            return
        sealer, now = self._services.sealer, self._clock.now
        retired = old.moved(KeyState.DEACTIVATED, now, serve_until=now + self._plan.policy.tail)
        new = make_key(sealer, _ALGORITHM, KeyState.ACTIVE, now)
        commit(self._services, look(self._services), [sealed_anew(sealer, old, retired), new], _ORDER)
        self._rotations += 1
        self._changed_at = now

    def _check_traffic(self) -> None:
        """Every client checks a token of every node when it is issued, and again just before it expires."""
        for ring in self._rings:
            text = issue_token(ring, _ALGORITHM, "JWT", {"iat": self._clock.now.timestamp()})
            expires_at = self._clock.now + self._plan.policy.longest_token
            token = _Token(ring.signer(_ALGORITHM).kid, text, expires_at)
            self._verify(token)
            self._outstanding.append(token)
        last_chance = self._clock.now + self._step()
        while self._outstanding and self._outstanding[0].expires_at <= last_chance:
            token = self._outstanding.popleft()
            if token.expires_at > self._clock.now and token.kid not in self._distrusted:
                self._verify(token)

    def _verify(self, token: _Token) -> None:
        for number, client in enumerate(self._clients):
            node = self._rings[(number + self._verifications) % len(self._rings)]
            fetched = client.refresh(self._clock.now, self._plan.policy.jwks_max_age, node)
            if fetched:
                self._record_fetch(client)
            self._verifications += 1
            if not client.verifies(token.text):
                self._failures[client.registered.client_id] += 1

    def _record_fetch(self, client: DrillClient) -> None:
        self._services.transact(
            lambda tx: self._fetches.record(tx, client.registered.client_id, self._clock.now)
        )

    def _report(self) -> DrillReport:
        rule_breakers = {c.registered.client_id for c in self._clients if c.caches_for is None}
        failed = sum(count for name, count in self._failures.items() if name not in rule_breakers)
        unnamed = {name for name in self._failures if name not in self._named}
        return DrillReport(
            days=self._plan.days,
            nodes=self._plan.nodes,
            rotations=self._rotations,
            compromises=self._compromises,
            verifications=self._verifications,
            failed_verifications=failed,
            failures_by_client=dict(self._failures),
            named_before_promotion=list(self._named),
            passed=not failed and not unnamed and self._rotations > 0 and self._compromises > 0,
        )
