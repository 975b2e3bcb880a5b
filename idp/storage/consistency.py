"""References that cross packages, checked by `adgang doctor` since no foreign key does."""

from sqlalchemy import Engine, text

_QUESTIONS = {
    "factors of citizens that do not exist": (
        "SELECT count(*) FROM mfa_factors f LEFT JOIN citizens c ON c.citizen_id = f.citizen_id "
        "WHERE c.citizen_id IS NULL"
    ),
    "grants to clients that do not exist": (
        "SELECT count(*) FROM grants g LEFT JOIN clients c ON c.client_id = g.client_id WHERE c.client_id IS NULL"
    ),
    "grants for APIs that do not exist": (
        "SELECT count(*) FROM grants g LEFT JOIN resources r ON r.identifier = g.resource "
        "WHERE g.resource IS NOT NULL AND r.resource_id IS NULL"
    ),
    "consents to clients that do not exist": (
        "SELECT count(*) FROM consents s LEFT JOIN clients c ON c.client_id = s.client_id WHERE c.client_id IS NULL"
    ),
    "clients of organisations that do not exist": (
        "SELECT count(*) FROM clients c LEFT JOIN organisations o ON o.organisation_id = c.organisation_id "
        "WHERE o.organisation_id IS NULL"
    ),
}


def dangling_references(engine: Engine) -> dict[str, int]:
    """How many of each there are."""
    with engine.connect() as connection:
        return {name: int(connection.execute(text(sql)).scalar_one()) for name, sql in _QUESTIONS.items()}
