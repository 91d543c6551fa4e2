#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the agent's figures with many machines on one host: tests/bench/agent.py [--smoke] [N]

N (50) paused machines with 16 MiB, a card and a disk each run in a lab of its own (root only, tests/lab/lab.py). Then the agent is
asked as a Manager asks, every 15 seconds. Rounds of statistics are measured with twice as many machines: what the agent reads of
all at once, what it asks monitors a few machines at a time, and libvirt's own tool that asks the same of all. The aims are printed
beside what was measured; nothing fails because a machine is slow.

Environment: HOSTLER_BUILD (build/release), HOSTLER_GUEST.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
for part in "tests/e2e", "tests/e2e/agent", "tests/lab":
    sys.path.insert(0, os.path.join(ROOT, part))

from agent_host import AgentHost, Authority, new_id  # noqa: E402
from lab import Lab  # noqa: E402
from products import wait_for  # noqa: E402

SMOKE = "--smoke" in sys.argv
NUMBERS = [int(a) for a in sys.argv[1:] if a.isdigit()]
MANY = 3 if SMOKE else NUMBERS[0] if NUMBERS else 50
SECONDS = 6 if SMOKE else 60
ROUNDS = 1 if SMOKE else 4
AIM_RSS, AIM_CPU, AIM_CAPS, AIM_ROUND = 20, 1, 200, 50

DOMAIN = """<domain type='qemu' xmlns:ovirt-vm='http://ovirt.org/vm/1.0'><name>bench-{n}</name><uuid>{id}</uuid>
<memory unit='MiB'>16</memory><vcpu>1</vcpu>
<metadata><ovirt-vm:vm><ovirt-vm:launchPaused type='bool'>True</ovirt-vm:launchPaused></ovirt-vm:vm></metadata>
<os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features>
<devices><disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/var/lib/bench/{n}'/>
<target dev='vda' bus='virtio'/></disk>
<interface type='bridge'><source bridge='ovirtmgmt'/><model type='virtio'/></interface>
<controller type='usb' model='none'/><memballoon model='virtio'/>
<graphics type='vnc' port='-1' autoport='yes'><listen type='address' address='0.0.0.0'/></graphics>
<video><model type='vga' vram='2048'/></video></devices></domain>"""


def figure(name, value, aim=""):
    print(f"{name:<62} {value:>22}  {('aim: ' + aim) if aim else ''}", flush=True)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def timed(call, times):
    took = []
    for _ in range(times):
        began = time.monotonic()
        call()
        took.append((time.monotonic() - began) * 1000)
    return statistics.median(took)


def bulk_round(lab):
    """The same numbers of all machines by libvirt's own tool, for comparison."""
    groups = ["--cpu-total", "--interface", "--balloon", "--block"]
    began = time.monotonic()
    subprocess.run(["virsh", "-c", lab.uri(1), "domstats", "--nowait", *groups], check=True, stdout=subprocess.DEVNULL)
    return (time.monotonic() - began) * 1000


def rounds(agent, what, least):
    """Milliseconds that the agent's log tells, of what was read of at least so many machines."""
    found = []
    with open(agent.log, errors="replace") as f:
        for line in f:
            if what in line and int(line.split("MACHINES=")[1].split()[0]) >= least:
                found.append(float(line.split("MS=")[1].split()[0]))
    return found


def start(c, lab, first, n):
    lab.run(1, ["install", "-d", "-m", "755", "/var/lib/bench"])
    for n in range(first, first + n):
        vm_id = new_id()
        lab.run(1, ["install", "-o", "36", "-g", "36", "/dev/null", f"/var/lib/bench/{n}"])
        lab.run(1, ["truncate", "-s", "1M", f"/var/lib/bench/{n}"])
        c.call("VM.create", vmID=vm_id, vmParams={"vmId": vm_id, "xml": DOMAIN.format(n=n, id=vm_id)})
        if n % 8 == 7:
            wait_all(c)
    wait_all(c)


def wait_all(c):
    wait_for(lambda: all(s["status"] in ("Paused", "Down") for s in c.call("Host.getAllVmStats")), 120)
    assert all(s["status"] == "Paused" for s in c.call("Host.getAllVmStats"))


def measure(c, agent):
    time.sleep(3)
    began, cpu = time.monotonic(), cpu_seconds(agent.pid)
    while time.monotonic() - began < SECONDS:
        c.call("Host.getStats")
        c.call("Host.getAllVmStats")
        time.sleep(15 if not SMOKE else 2)
    share = (cpu_seconds(agent.pid) - cpu) / (time.monotonic() - began) * 100
    figure(f"share of a core with {MANY} machines, asked every 15 s", f"{share:.2f} %", f"below {AIM_CPU} %")
    figure(f"resident memory with {MANY} machines", f"{agent.rss_kib() / 1024:.1f} MiB", f"below {AIM_RSS} MiB")
    figure("Host.getCapabilities, cached", f"{timed(lambda: c.call('Host.getCapabilities'), 20):.1f} ms", f"below {AIM_CAPS} ms")
    figure(f"Host.getAllVmStats of {MANY} machines", f"{timed(lambda: c.call('Host.getAllVmStats'), 20):.1f} ms")


def measure_rounds(agent, lab, many):
    """Numbers of all machines must be read several times, so this takes some periods of 15 seconds."""
    name = f"statistics of {many} machines"
    seen = len(rounds(agent, "statistics read", many))
    wait_for(lambda: len(rounds(agent, "statistics read", many)) >= seen + ROUNDS, 30 * ROUNDS)
    took, turns = rounds(agent, "statistics read", many)[seen:], rounds(agent, "monitors read", 1)[-2 * many // 8:]
    figure(f"{name}, one round of all", f"{statistics.median(took):.0f} ms", f"below {AIM_ROUND} ms")
    figure("  monitors, at most 8 machines at a time: median, longest", f"{statistics.median(turns):.0f}, {max(turns):.0f} ms")
    whole = statistics.median(bulk_round(lab) for _ in range(3))
    figure("  the same of all at once, virsh", f"{whole:.0f} ms")
    figure("  ratio of the agent's round to that", f"{statistics.median(took) / whole:.2f}")


def main():
    if os.geteuid() != 0:
        print("the agent: not measured (needs root)")
        return
    with tempfile.TemporaryDirectory() as directory, Lab(hosts=1) as lab:
        os.chmod(directory, 0o755)
        lab.enter()
        os.mkdir(os.path.join(directory, "ca"))
        os.mkdir(os.path.join(directory, "agent"), 0o755)
        agent = AgentHost(lab, 1, Authority(os.path.join(directory, "ca")), os.path.join(directory, "agent"))
        agent.give_certificates()
        agent.start()
        try:
            with agent.client() as c:
                wait_for(c.is_ready)
                figure("resident memory without machines", f"{agent.rss_kib() / 1024:.1f} MiB")
                start(c, lab, 0, MANY)
                measure(c, agent)
                start(c, lab, MANY, MANY)
                measure_rounds(agent, lab, 2 * MANY)
                for vm_id in c.call("Host.getVMList"):
                    c.call("VM.destroy", vmID=vm_id)
        finally:
            agent.stop()


if __name__ == "__main__":
    main()
