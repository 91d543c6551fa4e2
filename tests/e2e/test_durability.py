# SPDX-License-Identifier: Apache-2.0
"""What was answered is there: kill -9 under load, a full disk under the journal, a database that goes away."""
import collections
import os
import random
import signal
import socket
import subprocess
import threading
import time

import pytest

import products
import rest
from pg import Postgres

ROUNDS = int(os.environ.get("HOSTLER_KILLS", "8"))
HASTY = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}  # a start that fails leaves everything to the system


class Writer(threading.Thread):
    """A client that adds, changes and removes, and keeps book of what was acknowledged and of what it was about to do."""

    def __init__(self, manager, number, stop):
        super().__init__(daemon=True)
        self.api, self.number, self.stop, self.count = rest.Rest(manager), number, stop, 0
        self.random = random.Random(number)
        self.known = {}        # id -> (collection, members) as acknowledged
        self.doubtful = {}     # name or id -> what was sent when the answer did not come
        self.acknowledged = 0

    def run(self):
        while not self.stop.is_set():
            try:
                if not self.api.token and self.api.login().status_code != 200:
                    continue
                self.step()
            except (rest.requests.RequestException, OSError, ValueError):
                self.api.token = None
                time.sleep(0.02)

    def step(self):
        kind = self.random.choice(("add", "add", "update", "remove"))
        if kind == "add" or not self.known:
            self.add()
        else:
            an_id = self.random.choice(list(self.known))
            getattr(self, kind)(an_id, *self.known[an_id])

    def add(self):
        self.count += 1
        name = f"w{self.number}-{self.count}"
        collection, members = self.random.choice((("tags", {"name": name}), ("bookmarks", {"name": name, "value": "vms:"}),
                                                  ("datacenters", {"name": name, "local": "true"})))
        self.doubtful[name] = (collection, members)
        answer = self.api.call("POST", "/" + collection, members, timeout=20)
        if answer.status_code == 201:
            self.known[answer.json()["id"]] = (collection, members)
            self.acknowledged += 1
        if answer.status_code in (201, 400, 401, 409, 507):
            del self.doubtful[name]

    def update(self, an_id, collection, members):
        changed = {**members, "description": f"{self.random.random()}"}
        self.doubtful[an_id] = (collection, changed)
        answer = self.api.call("PUT", f"/{collection}/{an_id}", {"description": changed["description"]}, timeout=20)
        if answer.status_code == 200:
            self.known[an_id] = (collection, changed)
            self.acknowledged += 1
        if answer.status_code in (200, 401, 409, 507):
            del self.doubtful[an_id]

    def remove(self, an_id, collection, members):
        self.doubtful[an_id] = (collection, None)
        answer = self.api.call("DELETE", f"/{collection}/{an_id}", timeout=20)
        if answer.status_code == 200:
            del self.known[an_id]
            self.acknowledged += 1
        if answer.status_code in (200, 401, 409, 507):
            del self.doubtful[an_id]


def agrees(item, members):
    return all(item.get(key, "") == value for key, value in members.items())


def settle(writer, held):
    """Book against inventory. What was in doubt may have happened, wholly or not at all; then it is known."""
    for an_id, (collection, members) in list(writer.known.items()):
        item, doubt = held[collection].get(an_id), writer.doubtful.get(an_id)
        if doubt is None:
            assert item and agrees(item, members), (collection, an_id, members, item)
        elif doubt[1] is None:  # a removal
            if item is None:
                del writer.known[an_id]
            else:
                assert agrees(item, members)
        else:
            assert item and (agrees(item, members) or agrees(item, doubt[1])), (members, doubt, item)
            if agrees(item, doubt[1]):
                writer.known[an_id] = doubt
    for collection, items in held.items():
        for an_id, item in items.items():
            if item["name"].startswith(f"w{writer.number}-") and an_id not in writer.known:
                assert item["name"] in writer.doubtful, ("came from nowhere", item)
                assert agrees(item, writer.doubtful[item["name"]][1])
                writer.known[an_id] = writer.doubtful[item["name"]]
    writer.doubtful.clear()


def check_whole(api, held):
    """No half changes: a data center has its network, profile and quota, and nothing hangs in the air."""
    networks = collections.defaultdict(list)
    for network in api.list("networks"):
        networks[network["data_center"]["id"]].append(network)
    profiles = {p["network"]["id"] for p in api.list("vnicprofiles")}
    for an_id in held["datacenters"]:
        assert [n["name"] for n in networks[an_id]] == ["ovirtmgmt"] and networks[an_id][0]["id"] in profiles
        assert len(api.get(f"/datacenters/{an_id}/quotas")["quota"]) == 1
    assert set(networks) == set(held["datacenters"])
    assert profiles == {n["id"] for found in networks.values() for n in found}
    for job in api.list("jobs"):
        assert job["status"] != "started", job


def holdings(api):
    return {name: {item["id"]: item for item in api.list(name)} for name in ("tags", "bookmarks", "datacenters")}


