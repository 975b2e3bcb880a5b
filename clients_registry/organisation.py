"""Organisation: a public body that offers services. What it may be called is checked where it is added."""

from dataclasses import dataclass
from datetime import datetime

KINDS = ("municipality", "region", "state")


@dataclass(frozen=True, slots=True)
class Organisation:
    """A municipality, a region or a state body, known by its CVR number."""

    organisation_id: str
    cvr_number: str
    """Eight digits; the check digit is not required, so that fictional organisations can be registered."""
    kind: str
    """A word of `KINDS`."""
    name: str
    contacts: tuple[str, ...]
    """E-mail addresses."""
    created_at: datetime
    logo: str | None = None
    """Name of an image that the provider itself serves; never fetched from elsewhere (S-183)."""
    disabled_at: datetime | None = None
