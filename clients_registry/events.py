"""The words under which the registry writes to the journal. What the entries look like belongs to the ledger."""

ORGANISATION_ADDED = "organisation-added"
ORGANISATION_DISABLED = "organisation-disabled"
CLIENT_REGISTERED = "client-registered"
CLIENT_CHANGED = "client-changed"
CLIENT_SECRET_RENEWED = "client-secret-renewed"
CLIENT_DISABLED = "client-disabled"

ALL = (
    ORGANISATION_ADDED,
    ORGANISATION_DISABLED,
    CLIENT_REGISTERED,
    CLIENT_CHANGED,
    CLIENT_SECRET_RENEWED,
    CLIENT_DISABLED,
)
