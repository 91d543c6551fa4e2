#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What open event streams cost the Manager, and how long an event is on its way: bench_streams.py [--smoke]

A Manager without hosts; streams over TLS, read by one loop; events that a process of its own adds through the API. The CPU share is
that of the Manager alone, and what the same load costs without streams is taken off. Streams are taken packed, as browsers do, and as
they are. Run by tests/bench/run.py.
"""
import http.client
import json
import multiprocessing
import os
import re
import select
import shutil
import socket
import ssl
import sys
import tempfile
import time
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests/e2e"), os.path.join(ROOT, "tests/lab"), os.path.join(ROOT, "tools")]

import rest  # noqa: E402

SMOKE = "--smoke" in sys.argv
STREAMS = 50 if SMOKE else 1000
SECONDS = 2 if SMOKE else 10
RATE = 100
WATCHED = 20  # every so many-th stream is read for latencies
TICKS = os.sysconf("SC_CLK_TCK")
STAMP = re.compile(rb'"description":"at (\d+\.\d+)"')


def figure(name, value, aim=""):
    print(f"{name:<62} {value:>22}  {('aim: ' + aim) if aim else ''}", flush=True)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) / 1024


class Readers:
    """Open streams, and when what they said has come."""

    def __init__(self, manager, token, coding):
        self.manager, self.token, self.coding = manager, token, coding
        self.epoll, self.open, self.latencies, self.bytes = select.epoll(), {}, [], 0
        self.context = ssl.create_default_context(cafile=manager.ca)

    def add(self):
        plain = socket.create_connection((self.manager.address, self.manager.port), timeout=30)
        s = self.context.wrap_socket(plain, server_hostname="localhost")
        s.sendall((f"GET /ovirt-engine/api/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
                   f"Accept-Encoding: {self.coding}\r\nAuthorization: Bearer {self.token}\r\n\r\n").encode())
        data = b""
        while b"event: hello" not in data:  # that short, it is the same in both codings
            part = s.recv(4096)
            if not part or not data.startswith(b"HTTP/1.1 200"[:len(data)]):
                raise SystemExit(f"no stream: {data!r}")
            data += part
        s.setblocking(False)
        self.open[s.fileno()] = (s, self.decoder(data.partition(b"\r\n\r\n")[2]) if len(self.open) % WATCHED == 0 else None)
        self.epoll.register(s.fileno(), select.EPOLLIN)

    def decoder(self, begin):
        if self.coding != "gzip":
            return bytes
        unpack = zlib.decompressobj(31).decompress
        unpack(begin)
        return unpack

    def read(self, fd):
        s, decode = self.open[fd]
        try:
            while True:
                part = s.recv(65536)
                if not part:
                    raise SystemExit("a stream has ended")
                now = time.monotonic()
                self.bytes += len(part)
                if decode:
                    self.latencies += [now - float(stamp) for stamp in STAMP.findall(decode(part))]
        except ssl.SSLWantReadError:
            pass

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for fd, _ in self.epoll.poll(0.05):
                self.read(fd)

    def close(self):
        for fd, (s, _) in self.open.items():
            self.epoll.unregister(fd)
            s.close()
        self.open.clear()
        time.sleep(1)

    def percentile(self, p):
        found = sorted(self.latencies)
        return found[min(len(found) - 1, int(len(found) * p / 100))] * 1000 if found else float("nan")


def write_events(manager, token, per_second, seconds, first):
    """In a process of its own."""
    context = ssl.create_default_context(cafile=manager.ca)
    c = http.client.HTTPSConnection("localhost", manager.port, context=context, timeout=30)
    begin = time.monotonic()
    for i in range(int(per_second * seconds)):
        time.sleep(max(0, begin + i / per_second - time.monotonic()))
        body = {"origin": "bench", "custom_id": first + i, "severity": "normal", "description": f"at {time.monotonic():.6f}"}
        c.request("POST", "/ovirt-engine/api/events", json.dumps(body),
                  {"Authorization": "Bearer " + token, "Content-Type": "application/json", "Accept": "application/json"})
        answer = c.getresponse()
        answer.read()
        if answer.status != 201:
            raise SystemExit(f"POST events: {answer.status}")


def load(manager, token, readers, per_second, seconds, first):
    """CPU seconds of the Manager per second while events are added."""
    readers.latencies.clear()
    readers.bytes = 0
    writer = multiprocessing.Process(target=write_events, args=(manager, token, per_second, seconds, first))
    before, begin = cpu_seconds(manager.process.pid), time.monotonic()
    writer.start()
    while writer.is_alive():
        readers.run(0.1)
    used, took = cpu_seconds(manager.process.pid) - before, time.monotonic() - begin
    readers.run(0.7)
    writer.join()
    if writer.exitcode:
        raise SystemExit("the events could not be added")
    return used / took


def measure_streams(manager, token, coding, first):
    """Figures of one coding; the CPU share without streams is measured before and behind, since it is not quite the same each time."""
    readers, pid, title = Readers(manager, token, coding), manager.process.pid, "packed" if coding == "gzip" else "plain"
    alone = load(manager, token, readers, RATE, SECONDS, first)
    before, begin = rss_mb(pid), time.monotonic()
    for _ in range(STREAMS):
        readers.add()
    took = time.monotonic() - begin
    readers.run(1)
    figure(f"open {STREAMS} event streams over TLS, {title}", f"{took:.1f} s")
    figure(f"  memory of {STREAMS} event streams", f"{rss_mb(pid) - before:.1f} MB", "under 100 MB")
    idle, begin = cpu_seconds(pid), time.monotonic()
    readers.run(SECONDS)
    figure("  CPU while nothing happens", f"{(cpu_seconds(pid) - idle) / (time.monotonic() - begin) * 100:.2f} % of a core")
    load(manager, token, readers, 1, SECONDS, first + 100000)
    figure("  latency after quiet, median and 99th percentile", f"{readers.percentile(50):.1f} / {readers.percentile(99):.1f} ms", "under 200 ms")
    busy = load(manager, token, readers, RATE, SECONDS, first + 200000)
    latencies, said = (readers.percentile(50), readers.percentile(99)), readers.bytes
    after = rss_mb(pid) - before
    readers.close()
    alone = (alone + load(manager, token, readers, RATE, SECONDS, first + 300000)) / 2
    figure(f"  CPU at {RATE} events/s, without that of the events themselves", f"{(busy - alone) * 100:.1f} % of a core", "under 5 %")
    figure("  CPU of the events themselves", f"{alone * 100:.1f} % of a core")
    figure(f"  latency at {RATE} events/s, median and 99th percentile", f"{latencies[0]:.0f} / {latencies[1]:.0f} ms")
    figure("  sent to each stream", f"{said / STREAMS / SECONDS / 1e3:.1f} KB/s")
    figure("  memory afterwards", f"{after:.1f} MB", "under 100 MB")


def measure(manager):
    api = rest.Rest(manager)
    api.login()
    measure_streams(manager, api.token, "gzip", 10**6)
    measure_streams(manager, api.token, "identity", 2 * 10**6)


def main():
    directory = tempfile.mkdtemp(prefix="hostler-bench-", dir=os.environ.get("TMPDIR") or "/var/tmp")
    manager = rest.solo(directory)
    manager.options += ["--log-level", "info"]
    try:
        manager.init()
        with open(os.path.join(manager.state, "options"), "w") as f:
            f.write(f"EventStreamsPerUser={STREAMS}\n")
        manager.start()
        measure(manager)
    finally:
        if manager.process:
            manager.process.kill()
            manager.process.wait()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
