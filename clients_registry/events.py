"""The words under which the registry writes to the journal. What the entries look like belongs to the ledger."""

ORGANISATION_ADDED = "organisation-added"
ORGANISATION_DISABLED = "organisation-disabled"
CLIENT_REGISTERED = "client-registered"
CLIENT_CHANGED = "client-changed"
CLIENT_SECRET_RENEWED = "client-secret-renewed"
CLIENT_DISABLED = "client-disabled"
RESOURCE_ADDED = "resource-added"
RESOURCE_CHANGED = "resource-changed"
RESOURCE_SECRET_RENEWED = "resource-secret-renewed"
RESOURCE_DISABLED = "resource-disabled"
SCOPE_ADDED = "scope-added"
SCOPE_GRANTED = "scope-granted"
SCOPE_REVOKED = "scope-revoked"
DETAIL_TYPE_ADDED = "detail-type-added"
DETAIL_TYPE_DISABLED = "detail-type-disabled"

OF_CLIENTS = (
    ORGANISATION_ADDED,
    ORGANISATION_DISABLED,
    CLIENT_REGISTERED,
    CLIENT_CHANGED,
    CLIENT_SECRET_RENEWED,
    CLIENT_DISABLED,
)
OF_RESOURCES = (RESOURCE_ADDED, RESOURCE_CHANGED, RESOURCE_SECRET_RENEWED, RESOURCE_DISABLED)
OF_DETAIL_TYPES = (DETAIL_TYPE_ADDED, DETAIL_TYPE_DISABLED)
OF_SCOPES = (SCOPE_ADDED, SCOPE_GRANTED, SCOPE_REVOKED)
