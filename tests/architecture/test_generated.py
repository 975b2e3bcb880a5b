"""The documents that are made from the code say what the code says today."""

import pytest

from tests.architecture.generated import DOCUMENTS
from tests.architecture.repository import ROOT


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_the_document_is_what_the_code_says(name: str) -> None:
    path = ROOT / "docs" / name
    assert path.exists() and path.read_text() == DOCUMENTS[name](), (
        f"docs/{name} is out of date: run `make docs`"
    )
