#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the Manager and the agent add to the start and the end of a VM: bench_vm.py [--smoke]

A VM is started and stopped through REST, and in turn its twin by `virsh start` and `virsh destroy`: the very same domain, metadata
included, defined with another name and UUID. Times begin with the request and with the command given to a virsh that is connected
already, and end when an observer beside both hears libvirt's event (the domain runs, is stopped), and when the API's status and the
end of the command say so. What is printed is the median of the differences of the pairs. Needs root and the guest
(HOSTLER_GUEST); run by tests/bench/run.py.
"""
import datetime
import http.client
import json
import os
import re
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests/lab"), os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests/e2e")]

import ovirtsdk4.types as types  # noqa: E402
import products  # noqa: E402
from lab import Lab  # noqa: E402

SMOKE = "--smoke" in sys.argv
PAIRS = 2 if SMOKE else 11
AIM = 50
POLL = 0.005
OTHER = "0b0b0b0b-0000-4000-8000-000000000001"


def figure(name, value, aim=""):
    print(f"{name:<62} {value:>22}  {('aim: ' + aim) if aim else ''}", flush=True)


class Observer:
    """Hears libvirt's events beside everything that is measured."""

    EVENT = re.compile(r"^(\S+ \S+): event 'lifecycle' for domain '([^']+)': (\w+) ")

    def __init__(self, agent):
        self.heard, self.changed = [], threading.Condition()
        self.process = agent.lab.popen(agent.host, ["stdbuf", "-oL", "virsh", "-q", "event", "--event", "lifecycle", "--loop",
                                                    "--timestamp"], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            m = self.EVENT.match(line)
            if m:
                stamp = datetime.datetime.strptime(m[1], "%Y-%m-%d %H:%M:%S.%f%z").timestamp()
                with self.changed:
                    self.heard.append((stamp, m[2], m[3]))
                    self.changed.notify_all()

    def when(self, name, what, since):
        """Seconds from `since` to the event."""
        def found():
            return [t for t, n, w in self.heard if n == name and w == what and t >= since - 0.001]
        with self.changed:
            assert self.changed.wait_for(found, 60), f"no event {what} of {name}"
            return found()[0] - since

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


class Rest:
    """Asks as cheaply as can be: the machine has two cores, and the domain that is being started wants them."""

    def __init__(self, manager, vm_id):
        context = ssl.create_default_context(cafile=manager.ca)
        self.connection = http.client.HTTPSConnection(manager.address, manager.port, context=context, timeout=60)
        form = f"grant_type=password&scope=ovirt-app-api&username=admin%40internal&password={manager.password}"
        self.connection.request("POST", "/ovirt-engine/sso/oauth/token", form,
                                {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"})
        token = json.load(self.connection.getresponse())["access_token"]
        self.headers = {"Authorization": "Bearer " + token, "Accept": "application/json", "Content-Type": "application/json"}
        self.path = f"/ovirt-engine/api/vms/{vm_id}"

    def call(self, method, path, body=None):
        self.connection.request(method, path, body, self.headers)
        answer = self.connection.getresponse()
        data = answer.read()
        assert answer.status < 300, data
        return data

    def status(self):
        return json.loads(self.call("GET", self.path))["status"]

    def act(self, action, statuses):
        """Time of the request, seconds until it was answered, and until the status is one of these."""
        stamp, begin = time.time(), time.monotonic()
        self.call("POST", f"{self.path}/{action}", "{}")
        answered = time.monotonic()
        while self.status() not in statuses:
            time.sleep(POLL)
        return stamp, answered - begin, time.monotonic() - begin


class Virsh:
    """One virsh that is connected and takes commands."""

    def __init__(self, agent):
        self.process = agent.lab.popen(agent.host, ["stdbuf", "-oL", "virsh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.act("echo ready", "ready")

    def act(self, command, end):
        stamp, begin = time.time(), time.monotonic()
        self.process.stdin.write(command + "\n")
        for line in self.process.stdout:
            assert "error" not in line, line
            if line.rstrip().endswith(end):
                return stamp, time.monotonic() - begin
        raise SystemExit("virsh ended")

    def stop(self):
        self.process.stdin.close()
        self.process.wait(10)


def rest_pair(rest, observer, name):
    """Seconds of a start and of a stop through REST: until libvirt's event, until the status tells, until the answer."""
    stamp, answered, seen = rest.act("start", ("up", "powering_up"))
    started = observer.when(name, "Started", stamp), seen, answered
    time.sleep(0.5)
    stamp, answered, seen = rest.act("stop", ("down",))
    return started, (observer.when(name, "Stopped", stamp), seen, answered)


def virsh_pair(virsh, observer):
    stamp, took = virsh.act("start twin", "started")
    started = observer.when("twin", "Started", stamp), took
    time.sleep(0.5)
    stamp, took = virsh.act("destroy twin", "destroyed")
    return started, (observer.when("twin", "Stopped", stamp), took)


def define_twin(agent, domain, vm):
    """The running VM's domain under another name and UUID, so that the agent leaves it alone."""
    xml = agent.lab.run(agent.host, ["virsh", "-q", "dumpxml", "--security-info", vm.id]).stdout
    xml = re.sub(r"<seclabel.*?(/>|</seclabel>)", "", xml, flags=re.S)
    xml = xml.replace(vm.id, OTHER).replace(f"<name>{vm.name}</name>", "<name>twin</name>")
    xml = re.sub(r"/run/hostler-agent/storage/([^/]+)/([^/]+)/", rf"{domain.path}/\1/images/\2/", xml)
    xml = re.sub(r"<domain type='(\w+)' id='\d+'", r"<domain type='\1'", xml)
    with tempfile.NamedTemporaryFile("w", prefix="hostler-twin-", suffix=".xml", dir="/tmp") as f:
        f.write(xml)
        f.flush()
        os.chmod(f.name, 0o644)
        agent.lab.run(agent.host, ["virsh", "-q", "define", f.name])


def tell(what, rest, bare):
    """Pairs of (event, told, ...), in seconds."""
    for i, until in enumerate(("libvirt's event", "API's status / end of virsh")):
        mine, theirs = (statistics.median(x[i] for x in side) * 1000 for side in (rest, bare))
        figure(f"VM {what}, until {until}: REST / virsh", f"{mine:.0f} / {theirs:.0f} ms")
        more = statistics.median(a[i] - b[i] for a, b in zip(rest, bare)) * 1000
        figure(f"  difference, median of {PAIRS} pairs", f"{more:.0f} ms", f"under {AIM} ms")
    figure(f"VM {what}, answer to the request", f"{statistics.median(x[2] for x in rest) * 1000:.1f} ms")


def measure(manager, system, agent, guest):
    domain = products.make_domain(system, agent, "data1")
    service = products.make_bootable_vm(system, agent, domain, "bench1", os.path.join(guest, "demo.qcow2"))
    service.start()
    products.wait_status(service, types.VmStatus.UP)
    define_twin(agent, domain, service.get())
    products.stop_vm(service)
    rest, observer, virsh = Rest(manager, service.get().id), Observer(agent), Virsh(agent)
    pairs = []
    for _ in range(PAIRS):
        time.sleep(1)
        mine = rest_pair(rest, observer, "bench1")
        time.sleep(1)
        pairs.append((mine, virsh_pair(virsh, observer)))
    virsh.stop()
    observer.stop()
    for i, what in enumerate(("start", "stop")):
        tell(what, [p[0][i] for p in pairs], [p[1][i] for p in pairs])


def main():
    guest = os.environ.get("HOSTLER_GUEST") or os.path.join(ROOT, "build/guest")
    if os.geteuid() != 0 or not os.path.exists(os.path.join(guest, "demo.qcow2")):
        print("VM start and stop: not measured (needs root and the guest of tools/mkguest.sh)")
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as directory, Lab(hosts=1) as lab:
        lab.enter()
        with products.Manager(directory, lab.address(0)) as manager:
            connection = manager.connect()
            system = connection.system_service()
            agent = products.Agent(lab, 1, manager)
            try:
                agent.cluster = products.make_cluster(system, "bench")
                agent.enroll(connection, agent.cluster)
                measure(manager, system, agent, guest)
            finally:
                agent.stop()
                connection.close()


main()
