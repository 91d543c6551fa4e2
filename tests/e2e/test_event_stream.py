# SPDX-License-Identifier: Apache-2.0
"""Events as a stream: nothing lost, nothing twice, nothing that one may not see; and no end of memory for those who are slow."""
import concurrent.futures
import json
import random
import socket
import ssl
import string
import threading
import time
import zlib

import pytest
import rest

EVENTS = "/ovirt-engine/api/events"


class Stream:
    """A client of the stream on a socket of its own, packed unless asked otherwise."""

    def __init__(self, ask, query="", last=None, method="GET", version="1.1", buffer=None, coding="gzip", **headers):
        self.plain = socket.socket()
        if buffer:
            self.plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.plain.settimeout(20)
        self.plain.connect((ask.manager.address, ask.manager.port))
        self.socket = ssl.create_default_context(cafile=ask.manager.ca).wrap_socket(self.plain, server_hostname="localhost")
        given = {"Host": "localhost", "Accept": "text/event-stream", "Accept-Encoding": coding, "Authorization": "Bearer " + (ask.token or ""),
                 **({"Last-Event-ID": str(last)} if last is not None else {}), **headers}
        self.socket.sendall((f"{method} {EVENTS}{query} HTTP/{version}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in given.items() if v is not None)
                             + "\r\n").encode())
        self.data, self.id, self.is_over, self.decoder, self.received = b"", None, False, None, 0
        head = self.until(b"\r\n\r\n").decode()
        self.status = int(head.split()[1])
        self.headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in head.split("\r\n")[1:] if line)}
        if self.headers.get("content-encoding") == "gzip":
            self.decoder = zlib.decompressobj(31)
            self.data = self.decoder.decompress(self.data)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.socket.close()

    def more(self):
        part = self.socket.recv(65536)
        self.is_over = not part
        self.received += len(part)
        if self.decoder and part:
            assert not self.decoder.eof, "something behind the end"
            part = self.decoder.decompress(part)
        self.data += part

    def until(self, mark):
        while mark not in self.data and not self.is_over:
            self.more()
        found, _, self.data = self.data.partition(mark)
        return found

    def next(self, timeout=20):
        """(name, data, id) of the next frame, comments left out; None when the stream has ended."""
        self.socket.settimeout(timeout)
        while True:
            found = self.until(b"\n\n")
            fields = [line.partition(": ")[::2] for line in found.decode().split("\n") if line and not line.startswith(":")]
            if not fields and self.is_over:
                return None
            if not fields:
                continue
            frame = dict(fields)
            self.id = frame.get("id", self.id)
            return frame["event"], json.loads(frame["data"]), frame.get("id")

    def wait(self, name, check=lambda data: True, timeout=20):
        end = time.monotonic() + timeout
        while True:
            found = self.next(max(0.1, end - time.monotonic()))
            assert found, "the stream has ended"
            if found[0] == name and check(found[1]):
                return found[1]

    def wait_id(self, an_id):
        """The event of this id, whatever else is told before: a login is, a moment after it was answered."""
        return self.wait("event", lambda e: e["id"] == an_id)["id"]

    def is_quiet(self, seconds=0.8):
        try:
            return self.next(seconds) is None
        except TimeoutError:
            return True

    def rest(self, seconds=0.8):
        found = []
        try:
            while frame := self.next(seconds):
                found.append(frame)
        except TimeoutError:
            pass
        return found


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("streams")) as made:
        yield made


@pytest.fixture
def ask(manager):
    made = rest.Rest(manager)
    made.login()
    return made


numbers = iter(range(1, 10**6))


def say(ask, text, n=1):
    """Events of this text, in their order; many are told by several at once."""
    if n > 100:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda _: say(ask, text)[0], range(n)))
    return [ask.add("events", origin="test", custom_id=next(numbers), severity="normal", description=f"{text}{i}")["id"] for i in range(n)]


def user(ask, name):
    made = ask.add("users", user_name=name, password="a-good-one", domain={"name": "internal-authz"})
    other = rest.Rest(ask.manager, name + "@internal", "a-good-one")
    other.login()
    other.id = made["id"]
    return other


def add_vm(ask, name):
    return ask.add("vms", name=name, cluster={"name": "Default"}, template={"name": "Blank"})["id"]


