"""What a browser is told before a WebAuthn ceremony, in the JSON of Level 3 §5.1.8. Verifies nothing."""

from collections.abc import Iterable
from typing import Any

from mfa import webauthn_guard as guard
from mfa.webauthn import Attestation, Ceremony, RelyingParty
from mfa.webauthn_keys import ALGORITHMS

TIMEOUT_MILLISECONDS = 300_000
"""As long as a challenge lives (protocol.md)."""


def registration_options(
    relying_party: RelyingParty,
    ceremony: Ceremony,
    *,
    user_handle: bytes,
    user_id: str,
    display_name: str,
    existing: Iterable[bytes],
    attestation: Attestation,
) -> dict[str, Any]:
    """For `navigator.credentials.create`, as `parseCreationOptionsFromJSON` reads it (Level 3 §5.1.8)."""
    return {
        "rp": {"id": relying_party.rp_id, "name": relying_party.name},
        "user": {"id": guard.encode(user_handle), "name": user_id, "displayName": display_name},
        "challenge": guard.encode(ceremony.challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm.value} for algorithm in ALGORITHMS],
        "timeout": TIMEOUT_MILLISECONDS,
        "excludeCredentials": [_descriptor(credential_id) for credential_id in existing],
        "authenticatorSelection": {
            "residentKey": "required" if ceremony.user_verification_required else "preferred",
            "requireResidentKey": ceremony.user_verification_required,
            "userVerification": _verification(ceremony),
        },
        "attestation": "direct" if attestation.aaguids else "none",
    }


def authentication_options(
    relying_party: RelyingParty, ceremony: Ceremony, *, allowed: Iterable[bytes] = ()
) -> dict[str, Any]:
    """For `navigator.credentials.get`; without `allowed`, any passkey of this provider may answer."""
    return {
        "challenge": guard.encode(ceremony.challenge),
        "timeout": TIMEOUT_MILLISECONDS,
        "rpId": relying_party.rp_id,
        "allowCredentials": [_descriptor(credential_id) for credential_id in allowed],
        "userVerification": _verification(ceremony),
    }


def _descriptor(credential_id: bytes) -> dict[str, str]:
    return {"type": "public-key", "id": guard.encode(credential_id)}


def _verification(ceremony: Ceremony) -> str:
    return "required" if ceremony.user_verification_required else "preferred"
