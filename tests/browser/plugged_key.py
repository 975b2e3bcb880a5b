"""A virtual authenticator of Chromium's own (CDP), plugged into a page's browser; nothing of WebAuthn is mocked."""

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.authenticator import Authenticator

CALLBACK = "http://localhost:9/**"


@dataclass
class Plugged:
    """An authenticator that this browser has."""

    page: Any
    session: Any
    authenticator_id: str

    def send(self, command: str, **more: Any) -> Any:
        return self.session.send(f"WebAuthn.{command}", {"authenticatorId": self.authenticator_id, **more})

    def hold(self, key: Authenticator, *, resident: bool = True) -> None:
        """Put a key of the citizen's on it."""
        raw = key.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        credential = {
            "credentialId": b64encode(key.credential_id).decode(),
            "isResidentCredential": resident,
            "rpId": "localhost",
            "privateKey": b64encode(raw).decode(),
            "signCount": 1,
        }
        if resident:
            credential["userHandle"] = b64encode(key.user_handle).decode()
        self.send("addCredential", credential=credential)


def plug_into(page: Any, **traits: Any) -> Plugged:
    """An authenticator that verifies its user at a touch, unless `traits` say otherwise; and a service to arrive at."""
    page.route(
        CALLBACK,
        lambda route: route.fulfill(body="<h1 id=arrived>Byggesager</h1>", content_type="text/html"),
    )
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable", {"enableUI": False})
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
        **traits,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return Plugged(page, session, made["authenticatorId"])