def give(ask, collection, an_id, role, user_id):
    answer = ask.call("POST", f"/{collection}/{an_id}/permissions", {"role": {"name": role}, "user": {"id": user_id}})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def test_first(ask):
    """Headers, the greeting, an event as the API shows it, soon."""
    with Stream(ask) as s:
        assert s.status == 200 and s.headers["content-type"] == "text/event-stream" and s.headers["cache-control"] == "no-store"
        assert s.headers["x-accel-buffering"] == "no" and s.headers["content-encoding"] == "gzip"
        assert s.headers["vary"] == "Accept-Encoding"
        name, hello, last = s.next()
        assert name == "hello" and len(hello["instance"]) == 36 and int(last) > 0
        time.sleep(1)
        waits = []
        for i in range(5):
            time.sleep(0.3)
            begin = time.monotonic()
            say(ask, "at once ")
            event = s.wait("event", lambda e: e["description"].startswith("at once"))
            waits.append(time.monotonic() - begin)
        assert event == ask.get("/events/" + event["id"])
        assert sorted(waits)[2] < 0.2
    with Stream(ask, version="1.0") as s:
        assert s.status == 200 and s.next()[0] == "hello"


@pytest.mark.parametrize("coding, is_packed", [("gzip", True), ("br, GZIP;q=0.3", True), ("*", True), ("identity, *;q=0", False), ("gzip;q=0", False),
                                               ("br", False), (None, False)])
def test_coding(ask, coding, is_packed):
    """Packed for those who take it, and for nobody else."""
    with Stream(ask, coding=coding) as s:
        assert ("content-encoding" in s.headers) == is_packed and s.headers["vary"] == "Accept-Encoding"
        assert s.next()[0] == "hello"
        an_id, = say(ask, "in whatever coding ")
        s.wait_id(an_id)


def test_packed(ask):
    """Each frame can be read when it is there, and as the others read it; the end is one, and what one comes back with is the same."""
    one = user(ask, "packer")
    api = ask.call("POST", "/permissions", {"role": {"name": "SuperUser"}, "user": {"id": one.id}})
    assert api.status_code == 201
    with Stream(one) as packed, Stream(one, coding="identity") as plain:
        assert packed.next()[0] == "hello" and plain.next()[0] == "hello"
        place = packed.id
        for i in range(20):
            text = "y" * (i * i * 10) + " again and again"
            an_id, = say(ask, text)
            assert packed.wait_id(an_id) == plain.wait_id(an_id) == an_id
        say(ask, "very much the same ", 300)
        heard = [[s.wait("event", lambda e: e["description"].startswith("very")) for _ in range(300)] for s in (packed, plain)]
        assert heard[0] == heard[1]
        assert packed.received < plain.received / 2
        with Stream(one, last=place) as again, Stream(one, last=place, coding="identity") as plain_again:
            for _ in range(2):  # the answer to those who come back is packed once, too
                with Stream(one, last=place) as other:
                    assert [other.next()[0] for _ in range(300)] == ["hello"] + 299 * ["event"]
            back = [[s.next()[:2] for _ in range(300)] for s in (again, plain_again)]
            assert back[0] == back[1] and again.received < plain_again.received / 2
            one.session.post(one.root + "/services/sso-logout", data={"token": one.token}, timeout=20)
            for s in (packed, again):
                while s.next():
                    pass
                assert s.decoder.eof and not s.decoder.unused_data
    ask.remove("users", one.id)


def test_beside_it(ask):
    """The list is what it was; what cannot be a stream says so."""
    assert ask.call("GET", "/events?max=3", headers={"Accept": "application/json"}).json()["event"]
    assert ask.call("GET", "/vms", headers={"Accept": "text/event-stream"}).status_code == 406
    with Stream(ask, method="HEAD") as s:
        assert s.status == 200 and s.headers["content-type"].startswith("text/event-stream")
    with Stream(ask, "?topics=weather") as s:
        assert s.status == 400
    with Stream(ask, "?search=nosuchfield%3D1") as s:
        assert s.status == 400
    with Stream(ask, **{"If-None-Match": "*"}) as s:
        assert s.status == 200 and s.next()[0] == "hello"


@pytest.mark.parametrize("headers", [{"Authorization": None}, {"Authorization": "Bearer " + "0" * 64}, {"Authorization": "Bearer"},
                                     {"Authorization": "Basic YWRtaW5AaW50ZXJuYWw6d3Jvbmc="}])
def test_strangers(ask, headers):
    with Stream(ask, **headers) as s:
        assert s.status == 401


