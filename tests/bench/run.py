#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the figures of Manager, command line, agent and VMs: tests/bench/run.py [--smoke]

The aims are printed beside what was measured; nothing here fails because a machine is slow, only what cannot be
measured. --smoke runs everything once with small numbers, to see that it works.

Environment: HOSTLER_BUILD (build/release).
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import bench_rest
from served import API, BUILD, ROOT, SMOKE, Manager, figure

MANY = 300 if SMOKE else 10000
SECONDS = 2 if SMOKE else 10

CREATE_LUA = """
local n, t = 0, 0
setup = function(thread) thread:set("id", t); t = t + 1 end
init = function() math.randomseed(os.time() + id); prefix = "b" .. id .. "x" .. math.random(1000000) .. "x" end
request = function()
  n = n + 1
  return wrk.format("POST", nil, nil, "<vm><name>" .. prefix .. n .. "</name><cluster><name>bench</name></cluster>" ..
    "<template><name>Blank</name></template></vm>")
end
local ok = 0
response = function(status) if status == 201 or status == 202 then ok = ok + 1 end end
done = function(s, l, r) print("non2xx " .. s.errors.status) end
"""


def rate(output):
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def percentile(output, p):
    value, unit = re.search(rf"{p}%\s+([\d.]+)(us|ms|s)", output).groups()
    return float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def count_vms(m):
    return int(json.loads(m.request("GET", API))["summary"]["vms"]["total"])


def create(m, path, n):
    """Create VMs until there are n, with 64 clients at once. VMs per second of the last run."""
    script = os.path.join(m.dir, "create.lua")
    with open(script, "w") as f:
        f.write(CREATE_LUA)
    per_second, n = 0, max(n, count_vms(m) + 1)
    while count_vms(m) < n:
        before, begin = count_vms(m), time.monotonic()
        out = m.wrk(path, 1, script=script)
        made = count_vms(m) - before
        per_second = max(per_second, made / (time.monotonic() - begin))
        if not made:
            raise SystemExit("no VM was created: " + out)
    return per_second


def bench_cli(m):
    """The command line as a person has it: from its start to its end, with the TLS handshake."""
    env = {**os.environ, "HOSTLER_URL": f"https://localhost:{m.port}", "HOSTLER_TOKEN": m.token, "XDG_CONFIG_HOME": m.dir,
           "HOSTLER_CA_FILE": os.path.join(m.state, "pki/ca.pem")}
    program = os.path.join(BUILD, "cli/hostler")
    for words, aim in (["version"], ""), (["vm", "show", "vm7"], ""), (["vm", "list"], "under 150 ms for 1000"), (["vm", "list", "-o", "json"], ""):
        times = []
        for _ in range(3 if SMOKE else 15):
            begin = time.monotonic()
            out = subprocess.run([program, *words], env=env, check=True, capture_output=True, text=True).stdout
            times.append(time.monotonic() - begin)
        if words == ["vm", "list"] and out.count("\n") != count_vms(m) + 1:
            raise SystemExit("hostler vm list does not show all VMs")
        figure(f"hostler {' '.join(words)}, {count_vms(m)} VMs", f"{sorted(times)[len(times) // 2] * 1000:.0f} ms", aim)


def bench_memory_and_creation(m):
    figure("resident, empty inventory", f"{m.rss_mb():.1f} MB", "under 20 MB")
    m.request("POST", API + "/clusters", {"name": "bench", "data_center": {"name": "Default"}})
    for i in range(min(1000, MANY)):
        m.request("POST", API + "/vms", {"name": f"vm{i}", "cluster": {"name": "bench"}, "template": {"name": "Blank"}})
    figure(f"resident, {min(1000, MANY)} VMs", f"{m.rss_mb():.1f} MB", "under 64 MB")
    bench_cli(m)
    figure("durable VM creations, 64 clients", f"{create(m, API + '/vms', MANY):.0f} /s", "500 /s")


def bench_start(m):
    m.stop()
    figure(f"start to first answer, {MANY} VMs", f"{m.start() * 1000:.0f} ms", "under 1000 ms")
    figure(f"resident after start, {MANY} VMs", f"{m.rss_mb():.1f} MB")


def bench_get(m):
    vm = json.loads(m.request("GET", API + "/vms?max=1"))["vm"][0]["id"]
    m.wrk(f"{API}/vms/{vm}", 1)
    out = m.wrk(f"{API}/vms/{vm}", SECONDS)
    figure("GET one VM, 64 keep-alive TLS connections", f"{rate(out):.0f} /s", "20000 /s")
    figure("  99th percentile", f"{percentile(out, 99):.2f} ms", "under 10 ms")


