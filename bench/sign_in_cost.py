"""What a whole sign-in costs beyond the password's hash, in processor time.

Sign-ins come one after another from one client. After each, the same hash is computed on the same core, so that both
figures meet the same machine; the difference is taken pair by pair, and its median is told. The provider's time is all
of it: every process and thread, whatever the request, and what its schedule does meanwhile.

The hash has a process of its own: half its time is the kernel's, giving it fresh memory, which a process that has freed
much before (such as the generator) is spared.
"""

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from bench.provider import PROVIDER_CORE, RunningProvider, pin
from bench.sign_in import sign_in
from bench.world import PASSWORD, World
from mfa.password import Passwords

_AIM_MS = 12


@dataclass(frozen=True, slots=True)
class SignInCost:
    """Milliseconds; medians over the sign-ins."""

    sign_ins: int
    requests_each: int
    elapsed_ms: float
    cpu_ms: float
    hash_cpu_ms: float
    beyond_the_hash_cpu_ms: float
    aim_ms: float = _AIM_MS


def sign_in_cost(world: World, provider: RunningProvider) -> SignInCost:
    """Each of the world's citizens signs in once; the first ones only warm up."""
    warm, measured = world.citizens[:5], world.citizens[5:]
    spent, hashed, elapsed, requests = [], [], [], 0
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), pin, (PROVIDER_CORE,)) as apart:
        for citizen in warm:
            sign_in(world, citizen)
            apart.submit(_hash_seconds).result()
        for citizen in measured:
            before, begun = provider.cpu_seconds(), time.perf_counter()
            requests = sign_in(world, citizen)
            elapsed.append(1000 * (time.perf_counter() - begun))
            spent.append(1000 * (provider.cpu_seconds() - before))
            hashed.append(1000 * apart.submit(_hash_seconds).result())
    beyond = [whole - part for whole, part in zip(spent, hashed, strict=True)]
    return SignInCost(
        sign_ins=len(measured),
        requests_each=requests,
        elapsed_ms=round(statistics.median(elapsed), 1),
        cpu_ms=round(statistics.median(spent), 2),
        hash_cpu_ms=round(statistics.median(hashed), 2),
        beyond_the_hash_cpu_ms=round(statistics.median(beyond), 2),
    )


def _hash_seconds() -> float:
    """Processor time of one hash as the provider computes it."""
    with Passwords(b"bench").turn() as turn:
        before = time.process_time()
        turn.hash(PASSWORD)
        return time.process_time() - before
