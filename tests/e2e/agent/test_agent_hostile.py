# SPDX-License-Identifier: Apache-2.0
"""A guest whose agent floods, lies and hangs: the agent, and all other machines, do not care."""
import json
import time

import products
import pytest
from products import wait_for
from test_agent_saving import stats, wait_guest

PORT = "/dev/virtio-ports/org.qemu.guest_agent.0"
# each takes the place of qemu-ga
ATTACKS = {
    "flood": f"cat /dev/zero | tr '\\0' x >{PORT}",
    "lies": f"while :; do echo '{{\"return\":[{{\"name\":\"\\u0007\",\"ip-addresses\":[]}}],\"error\":5}}' >{PORT}; sleep 0.01; done",
    "noise": f"cat /dev/urandom >{PORT}",
    "silence": "sleep 1000",
}


def replace_agent(agent, vm_id, script):
    script = f"(sleep 0.5; killall qemu-ga; sleep 0.3; {script}) >/dev/null 2>&1 </dev/null &"
    command = {"execute": "guest-exec", "arguments": {"path": "/bin/sh", "arg": ["-c", script]}}
    agent.lab.virsh(1, "qemu-agent-command", vm_id, json.dumps(command))


@pytest.mark.parametrize("attack", sorted(ATTACKS))
def test_hostile_guest_agent(agent, client, make_vm, attack):
    bad, good = make_vm(), make_vm()
    wait_guest(client, bad)
    wait_guest(client, good)
    replace_agent(agent, bad, ATTACKS[attack])
    time.sleep(8)
    for _ in range(10):
        began = time.monotonic()
        answer = client.call("Host.getAllVmStats")
        assert time.monotonic() - began < 1 and len(answer) >= 2
        time.sleep(0.2)
    began = time.monotonic()
    client.call("VM.pause", vmID=good)
    client.call("VM.cont", vmID=good)
    assert time.monotonic() - began < 5
    wait_for(lambda: stats(client, good)["status"] == "Up", 10)
    assert stats(client, bad)["status"] == "Up" and len(json.dumps(stats(client, bad))) < 200000
    with open(products.AGENT, "rb") as f:
        if b"__asan_init" not in f.read():
            assert agent.rss_kib() < 40 * 1024
