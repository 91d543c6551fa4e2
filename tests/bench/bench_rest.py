#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Searches through the API among 100,000 VMs, as a client has them: tests/bench/bench_rest.py [--smoke]

One connection that is kept, pages of 100, JSON and XML. Beside what the client waits: what the Manager computed meanwhile, all of its threads
together, and what the same page costs without a search.
"""
import json
import os
import re
import shutil
import ssl
import socket
import sys
import tempfile
import threading
import time
import urllib.parse

import many
from served import API, SMOKE, Manager, figure

VMS = 2000 if SMOKE else 100000
ROUNDS, RUNS = (1, 10) if SMOKE else (3, 100)

SEARCHES = (
    "page 900",
    "name=web-050001",
    "name=web-05*",
    "name=*999*",
    "name=w*b*7*9*1",
    "name!=web* and status!=up",
    "status=paused or status=down",
    "description=*nobody*",
    "comment=\"\" and description!=\"\"",
    "cpu_usage > 85",
    "memory > 8000 and memory <= 12000",
    "uptime > 10",
    "creationdate > 2026-10-01 and creationdate < 2026-11-01",
    "cluster=cluster-7 or cluster=cluster-9 status=up",
    "host.name=host-0017",
    "host.status=maintenance and host.name=host-00*",
    "user.name=user77",
    "storage.name=nfs-7",
    "template.name=template-1* and name=db*",
    "tag=tag-42",
    "name=web* and status=up and host.status=maintenance and memory > 8000",
    "sortby memory desc",
    "status=up sortby creationdate desc page 300",
    "sortby on_host desc page 300",
    "sortby cluster",
    "sortby status page 7",
    "wanted",
    "\"team 296\" and status=up",
    "99",
    "zzzz",
)
OTHERS = (
    ("disks", "storage.name=nfs-7 and size > 5000000000 sortby alias desc"),
    ("disks", "vm_names=web-05*"),
    ("disks", "77"),
    ("hosts", "vm.name=web-05* sortby name desc"),
    ("templates", "vm.status=up"),
    ("storagedomains", "name=nfs*"),
    ("users", "vm.name=*777*"),
)


class Client:
    """One connection; answers are read, not understood: a client in Python shall not be what is measured."""

    def __init__(self, manager):
        self.manager, self.buffer = manager, bytearray(1 << 20)
        context = ssl.create_default_context(cafile=os.path.join(manager.state, "pki/ca.pem"))
        self.socket = context.wrap_socket(socket.create_connection(("localhost", manager.port), timeout=60), server_hostname="localhost")
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method, path, accept="application/json", body=b""):
        """Status, and the answer with its head."""
        self.socket.sendall((f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.manager.token}\r\nAccept: {accept}\r\n"
                             f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body)
        view, n, end = memoryview(self.buffer), 0, -1
        while end < 0 or n < end:
            if n == len(self.buffer):
                view.release()
                self.buffer.extend(bytes(n))
                view = memoryview(self.buffer)
            got = self.socket.recv_into(view[n:])
            if not got:
                raise SystemExit(f"{path}: the Manager closed the connection")
            n += got
            if end < 0 and (head := self.buffer.find(b"\r\n\r\n", 0, n)) >= 0:
                size = re.search(rb"content-length: (\d+)", self.buffer[:head].lower())
                end = head + 4 + int(size[1]) if size else sys.maxsize
            if end == sys.maxsize and self.buffer[n - 5:n] == b"0\r\n\r\n":
                end = n
        return int(self.buffer[9:12]), view[:n]

    def get(self, path, accept="application/json"):
        status, answer = self.ask("GET", path, accept)
        if status != 200:
            raise SystemExit(f"GET {path}: {bytes(answer)[:600]}")
        return answer


def cpu_ms(pid):
    """Of all threads, to the microsecond."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as f:
            total += int(f.read().split()[0])
    return total / 1e6


def percentile(times, p):
    return sorted(times)[min(len(times) - 1, int(len(times) * p / 100))]


class Times:
    """What a client waited, and what the Manager computed meanwhile. In rounds, of which the calmest counts: others use the machine, too."""

    def __init__(self, client):
        self.client, self.rounds, self.size = client, [], 0

    def begin(self):
        self.rounds.append(([], []))

    def ask(self, path, accept="application/json"):
        pid = self.client.manager.process.pid
        before, begin = cpu_ms(pid), time.monotonic()
        self.size = len(self.client.get(path, accept))
        self.rounds[-1][0].append((time.monotonic() - begin) * 1000)
        self.rounds[-1][1].append(cpu_ms(pid) - before)

    def calmest(self):
        """p50 and p99 of waiting, p50 and p99 of computing."""
        calmest = [min((r[i] for r in self.rounds), key=lambda times: percentile(times, 99)) for i in (0, 1)]
        return [percentile(times, p) for times in calmest for p in (50, 99)]

    def say(self, name, aim=""):
        wait50, wait99, cpu50, cpu99 = self.calmest()
        print(f"{name:<84} {wait50:6.2f}  p99 {wait99:6.2f} ms   Manager's CPU {cpu50:5.2f}  p99 {cpu99:5.2f} ms  {self.size / 1000:4.0f} KB"
              f"{('  aim: ' + aim) if aim else ''}", flush=True)


