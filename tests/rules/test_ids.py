"""Random values: none twice, none shared with the process that was forked, each as long as protocol.md says."""

import os
from concurrent.futures import ThreadPoolExecutor

from idp import ids


def test_no_value_is_given_twice_to_whichever_threads_ask() -> None:
    def many(_: int) -> list[str]:
        return [make() for _ in range(2_500) for make in (ids.new_secret, ids.new_id)]

    with ThreadPoolExecutor(8) as pool:
        made = [value for values in pool.map(many, range(8)) for value in values]
    assert len(set(made)) == len(made) == 40_000
    assert {len(value) for value in made} == {43, 22}


def test_a_million_tokens_have_a_million_names() -> None:
    """S-134: and each name has twice the 128 bits that are asked for."""
    made = {ids.new_token_id() for _ in range(1_000_000)}
    assert len(made) == 1_000_000
    assert {len(value) for value in made} == {43}


def test_a_forked_worker_gets_none_of_what_its_parent_has_fetched() -> None:
    """S-388: two workers of one parent never make the same identifier."""
    ids.new_id()  # there is something left that a child could take
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, "\n".join(ids.new_id() for _ in range(300)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        theirs = stream.read().split("\n")
    os.waitpid(child, 0)
    ours = [ids.new_id() for _ in range(300)]
    assert len(theirs) == 300 and not set(ours) & set(theirs)


def test_identifiers_are_shorter_and_references_can_be_read_aloud() -> None:
    assert {len(ids.new_id()) for _ in range(100)} == {22}
    references = {ids.new_reference() for _ in range(1_000)}
    assert len(references) > 990
    assert {len(reference) for reference in references} == {9}
    assert set("".join(references)) == set("23456789ACDEFGHJKMNPQRTVWXYZ-")
