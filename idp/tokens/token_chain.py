"""What an exchanged token remembers of the tokens that it came from (RFC 8693), in the private claim `chain`.

`tokens` are their identifiers: with any of them revoked, it is revoked. `had` is the least that the chain has had at each
API, so that no way around leads back to more. It stands there in marks that we alone can make: an API does not read in its
token which others were asked, and for what.

    {"tokens": [jti, …], "had": {mark of an API: [mark of a scope there, …], …}}
"""

from collections.abc import Iterable, Mapping
from typing import Any

from idp.tokens.subject import Subjects

CLAIM = "chain"


def tokens_before(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The identifiers of the tokens that a token came from; none for one that was not exchanged."""
    return tuple(claims[CLAIM]["tokens"]) if CLAIM in claims else ()


def chain_after(subjects: Subjects, held: Mapping[str, Any]) -> Mapping[str, Any]:
    """The chain of a token that is given for the one with these claims."""
    api, words = str(held["aud"]), str(held["scope"]).split()
    here = {subjects.mark_of(api): [subjects.mark_of(api, word) for word in words]}
    return {"tokens": [*tokens_before(held), held["jti"]], "had": {**_had(held), **here}}


def narrowed_at(
    subjects: Subjects, held: Mapping[str, Any], api: str, words: Iterable[str]
) -> frozenset[str]:
    """Those of the words that whoever holds this token may pass on at the API; all where its chain never was there."""
    had = chain_after(subjects, held)["had"].get(subjects.mark_of(api))
    return frozenset(word for word in words if had is None or subjects.mark_of(api, word) in had)


def _had(claims: Mapping[str, Any]) -> Mapping[str, list[str]]:
    return claims[CLAIM]["had"] if CLAIM in claims else {}
