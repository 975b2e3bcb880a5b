"""A process that makes one move and is killed at its n-th statement. `python -m tests.storage.keys_killed URL MOVE N`."""

import os
import signal
import sys
from collections.abc import Callable

from sqlalchemy import event

from keys.birth import generate
from keys.endings import compromise
from keys.policy import KeyPolicy
from keys.reseal import reseal
from keys.sealing import Sealer
from keys.succession import rotate
from tests.storage.keys_world import KEK, ORDER, World
from tests.support.clock import FrozenClock


def _resealed(world: World) -> None:
    world.sealer = Sealer(b"n" * 32, "signing keys", others=(KEK,))
    reseal(world.services, ORDER)


MOVES: dict[str, Callable[[World], object]] = {
    "generate": lambda world: generate(world.services, "ES256", ORDER),
    "rotate": lambda world: rotate(world.services, "ES256", ORDER),
    "compromise": lambda world: compromise(world.services, world.active().kid, ORDER),
    "reseal": _resealed,
}
"""Every move is one change, written by `keys.changes.commit`: these are its shapes (add, add and replace, replace)."""


def main(url: str, move: str, at: int) -> None:
    world = World(url, FrozenClock(), KeyPolicy(algorithms=("ES256",)))
    world.past_lead()
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1
        if statements == at:
            os.kill(os.getpid(), signal.SIGKILL)

    for when in ("after_cursor_execute", "commit"):
        event.listen(world.database.writing, when, count)
    MOVES[move](world)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
