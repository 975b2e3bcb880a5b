"""Which step an activation is at: decided by its record, never by an address or a form (S-295)."""

from enum import StrEnum

from idp.activation.record import ActivationRecord


class ActivationStep(StrEnum):
    """In their order."""

    CODE = "code"
    PERSON = "person"
    ACCOUNT = "account"
    FIRST_FACTOR = "first-factor"


def step_of(record: ActivationRecord | None) -> ActivationStep:
    """The first step that is not done."""
    if record is None:
        return ActivationStep.CODE
    if not record.confirmed:
        return ActivationStep.PERSON
    return ActivationStep.FIRST_FACTOR if record.user_id else ActivationStep.ACCOUNT