def test_killed_under_load(postgres, tmp_path):
    with rest.solo(tmp_path, postgres) as manager:
        writers, stop = [], None
        for number in range(6):
            writers.append(Writer(manager, number, None))
        for round_number in range(ROUNDS):
            stop = threading.Event()
            again = []
            for old in writers:
                writer = Writer(manager, old.number, stop)
                writer.count, writer.known, writer.acknowledged, writer.random = old.count, old.known, old.acknowledged, old.random
                again.append(writer)
                writer.start()
            writers = again
            time.sleep(random.Random(round_number).uniform(0.3, 2.0))
            manager.stop(signal.SIGKILL)
            stop.set()
            for writer in writers:
                writer.join(40)
                assert not writer.is_alive()
            manager.start()
            api = rest.Rest(manager)
            held = holdings(api)
            for writer in writers:
                settle(writer, held)
            check_whole(api, held)
        assert sum(w.acknowledged for w in writers) > 20 * ROUNDS


def test_stopped_under_load(postgres, tmp_path):
    """SIGTERM: a clean end. What waited for its answer hears 503, and may have been done."""
    with rest.solo(tmp_path, postgres) as manager:
        stop = threading.Event()
        writers = [Writer(manager, number, stop) for number in range(6)]
        for writer in writers:
            writer.start()
        time.sleep(1.5)
        assert manager.stop() == 0
        stop.set()
        for writer in writers:
            writer.join(40)
        manager.start()
        api = rest.Rest(manager)
        held = holdings(api)
        for writer in writers:
            settle(writer, held)
        check_whole(api, held)


# -- a full disk -----------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "hostler-test", str(place)], check=True)
    yield str(place)
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place):
    """Take all the room; the file that does so."""
    path = os.path.join(place, "ballast")
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        while os.write(out, b"x" * 4096):
            pass
    except OSError:
        pass
    os.close(out)
    return path


@pytest.mark.anydb
def test_full_disk(tmp_path, small_disk):
    manager = rest.solo(tmp_path / "m")
    os.mkdir(manager.dir)
    manager.options = ["--db", f"sqlite:{small_disk}/journal.db"]
    with manager:
        api = rest.Rest(manager)
        health = lambda: api.session.get(api.root + "/services/health").status_code  # noqa: E731
        kept = api.add("tags", name="kept")
        assert health() == 200
        ballast = fill(small_disk)
        refused = None
        for i in range(2000):  # there may be room left inside the database's files
            answer = api.call("POST", "/tags", {"name": f"t{i}", "description": "x" * 4000})
            if answer.status_code != 201:
                refused = answer
                break
        assert refused is not None and refused.status_code == 507
        reason, detail = rest.fault(refused)
        assert reason == "Operation Failed" and ("full" in detail or "space" in detail), detail
        assert refused.headers.get("Retry-After")
        before = api.everything()
        assert api.one("tags", "kept")["id"] == kept["id"]  # reads go on
        for method, path, body in (("PUT", "/tags/" + kept["id"], {"description": "no"}), ("DELETE", "/tags/" + kept["id"], None),
                                   ("POST", "/datacenters", {"name": "no", "local": "true"})):
            answer = api.call(method, path, body)
            assert answer.status_code == 507, answer.text
        assert api.everything() == before
        assert health() == 500
        other = rest.Rest(manager)
        assert other.login().status_code == 200  # one can log in to see what is wrong
        # killed while it is full: it starts again, and has what it had
        manager.restart(signal.SIGKILL)
        api = rest.Rest(manager)
        assert api.everything() == before
        os.unlink(ballast)
        rest.wait(lambda: api.session.get(api.root + "/services/health").status_code == 200)  # also when nobody writes
        api.add("tags", name="after")
        manager.restart(signal.SIGKILL)
        api = rest.Rest(manager)
        assert api.one("tags", "after") and api.one("tags", "kept")
        api.remove("tags", kept["id"])


@pytest.mark.anydb
def test_full_disk_under_load(tmp_path, small_disk):
    """It fills up while many write, and gets room again: what was acknowledged is there."""
    manager = rest.solo(tmp_path / "m")
    os.mkdir(manager.dir)
    manager.options = ["--db", f"sqlite:{small_disk}/journal.db"]
    with manager:
        stop = threading.Event()
        writers = [Writer(manager, number, stop) for number in range(4)]
        for writer in writers:
            writer.start()
        for _ in range(2):
            time.sleep(0.7)
            ballast = fill(small_disk)
            time.sleep(0.7)
            os.unlink(ballast)
        time.sleep(0.5)
        stop.set()
        for writer in writers:
            writer.join(40)
            assert not writer.is_alive()
        for _ in range(2):
            api = rest.Rest(manager)
            held = holdings(api)
            for writer in writers:
                settle(writer, held)
            check_whole(api, held)
            manager.restart(signal.SIGKILL)


# -- one Manager at a time, and journals that are none ----------------------------------------


