# SPDX-License-Identifier: Apache-2.0
"""Storage that fails under a machine that runs."""
import json
import os

import pytest
from products import wait_for
from test_agent_saving import stats, wait_guest


@pytest.fixture
def small_disk(agent):
    """A disk of 64 MiB where there is room for 4."""
    path = os.path.join(agent.lab.shared, "small")
    os.makedirs(path, exist_ok=True)
    agent.lab.run(1, ["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "small", path])
    agent.lab.run(1, ["truncate", "-s", "64M", path + "/disk"])
    agent.lab.run(1, ["chmod", "666", path + "/disk"])
    yield path
    agent.lab.run(1, ["umount", "-l", path])


def write_in_guest(agent, vm_id):
    what = {"path": "/bin/sh", "arg": ["-c", "dd if=/dev/urandom of=/dev/vda bs=1M count=16 oflag=direct || dd if=/dev/zero of=/dev/vda bs=1M count=16; sync"]}
    agent.lab.virsh(1, "qemu-agent-command", vm_id, json.dumps({"execute": "guest-exec", "arguments": what}))


def test_full_disk_pauses_and_goes_on(agent, client, make_vm, small_disk):
    disk = (f"<disk type='file' device='disk'><driver name='qemu' type='raw' error_policy='stop'/><source file='{small_disk}/disk'/>"
            "<target dev='vda' bus='virtio'/></disk>")
    vm_id = make_vm(devices=disk)
    wait_guest(client, vm_id)
    write_in_guest(agent, vm_id)
    event = client.wait_event(lambda m, p: m == "|virt|VM_status|" + vm_id and p[vm_id].get("pauseCode") == "ENOSPC", 40)
    assert event["params"][vm_id]["status"] == "Paused"
    assert stats(client, vm_id)["pauseCode"] == "ENOSPC"
    agent.kill()  # the reason is found again
    agent.start()
    with agent.client() as c:
        wait_for(c.is_ready)
        wait_for(lambda: stats(c, vm_id)["status"] == "Paused", 20)
        assert stats(c, vm_id)["pauseCode"] == "ENOSPC"
        agent.lab.run(1, ["mount", "-o", "remount,size=100m", small_disk])
        c.call("VM.cont", vmID=vm_id)
        wait_for(lambda: stats(c, vm_id)["status"] == "Up", 20)
