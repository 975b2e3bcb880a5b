"""The API of Statens Boligstøtte: what another authority may ask on a citizen's behalf. An example of `resource_server`.

Flask, with two operations. The token is checked before anything else is looked at; who asked, and for whom, is in it.
The second one tells more, and wants the citizen to have shown a key a short while ago (RFC 9470).
"""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from demo.comparing import address_of
from demo.resource_server import Refused, ResourceServer, Token

PATH = "/api/stoette"
ACCOUNT_PATH = "/api/stoette/konto"
_LEVEL, _RECENT_SECONDS = "phr", 600
_SUPPORT = {"kroner_a_month": 1214, "next_payment": "2026-12-01"}


def housing_support(server: ResourceServer, *, root: str, scope: str) -> Blueprint:
    """`root` is the address at which clients find this application."""
    api = Blueprint("api", __name__)

    def let_in(**more: Any) -> Token:
        proofs = request.headers.getlist("DPoP")
        if len(proofs) > 1:
            raise Refused("DPoP", "invalid_dpop_proof", "there must be exactly one DPoP header")
        proof = proofs[0] if proofs else None
        url = address_of(request.environ, root)
        token = server.check(request.headers.get("Authorization"), proof, request.method, url)
        server.need(token, scope=scope, **more)
        return token

    @api.get(PATH)
    def amount() -> Any:
        token = let_in()
        return jsonify(subject=token.subject, **_SUPPORT)

    @api.get(ACCOUNT_PATH)
    def account() -> Any:
        token = let_in(acr=_LEVEL, max_age=_RECENT_SECONDS)
        return jsonify(subject=token.subject, account="9990 0001214000", **_SUPPORT)

    @api.errorhandler(Refused)
    def refused(refusal: Refused) -> Response:
        return Response(status=refusal.status, headers={"WWW-Authenticate": refusal.challenge})

    return api
