"""The API of Statens Boligstøtte: what another authority may ask on a citizen's behalf. An example of `resource_server`.

Flask, with one operation. The token is checked before anything else is looked at; who asked, and for whom, is in it.
"""

from typing import Any

from flask import Blueprint, Response, jsonify, request

from demo.resource_server import Refused, ResourceServer, Token

PATH = "/api/stoette"


def housing_support(server: ResourceServer, *, root: str, scope: str) -> Blueprint:
    """`root` is the address at which clients find this application."""
    api = Blueprint("api", __name__)

    def let_in() -> Token:
        proofs = request.headers.getlist("DPoP")
        if len(proofs) > 1:
            raise Refused("DPoP", "invalid_dpop_proof", "there must be exactly one DPoP header")
        proof = proofs[0] if proofs else None
        token = server.check(request.headers.get("Authorization"), proof, request.method, root + request.path)
        server.need(token, scope=scope)
        return token

    @api.get(PATH)
    def amount() -> Any:
        token = let_in()
        return jsonify(subject=token.subject, kroner_a_month=1214, next_payment="2026-12-01")

    @api.errorhandler(Refused)
    def refused(refusal: Refused) -> Response:
        return Response(status=refusal.status, headers={"WWW-Authenticate": refusal.challenge})

    return api
