"""What `adgang doctor` says of keys when something is wrong with them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from idp.doctor import examine
from idp.secrets_directory import create_secrets
from idp.settings import Settings
from idp.wiring import Wiring
from keys.endings import compromise
from keys.key import KeySet
from keys.reseal import reseal
from keys.services import Order
from keys.tables import key_set, signing_keys
from migrations import upgrade
from tests.support.certificates import Authority, mtls_settings
from tests.support.clock import FrozenClock

ORDER = Order("operator:karen", "a test")


class Deployment:
    def __init__(self, folder: Path, sql_url: str, redis_url: str, clock: FrozenClock) -> None:
        self.secrets, self.clock = folder / "secrets", clock
        create_secrets(self.secrets)
        self.environment = {
            "ADGANG_ISSUER": "https://id.nordhavn.example",
            "ADGANG_SECRETS_DIRECTORY": str(self.secrets),
            "ADGANG_STATE_DIRECTORY": str(folder),
            "ADGANG_DATABASE_URL": sql_url,
            "ADGANG_REDIS_URL": redis_url,
            "ADGANG_KEY_ALGORITHMS": "ES256",
        }
        self.wiring = Wiring(Settings.from_environment(self.environment), clock)
        upgrade(self.wiring.database.writing)
        self.wiring.ensure_keys()

    def alter(self, state: str, **columns: object) -> None:
        self.wiring.database.transact(
            lambda tx: tx.execute(update(signing_keys).where(signing_keys.c.state == state).values(**columns))
        )

    def faults(self) -> dict[str, str]:
        """Of a fresh process: the parts that are not well, with what is said of them."""
        fresh = Wiring(Settings.from_environment(self.environment), self.clock)
        try:
            found = {finding.part: finding.text for finding in examine(fresh) if not finding.ok}
        finally:
            fresh.close()
        found.pop(
            "clock", None
        )  # the clock is the test's own; tests/storage/test_keys_clock.py holds the rule
        return found


@pytest.fixture
def deployment(tmp_path: Path, sql_url: str, valkey_url: str, clock: FrozenClock) -> Iterator[Deployment]:
    made = Deployment(tmp_path, sql_url, valkey_url, clock)
    yield made
    made.wiring.close()


def keys_of(deployment: Deployment) -> KeySet:
    return deployment.wiring.key_store.load_all()


def no_successor(deployment: Deployment) -> None:
    deployment.wiring.database.transact(
        lambda tx: tx.execute(signing_keys.delete().where(signing_keys.c.state == "published"))
    )


def altered_row(deployment: Deployment) -> None:
    deployment.alter("active", created_at=deployment.clock() - timedelta(days=9))


def restored_backup(deployment: Deployment) -> None:
    compromise(deployment.wiring.keys_services, keys_of(deployment).successors("ES256")[0].kid, ORDER)
    deployment.wiring.database.transact(lambda tx: tx.execute(update(key_set).values(version=1)))


def late_rotation(deployment: Deployment) -> None:
    deployment.clock.forward(timedelta(days=91))


def another_key_encryption_key(deployment: Deployment) -> None:
    (deployment.secrets / "key-encryption-key").unlink()
    create_secrets(deployment.secrets)


def unfinished_reseal(deployment: Deployment) -> None:
    present = deployment.secrets / "key-encryption-key"
    present.rename(deployment.secrets / "key-encryption-key-previous")
    create_secrets(deployment.secrets)


def readable_by_others(deployment: Deployment) -> None:
    (deployment.secrets / "key-encryption-key").chmod(0o644)


UNHAPPY: list[tuple[Callable[[Deployment], None], str, str]] = [
    (no_successor, "keys", "ES256 has no published successor"),
    (altered_row, "database", "does not unseal: it was altered"),
    (restored_backup, "keys", "an old backup was restored. Nothing is signed until `adgang keys reconcile`"),
    (late_rotation, "key schedule", "rotate ES256 has been due since 2027-02-21"),
    (another_key_encryption_key, "database", "it was sealed under another key-encryption key"),
    (unfinished_reseal, "sealing", "2 signing keys are sealed under another key-encryption key"),
    (readable_by_others, "secrets", "key-encryption-key can be read by others"),
]


@pytest.mark.parametrize(("spoil", "part", "said"), UNHAPPY, ids=[case[0].__name__ for case in UNHAPPY])
def test_the_doctor_says_what_is_wrong_with_the_keys(
    deployment: Deployment, spoil: Callable[[Deployment], None], part: str, said: str
) -> None:
    assert deployment.faults() == {}, "all was well before"
    spoil(deployment)
    found = deployment.faults()
    assert said in found[part], found


def test_an_algorithm_that_is_offered_and_has_no_active_key_is_named(deployment: Deployment) -> None:
    deployment.environment["ADGANG_KEY_ALGORITHMS"] = "ES256,EdDSA"
    assert "EdDSA has no active key" in deployment.faults()["keys"]


@pytest.mark.parametrize(
    ("algorithms", "said"),
    [
        ({"token_algorithm": "PS256"}, "wants tokens by PS256"),
        ({"introspection_signed_response_alg": "PS256"}, "wants answers by PS256"),
    ],
)
def test_an_api_for_which_no_key_signs_is_named_until_it_is_disabled(
    deployment: Deployment, algorithms: dict[str, str], said: str
) -> None:
    """It was registered while the deployment had such keys."""
    before = deployment.environment | {"ADGANG_KEY_ALGORITHMS": "ES256,PS256"}
    able = Wiring(Settings.from_environment(before), deployment.clock)
    services = able.registry_services
    given = {"cvr_number": "99000001", "kind": "municipality", "name": "Nordhavn Kommune"}
    register, add = services.registrations, services.resource_registrations
    services.transact(lambda tx: register.add_organisation(tx, **given, actor="operator:karen"))
    for path, wanted in (("byg", {}), ("veje", algorithms)):
        api = {
            "identifier": f"https://api.nordhavn.example/{path}",
            "name": path,
            "organisation": "99000001",
            **wanted,
        }
        services.transact(lambda tx, api=api: add.add(tx, api, actor="operator:karen"))  # type: ignore[misc]
    found = deployment.faults()
    assert f"/veje {said}" in found["resources"], found
    services.transact(lambda tx: add.disable(tx, "https://api.nordhavn.example/veje", actor="operator:karen"))
    able.close()
    assert deployment.faults() == {}


def test_the_doctor_says_when_the_previous_key_can_go(deployment: Deployment) -> None:
    unfinished_reseal(deployment)
    fresh = Wiring(Settings.from_environment(deployment.environment), deployment.clock)
    reseal(fresh.keys_services, ORDER)
    said = {finding.part: finding.text for finding in examine(fresh)}
    fresh.close()
    assert said["sealing"].endswith("the next or previous key can be taken away")


def test_an_authority_of_client_certificates_that_ends_soon_is_told(
    tmp_path: Path, sqlite_url: str, valkey_url: str, clock: FrozenClock
) -> None:
    """Before every service that has its certificate from there is refused at once."""
    deployment = Deployment(tmp_path, sqlite_url, valkey_url, clock)
    try:
        for ends, told in ((timedelta(days=61), False), (timedelta(days=59), True), (-timedelta(1), True)):
            settings = mtls_settings(
                Authority.new(ends=clock() + ends, begins=clock() - timedelta(2)), tmp_path
            )
            deployment.environment |= settings
            found = deployment.faults().get("client authorities", "")
            assert ("CN=Fiktiv Erhvervsmyndighed,C=DK ends on" in found) is told, ends
    finally:
        deployment.wiring.close()
