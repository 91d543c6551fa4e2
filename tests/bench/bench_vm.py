#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the Manager and the agent add to the start and the end of a VM: bench_vm.py [--smoke]

A VM is started through REST and by `virsh create` of the very same domain, in turn, on one host of the lab; what is printed is the
median of the differences of such pairs. Needs root and the guest (HOSTLER_GUEST); run by tests/bench/run.py.
"""
import os
import re
import statistics
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests/lab"), os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests/e2e")]

import ovirtsdk4.types as types  # noqa: E402
import products  # noqa: E402
from lab import Lab  # noqa: E402

SMOKE = "--smoke" in sys.argv
PAIRS = 2 if SMOKE else 11
OTHER = "0b0b0b0b-0000-4000-8000-000000000001"


def figure(name, value, aim=""):
    print(f"{name:<62} {value:>22}  {('aim: ' + aim) if aim else ''}", flush=True)


def until(service, statuses):
    while service.get().status not in statuses:
        time.sleep(0.002)


def rest_pair(service):
    """Milliseconds of a start and of a stop through REST, as a client sees them."""
    begin = time.monotonic()
    service.start()
    until(service, (types.VmStatus.UP, types.VmStatus.POWERING_UP))
    started = time.monotonic()
    time.sleep(0.3)
    stopping = time.monotonic()
    service.stop()
    until(service, (types.VmStatus.DOWN,))
    return (started - begin) * 1000, (time.monotonic() - stopping) * 1000


def virsh(agent, *argv):
    return agent.lab.run(agent.host, ["virsh", "-q", "-t", *argv]).stdout


def timed(text):
    return float(re.search(r"\(Time: ([\d.]+) ms\)", text)[1])


def virsh_pair(agent, path):
    started = timed(virsh(agent, "create", path))
    time.sleep(0.3)
    return started, timed(virsh(agent, "destroy", OTHER))


def twin(agent, domain, vm):
    """The running VM's domain under another name, so that the agent leaves it alone."""
    xml = agent.lab.run(agent.host, ["virsh", "-q", "dumpxml", "--security-info", vm.id]).stdout
    xml = re.sub(r"<metadata>.*?</metadata>", "", xml, flags=re.S)
    xml = re.sub(r"<seclabel.*?(/>|</seclabel>)", "", xml, flags=re.S)
    xml = xml.replace(vm.id, OTHER).replace(f"<name>{vm.name}</name>", "<name>twin</name>")
    xml = re.sub(r"/run/hostler-agent/storage/([^/]+)/([^/]+)/", rf"{domain.path}/\1/images/\2/", xml)
    xml = re.sub(r"<domain type='(\w+)' id='\d+'", r"<domain type='\1'", xml)
    with tempfile.NamedTemporaryFile("w", prefix="hostler-twin-", suffix=".xml", dir="/tmp", delete=False) as f:
        f.write(xml)
    return f.name


def measure(system, agent, guest):
    domain = products.make_domain(system, agent, "data1")
    service = products.make_bootable_vm(system, agent, domain, "bench1", os.path.join(guest, "demo.qcow2"))
    service.start()
    until(service, (types.VmStatus.UP,))
    path = twin(agent, domain, service.get())
    products.stop_vm(service)
    rest, bare = [], []
    for _ in range(PAIRS):
        rest.append(rest_pair(service))
        time.sleep(0.5)
        bare.append(virsh_pair(agent, path))
        time.sleep(0.5)
    os.unlink(path)
    for i, what in enumerate(("start", "stop")):
        mine, theirs = (statistics.median(x[i] for x in pairs) for pairs in (rest, bare))
        more = statistics.median(a[i] - b[i] for a, b in zip(rest, bare))
        figure(f"VM {what}: REST until seen / virsh, median of {PAIRS} pairs", f"{mine:.0f} / {theirs:.0f} ms")
        figure("  difference, median of pairs", f"{more:.0f} ms", "under 50 ms")


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
                measure(system, agent, guest)
            finally:
                agent.stop()
                connection.close()


main()
