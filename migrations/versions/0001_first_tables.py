"""The first tables: citizens, factors, organisations and clients, signing keys, grants, the ledger.

The ledger's triggers refuse UPDATE and DELETE (S-369).
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

APPEND_ONLY = {
    "sqlite": [
        "CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END",
        "CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION ledger_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger only grows'; END $$",
        "CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE ON ledger "
        "FOR EACH ROW EXECUTE FUNCTION ledger_only_grows()",
        "CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON ledger "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_grows()",
    ],
}


def upgrade() -> None:
    op.create_table(
        "citizens",
        sa.Column("citizen_id", sa.String(length=22), nullable=False),
        sa.Column("user_id", sa.String(length=200), nullable=False),
        sa.Column("canonical_user_id", sa.String(length=200), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("cpr_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("cpr_index", sa.String(length=64), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("birthdate", sa.String(length=10), nullable=False),
        sa.Column("locale", sa.String(length=2), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_verified", sa.Boolean(), nullable=False),
        sa.Column("phone_number", sa.Text(), nullable=True),
        sa.Column("phone_number_verified", sa.Boolean(), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("citizen_id"),
        sa.UniqueConstraint("canonical_user_id"),
        sa.UniqueConstraint("cpr_index"),
    )
    op.create_table(
        "consents",
        sa.Column("citizen_id", sa.String(length=22), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("purpose_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("citizen_id", "client_id", "purpose_id"),
    )
    op.create_table(
        "ended_sessions",
        sa.Column("session_id", sa.String(length=43), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("session_id"),
    )
    op.create_index("ended_sessions_by_end", "ended_sessions", ["expires_at"], unique=False)
    op.create_table(
        "grants",
        sa.Column("grant_id", sa.String(length=43), nullable=False),
        sa.Column("citizen_id", sa.String(length=22), nullable=False),
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=43), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.Column("purpose_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("grant_id"),
    )
    op.create_index("grants_by_citizen", "grants", ["citizen_id"], unique=False)
    op.create_index("grants_by_end", "grants", ["expires_at"], unique=False)
    op.create_index("grants_by_session", "grants", ["session_id"], unique=False)
    op.create_table(
        "ledger",
        sa.Column(
            "number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("citizen_id", sa.String(length=22), nullable=True),
        sa.Column("citizen_number", sa.Integer(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("citizen_id", "citizen_number", name="ledger_citizen_number"),
    )
    op.create_index("ledger_by_time", "ledger", ["at"], unique=False)
    op.create_table(
        "spent",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("key_digest", sa.String(length=64), nullable=False),
        sa.Column("spent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("keep_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gave", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key_digest"),
    )
    op.create_index("spent_by_end", "spent", ["keep_until"], unique=False)
    op.create_table(
        "jwks_fetches",
        sa.Column("client_id", sa.String(length=200), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client_id"),
    )
    op.create_table(
        "signing_key_moves",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("before", sa.String(length=16), nullable=True),
        sa.Column("after", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index(op.f("ix_signing_key_moves_kid"), "signing_key_moves", ["kid"], unique=False)
    op.create_table(
        "signing_key_set",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(length=64), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("public_jwk", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("destroyed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("compromised_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("serve_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kid"),
    )
    op.create_index(
        "one_active_signing_key",
        "signing_keys",
        ["algorithm"],
        unique=True,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "mfa_factors",
        sa.Column("factor_id", sa.String(length=32), nullable=False),
        sa.Column("citizen_id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proves_two", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("factor_id"),
    )
    op.create_index("mfa_factors_by_citizen", "mfa_factors", ["citizen_id"], unique=False)
    op.create_table(
        "mfa_failures",
        sa.Column("authenticator", sa.String(length=96), nullable=False),
        sa.Column("citizen_id", sa.String(length=64), nullable=True),
        sa.Column("strangers_in_a_row", sa.Integer(), nullable=False),
        sa.Column("strangers_in_window", sa.Integer(), nullable=False),
        sa.Column("strangers_window_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("strangers_last_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("known_in_a_row", sa.Integer(), nullable=False),
        sa.Column("known_in_window", sa.Integer(), nullable=False),
        sa.Column("known_window_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("known_last_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("authenticator"),
    )
    op.create_index("mfa_failures_by_citizen", "mfa_failures", ["citizen_id"], unique=False)
    op.create_table(
        "mfa_pending_totp",
        sa.Column("citizen_id", sa.String(length=64), nullable=False),
        sa.Column("binding", sa.String(length=64), nullable=False),
        sa.Column("factor_id", sa.String(length=32), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("citizen_id", "binding"),
    )
    op.create_index("mfa_pending_totp_by_end", "mfa_pending_totp", ["expires_at"], unique=False)
    op.create_table(
        "mfa_user_handles",
        sa.Column("citizen_id", sa.String(length=64), nullable=False),
        sa.Column("user_handle", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("citizen_id"),
    )
    op.create_table(
        "mfa_passwords",
        sa.Column("citizen_id", sa.String(length=64), nullable=False),
        sa.Column("factor_id", sa.String(length=32), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["factor_id"], ["mfa_factors.factor_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("citizen_id"),
    )
    op.create_index("mfa_passwords_by_factor", "mfa_passwords", ["factor_id"], unique=True)
    op.create_table(
        "mfa_recovery_codes",
        sa.Column("factor_id", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("spent_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["factor_id"], ["mfa_factors.factor_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("factor_id", "digest"),
    )
    op.create_table(
        "mfa_recovery_sets",
        sa.Column("citizen_id", sa.String(length=64), nullable=False),
        sa.Column("factor_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["factor_id"], ["mfa_factors.factor_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("citizen_id"),
    )
    op.create_index("mfa_recovery_sets_by_factor", "mfa_recovery_sets", ["factor_id"], unique=True)
    op.create_table(
        "mfa_totp",
        sa.Column("factor_id", sa.String(length=32), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["factor_id"], ["mfa_factors.factor_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("factor_id"),
    )
    op.create_table(
        "mfa_webauthn",
        sa.Column("factor_id", sa.String(length=32), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("aaguid", sa.String(length=36), nullable=False),
        sa.Column("backup_eligible", sa.Boolean(), nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.Column("attested", sa.Boolean(), nullable=False),
        sa.Column("suspected_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["factor_id"], ["mfa_factors.factor_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("factor_id"),
        sa.UniqueConstraint("credential_id"),
    )
    op.create_table(
        "organisations",
        sa.Column("organisation_id", sa.String(length=64), nullable=False),
        sa.Column("cvr_number", sa.String(length=8), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("contacts", sa.Text(), nullable=False),
        sa.Column("logo", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("organisation_id"),
        sa.UniqueConstraint("cvr_number"),
    )
    op.create_table(
        "client_uses",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("client_id"),
    )
    op.create_table(
        "registry_version",
        sa.Column("only_row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("only_row"),
    )
    op.create_table(
        "clients",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.String(length=64), nullable=False),
        sa.Column("sector", sa.String(length=64), nullable=False),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.Column("secret_digest", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.organisation_id"], name="fk_clients_organisation"
        ),
        sa.PrimaryKeyConstraint("client_id"),
    )
    op.create_index(op.f("ix_clients_organisation_id"), "clients", ["organisation_id"], unique=False)
    # ### end Alembic commands ###
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)
