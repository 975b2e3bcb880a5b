"""Revocation (RFC 7009): a client gives a token back before its time.

A **refresh token** ends its grant, and with it every access token that the grant gave; an **access token** ends by
itself, with what others got in exchange for it (§2.1 leaves both open; S-146). Each is dead in every process within a second, at our own endpoints and
in introspection. What the token is, its form says: a hint is not looked at (S-147). Whatever is not a live token of
this very client is answered like a token that was revoked, and stays as it was (§2.2; S-145). A store that does not
answer is a 503: nothing is claimed that was not written (S-093).
"""

import re
from collections.abc import Mapping
from datetime import datetime

from clients_registry.client import Client
from idp.addresses import neighbourhood
from idp.endpoints.client import authenticated_client
from idp.endpoints.machine import NO_STORE, MachineFunction, MachineRequest, MachineResponse
from idp.errors import InvalidRequest, InvalidToken
from idp.grants.guesses import check_guesses
from idp.grants.live_tokens import verify_access_token
from idp.ids import digest
from idp.ledger import events
from idp.protocol import client_auth
from idp.protocol.client_auth import ClientAuthentication
from idp.protocol.policy import ProtocolPolicy
from idp.records import Grant
from idp.services import Services
from idp.storage import ports
from keys.errors import InvalidToken as NotOurToken

_REFRESH_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\Z")
"""As idp.ids.new_secret makes them."""
_DONE = MachineResponse(200, NO_STORE, b"")


def metadata(policy: ProtocolPolicy) -> Mapping[str, object]:
    """Lines of discovery: clients authenticate as at the token endpoint."""
    there = client_auth.metadata(policy)
    return {name.replace("token_", "revocation_", 1): value for name, value in there.items()}


def revocation(services: Services, authentication: ClientAuthentication) -> MachineFunction:
    """The endpoint."""

    def respond(request: MachineRequest) -> MachineResponse:
        now = services.clock()
        # 1. The form.
        parameters = request.form()
        # 2. The client.
        client = authenticated_client(authentication, request, parameters, now, services).client
        # 3. The token.
        token = parameters.get("token")
        if not token:
            raise InvalidRequest("The token is missing.")
        # 4. Revoked, where it is the client's.
        if _REFRESH_TOKEN.match(token):
            kind = _revoke_refresh_token(services, client, token, now)
        else:
            kind = _revoke_access_token(services, client, token, now)
        if kind == "unknown" and client.is_public:  # its name is anybody's
            check_guesses(services, "revocation", client.client_id, neighbourhood(request.peer_address))
        services.count("revocations", {"token": kind})
        return _DONE

    return respond


def _revoke_refresh_token(services: Services, client: Client, token: str, now: datetime) -> str:
    """One that was rotated stands for its grant too: whoever has it may end it, and no more."""
    found = services.refresh_tokens.find(digest(token))
    if found is None or found.client_id != client.client_id:
        return "unknown"
    if found.grant.revoked_at is not None:  # nothing is left to write
        return "refresh_token"

    def work(tx: ports.Tx) -> None:
        if services.grants.revoke(tx, found.grant.grant_id, now):
            _record(services, tx, client, found.grant, "refresh_token", now)

    services.transact(work)
    return "refresh_token"


def _revoke_access_token(services: Services, client: Client, token: str, now: datetime) -> str:
    try:
        read = verify_access_token(services, token, now).token
    except (NotOurToken, InvalidToken):  # an expired one needs nothing more
        return "unknown"
    if read.client_id != client.client_id:
        return "unknown"
    if read.token_id in services.revoked_tokens:  # nothing is left to write
        return "access_token"
    # A grant that is dead for the moment, its citizen blocked, may live again: the token does not.
    given = None if read.grant_id is None else services.grants.find_live(read.grant_id)

    def work(tx: ports.Tx) -> None:
        if services.revoked_tokens.add(tx, read.token_id, read.expires_at) and given is not None:
            _record(services, tx, client, given[0], "access_token", now)

    services.transact(work)
    services.revoked_tokens.look_again()
    return "access_token"


def _record(services: Services, tx: ports.Tx, client: Client, grant: Grant, kind: str, now: datetime) -> None:
    services.ledger.append(
        tx,
        event=events.TOKEN_REVOKED,
        actor=events.by_client(client.client_id),
        at=now,
        citizen_id=grant.citizen_id,
        facts={"client_id": client.client_id, "purpose": grant.purpose_id, "token": kind},
    )