def test_resume(ask):
    """Clients that come and go see every event once, in order."""
    stop, made, seen, last = threading.Event(), [], [], None

    def write():
        other = rest.Rest(ask.manager)
        while not stop.is_set():
            made.extend(say(other, "counted "))

    with Stream(ask) as s:
        assert s.next()[0] == "hello"
        last = s.id  # gone before anything was said
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for i in range(12):
            with Stream(ask, "" if i % 2 else f"?last_event_id={last}", last if i % 2 else None) as s:
                assert s.next()[0] == "hello"
                for _ in range(i * 3):
                    name, event, _ = s.next()
                    assert name == "event"
                    seen.append(event)
                last = s.id or last
            time.sleep(0.05 * (i % 3))
    finally:
        stop.set()
        writer.join()
    with Stream(ask, last=last) as s:
        while not seen or seen[-1]["id"] != made[-1]:
            seen.append(s.wait("event"))
        assert s.is_quiet()
    assert [e["id"] for e in seen if e["description"].startswith("counted")] == made


@pytest.mark.parametrize("last", ["999999999", "-1", "x", "9" * 40, "1 2"])
def test_unknown_place(ask, last):
    """From the future or from nowhere: ask for everything, and go on from here."""
    with Stream(ask, last=last) as s:
        assert [s.next()[0] for _ in range(2)] == ["hello", "reset"]
        place = s.id
        an_id, = say(ask, "behind the reset ")
        assert s.wait("event", lambda e: e["description"].startswith("behind"))["id"] == an_id
    with Stream(ask, last=place) as s:
        assert [s.next()[0] for _ in range(2)] == ["hello", "event"]


def test_too_old(ask):
    """More than is kept for those who come back."""
    place, = say(ask, "long ago ")
    say(ask, "many ", 1001)
    with Stream(ask, last=place) as s:
        assert [s.next()[0] for _ in range(2)] == ["hello", "reset"]
        assert s.is_quiet()


def test_missing_place(ask):
    """The event that was seen last is gone: those after it still come."""
    ids = say(ask, "gone ", 3)
    ask.remove("events", ids[0])
    with Stream(ask, last=ids[0]) as s:
        assert s.next()[0] == "hello" and [s.wait("event", lambda e: e["id"] in ids)["id"] for _ in range(2)] == ids[1:]
        assert s.is_quiet()


def test_from_and_search(ask):
    """As for the list: from a number on, and only what matches, old and new."""
    ids = say(ask, "needle ", 2) + say(ask, "hay ", 2)
    with Stream(ask, f"?from={ids[0]}&search=message%3Dneedle*") as s:
        assert s.next()[0] == "hello" and s.wait("event")["id"] == ids[1] and s.is_quiet()
        say(ask, "hay ")
        an_id, = say(ask, "needle again ")
        assert s.wait("event")["id"] == an_id


def test_changes(ask):
    """Each object that was added, changed, removed; many of a kind are not named."""
    with Stream(ask, "?topics=changes") as s, Stream(ask) as events_only:
        assert s.next()[0] == "hello"
        vm = add_vm(ask, "changing")
        assert s.wait("changes", lambda all: ["vm", vm, "a"] in all)
        ask.call("PUT", f"/vms/{vm}", {"description": "other"})
        assert s.wait("changes", lambda all: ["vm", vm, "u"] in all)
        tag = ask.add("tags", name="live")["id"]
        assert s.wait("changes", lambda all: ["tag", tag, "a"] in all)
        ask.call("POST", f"/vms/{vm}/tags", {"name": "live"})
        assert s.wait("changes", lambda all: ["vm", vm, "u"] in all)
        ask.remove("vms", vm)
        assert s.wait("changes", lambda all: ["vm", vm, "r"] in all)
        place = s.id
        assert events_only.next()[0] == "hello" and events_only.next()[0] == "event"
    ask.remove("tags", tag)
    with Stream(ask, "?topics=changes,events", last=place) as s:  # what was missed is told by its kind
        assert s.next()[0] == "hello"
        name, changes, _ = s.next()
        assert name == "changes" and ["tag", "*", "u"] in changes and ["vm", "*", "u"] in changes
        assert not any(kind == "storage_domain" for kind, _, _ in changes)


