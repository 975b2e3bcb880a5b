"""What a signature costs: `KeyRing.sign` against the bare call of `cryptography`, and a whole ES256 access token.

    python -m bench.signing [--repeats 15] [--json]

One thread, no network; the store of keys is SQLite in memory, and is asked once a second as in a serving process. The
bare call and ours take turns, and of all turns the median counts, so that a busy machine slows both alike.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from idp.clock import system_clock
from idp.protocol.policy import ProtocolPolicy
from idp.records import AuthorizationCode, Grant
from idp.tokens.access_token import ALGORITHM, TYP, access_token_claims
from keys.birth import ensure_keys
from keys.in_sql import Keys, in_memory
from keys.key_ring import KeyRing
from keys.own_tokens import issue_token
from keys.policy import KeyPolicy
from keys.sealing import Sealer
from keys.services import KeysServices, Order

RATIO_AT_MOST = 1.5
TOKEN_AT_MOST_US = 60.0
_CALLS = 400
_DATA = b"x" * 480
"""As long as the signing input of an access token."""


@dataclass(frozen=True, slots=True)
class SigningCost:
    """Microseconds a call."""

    bare_us: float
    key_ring_us: float
    ratio: float
    access_token_us: float

    @property
    def met(self) -> bool:
        return self.ratio <= RATIO_AT_MOST and self.access_token_us <= TOKEN_AT_MOST_US


class _NoJournal:
    def append(self, tx: object, **entry: object) -> None:
        """A benchmark is nobody's history."""


def measure(repeats: int = 15) -> SigningCost:
    ring = _key_ring()
    private = ec.generate_private_key(ec.SECP256R1())
    how = ec.ECDSA(hashes.SHA256())
    token = _access_token(ring)
    turns = [
        (
            _us(lambda: private.sign(_DATA, how)),
            _us(lambda: ring.sign(ALGORITHM, _DATA)),
            _us(token),
        )
        for _ in range(repeats)
    ]
    bare, ours, whole = (statistics.median(column) for column in zip(*turns, strict=True))
    return SigningCost(round(bare, 1), round(ours, 1), round(ours / bare, 2), round(whole, 1))


def _us(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    for _ in range(_CALLS):
        call()
    return (time.perf_counter() - begun) / _CALLS * 1e6


def _key_ring() -> KeyRing:
    engine, transact = in_memory()
    keys, sealer = Keys(engine), Sealer(b"k" * 32, "signing-keys")
    services = KeysServices(
        transact=transact,
        keys=keys,
        sealer=sealer,
        journal=_NoJournal(),
        clock=system_clock,
        policy=KeyPolicy(algorithms=(ALGORITHM,)),
    )
    ensure_keys(services, Order("system", "a benchmark"))
    ring = KeyRing(keys, sealer, system_clock)
    ring.load()
    return ring


def _access_token(ring: KeyRing) -> Callable[[], str]:
    """Claims, serialization and signature, as the token endpoint makes them."""
    policy, now = ProtocolPolicy(issuer="https://id.nordhavn.example"), system_clock()
    end = now + timedelta(hours=8)
    code = AuthorizationCode(
        client_id="byggesager", redirect_uri="https://byg.nordhavn.example/callback", code_challenge=None,
        citizen_id="c" * 22, session_id="s" * 43, session_expires_at=end, scope=("openid", "profile"),
        claims=("name",), purpose_id="byggesag", nonce=None, acr="urn:adgang:loa:substantial",
        amr=("pwd", "otp", "mfa"), authenticated_at=now, expires_at=end,
    )  # fmt: skip
    grant = Grant(
        grant_id="g" * 43, citizen_id=code.citizen_id, client_id=code.client_id, session_id=code.session_id,
        scope=code.scope, claims=code.claims, purpose_id=code.purpose_id, created_at=now, expires_at=end,
    )  # fmt: skip

    def make() -> str:
        claims = access_token_claims(policy, grant, code, subject="p" * 43, now=system_clock())
        return issue_token(ring, ALGORITHM, TYP, claims)

    return make


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    cost = measure(chosen.repeats)
    if chosen.json:
        print(json.dumps({**asdict(cost), "met": cost.met}))
    else:
        print(
            f"A signature (ES256): {cost.key_ring_us} µs by the key ring, {cost.bare_us} µs bare: {cost.ratio} times "
            f"(aim: {RATIO_AT_MOST}). A whole access token: {cost.access_token_us} µs (aim: {TOKEN_AT_MOST_US:.0f}). "
            f"{'Met.' if cost.met else 'MISSED.'}"
        )


if __name__ == "__main__":
    main()
