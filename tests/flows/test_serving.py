"""`adgang serve` among real processes: what dies is started again, and nobody shares its place."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import requests
from sqlalchemy import insert

from idp.citizens import NewCitizen
from idp.ids import new_secret
from idp.logout.tables import logout_notices
from idp.records import ProvenFactor
from idp.settings import Settings
from idp.storage import embedded_valkey
from idp.wiring import Wiring
from tests.support.foreign_servers import Conversation, running_server
from tests.support.needs import needs
from tests.support.ports import free_ports
from tests.support.served import (
    ADGANG,
    ROOT,
    Served,
    adgang,
    prepare,
    serving,
    serving_environment,
    within,
)

_SOON = 20.0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    environment = serving_environment(tmp_path)
    prepare(environment)
    with serving(environment, tmp_path / "serve.log") as running:
        yield running


def valkey_url(served: Served) -> str:
    place = served.state_directory / "valkey"
    return f"unix://{embedded_valkey._socket_path(place.resolve())}"


def valkey_pid(served: Served) -> int:
    with redis.Redis.from_url(valkey_url(served)) as client:
        return int(client.info("server")["process_id"])


def signed_in_cookie(served: Served) -> dict[str, str]:
    """A session that is as good as one from a sign-in."""
    wiring = Wiring(Settings.from_environment(served.environment))
    try:
        access = wiring.new_citizens.add(
            NewCitizen("freja.holm", "8802701234", "Freja", "Holm", "1970-02-28"),
            actor="operator:test",
            reason="a test",
        )
        now, secret = wiring.clock(), new_secret()
        factors = (ProvenFactor("f1", "password", ("pwd",), now), ProvenFactor("f2", "totp", ("otp",), now))
        session = wiring.services.sessions.begin(
            access.citizen.citizen_id, factors, acr="urn:adgang:loa:substantial", now=now, device="a test"
        )
        wiring.services.browser_sessions.put(secret, session)
    finally:
        wiring.close()
    return {f"adgang-{served.environment['ADGANG_LISTEN_PORT']}-session": secret}


def is_signed_in(served: Served, cookies: dict[str, str]) -> bool:
    return 'id="sign-out"' in served.get("/", cookies=cookies).text


def test_a_valkey_that_is_killed_is_started_again_and_the_provider_goes_on(served: Served) -> None:
    """S-328, S-406: same socket, same append-only file; the workers stay, and so does who was signed in."""
    cookies = signed_in_cookie(served)
    assert is_signed_in(served, cookies)
    workers, first = served.workers(), valkey_pid(served)
    for _ in range(3):
        killed = valkey_pid(served)
        os.kill(killed, signal.SIGKILL)
        within(_SOON, lambda: served.get("/", cookies=cookies).status_code == 200)
        assert is_signed_in(served, cookies)
        assert valkey_pid(served) != killed
    assert served.operators("/readyz").text == "ready\n"
    assert served.workers() == workers and valkey_pid(served) != first
    told = [event for event in served.events() if "started again" in event["event"]]
    assert len(told) == 3 and {event["level"] for event in told} == {"warning"}


def test_what_was_started_again_ends_with_the_provider(served: Served) -> None:
    killed = valkey_pid(served)
    os.kill(killed, signal.SIGKILL)
    within(_SOON, lambda: served.get("/login/none").status_code == 410)
    successor = valkey_pid(served)
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(20) == 0
    assert not Path(f"/proc/{successor}").exists()


def test_a_valkey_that_cannot_start_is_told_and_tried_again_with_pauses(served: Served) -> None:
    """A damaged file is an error in the log, not a loop; mended, the provider recovers by itself."""
    manifest = next((served.state_directory / "valkey" / "appendonlydir").glob("*.manifest"))
    sound = manifest.read_text()
    manifest.write_text("this is no manifest\n")
    os.kill(valkey_pid(served), signal.SIGKILL)
    within(_SOON, lambda: any("does not start" in event["event"] for event in served.events()))
    assert served.get("/login/none").status_code == 503
    assert served.get("/jwks").status_code == 200
    manifest.write_text(sound)
    within(_SOON, lambda: served.get("/login/none").status_code == 410)
    tries = [event for event in served.events() if "does not start" in event["event"]]
    assert len(tries) < 6
    assert all("valkey.log" in event["why"] for event in tries)


def test_a_valkey_that_another_process_took_away_is_taken_over(tmp_path: Path) -> None:
    """A command that owned the store ends, and stops it; the provider then starts one of its own."""
    environment = serving_environment(tmp_path)
    prepare(environment)
    owner = embedded_valkey.start(tmp_path / "state" / "valkey")
    with serving(environment, tmp_path / "serve.log") as served:
        assert owner.owned
        owner.stop()
        within(_SOON, lambda: served.get("/login/none").status_code == 410)
        assert served.operators("/readyz").text == "ready\n"


def test_workers_end_with_the_process_that_started_them(served: Served) -> None:
    """Else a killed provider would go on without operators' listener, and keep the next start out."""
    assert served.workers()
    served.process.kill()
    served.process.wait()

    def gone() -> bool:
        try:
            served.get("/healthz")
        except requests.ConnectionError:
            return True
        return False

    within(_SOON, gone)
    with serving(served.environment, served.log) as again:
        assert again.operators("/readyz").text == "ready\n"


