"""What can go wrong with keys. A small family; idp translates it at its edges.

No message carries a token, a private part or an envelope.
"""


class KeysError(Exception):
    """Everything this package raises on purpose."""


class NothingSigned(KeysError):
    """Nothing can be signed for the moment. The message says what the operator can do, where that is anything."""


class NoActiveKey(NothingSigned):
    """Nothing may sign with this algorithm now."""


class KeysUnavailable(NothingSigned):
    """The store of keys does not answer."""


class KnowledgeTooOld(KeysUnavailable):
    """The store has not answered for so long that the key may have been retired or compromised meanwhile (S-379)."""


class HsmAway(KeysUnavailable):
    """The token that holds private keys cannot be used."""


class UnsealFailed(KeysError):
    """An envelope was altered, belongs elsewhere, or was sealed under another key-encryption key."""


class KeyDoesNotUnseal(UnsealFailed):
    """A stored key cannot be opened, or its row was altered by hand."""

    def __init__(self, kid: str, why: str) -> None:
        super().__init__(f"The signing key {kid} does not unseal: {why}.")
        self.kid = kid


class InvalidToken(KeysError):
    """Not a token of ours, or signed by a key that is no longer trusted. The reason is for the log."""


class KeysBehind(NothingSigned):
    """The store is older than what we have seen: it was restored from a backup (S-381)."""

    def __init__(self, version: int, mark: int) -> None:
        super().__init__(
            f"The keys in the database are at version {version}, but version {mark} has existed: an old backup was "
            "restored. Nothing is signed until `adgang keys reconcile` has been run."
        )


class MoveRefused(KeysError):
    """A rule of a key's life forbids this move. `remedy` is what the operator can do instead."""

    def __init__(self, why: str, remedy: str = "") -> None:
        super().__init__(why)
        self.remedy = remedy


class KeySetChanged(MoveRefused):
    """Somebody else changed the keys between our look and our move; nothing was done (S-377)."""

    def __init__(self) -> None:
        super().__init__(
            "The keys were changed by somebody else at the same moment; nothing was done.",
            "Look with `adgang keys list`, then decide again.",
        )
