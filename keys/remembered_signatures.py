"""Remembers which signatures of our own fitted: an API asks about the same token with each request that brings it.

Whether a signature fits is decided by the key, the signature and the signed bytes, and by nothing else: what fitted
once fits again. Whether the key is trusted and what the token says are asked anew each time, elsewhere.
"""

import hashlib
import threading
from collections import OrderedDict

from keys.algorithms import Verify

MOST = 4096
"""For each key; about 1 MiB where it is an EC key, and twice that for RSA. What was verified longest ago goes first."""


def remembering(verify: Verify, most: int = MOST) -> Verify:
    """The same check, which remembers what it has let pass. What did not fit costs its sender the full price again."""
    fitted: OrderedDict[bytes, None] = OrderedDict()
    lock = threading.Lock()

    def check(signature: bytes, data: bytes) -> None:
        name = hashlib.sha256(data).digest() + signature
        if name in fitted:
            return
        verify(signature, data)
        with lock:
            fitted[name] = None
            if len(fitted) > most:
                fitted.popitem(last=False)

    return check
