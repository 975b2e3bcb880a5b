"""The states of a signing key and the moves between them (words of NIST SP 800-57 part 1 §7).

Does not decide when a move is due or safe: see rotation.py and lifecycle.py.

```
 generate         publish         activate       deactivate             destroy
   └──▶ pre-activation ──▶ published ──▶ active ──▶ deactivated ──▶ destroyed
              │                │                                      ▲
              └────────────────┴──────── withdrawn, never used ───────┘

 any state ──▶ compromised    the end: out of the JWKS, its tokens refused, its private part gone
```
Moves only go forward. The private part exists in the first three states and in no other.
"""

from enum import StrEnum


class KeyState(StrEnum):
    PRE_ACTIVATION = "pre-activation"
    PUBLISHED = "published"
    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    DESTROYED = "destroyed"
    COMPROMISED = "compromised"


ALLOWED_MOVES: dict[KeyState, frozenset[KeyState]] = {
    KeyState.PRE_ACTIVATION: frozenset({KeyState.PUBLISHED, KeyState.DESTROYED, KeyState.COMPROMISED}),
    KeyState.PUBLISHED: frozenset({KeyState.ACTIVE, KeyState.DESTROYED, KeyState.COMPROMISED}),
    KeyState.ACTIVE: frozenset({KeyState.DEACTIVATED, KeyState.COMPROMISED}),
    KeyState.DEACTIVATED: frozenset({KeyState.DESTROYED, KeyState.COMPROMISED}),
    KeyState.DESTROYED: frozenset({KeyState.COMPROMISED}),
    KeyState.COMPROMISED: frozenset(),
}

HOLDS_PRIVATE_PART = frozenset({KeyState.PRE_ACTIVATION, KeyState.PUBLISHED, KeyState.ACTIVE})
IN_JWKS = frozenset({KeyState.PUBLISHED, KeyState.ACTIVE, KeyState.DEACTIVATED})
