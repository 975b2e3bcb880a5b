"""Resource indicators (RFC 8707): for which API a token is meant, and what its client may do there.

One audience for a token (§3). A client may use what the API's organisation granted to it, now, and in the name of
whom the scope is for: nothing of that stands in the client's own registration. Without `resource` the audience is the one
API that has the scopes; without `scope` the scope is all that may be used there. An API that does not exist, one that is
disabled and one of which nothing is granted are refused alike. How a token is made is tokens' matter.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from clients_registry.claims import SCOPE_CLAIMS
from clients_registry.registry import Registry
from clients_registry.resource import CITIZENS, Resource
from clients_registry.scope_grant import GrantedScope
from idp.errors import InvalidScope, InvalidTarget
from idp.protocol.scope import scope_words
from idp.records import Grant

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-\"$-~]{1,500}\Z")


@dataclass(frozen=True, slots=True)
class Target:
    """What an access token is for: one API, and what may be done there."""

    audience: str
    scope: tuple[str, ...]
    algorithm: str
    form: str
    sector: str
    """By whose subjects its citizens are named: those of the API's organisation."""
    ends_at: datetime
    """When the first of the grants of its scopes ends, and with it every token for them."""
    longest: timedelta | None = None
    """None: as long as the deployment's tokens."""


def parse_resource(value: str | None) -> str | None:
    """An absolute URI without a fragment (§2). Raises: InvalidTarget."""
    if value is not None and not _ABSOLUTE.match(value):
        raise InvalidTarget("The resource must be one absolute URI without a fragment.")
    return value


def find_target(
    registry: Registry, client_id: str, *, by: str, resource: str | None, scope: str | None, now: datetime
) -> Target:
    """What a client may have, of what it asked for; `by` is whom it acts for: `machines` or `citizens`.

    Raises: InvalidScope, InvalidTarget.
    """
    usable = usable_scopes(registry, client_id, by, now)
    words = None if scope is None else scope_words(scope)
    if words is not None and not usable.keys() >= set(words):
        raise InvalidScope("A scope is not granted to the client, or not any more.")
    identifier = parse_resource(resource) or _only_one(usable, words)
    return target_at(registry, identifier, usable, words)


@dataclass(frozen=True, slots=True)
class Apis:
    """What clients may ask of APIs for a citizen who signs in."""

    registry: Registry
    issuer: str

    def asked(
        self, parameters: Mapping[str, str], client_id: str, now: datetime
    ) -> tuple[str | None, tuple[str, ...]]:
        """The API that an authorization request names, and what it asks for there (§2.1); neither for userinfo alone.

        Words that are neither of OpenID Connect nor granted are dropped, as OpenID Connect Core §3.1.2.1 asks, unless
        the API is named: then each must be one of its own. Without a word it is all that may be used there.

        Raises: InvalidScope, InvalidTarget.
        """
        resource = parse_resource(parameters.get("resource"))
        words = [word for word in parameters.get("scope", "").split(" ") if word and word not in SCOPE_CLAIMS]
        usable = usable_scopes(self.registry, client_id, CITIZENS, now)
        if resource is None or resource == self.issuer:
            if not usable.keys().isdisjoint(words):
                raise InvalidTarget("Scopes of an API are asked for with its resource.")
            return None, ()
        target = target_at(self.registry, resource, usable, words or None)
        return target.audience, target.scope

    def target_of(
        self, grant: Grant, resource: str | None, scope: str | None, now: datetime
    ) -> Target | None:
        """For which API a citizen's token is to be, of what was granted (§2.2); None: for us, that is for userinfo.

        What the API's organisation has taken back since is not given on.

        Raises: InvalidScope, InvalidTarget.
        """
        wanted = parse_resource(resource) or grant.resource or self.issuer
        if wanted == self.issuer:
            return None
        if wanted != grant.resource:
            raise InvalidTarget("The resource was not granted.")
        usable = usable_scopes(self.registry, grant.client_id, CITIZENS, now)
        still = {word: usable[word] for word in grant.resource_scope if word in usable}
        return target_at(self.registry, wanted, still, None if scope is None else scope_words(scope))


def usable_scopes(registry: Registry, client_id: str, by: str, now: datetime) -> Mapping[str, GrantedScope]:
    """What was granted to the client, may be used by such, and has not ended."""
    granted = registry.granted_scopes(client_id)
    return {word: scope for word, scope in granted.items() if scope.may_be_used(by, now)}


def target_at(
    registry: Registry, identifier: str, usable: Mapping[str, GrantedScope], words: Collection[str] | None
) -> Target:
    """The target at one API; `words` None asks for everything there.

    Raises: InvalidScope, InvalidTarget.
    """
    there = [word for word, scope in usable.items() if scope.identifier == identifier]
    known = registry.find_resource(identifier) if there else None
    if known is None or known.disabled:
        raise InvalidTarget("The resource is unknown, or nothing of it is granted to the client.")
    if words is not None and not set(words) <= set(there):
        raise InvalidScope("A scope is not one of the resource.")
    return target_for(known.resource, tuple(there if words is None else words), usable)


def _only_one(usable: Mapping[str, GrantedScope], words: Collection[str] | None) -> str:
    asked = usable if words is None else words
    identifiers = {usable[word].identifier for word in asked}
    if len(identifiers) != 1:
        raise InvalidTarget("The resource must be named: nothing is granted, or scopes of several resources.")
    return identifiers.pop()


def target_for(resource: Resource, scope: tuple[str, ...], usable: Mapping[str, GrantedScope]) -> Target:
    """The target that a resource is for who may have this scope there, of what it was granted."""
    return Target(
        audience=resource.identifier,
        scope=scope,
        algorithm=resource.token_algorithm,
        form=resource.token_form,
        sector=resource.organisation_id,
        ends_at=min([usable[word].ends_at for word in scope]),
        longest=None if resource.token_seconds is None else timedelta(seconds=resource.token_seconds),
    )
