"""A shared cache in front of the provider that keeps all that RFC 9111 lets it keep, and answers with it as long as it may.

Keeps whatever is not forbidden: without `no-store` and `private`, by a freshness of its own where none is told (§4.2.2),
404s and redirects too (RFC 9110 §15.1). Compares the headers that `Vary` names. With `careless` it does not, as many do.
"""

from dataclasses import dataclass, field

import requests

_HEURISTIC = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})


@dataclass(frozen=True)
class Served:
    """One answer, and whether the origin was asked for it."""

    response: requests.Response
    from_cache: bool


@dataclass
class SharedCache:
    """For GET alone. Time does not pass in it: what it keeps stays fresh unless it was stale when it came."""

    careless: bool
    _kept: dict[str, list[tuple[dict[str, str | None], requests.Response]]] = field(default_factory=dict)

    def get(self, url: str, session: requests.Session) -> Served:
        request = session.prepare_request(requests.Request("GET", url))
        for selecting, response in self._kept.get(url, []):
            if self.careless or all(request.headers.get(name) == value for name, value in selecting.items()):
                return Served(response, from_cache=True)
        response = session.send(request, allow_redirects=False, timeout=20)
        if _may_be_kept(response):
            names = [name.strip() for name in response.headers.get("Vary", "").split(",") if name.strip()]
            if "*" not in names:
                selecting = {name: request.headers.get(name) for name in names}
                self._kept.setdefault(url, []).append((selecting, response))
        return Served(response, from_cache=False)


def _may_be_kept(response: requests.Response) -> bool:
    told = response.headers.get("Cache-Control", "").lower()
    directives = {each.strip().partition("=")[0]: each.strip().partition("=")[2] for each in told.split(",")}
    if directives.keys() & {"no-store", "private", "no-cache"} or directives.get("max-age") == "0":
        return False
    explicit = directives.keys() & {"public", "max-age", "s-maxage"} or "Expires" in response.headers
    return bool(explicit) or response.status_code in _HEURISTIC