def refused_start(environment: dict[str, str]) -> str:
    """What a start says that is refused: one line, exit code 1."""
    done = adgang(environment, "serve")
    assert done.returncode == 1, done.stderr
    assert done.stdout == "" and len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def samples(served: Served) -> str:
    return served.operators("/metrics").text


def test_there_are_as_many_workers_as_the_settings_say(tmp_path: Path) -> None:
    environment = serving_environment(tmp_path, ADGANG_WORKERS="3")
    prepare(environment)
    with serving(environment, tmp_path / "serve.log") as running:
        within(_SOON, lambda: len(running.workers()) == 3)


def test_no_thread_of_a_worker_interrupts_another_that_is_at_work(served: Served) -> None:
    """A tenth to a half of what a machine's request cost under load (docs/performance.md)."""
    needs(hasattr(os, "SCHED_BATCH"), "Linux, whose scheduling this is")

    def policies(worker: int) -> set[int]:
        return {os.sched_getscheduler(int(each.name)) for each in Path(f"/proc/{worker}/task").iterdir()}

    assert served.get("/healthz").ok
    for worker in served.workers():
        within(_SOON, lambda worker=worker: policies(worker) == {os.SCHED_BATCH})


def test_a_request_under_way_is_answered_before_the_end(served: Served) -> None:
    """SIGTERM: nobody new is let in, and whoever is at the counter is served."""
    port, form = int(served.environment["ADGANG_LISTEN_PORT"]), b"grant_type=authorization_code&code=x"
    head = (
        f"POST /token HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: {len(form)}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection(("localhost", port)) as under_way:
        under_way.settimeout(_SOON)
        under_way.sendall(head.encode() + form[:10])
        assert served.get("/healthz").ok  # by now the first one is being read
        served.process.send_signal(signal.SIGTERM)
        within(_SOON, lambda: _refuses(port))
        under_way.sendall(form[10:])
        answer = b"".join(iter(lambda: under_way.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 401") and b"invalid_client" in answer
    assert served.process.wait(40) == 0


def _refuses(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port), timeout=1).close()
    except OSError:
        return True
    return False


def test_a_second_start_in_the_same_directory_is_refused_and_removes_nothing(served: Served) -> None:
    for _ in range(5):
        served.get("/jwks")
    port, admin_port = free_ports(2)
    other = served.environment | {"ADGANG_LISTEN_PORT": str(port), "ADGANG_ADMIN_PORT": str(admin_port)}
    before = samples(served)
    assert "adgang_requests_total" in before
    assert "Another `adgang serve` uses" in refused_start(other)
    assert samples(served).count("adgang_requests_total{") == before.count("adgang_requests_total{")


def test_a_second_start_on_the_same_port_is_refused(served: Served, tmp_path: Path) -> None:
    """The kernel would let both share it, since workers listen with SO_REUSEPORT."""
    port = served.environment["ADGANG_LISTEN_PORT"]
    other = served.environment | {
        "ADGANG_STATE_DIRECTORY": str(tmp_path / "another"),
        "ADGANG_ADMIN_PORT": str(free_ports(1)[0]),
        "ADGANG_DATABASE_URL": f"sqlite:///{served.state_directory / 'adgang.sqlite3'}",
    }
    said = refused_start(other)
    assert f"Port {port} is taken" in said and "ADGANG_LISTEN_PORT" in said


@pytest.mark.parametrize("name", ["ADGANG_LISTEN_PORT", "ADGANG_ADMIN_PORT"])
def test_a_busy_port_is_a_sentence(tmp_path: Path, name: str) -> None:
    environment = serving_environment(tmp_path)
    prepare(environment)
    with socket.create_server(("127.0.0.1", int(environment[name]))):
        said = refused_start(environment)
    assert f"Port {environment[name]} is taken by another program" in said and name in said
    with serving(environment, tmp_path / "serve.log") as served:
        assert served.operators("/readyz").text == "ready\n"


def test_a_port_that_lingers_after_an_earlier_run_is_free(served: Served) -> None:
    """Connections in TIME_WAIT must not keep an operator waiting for a minute."""
    with socket.create_connection(("127.0.0.1", int(served.environment["ADGANG_LISTEN_PORT"]))):
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(40) == 0
    with serving(served.environment, served.log) as again:
        assert again.get("/healthz").ok


def test_two_starts_at_once_are_one_provider(tmp_path: Path) -> None:
    environment = serving_environment(tmp_path)
    prepare(environment)
    logs = [tmp_path / f"{number}.log" for number in range(2)]
    both = []
    for log in logs:
        with log.open("wb") as output:
            both.append(
                subprocess.Popen([*ADGANG, "serve"], env=environment, cwd=ROOT, stdout=output, stderr=output)
            )
    try:
        within(_SOON, lambda: any(process.poll() == 1 for process in both))
        lives = next(process for process in both if process.poll() is None)
        within(
            _SOON,
            lambda: Served(environment, lives, logs[both.index(lives)]).log.read_text().count("serving") > 0,
        )
        assert lives.poll() is None
    finally:
        for process in both:
            process.terminate()
            process.wait(_SOON)


def test_an_end_before_there_are_workers_leaves_no_valkey_behind(tmp_path: Path) -> None:
    environment = serving_environment(tmp_path)
    prepare(environment)
    socket_file = embedded_valkey._socket_path((tmp_path / "state" / "valkey").resolve())
    with (tmp_path / "serve.log").open("wb") as output:
        process = subprocess.Popen(
            [*ADGANG, "serve"], env=environment, cwd=ROOT, stdout=output, stderr=output
        )
    try:
        within(_SOON, socket_file.exists)
        process.terminate()
        assert process.wait(10) == 0
        assert embedded_valkey._nobody_listens(socket_file)
    finally:
        process.kill()
        process.wait()


_END_IN_A_FINALIZER = """
import os, signal, sys

class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

class Finder:
    def find_spec(self, name, *_):
        if name == "granian":
            Dying()

sys.meta_path.insert(0, Finder())
from idp.cli import main
sys.argv = ["adgang", "serve"]
main()
"""


def test_an_end_whose_exception_is_lost_is_not_lost(tmp_path: Path) -> None:
    """It comes while a finalizer runs, where Python drops what is raised."""
    environment = serving_environment(tmp_path)
    prepare(environment)
    socket_file = embedded_valkey._socket_path((tmp_path / "state" / "valkey").resolve())
    with (tmp_path / "serve.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _END_IN_A_FINALIZER],
            env=environment,
            cwd=ROOT,
            stdout=output,
            stderr=output,
        )
    try:
        assert process.wait(_SOON) == 0
        assert embedded_valkey._nobody_listens(socket_file)
    finally:
        process.kill()
        process.wait()


def test_an_end_while_workers_still_load_does_not_take_the_time_of_grace(tmp_path: Path) -> None:
    """Whoever stops it in its first second, a supervisor at a reboot say, waits for no request: there is none."""
    environment = serving_environment(tmp_path)
    prepare(environment)
    with (tmp_path / "serve.log").open("wb") as output:
        process = subprocess.Popen(
            [*ADGANG, "serve"], env=environment, cwd=ROOT, stdout=output, stderr=output
        )
    begun = Served(environment, process, tmp_path / "serve.log")
    try:
        within(_SOON, lambda: len(begun.workers()) == 2)
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_a_worker_that_ends_begins_no_more_calls_to_services(tmp_path: Path) -> None:
    """One service hangs as the worker ends; what is due to another meanwhile is another worker's, and is not claimed."""
    environment = serving_environment(tmp_path, ADGANG_WORKERS="1")
    prepare(environment)
    wiring = Wiring(Settings.from_environment(environment))
    with (
        running_server(lambda conversation: conversation.over.wait()) as silent,
        running_server(Conversation.answer) as other,
        serving(environment, tmp_path / "serve.log") as served,
    ):
        hanging, prompt = (told_service(wiring, server.port) for server in (silent, other))
        due(wiring, hanging)
        within(_SOON, lambda: silent.connections == 1)
        served.process.send_signal(signal.SIGTERM)
        within(_SOON, lambda: _refuses(int(environment["ADGANG_LISTEN_PORT"])))
        due(wiring, prompt)
        assert served.process.wait(40) == 0
        assert not [event for event in served.events() if event["level"] == "error"]
        (waiting,) = wiring.logout_notices.of_sessions([prompt])
        assert (waiting.tries, waiting.outcome) in ((0, "waiting"), (1, "confirmed"))
    wiring.close()


def told_service(wiring: Wiring, port: int) -> str:
    """A client that wants to be told of sign-outs at this port."""
    services = wiring.registry_services
    purpose = {
        "id": "byggesag",
        "text": {"da": "se din sag", "en": "see your case", "nb": "se saken din"},
        "legal_ground": "law",
        "claims": [],
    }
    found = wiring.registry.find_organisation("99000001")
    organisation = found or services.transact(
        lambda tx: services.registrations.add_organisation(
            tx, cvr_number="99000001", kind="municipality", name="Nordhavn Kommune", actor="operator:test"
        )
    )
    registered = {
        "client_name": f"Tjeneste {port}",
        "organisation": organisation.organisation_id,
        "profile": "oidc",
        "token_endpoint_auth_method": "client_secret_basic",
        "id_token_signed_response_alg": "ES256",
        "redirect_uris": ["http://localhost:9/callback"],
        "purposes": [purpose],
        "backchannel_logout_uri": f"http://localhost:{port}/logout",
    }
    made = services.transact(
        lambda tx: services.registrations.register(tx, registered, actor="operator:test")
    )
    return made.client.client_id


def due(wiring: Wiring, client_id: str) -> None:
    """A session of the client's name has ended, and the client was never told."""
    row = {
        "session_id": client_id,
        "client_id": client_id,
        "citizen_id": "citizen",
        "outcome": "waiting",
        "tries": 0,
        "last_fault": "",
        "ended_at": wiring.clock(),
        "next_at": wiring.clock(),
    }
    wiring.database.transact(lambda tx: tx.execute(insert(logout_notices), row))
