"""The variants of the FAPI 2.0 plans: a client authenticates by `private_key_jwt` or by its certificate, and its tokens are
bound by DPoP or to the certificate. All four go through HAProxy, which certificates come by.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.certificates import DN, Authority, Holder, ec_key
from tests.support.mutual_tls import BehindHaproxy
from tests.support.openid_client import OpenidClient
from tests.support.openid_service import OpenidService

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
AUTHORITY = Authority.new(begins=NOW - DAY, ends=NOW + DAY)
"""Its certificates are good by the real clock, which is what foreign libraries go by."""
VARIANTS = [
    (method, bound) for method in ("private_key_jwt", "tls_client_auth") for bound in ("dpop", "mtls")
]

Make = Callable[..., OpenidService]
"""`make(library, name, **metadata)`: a service of the variant, each name with a certificate of its own."""


def maker(world: BehindHaproxy, library: OpenidClient, method: str, bound: str) -> Make:
    def made(by: OpenidClient = library, name: str = "Byggesager", **metadata: Any) -> OpenidService:
        subject = DN.replace("Byggesager", name)
        registered = {
            "token_endpoint_auth_method": method,
            "tls_client_certificate_bound_access_tokens": bound == "mtls",
            **({"tls_client_auth_subject_dn": subject} if method == "tls_client_auth" else {}),
        }
        shown = certificate(world, issued(subject))
        return OpenidService(world.deployment, by, certificate=shown, **registered | metadata)

    return made


def issued(subject: str) -> Holder:
    """A certificate of this name, with the same key each time."""
    key = ec_key(sum(subject.encode()))
    return AUTHORITY.issue(subject, key=key, begins=NOW - DAY, ends=NOW + DAY)


def certificate(world: BehindHaproxy, holder: Holder | None) -> dict[str, str]:
    """The paths that a TLS client is given; without a holder it shows none."""
    authority = {"ca": str(world.proxy.authority)}
    if holder is None:
        return authority
    file, key = holder.write(world.folder)
    return authority | {"cert": file, "key": key}
