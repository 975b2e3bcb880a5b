"""The words under which mfa writes to the ledger. What the entries look like belongs to the ledger."""

FACTOR_ADDED = "factor-added"
FACTOR_RENAMED = "factor-renamed"
FACTOR_REMOVED = "factor-removed"
FACTOR_VERIFIED = "factor-verified"
FACTOR_FAILED = "factor-failed"
FACTOR_BLOCKED = "factor-blocked"
FACTOR_DISABLED = "factor-disabled"
FACTOR_SUSPECTED = "factor-suspected"

ALL = (
    FACTOR_ADDED,
    FACTOR_RENAMED,
    FACTOR_REMOVED,
    FACTOR_VERIFIED,
    FACTOR_FAILED,
    FACTOR_BLOCKED,
    FACTOR_DISABLED,
    FACTOR_SUSPECTED,
)
