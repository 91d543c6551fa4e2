# SPDX-License-Identifier: Apache-2.0
"""The host's policy with a real guest: balloons, merging of equal pages, limits."""
import os
import tempfile

import pytest
from agent_host import AgentHost, domain_xml, new_id
from products import wait_for
from vdsm_client import AgentError

KSM = {"run": 0, "pages_to_scan": 100, "sleep_millisecs": 20, "merge_across_nodes": 1, "pages_shared": 0, "pages_sharing": 512}


class Ksm:
    """The kernel's switches, as files."""

    def __init__(self, directory):
        self.dir = directory
        for name, value in KSM.items():
            self[name] = value

    def __getitem__(self, name):
        with open(os.path.join(self.dir, name)) as f:
            return int(f.read())

    def __setitem__(self, name, value):
        path = os.path.join(self.dir, name)
        is_new = not os.path.exists(path)
        with open(path, "w") as f:
            f.write(f"{value}\n")
        if is_new:
            os.chmod(path, 0o666)


@pytest.fixture(scope="module")
def ksm(lab):
    directory = tempfile.mkdtemp(prefix="ksm", dir=lab.dir)
    os.chmod(directory, 0o755)
    return Ksm(directory)


@pytest.fixture(scope="module")
def agent(lab, authority, ksm):
    made = AgentHost(lab, 1, authority, tempfile.mkdtemp(prefix="agent", dir=lab.dir))
    os.chmod(made.dir, 0o755)
    made.give_certificates()
    made.options += ["--ksm", ksm.dir]
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def vm(agent, guest):
    """A machine with a balloon whose guest says how much it uses."""
    vm_id = new_id()
    with agent.client() as c:
        wait_for(c.is_ready, what="the agent to be ready")
        xml = domain_xml(vm_id, guest, memory=256, disks=[("vda", os.path.join(agent.dir, "disk.img"))])
        with open(os.path.join(agent.dir, "disk.img"), "wb") as f:
            f.truncate(2**20)
        os.chmod(f.name, 0o666)
        c.call("VM.create", vmID=vm_id, vmParams={"vmId": vm_id, "xml": xml})
        wait_for(lambda: c.call("VM.getStats", vmID=vm_id)[0].get("guestName") == "hostler-guest", 90, "guest up")
    yield vm_id
    with agent.client() as c:
        c.call("VM.destroy", vmID=vm_id)


def stats(client, vm_id):
    return client.call("VM.getStats", vmID=vm_id)[0]


def guest_total(agent, vm_id):
    out = agent.lab.virsh(agent.host, "dommemstat", vm_id)
    return {line.split()[0]: int(line.split()[1]) for line in out.splitlines() if line.strip()}


def test_balloon(agent, client, vm):
    """T822, T823, T824: the guest tells what it needs; inflation takes memory from it, deflation gives it back."""
    wait_for(lambda: int(stats(client, vm).get("memoryStats", {}).get("mem_total", 0)) > 0, 40, "the guest's memory statistics")
    s = stats(client, vm)
    assert s["balloonInfo"]["balloon_cur"] == s["balloonInfo"]["balloon_max"] == str(256 * 1024)
    assert s["balloonInfo"]["balloon_min"] == str(64 * 1024) and int(s["memUsage"]) > 0
    before = guest_total(agent, vm)
    client.call("VM.setBalloonTarget", vmID=vm, target=160 * 1024)
    wait_for(lambda: guest_total(agent, vm)["actual"] == 160 * 1024, 30, "inflated")
    small = wait_for(lambda: guest_total(agent, vm)["available"] < before["available"] - 80 * 1024 and guest_total(agent, vm), 30,
                     "the guest has less")
    client.call("VM.setBalloonTarget", vmID=vm, target=200 * 1024)
    wait_for(lambda: guest_total(agent, vm)["actual"] == 200 * 1024, 30, "deflated")
    wait_for(lambda: guest_total(agent, vm)["available"] > small["available"], 30, "the guest has more")
    for target in 0, -1, 2**62, "x", 257 * 1024:
        with pytest.raises(AgentError):
            client.call("VM.setBalloonTarget", vmID=vm, target=target)