def bench_page(m):
    times = []
    for _ in range(20):
        begin = time.monotonic()
        m.request("GET", API + "/vms?max=100", accept="application/xml")
        times.append(time.monotonic() - begin)
    figure("page of 100 VMs", f"{sorted(times)[10] * 1000:.2f} ms")


def timed_list(m, accept):
    connection, times, size = m.connect(), [], 0
    for _ in range(2 if SMOKE else 5):
        begin = time.monotonic()
        size = len(m.request("GET", API + "/vms", accept=accept, connection=connection))
        times.append(time.monotonic() - begin)
    connection.close()
    return sorted(times)[len(times) // 2], size


def bench_list(m):
    for accept in ("application/xml", "application/json"):
        seconds, size = timed_list(m, accept)
        figure(f"list of {count_vms(m)} VMs, {accept.split('/')[1]}, {size / 1e6:.0f} MB", f"{seconds * 1000:.0f} ms",
               "under 250 ms for 10000" if accept.endswith("xml") else "no slower than XML")


def bench_list_beside(m):
    """How long others wait while long lists are written: the slowest of many small requests."""
    stop, waits = threading.Event(), []

    def small():
        connection = m.connect()
        while not stop.is_set():
            begin = time.monotonic()
            m.request("GET", API + "/clusters?max=1", connection=connection)
            waits.append(time.monotonic() - begin)
            time.sleep(0.002)
        connection.close()

    argv = ["curl", "-sS", "--cacert", os.path.join(m.state, "pki/ca.pem"), "-H", "Authorization: Bearer " + m.token, "-o", "/dev/null",
            f"https://localhost:{m.port}{API}/vms"]
    thread = threading.Thread(target=small)
    thread.start()
    time.sleep(0.3)
    waits.clear()
    for _ in range(2 if SMOKE else 10):
        subprocess.run(argv, check=True)
    stop.set()
    thread.join()
    waits.sort()
    figure("small request while the list is written, 99th percentile", f"{waits[int(len(waits) * 0.99)] * 1000:.2f} ms", "under 10 ms")
    figure("  slowest", f"{waits[-1] * 1000:.2f} ms")


def bench_journal(directory):
    program = os.path.join(BUILD, "tests/bench/bench_journal")
    if not os.path.exists(program):
        subprocess.run(["ninja", "-C", BUILD, "tests/bench/bench_journal"], check=True, capture_output=True)
    subprocess.run([program, directory] + (["64", "2000"] if SMOKE else []), check=True)


def bench_search():
    program = os.path.join(BUILD, "tests/bench/bench_search")
    if not os.path.exists(program):
        subprocess.run(["ninja", "-C", BUILD, "tests/bench/bench_search"], check=True, capture_output=True)
    subprocess.run([program] + (["5000"] if SMOKE else []), check=True)


def bench_on_hosts(script, what):
    """Figures that need hosts of the lab; in a process of its own, since that enters other namespaces."""
    venv = os.path.join(ROOT, "build/venv/bin/python")
    argv = [venv if os.path.exists(venv) else sys.executable, os.path.join(ROOT, "tests/bench", script)]
    process = subprocess.Popen(argv + (["--smoke"] if SMOKE else []), env={**os.environ, "HOSTLER_BUILD": BUILD}, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    said = []
    reader = threading.Thread(target=lambda: said.extend(process.stderr))
    reader.start()
    for line in process.stdout:
        print(line, end="", flush=True)
    reader.join()
    if process.wait():
        print(f"{what}: not measured: " + (said or ["?"])[-1].strip(), flush=True)
        return False
    return True


def main():
    directory = tempfile.mkdtemp(prefix="hostler-bench-", dir=os.environ.get("TMPDIR") or "/var/tmp")
    m = Manager(directory)
    try:
        figure("start to first answer, empty", f"{m.start() * 1000:.0f} ms")
        bench_memory_and_creation(m)
        bench_start(m)
        bench_get(m)
        bench_page(m)
        bench_list(m)
        bench_list_beside(m)
        m.stop()
        bench_journal(directory)
        bench_search()
        bench_rest.measure()
        fine = [bench_on_hosts("bench_vm.py", "VM start and stop"), bench_on_hosts("agent.py", "the agent"),
                bench_on_hosts("bench_streams.py", "event streams")]
    finally:
        if m.process:
            m.process.kill()
            m.process.wait()
        shutil.rmtree(directory)
    return 0 if all(fine) else 1


sys.exit(main())
