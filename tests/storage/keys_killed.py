"""A process that makes one move and is killed at its n-th statement. `python -m tests.storage.keys_killed URL MOVE N`."""

import os
import signal
import sys

from sqlalchemy import event

from keys.endings import compromise
from keys.policy import KeyPolicy
from keys.succession import rotate
from tests.storage.keys_world import ORDER, World
from tests.support.clock import FrozenClock


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
    if move == "rotate":
        rotate(world.services, "ES256", ORDER)
    else:
        compromise(world.services, world.active().kid, ORDER)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
