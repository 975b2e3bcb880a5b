"""Counting never fails, whoever counts first."""

import subprocess
import sys

_FIRST_COUNTS = """
import sys, threading
from idp import metrics

sys.setswitchinterval(1e-6)
together, counted = threading.Barrier(8), []

def first():
    together.wait()
    metrics.count("sign_ins", {})
    counted.append(1)

threads = [threading.Thread(target=first) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(counted))
"""


def test_the_first_requests_of_a_worker_are_counted_together() -> None:
    """In a process of its own, since this one has counted before."""
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_COUNTS], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "8\n", done.stderr
