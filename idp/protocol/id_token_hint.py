"""`id_token_hint` (OpenID Connect Core §3.1.2.1, §3.1.2.2): an ID token of ours that names whom the client means.

Its end may have passed; its signature, issuer and audience must be right. It selects nobody's session: it only says as
whom the sign-in has to end.
"""

from dataclasses import dataclass

from idp.errors import InvalidRequest
from idp.protocol.policy import ProtocolPolicy
from keys.algorithms import SIGNING_ALGORITHMS
from keys.errors import InvalidToken
from keys.key_ring import KeyRing
from keys.own_tokens import verify_token

ID_TOKEN_TYP = "JWT"
"""The `typ` of ID tokens, and of nothing else that we sign (RFC 8725 §3.11)."""


@dataclass(frozen=True, slots=True)
class Hint:
    """What a verified hint says."""

    client_id: str
    subject: str
    sid: str
    """The client's own name for the session in which the token was issued."""


@dataclass(frozen=True, slots=True)
class HintVerifier:
    """Verifies hints against our own keys."""

    policy: ProtocolPolicy
    key_ring: KeyRing

    def verify(self, hint: str, client_id: str) -> str:
        """The `sub` of an ID token that we issued to this client.

        Raises: InvalidRequest.
        """
        found = self.read(hint)
        if found.client_id != client_id:
            raise InvalidRequest("The id_token_hint was issued to another client.")
        return found.subject

    def read(self, hint: str) -> Hint:
        """An ID token that we issued, whoever shows it; also by a key that has been retired since (keys.md, rule 3).

        Raises: InvalidRequest.
        """
        try:
            claims = verify_token(self.key_ring, hint, typ=ID_TOKEN_TYP, algorithms=SIGNING_ALGORITHMS)
        except InvalidToken:
            raise InvalidRequest("The id_token_hint is not an ID token of this provider.") from None
        client_id, subject, sid = (claims.get(name) for name in ("aud", "sub", "sid"))
        if claims.get("iss") != self.policy.issuer or not isinstance(client_id, str):
            raise InvalidRequest("The id_token_hint was issued to another client.")
        if not isinstance(subject, str) or not isinstance(sid, str):
            raise InvalidRequest("The id_token_hint names nobody.")
        return Hint(client_id, subject, sid)