def test_policy_gives_back_what_is_free(client, vm):
    """T824: with memory to spare on the host, the policy lets the balloon out, step by step."""
    client.call("VM.setBalloonTarget", vmID=vm, target=200 * 1024)
    client.call("Host.setMOMPolicyParameters", key_value_store={"balloonEnabled": True, "ksmEnabled": False})
    wait_for(lambda: int(stats(client, vm)["balloonInfo"]["balloon_cur"]) > 200 * 1024, 45, "a step")
    assert client.call("Host.getStats")["momStatus"] == "active"


def test_more_guaranteed_memory_comes_back_at_once(agent, client, vm):
    """T824: a running machine whose guaranteed memory grows beyond what its balloon left it has it within a round."""
    client.call("VM.setBalloonTarget", vmID=vm, target=100 * 1024)
    wait_for(lambda: int(stats(client, vm)["balloonInfo"]["balloon_cur"]) <= 110 * 1024, 30, "inflated")
    client.call("VM.updateVmPolicy", vmID=vm, params={"memGuaranteedSize": 200})
    wait_for(lambda: guest_total(agent, vm)["actual"] >= 200 * 1024, 14, "what is guaranteed")
    assert stats(client, vm)["balloonInfo"]["balloon_min"] == str(200 * 1024)
    for wrong in 0, -1, "x", 2**40:
        with pytest.raises(AgentError):
            client.call("VM.updateVmPolicy", vmID=vm, params={"memGuaranteedSize": wrong})
    client.call("VM.updateVmPolicy", vmID=vm, params={"memGuaranteedSize": 64})


def test_ksm(agent, client, ksm):
    assert client.call("Host.getStats")["memShared"] == 2
    ksm["run"], ksm["pages_shared"] = 1, 300
    client.call("Host.setMOMPolicyParameters", key_value_store={"ksmEnabled": False})
    wait_for(lambda: ksm["run"] == 2, 10, "taken apart")
    ksm["pages_shared"] = 0
    client.call("Host.setMOMPolicyParameters", key_value_store={"ksmEnabled": True, "ksmMergeAcrossNodes": False})
    wait_for(lambda: ksm["merge_across_nodes"] == 0 and ksm["run"] in (0, 1), 10, "merging within nodes")
    s = client.call("Host.getStats")
    assert s["ksmMergeAcrossNodes"] is False and isinstance(s["ksmCpu"], int)
    client.call("Host.setKsmTune", tuningParams={"run": 1, "pages_to_scan": 222})
    s = client.call("Host.getStats")
    assert s["ksmState"] is True and s["ksmPages"] == 222
    for wrong in {"run": 3}, {"pages_to_scan": -1}, {"run": "x"}:
        with pytest.raises(AgentError):
            client.call("Host.setKsmTune", tuningParams=wrong)
    for wrong in {"ksmEnabled": "perhaps"}, {"balloonEnabled": []}:
        with pytest.raises(AgentError):
            client.call("Host.setMOMPolicyParameters", key_value_store=wrong)
    with pytest.raises(AgentError):
        client.call("Host.setMOMPolicy", policy="(def x ())")


def test_ksm_by_the_root_helper(client, ksm):
    """As on real hosts: only root may write the switches."""
    ksm["run"], ksm["merge_across_nodes"], ksm["pages_shared"] = 1, 1, 9
    for name in KSM:
        os.chmod(os.path.join(ksm.dir, name), 0o644)
    try:
        client.call("Host.setMOMPolicyParameters", key_value_store={"ksmEnabled": True, "ksmMergeAcrossNodes": False})
        wait_for(lambda: ksm["run"] == 2, 10, "taken apart")
        ksm["pages_shared"] = 0
        client.call("Host.setMOMPolicyParameters", key_value_store={"ksmEnabled": True, "ksmMergeAcrossNodes": False})
        wait_for(lambda: ksm["merge_across_nodes"] == 0 and ksm["run"] in (0, 1), 10, "merging within nodes")
    finally:
        for name in KSM:
            os.chmod(os.path.join(ksm.dir, name), 0o666)


