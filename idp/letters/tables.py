"""The tables of letters and invitations."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text

from idp.storage.tables import UtcDateTime, metadata

letters = Table(
    "letters",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("citizen_id", String(22), nullable=False),
    Column("living", String(40), unique=True),
    # Kind and person while the code can be used, else NULL: so one letter of a kind lives for each person.
    Column("code_digest", String(64), nullable=False, unique=True),
    Column("sealed_code", LargeBinary),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("printed_at", UtcDateTime),
    Column("spent_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Index("letters_by_citizen", "citizen_id", "kind"),
    Index("letters_by_print", "printed_at", "number"),
    Index("letters_by_end", "expires_at"),
)

invitations = Table(
    "invitations",
    metadata,
    Column("citizen_id", String(22), primary_key=True),
    Column("cpr_sealed", LargeBinary, nullable=False),
    Column("cpr_index", String(64), nullable=False, unique=True),
    Column("given_name", Text, nullable=False),
    Column("family_name", Text, nullable=False),
    Column("birthdate", String(10), nullable=False),
    Column("address", Text, nullable=False),
    Column("language", String(2), nullable=False),
    Column("invited_at", UtcDateTime, nullable=False),
)