def test_begin_with_an_answer(ask):
    """What happens between an answer and the stream that follows it is told, whether it made an event or not."""
    place = ask.call("GET", "/vms", headers={"Accept": "application/json"}).headers["Hostler-Event"]
    ask.call("PUT", "/tags/" + ask.add("tags", name="between")["id"], {"description": "so soon"})
    vm = add_vm(ask, "between")
    with Stream(ask, "?topics=events,changes", last=place) as s:
        assert s.next()[0] == "hello"
        kinds = {kind for kind, _, _ in s.wait("changes")}
        assert {"vm", "tag"} <= kinds
    ask.remove("vms", vm)


def test_permissions(ask):
    """A user hears of what he may see, as long as he may see it."""
    ann = user(ask, "ann")
    seen, hidden = add_vm(ask, "hers"), add_vm(ask, "not-hers")
    given = give(ask, "vms", seen, "UserRole", ann.id)
    place = ask.get("/events?max=1")["event"][0]["id"]
    with Stream(ann, "?topics=events,changes") as s:
        assert s.next()[0] == "hello"
        for vm in (hidden, seen):
            ask.call("PUT", f"/vms/{vm}", {"description": "watch this"})
        heard = []
        while not any(c == ["vm", seen, "u"] for name, data, _ in heard if name == "changes" for c in data):
            heard.append(s.next())
        say(ask, "for administrators ")
        assert s.is_quiet()
        assert hidden not in json.dumps(heard)
        listed = {e["id"] for e in ann.list("events")}
        assert {data["id"] for name, data, _ in heard if name == "event"} <= listed
        give(ask, "vms", hidden, "UserRole", ann.id)
        assert s.wait("changes", lambda all: any(c[:2] == ["vm", hidden] for c in all))
        ask.call("DELETE", f"/vms/{seen}/permissions/{given}")
        s.wait("reset")
        ask.call("PUT", f"/vms/{seen}", {"description": "no more"})
        ask.call("PUT", f"/vms/{hidden}", {"description": "but this"})
        while True:
            name, data, _ = s.next()
            assert seen not in json.dumps(data)
            if name == "changes" and ["vm", hidden, "u"] in data:
                break
        ask.remove("vms", hidden)
        s.wait("changes", lambda all: ["vm", hidden, "r"] in all)
        ask.remove("vms", seen)
        assert s.is_quiet()
    with Stream(ann, last=place) as s:  # nothing of what has been meanwhile is about her things any more
        assert s.next()[0] == "hello" and not any("vm" in event for _, event, _ in s.rest())
    # an administrator is one until he is not: the stream ends, and the next one shows what is left
    role = ask.call("POST", "/permissions", {"role": {"name": "SuperUser"}, "user": {"id": ann.id}}).json()["id"]
    with Stream(ann) as s, Stream(ann, "?filter=true") as filtered:
        assert s.next()[0] == "hello" and filtered.next()[0] == "hello"
        say(ask, "for administrators ")
        assert s.wait("event", lambda e: e["description"].startswith("for admin"))
        ask.remove("permissions", role)
        while s.next():
            pass
    with Stream(ann) as s:
        assert s.next()[0] == "hello"
        say(ask, "for administrators ")
        assert s.is_quiet()


def test_sessions(ask):
    """No session, no stream: after logging out, another password, the user's end; also without a token."""
    for end in ("logout", "password", "remove"):
        one = user(ask, "leaving-" + end)
        basic = "Basic " + __import__("base64").b64encode(f"leaving-{end}@internal:a-good-one".encode()).decode()
        with Stream(one) as s, Stream(one, Authorization=basic) as without:
            assert s.next()[0] == "hello" and without.next()[0] == "hello"
            if end == "logout":
                one.session.post(one.root + "/services/sso-logout", data={"token": one.token}, timeout=20)
            elif end == "password":
                assert ask.call("PUT", f"/users/{one.id}", {"password": "another-one"}).status_code == 200
            else:
                ask.remove("users", one.id)
            begin = time.monotonic()
            while s.next(5):
                pass
            assert time.monotonic() - begin < 5
            if end != "logout":
                while without.next(5):
                    pass


def test_limits(manager, ask):
    """So many for one user, so many in all; who leaves makes room."""
    with open(manager.state + "/options", "w") as f:
        f.write("EventStreamsPerUser=3\nEventStreamsMax=5\n")
    one, other = user(ask, "greedy"), user(ask, "modest")
    rest.wait(lambda: no_streams(ask))
    held = [Stream(one) for _ in range(3)]
    with Stream(one) as s:
        assert s.status == 503 and s.headers["retry-after"] and b"3 event streams" in s.until(b"}")
    held += [Stream(other), Stream(other)]
    with Stream(ask) as s:
        assert s.status == 503
    held.pop(0).socket.close()

    def works():
        with Stream(one) as s:
            return s.status == 200
    rest.wait(works)
    for s in held:
        s.socket.close()
    with open(manager.state + "/options", "w") as f:
        f.write("EventStreamsPerUser=1100\n")