def test_second_manager_is_refused(postgres, tmp_path):
    with rest.solo(tmp_path, postgres) as manager:
        second = subprocess.run([products.HOSTLERD, "--state", manager.state, "--listen", f"127.0.0.1:{rest.free_port()}", *manager.options],
                                env=HASTY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        assert second.returncode != 0 and "in use" in second.stdout or "another" in second.stdout, second.stdout
        rest.Rest(manager).add("tags", name="first")


@pytest.mark.anydb
@pytest.mark.parametrize("content", [b"no database at all" * 1000, b"SQLite format 3\x00" + b"\xff" * 8000], ids=["text", "broken"])
def test_journal_that_is_none(tmp_path, content):
    manager = rest.solo(tmp_path)
    manager.init()
    path = os.path.join(manager.state, "journal.db")
    with open(path, "wb") as f:
        f.write(content)
    done = subprocess.run([products.HOSTLERD, "--state", manager.state, "--listen", f"127.0.0.1:{manager.port}"], env=HASTY, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode == 1 and "Traceback" not in done.stdout and "hostlerd: " in done.stdout
    with open(path, "rb") as f:
        assert f.read() == content  # it is not ours to change


def test_stopped_while_hosts_are_awaited(postgres, tmp_path):
    """Many hosts that do not answer, and jobs that wait for them: each end is clean, and each start goes on with the jobs."""
    with socket.create_server(("0.0.0.0", 0), backlog=100) as deaf, rest.solo(tmp_path, postgres) as manager:
        api = rest.Rest(manager)
        for i in range(20):
            answer = api.call("POST", "/hosts", {"name": f"h{i}", "address": f"127.0.1.{i + 1}", "root_password": "x",
                                                "port": str(deaf.getsockname()[1] if i % 2 else 1), "cluster": {"name": "Default"}})
            assert answer.status_code == 201, answer.text
        for pause in 0, 0.3, 1, 0, 2:
            time.sleep(pause)
            assert manager.stop() == 0
            manager.start()
        assert len(rest.Rest(manager).list("hosts")) == 20


# -- a database that goes away ---------------------------------------------------------------


@pytest.fixture
def own_postgres(postgres):
    """A server that may be killed."""
    if postgres is None:
        pytest.skip("PostgreSQL only")
    with Postgres() as server:
        yield server


def kill(server, sig=signal.SIGQUIT):
    server.server.send_signal(sig)
    server.server.wait(30)
    server.server = None


def test_database_away(own_postgres, tmp_path):
    with rest.solo(tmp_path, own_postgres) as manager:
        api = rest.Rest(manager)
        health = lambda: api.session.get(api.root + "/services/health").status_code  # noqa: E731
        kept = api.add("tags", name="kept")
        # for a moment: who writes waits, and nobody is refused
        kill(own_postgres)
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(rest.Rest(manager).call("POST", "/tags", {"name": "patient"})))
        waiting.start()
        time.sleep(2)
        assert api.one("tags", "kept")["id"] == kept["id"]
        own_postgres.start()
        waiting.join(30)
        assert answers[0].status_code == 201
        # for long: refused, with a reason; reads go on
        before = api.everything()
        kill(own_postgres)
        refused = api.call("POST", "/tags", {"name": "refused"})
        assert refused.status_code in (500, 503) and "database" in rest.fault(refused)[1].lower(), refused.text
        assert api.everything() == before and health() == 500
        for _ in range(2):
            assert api.call("DELETE", "/tags/" + kept["id"]).status_code in (500, 503)
        assert api.everything() == before
        own_postgres.start()
        rest.wait(lambda: health() == 200)
        api.add("tags", name="after")
        manager.restart(signal.SIGKILL)
        names = {tag["name"] for tag in rest.Rest(manager).list("tags")}
        assert {"kept", "patient", "after"} <= names and "refused" not in names


def test_database_killed_under_load(own_postgres, tmp_path):
    with rest.solo(tmp_path, own_postgres) as manager:
        stop = threading.Event()
        writers = [Writer(manager, number, stop) for number in range(4)]
        for writer in writers:
            writer.start()
        for sig in signal.SIGQUIT, signal.SIGKILL, signal.SIGINT:
            time.sleep(0.7)
            kill(own_postgres, sig)
            rest.wait(lambda: not [p for p in os.listdir("/proc") if is_of(p, own_postgres.dir)])
            own_postgres.start()
        time.sleep(1)
        stop.set()
        for writer in writers:
            writer.join(60)
            assert not writer.is_alive()
        for _ in range(2):
            api = rest.Rest(manager)
            held = holdings(api)
            for writer in writers:
                settle(writer, held)
            check_whole(api, held)
            manager.restart(signal.SIGKILL)


def is_of(pid, directory):
    """A process of the server in the directory; its children end by themselves when it was killed."""
    try:
        return os.readlink(f"/proc/{pid}/cwd").startswith(directory)
    except OSError:
        return False
