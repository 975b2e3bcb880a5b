"""A new key-encryption key, brought in while everything runs (keys.md, rule 7).

1. Every process gets the new key as the present one and the old among the `others` of its `Sealer`.
2. `reseal` seals every row under the new key.
3. The old key is taken away.
"""

from dataclasses import replace

from keys.changes import commit, look
from keys.key import SigningKey
from keys.sealed_keys import sealed_anew
from keys.services import KeysServices, Order


def reseal(services: KeysServices, order: Order) -> list[SigningKey]:
    """Seal anew whatever is not sealed under the present key-encryption key; all of it or nothing.

    Raises:
        KeyDoesNotUnseal: a row was altered, or sealed under a key that we do not have.
    """
    sight = look(services)
    changed = [
        sealed_anew(services.sealer, key, replace(key, version=key.version + 1))
        for key in sight.keys.keys
        if not services.sealer.is_current(key.sealed)
    ]
    if changed:
        commit(services, sight, changed, order, event="key.resealed")
    return changed
