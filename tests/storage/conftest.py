"""Where private parts live: in the process, or in a token of SoftHSM."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from keys.hsm import HsmAddress
from keys.signing_backends import SOFTWARE, SigningBackends
from keys.token_keys import TokenKeys
from tests.support.softhsm import SoftHsm


@pytest.fixture(scope="session")
def softhsm() -> Iterator[SoftHsm]:
    """One token for all tests of a process, since a library reads its configuration once."""
    folder = Path(tempfile.mkdtemp(prefix="adgang-softhsm-"))
    token = SoftHsm(folder)
    os.environ["SOFTHSM2_CONF"] = str(token.configuration)
    yield token
    del os.environ["SOFTHSM2_CONF"]
    shutil.rmtree(folder)


@pytest.fixture
def hsm_backends(softhsm: SoftHsm, request: pytest.FixtureRequest) -> Iterator[SigningBackends]:
    """Keys in the token, under a label of the test's own."""
    label = f"test-{abs(hash(request.node.nodeid))}"
    made = SigningBackends(TokenKeys(HsmAddress.parse(softhsm.address(label))), in_token=True)
    yield made
    made.close()


@pytest.fixture(params=["software", "pkcs11"])
def backends(request: pytest.FixtureRequest) -> SigningBackends:
    """The test runs with keys in the process, and with keys in a token."""
    if request.param == "software":
        return SOFTWARE
    found: SigningBackends = request.getfixturevalue("hsm_backends")
    return found
