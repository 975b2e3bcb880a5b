"""A service on openid-client, registered at the provider, and a citizen's browser before it."""

from collections.abc import Mapping
from typing import Any

from tests.support.citizen_browser import CitizenBrowser
from tests.support.deployment import PASSWORD, Deployment
from tests.support.openid_client import ClientFault, OpenidClient

USER = "freja.holm"
SERVICE = "https://service.example/callback"
EVERYTHING = "openid profile email phone address"
CLAIMS = [
    "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
    "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at", "email", "email_verified",
    "phone_number", "phone_number_verified", "address",
]  # fmt: skip


class OpenidService:
    """`fapi2` by `private_key_jwt` and DPoP; with `secret`, an `oidc` client of the Basic plan.

    With `certificate`, the paths of one, it goes by the addresses of `mtls_endpoint_aliases`; `metadata` say what for.
    """

    def __init__(
        self,
        deployment: Deployment,
        library: OpenidClient,
        *,
        alg: str = "ES256",
        secret: str | None = None,
        wants: tuple[str, ...] = (),
        browser: CitizenBrowser | None = None,
        certificate: Mapping[str, str] | None = None,
        **metadata: Any,
    ) -> None:
        self.deployment, self.library, self.alg, self.wants = deployment, library, alg, wants
        self.method = secret or metadata.pop("token_endpoint_auth_method", "private_key_jwt")
        self.proves = not secret and not metadata.get("tls_client_certificate_bound_access_tokens")
        self.certificate = certificate
        library("key", name="possession", alg="ES256")
        jwk = library("key", name="signing", alg=alg)
        registered: dict[str, Any] = {
            "redirect_uris": [SERVICE],
            "id_token_signed_response_alg": alg,
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": self.method,
            "jwks": {"keys": [jwk]},
        }
        if secret:
            registered |= {"profile": "oidc", "scope": f"{EVERYTHING} offline_access"}
            registered["purposes"] = [{"id": "alt", "text": _TEXT, "legal_ground": "law", "claims": CLAIMS}]
        organisation = _organisation(deployment)
        self.client = deployment.add_client("Byggesager på nettet", organisation, **registered | metadata)
        self.configure()
        self.browser = browser or CitizenBrowser(deployment.issuer)

    @property
    def client_id(self) -> str:
        return self.client.client_id

    def configure(
        self,
        *,
        auth: dict[str, Any] | None = None,
        dpop: dict[str, Any] | None = None,
        certificate: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Begin anew, with changes to the assertions and proofs that the library makes; what it discovered."""
        aliases = {"use_mtls_endpoint_aliases": True} if self.certificate else {}
        found = self.library(
            "configure",
            issuer=self.deployment.issuer,
            client_id=self.client_id,
            metadata={"id_token_signed_response_alg": self.alg, **aliases},
            auth={"method": self.method, "secret": self.client.secret, "key": "signing", **(auth or {})},
            dpop={"key": "possession", **(dpop or {})} if self.proves else None,
            certificate=certificate or self.certificate,
            wants=["nonrepudiation", *self.wants],
        )
        return dict(found)

    def ask(self, **how: Any) -> dict[str, Any]:
        """Begin a sign-in; parameters that are None are left out."""
        asked = {"redirect_uri": SERVICE, "scope": "openid profile", **how.pop("parameters", {})}
        how = {"push": "secret" not in self.method, **how}
        return dict(self.library("ask", parameters=asked, **how))

    def answer(self, url: str) -> str:
        """The citizen does what the pages ask, and says yes; where the browser comes back to."""
        page = self.browser.get(url)
        if "user-id" in page.ids:
            page = self.browser.sign_in(page, USER, PASSWORD, self.deployment.code_of(USER))
        if any(form.action.endswith("/consent") for form in page.forms):
            page = self.browser.submit(page, "/consent", decision="accept")
        assert page.url.startswith(SERVICE), page.words
        return page.url

    def sign_in(self, **how: Any) -> dict[str, Any]:
        """The tokens, with the claims of the ID token, once the library has checked them."""
        return dict(self.library("finish", url=self.answer(self.ask(**how)["url"])))

    def outcome(self, command: str, **arguments: Any) -> str:
        """`taken`, or the provider's error."""
        try:
            self.library(command, **arguments)
        except ClientFault as fault:
            return fault.error or str(fault)
        return "taken"


_TEXT = {"da": "se din byggesag", "en": "see your permit", "nb": "se byggesaken din"}


def _organisation(deployment: Deployment) -> str:
    registry = deployment.wiring.registry
    known = registry.find_organisation("99000017")
    return known.organisation_id if known else deployment.add_organisation("Vestbæk Kommune", "99000017")
