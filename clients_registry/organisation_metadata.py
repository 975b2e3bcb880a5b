"""What an organisation may be called when it is added."""

import re
from collections.abc import Mapping
from typing import Any

from clients_registry.errors import InvalidOrganisation, MetadataFault
from clients_registry.field_readers import (
    MAX_NAME_LETTERS,
    Reader,
    Reading,
    Unfit,
    email,
    list_of,
    matching,
    one_of,
    text,
)
from clients_registry.organisation import KINDS
from clients_registry.policy import RegistrationPolicy
from clients_registry.profiles import FAPI2

_CVR = re.compile(r"[0-9]{8}")
_LOGO = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}(?:\.(?:svg|png))?")

_READERS: dict[str, Reader] = {
    "cvr_number": matching(_CVR, "must be a CVR number: eight digits"),
    "kind": one_of(KINDS),
    "name": text(MAX_NAME_LETTERS),
    "contacts": list_of(email, at_least=0, at_most=10),
    "logo": matching(_LOGO, "must be the name of an image that the provider serves, such as nordhavn.svg"),
}


def check_organisation(given: Mapping[str, Any]) -> dict[str, Any]:
    """The members of the organisation.

    Raises:
        InvalidOrganisation: with every fault.
    """
    reading = Reading(RegistrationPolicy(), FAPI2, "web")  # none of these readers looks at it
    members: dict[str, Any] = {}
    faults: list[MetadataFault] = []
    for name, read in _READERS.items():
        if given[name] is None:
            continue
        try:
            members[name] = read(given[name], reading)
        except Unfit as unfit:
            faults += [MetadataFault(f"{name}{inside}", sentence) for inside, sentence in unfit.faults]
    if faults:
        raise InvalidOrganisation(faults)
    return members