def no_streams(ask):
    found = []
    try:
        for _ in range(3):
            found.append(Stream(ask))
        return all(s.status == 200 for s in found)
    finally:
        for s in found:
            s.socket.close()


@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_slow_reader(ask, coding):
    """Who does not read is told to begin anew; others do not notice, and the Manager does not grow."""
    text = "".join(random.choices(string.ascii_letters, k=3900))  # packed it is still so long that it stays in the Manager
    with Stream(ask, buffer=4096, coding=coding) as slow, Stream(ask) as fast:
        assert fast.next()[0] == "hello"
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for begin in range(0, 800, 20):
                list(pool.map(lambda i: ask.add("events", origin="slow " + coding, custom_id=i, severity="normal", description=text), range(begin, begin + 20)))
                for _ in range(20):
                    fast.wait("event", lambda e: e["description"] == text)
        names = []
        while "reset" not in names:
            names.append(slow.next()[0])
        assert names[0] == "hello" and len(names) < 800
        an_id, = say(ask, "now ")
        slow.wait_id(an_id)


def test_talker(ask):
    """A client that talks where it should listen is heard out, but not for ever."""
    with Stream(ask) as s:
        assert s.next()[0] == "hello"
        s.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
        an_id, = say(ask, "still there ")
        s.wait_id(an_id)
        try:
            for _ in range(100):
                s.socket.sendall(b"x" * 16384)
            while s.next(5):
                pass
        except (OSError, ssl.SSLError):
            pass


def test_many(ask):
    """Two hundred at once, all of which hear the same; the Manager answers others meanwhile."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        streams = list(pool.map(lambda _: Stream(ask), range(200)))
    try:
        assert all(s.next()[0] == "hello" for s in streams)
        begin = time.monotonic()
        an_id, = say(ask, "to all ")
        assert {s.wait_id(an_id) for s in streams} == {an_id}
        assert time.monotonic() - begin < 3
        assert ask.call("GET", "/vms").status_code == 200
    finally:
        for s in streams:
            s.socket.close()


def test_same_event(ask):
    """Another program's event is told once, however often and by however many it is added."""
    body = {"origin": "twice", "custom_id": 1, "severity": "normal", "description": "only once"}
    with Stream(ask) as s:
        assert s.next()[0] == "hello"
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: ask.call("POST", "/events", body), range(24)))
        assert sorted(a.status_code for a in answers) == [201] + 23 * [409]
        assert "has an event 1 already" in next(a for a in answers if a.status_code == 409).text
        first = next(a for a in answers if a.status_code == 201).json()["id"]
        other = ask.add("events", **{**body, "origin": "once"})["id"]
        assert s.wait_id(first) and s.next()[1]["id"] == other
        ask.remove("events", first)
        assert s.wait_id(ask.add("events", **body)["id"])
        assert ask.call("POST", "/events", body).status_code == 409


def test_restart(manager, ask):
    """An orderly end for all; with the next life they go on where they were."""
    with Stream(ask) as s:
        _, hello, place = s.next()
        an_id, = say(ask, "before the end ")
        s.wait_id(an_id)
        begin = time.monotonic()
        manager.stop()
        while s.next():
            pass
        assert time.monotonic() - begin < 3 and s.decoder.eof
    manager.start()
    ask.login()
    known = ask.get(f"/events/{an_id}")
    assert ask.call("POST", "/events", {k: known[k] for k in ("origin", "custom_id", "severity", "description")}).status_code == 409
    later, = say(ask, "in another life ")
    with Stream(ask, "?topics=events,changes", last=an_id) as s:
        name, again, _ = s.next()
        assert name == "hello" and again["instance"] != hello["instance"]
        events = []
        while not events or events[-1]["id"] != later:
            events.append(s.wait("event"))
        assert an_id not in [e["id"] for e in events]
    with Stream(ask, "?topics=changes", last=an_id) as s:
        assert s.next()[0] == "hello" and ["vm", "*", "u"] in s.wait("changes")