def ask_often(client, path, accept="application/json"):
    times = Times(client)
    client.get(path, accept)
    for _ in range(ROUNDS):
        times.begin()
        for _ in range(RUNS):
            times.ask(path, accept)
    return times


def of(collection, search, most=100):
    return f"{API}/{collection}?max={most}&" + urllib.parse.urlencode({"search": search})


def searches(client):
    worst = []
    for form in "json", "xml":
        accept = f"application/{form}"
        ask_often(client, f"{API}/vms?max=100", accept).say(f"{form}: 100 VMs, no search")
        for collection, search in [("vms", s) for s in SEARCHES] + list(OTHERS):
            times = ask_often(client, of(collection, search), accept)
            times.say(f"{form}: {collection}: {search}")
            if collection == "vms":
                worst.append((times.calmest(), search))
    figure(f"searches among {VMS} VMs, a page of 100: worst p99, as a client waits", "{:.2f} ms, '{}'".format(*max((w[0][1], w[1]) for w in worst)),
           "under 5 ms, free text 30")
    figure("  worst p99 of what the Manager computes for it", "{:.2f} ms, '{}'".format(*max((w[0][3], w[1]) for w in worst)))


def is_right(client, text):
    answer = client.get("/ovirt-engine/hostler/search/check?collection=vms&search=" + urllib.parse.quote(text))
    return b'"ok":true' in bytes(answer)


def as_typed(client):
    """Completion, check and count with each letter."""
    text = "name=web* and status=up or host.name=host-0017 and memory > 8000 sortby memory desc page 2"
    typed = [text[:i] for i in range(1, len(text) + 1)]
    right = [t for t in typed if is_right(client, t)]
    for page, name, texts in ("complete", "text", typed), ("check", "search", typed), ("count", "search", right):
        times = Times(client)
        for _ in range(ROUNDS):
            times.begin()
            for t in texts:
                times.ask(f"/ovirt-engine/hostler/search/{page}?collection=vms&{name}=" + urllib.parse.quote(t))
        times.say(f"search/{page} with each letter of a query", "under 50 ms")


class Writers:
    """Changes of VMs beside, so many a second."""

    def __init__(self, manager, per_second, vms):
        self.manager, self.per_second, self.vms, self.stop, self.done, self.wrong = manager, per_second, vms, threading.Event(), 0, None
        self.thread = threading.Thread(target=self.run)

    def run(self):
        client, begin, i = Client(self.manager), time.monotonic(), 0
        while not self.stop.is_set():
            time.sleep(max(0, begin + i / self.per_second - time.monotonic()))
            body = json.dumps({"description": f"changed {i}", "comment": f"c{i}"}).encode()
            status, answer = client.ask("PUT", f"{API}/vms/{self.vms[i * 7919 % len(self.vms)]}", body=body)
            if status >= 300:
                self.wrong = bytes(answer)[:600]
                return
            i += 1
            self.done = i

    def __enter__(self):
        self.thread.start()
        self.begin = time.monotonic()
        return self

    def __exit__(self, *_):
        self.rate = self.done / (time.monotonic() - self.begin)
        self.stop.set()
        self.thread.join()
        if self.wrong:
            raise SystemExit(f"a VM could not be changed: {self.wrong}")


def amid_changes(client):
    vms = [many.ident("vm", i) for i in range(VMS)]
    for search in ("", "name=*999* and status=up", "sortby memory desc", "sortby description", "changed", "storage.name=nfs-7"):
        times = Times(client)
        with Writers(client.manager, 100, vms) as w:
            for _ in range(ROUNDS):
                times.begin()
                for _ in range(RUNS):
                    times.ask(of("vms", search))
                    time.sleep(0.01)
        times.say(f"json: vms: {search or 'no search'}, beside {w.rate:.0f} changes of VMs a second")


def prepare(directory):
    manager = Manager(directory)
    manager.start()
    manager.request("POST", API + "/vms", {"name": "pattern", "cluster": {"name": "Default"}, "template": {"name": "Blank"}})
    manager.stop()
    begin = time.monotonic()
    many.fill(manager.state, "pattern", VMS)
    print(f"{VMS} VMs with disks written to a journal in {time.monotonic() - begin:.1f} s", flush=True)
    return manager


def measure():
    directory = tempfile.mkdtemp(prefix="hostler-bench-", dir=os.environ.get("TMPDIR") or "/var/tmp")
    manager = None
    try:
        manager = prepare(directory)
        figure(f"start to first answer, {VMS} VMs with disks", f"{manager.start() * 1000:.0f} ms")
        figure(f"resident, {VMS} VMs with disks", f"{manager.rss_mb():.0f} MB")
        client = Client(manager)
        searches(client)
        as_typed(client)
        amid_changes(client)
        figure(f"resident after searches, {VMS} VMs with disks", f"{manager.rss_mb():.0f} MB")
    finally:
        if manager and manager.process:
            manager.process.kill()
            manager.process.wait()
        shutil.rmtree(directory)


if __name__ == "__main__":
    measure()
