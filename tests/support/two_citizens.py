"""Two citizens on their way to the same service, each in a browser of their own: what each may hear, and what not."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from idp.ids import digest, new_secret
from idp.records import LoginAttempt, PartialSignIn, ProvenFactor
from mfa.factors import FactorKind
from tests.support.deployment import PASSWORD, Deployment, TestClient
from tests.support.in_process import Answer, InProcessBrowser
from tests.support.relying_party import AuthorizationAsked, RelyingParty, claims_of
from tests.support.signed_in import attempt_for

ONE, OTHER = "freja.holm", "malthe.krag"


def two_citizens(deployment: Deployment) -> TestClient:
    """Add the other citizen, and a service whose sign-ins are cheap and may ask for consent each time."""
    deployment.add_citizen(OTHER, "0103801234", "Malthe", "Krag")
    return deployment.add_client(
        "Affald",
        deployment.add_organisation("Affald i Nordhavn", "99000004"),
        profile="oidc",
        id_token_signed_response_alg="ES256",
        redirect_uris=["http://localhost:12/callback"],
        token_endpoint_auth_method="client_secret_basic",
        purposes=[
            {
                "id": "affald",
                "text": {"da": "hente dit affald", "en": "fetch your waste", "nb": "hente avfallet ditt"},
                "legal_ground": "consent",
                "claims": ["name"],
            }
        ],
    )


def come_again(deployment: Deployment, client: TestClient) -> None:
    """Time for new digits, and nobody signed in. What the process reads anew after a second is read here, outside every
    schedule: it is read under a lock of the process, where an actor must not be stopped."""
    before = _digits(deployment)
    deployment.clock.forward(seconds=30)
    while (
        _digits(deployment) & before
    ):  # once in a million steps they are those of the last one, which were used
        deployment.clock.forward(seconds=30)
    for user_id in (ONE, OTHER):
        citizen = deployment.citizens[user_id].citizen
        deployment.wiring.services.browser_sessions.forget_all_of(citizen.citizen_id)
    deployment.wiring.services.registry.find_client(client.client_id)
    deployment.wiring.services.key_ring.public_jwks()
    assert "" not in deployment.wiring.services.revoked_tokens


def _digits(deployment: Deployment) -> set[tuple[str, str]]:
    return {(user_id, deployment.code_of(user_id)) for user_id in (ONE, OTHER)}


class InProcessParty(RelyingParty):
    """The service, calling the provider in this process; what it was told is its browser's `told`."""

    def __init__(self, deployment: Deployment, client: TestClient, extra: dict[str, str]) -> None:
        super().__init__(deployment, client, extra=extra)
        self.line = InProcessBrowser(deployment.provider, deployment.issuer)

    def post(self, path: str, fields: dict[str, str]) -> Any:
        arguments = self.authentication()
        basic = ":".join(arguments.get("auth", ()))
        authorization = f"Basic {base64.b64encode(basic.encode()).decode()}" if basic else ""
        return self.line.send("POST", path, {**arguments.get("data", {}), **fields}, authorization)

    def userinfo(self, access_token: str) -> Any:
        return self.line.send("GET", "/userinfo", {}, f"Bearer {access_token}")


