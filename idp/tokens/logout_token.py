"""Logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.4): whose session has ended, for one client.

Made anew for each try, with the client's one algorithm, typed `logout+jwt`, good for two minutes. Never a `nonce`, so
that none of them can pass for an ID token (§2.4, RFC 8725 §3.11). Encrypted where the client's ID tokens are, by whoever sends it.
"""

from datetime import datetime, timedelta

from clients_registry.client import Client
from idp.ids import new_token_id
from idp.protocol.policy import ProtocolPolicy
from idp.protocol.profile import signing_algorithm
from idp.tokens.subject import Subjects
from keys.key_ring import KeyRing
from keys.own_tokens import issue_token

TYP = "logout+jwt"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
LIFETIME = timedelta(minutes=2)
"""§2.4 recommends two minutes at most."""


def issue_logout_token(
    policy: ProtocolPolicy,
    key_ring: KeyRing,
    subjects: Subjects,
    *,
    client: Client,
    citizen_id: str,
    session_id: str,
    now: datetime,
) -> str:
    """A signed token, with `sub` and `sid` as the client's ID tokens had them.

    Raises:
        keys.errors.NothingSigned: the client's algorithm cannot sign now.
    """
    issued_at = int(now.timestamp())
    claims = {
        "iss": policy.issuer,
        "sub": subjects.for_client(client, citizen_id),
        "aud": client.client_id,
        "iat": issued_at,
        "exp": issued_at + int(LIFETIME.total_seconds()),
        "jti": new_token_id(),
        "events": {EVENT: {}},
        "sid": subjects.sid_for(client.client_id, session_id),
    }
    return issue_token(key_ring, signing_algorithm(client), TYP, claims)