def test_ksm_that_cannot_be_set_is_told_once(agent, client, ksm):
    os.rename(os.path.join(ksm.dir, "pages_to_scan"), os.path.join(ksm.dir, "gone"))
    ksm["run"], ksm["pages_shared"] = 1, 5
    os.chmod(os.path.join(ksm.dir, "run"), 0o444)
    os.rename(os.path.join(ksm.dir, "run"), os.path.join(ksm.dir, "run2"))
    os.mkdir(os.path.join(ksm.dir, "run"))
    try:
        for enabled in False, True, False:
            client.call("Host.setMOMPolicyParameters", key_value_store={"ksmEnabled": enabled})
        assert "memUsed" in client.call("Host.getStats")
    finally:
        os.rmdir(os.path.join(ksm.dir, "run"))
        for old, new in ("run2", "run"), ("gone", "pages_to_scan"):
            os.rename(os.path.join(ksm.dir, old), os.path.join(ksm.dir, new))


def test_io_limits(agent, client, vm):
    limits = {"total_bytes_sec": 0, "read_bytes_sec": 0, "write_bytes_sec": 0, "total_iops_sec": 0, "read_iops_sec": 100,
              "write_iops_sec": 50}
    client.call("VM.setIoTune", vmID=vm, tunables=[{"name": "vda", "ioTune": limits}])
    got = client.call("VM.getIoTune", vmID=vm)
    assert [d["name"] for d in got] == ["vda"] and got[0]["ioTune"] == limits
    assert "read_iops_sec  : 100" in agent.lab.virsh(agent.host, "blkdeviotune", vm, "vda")
    policy = {"name": "vda", "maximum": dict(limits, read_iops_sec=70), "guaranteed": dict(limits, read_iops_sec=10)}
    client.call("VM.updateVmPolicy", vmID=vm, params={"ioTune": [policy]})
    assert client.call("VM.getIoTune", vmID=vm)[0]["ioTune"]["read_iops_sec"] == 70
    kept = client.call("VM.getIoTunePolicy", vmID=vm)
    assert kept[0]["maximum"]["read_iops_sec"] == 70 and kept[0]["guaranteed"]["read_iops_sec"] == 10
    assert client.call("Host.getAllVmIoTunePolicies")[vm]["current_values"][0]["name"] == "vda"
    for wrong in [{"name": "vdz", "ioTune": {}}], [{"name": "vda", "ioTune": {"read_iops_sec": -1}}], ["x"], [{"name": 5}]:
        with pytest.raises(AgentError):
            client.call("VM.setIoTune", vmID=vm, tunables=wrong)


def test_cpu_limits(agent, client, vm):
    client.call("VM.updateVmPolicy", vmID=vm, params={"vcpuLimit": 40})
    wait_for(lambda: stats(client, vm).get("vcpuUserLimit") == 40, 20)
    assert "vcpuLimit" in client.call("Host.dumpxmls", vmList=[vm])[vm]
    client.call("VM.updateVmPolicy", vmID=vm, params={"vcpuLimit": 0})
    wait_for(lambda: "vcpuUserLimit" not in stats(client, vm), 20)
    for wrong in {"vcpuLimit": 101}, {"vcpuLimit": -1}, {"vcpuLimit": "x"}:
        with pytest.raises(AgentError):
            client.call("VM.updateVmPolicy", vmID=vm, params=wrong)
    assert client.call("VM.getIoTunePolicy", vmID=vm), "limits of disks stay"


def test_others_may_look_beside_the_agent(agent, client, vm):
    """virsh -r serves while the agent works."""
    for _ in range(5):
        out = agent.lab.run(agent.host, ["virsh", "-r", "-c", "qemu:///system", "list"]).stdout
        assert "running" in out
        client.call("Host.getAllVmStats")
