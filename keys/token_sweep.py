"""Private parts that a token still has although no key needs them: what a kill between commit and destruction leaves.

Safe beside processes that make keys at the same time: the version of the set is advanced between the look at the token
and the destruction, so whoever made a key before that look, and has not kept it yet, is refused (compare-and-set).
"""

from keys.changes import look
from keys.sealed_keys import unseal_key
from keys.services import KeysServices


def sweep_token(services: KeysServices) -> int:
    """Destroy them; returns how many.

    Raises:
        KeysBehind: an old backup was restored; first `reconcile` says what is lost.
        KeyDoesNotUnseal: nobody can tell what a row holds.
        KeySetChanged: a key was moved at the same moment; the next sweep does it.
        HsmAway
    """
    in_token = services.backends.in_token()
    if not in_token:
        return 0
    seen = look(services, urgent=True).keys
    held = {unseal_key(services.sealer, key) for key in seen.keys}
    needless = [each for each in in_token if each not in held]
    if needless:
        services.transact(lambda tx: services.keys.advance(tx, seen.version))
        services.backends.forget(needless)
    return len(needless)