@dataclass
class SignIn:
    """One citizen's way, a request at a time."""

    deployment: Deployment
    user_id: str
    client: TestClient
    asks: bool = True
    """Whether the service asks for consent again, so that this sign-in shows every page."""
    looks: bool = True
    """Whether the citizen opens pages of their own at the end."""
    service: InProcessParty = field(init=False)
    browser: InProcessBrowser = field(init=False)
    asked: AuthorizationAsked = field(init=False)
    tokens: dict[str, Any] = field(init=False)
    told_about: dict[str, Any] = field(init=False)
    session: str = field(init=False)

    def __post_init__(self) -> None:
        self.service = InProcessParty(
            self.deployment, self.client, {"prompt": "consent"} if self.asks else {}
        )
        self.browser = InProcessBrowser(self.deployment.provider, self.deployment.issuer)

    @property
    def citizen(self) -> Any:
        return self.deployment.citizens[self.user_id].citizen

    @property
    def subject(self) -> str:
        services = self.deployment.wiring.services
        registered = services.registry.find_client(self.client.client_id)
        assert registered is not None
        return services.subjects.for_client(registered.client, self.citizen.citizen_id)

    def whole(self) -> Iterator[str]:
        """From the service to the service, and to the citizen's own pages. Yields before each request."""
        yield "begin"
        self.asked = self.service.ask()
        yield "authorize"
        attempt = self._go(self.browser.get(self.asked.url))
        yield "first page"
        page = self.browser.get(attempt)
        yield "password"
        self._post(page, f"{attempt}/password", user_id=self.user_id, password=PASSWORD)
        yield from self._second_factor(attempt)

    def up_to_the_password(self) -> Iterator[str]:
        """The first part of it, whose end is what was proven."""
        for step in self.whole():
            if step == "second page":
                return
            yield step

    def after_the_password(self) -> Iterator[str]:
        """The same, from after the password on: its proof is put where the password's page would have put it."""
        self.asked = self.service.ask()
        yield from self._second_factor(f"/login/{self._prove_password().attempt_id}")

    def _prove_password(self) -> LoginAttempt:
        services, now = self.deployment.wiring.services, self.deployment.clock()
        made = attempt_for(self.deployment, self.asked)
        handle, proof = new_secret(), new_secret()
        bound = {"attempt_id": new_secret(), "browser_digest": digest(handle)}
        attempt = LoginAttempt(
            **{name: getattr(made, name) for name in LoginAttempt.__slots__} | bound  # type: ignore[arg-type]
        )
        citizen_id = self.citizen.citizen_id
        password = next(f for f in services.factors.of_citizen(citizen_id) if f.kind is FactorKind.PASSWORD)
        factor = ProvenFactor(password.factor_id, "password", ("pwd",), now, password.created_at)
        services.login_attempts.put(attempt.attempt_id, attempt)
        services.partial_sign_ins.put(
            proof, PartialSignIn(attempt.attempt_id, citizen_id, (factor,), now, attempt.finish_by)
        )
        self.browser.cookies[f"{self.browser.prefix}browser"] = handle
        self.browser.cookies[f"{self.browser.prefix}proof"] = proof
        return attempt

    def _second_factor(self, attempt: str) -> Iterator[str]:
        yield "second page"
        page = self.browser.get(attempt)
        yield "six digits"
        self._post(page, f"{attempt}/totp", code=self.deployment.code_of(self.user_id))
        self.session = self.browser.cookies[f"{self.browser.prefix}session"]
        if self.asks:
            yield "consent page"
            page = self.browser.get(attempt)
            assert self.citizen.name in page.body, "the page names who consents"
            yield "consent"
            self._post(page, f"{attempt}/consent", decision="accept")
        yield "way back"
        code = self._code(self.browser.get(attempt))
        yield "token"
        answer = self.service.redeem(code, self.asked.verifier)
        assert answer.status == 200, answer.body
        self.tokens = answer.json()
        yield "userinfo"
        self.told_about = self.service.userinfo(self.tokens["access_token"]).json()
        if not self.looks:
            return
        yield "front page"
        assert self.citizen.name in self.browser.get("/").body
        yield "security page"
        assert self.citizen.name in self.browser.get("/me/security").body

    def _post(self, page: Answer, target: str, **typed: str) -> None:
        self._go(self.browser.post(target, {"csrf_token": page.form_token, **typed}))

    @staticmethod
    def _go(answer: Answer) -> str:
        assert answer.status == 303, (answer.status, answer.body)
        return answer.leads_to

    def _code(self, page: Answer) -> str:
        target, _, query = page.leads_to.partition("?")
        assert target == self.client.redirect_uri, (page.status, page.body)
        told = dict(part.split("=", 1) for part in query.split("&"))
        assert told["state"] == self.asked.state
        return told["code"]

    # --- afterwards --------------------------------------------------------------------------------------------

    def check_proof(self) -> None:
        """What the password proved stands under this citizen's name, in this citizen's attempt."""
        services = self.deployment.wiring.services
        proof = services.partial_sign_ins.find(self.browser.cookies[f"{self.browser.prefix}proof"])
        attempt = services.login_attempts.find(proof.attempt_id) if proof else None
        assert proof is not None and proof.citizen_id == self.citizen.citizen_id
        assert attempt is not None and attempt.request.state == self.asked.state

    def check(self, other: "SignIn") -> None:
        """This citizen got what is theirs, and neither browser nor service heard anything of the other's."""
        services = self.deployment.wiring.services
        session = services.browser_sessions.find(self.session)
        assert session is not None and session.citizen_id == self.citizen.citizen_id
        claims = claims_of(self.tokens["id_token"])
        assert (claims["sub"], claims["nonce"]) == (self.subject, self.asked.nonce)
        assert (self.told_about["sub"], self.told_about["name"]) == (self.subject, self.citizen.name)
        assert claims_of(self.tokens["access_token"])["sub"] == self.subject
        heard = "\n".join((*self.browser.told, *self.service.line.told))
        for secret in other.canaries:
            assert not _stands_in(heard, secret), f"the other citizen's {secret}"

    @property
    def canaries(self) -> list[str]:
        """What nobody may be told but this citizen, and the service in this sign-in."""
        citizen = self.citizen
        known = [citizen.given_name, citizen.family_name, citizen.user_id, citizen.citizen_id, self.subject]
        made = [self.asked.state, self.asked.nonce, self.tokens["id_token"], self.tokens["access_token"]]
        secrets = [value for value in self.browser.cookies.values() if len(value) > 20]
        assert self.session in secrets
        return [*known, *made, *secrets]


def _stands_in(text: str, secret: str) -> bool:
    """A name is looked for as a word: its few letters stand by chance in one of a thousand tokens."""
    if len(secret) > 8:
        return secret in text
    return re.search(rf"(?<![\w-]){re.escape(secret)}(?![\w-])", text) is not None
