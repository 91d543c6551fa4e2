# SPDX-License-Identifier: Apache-2.0
"""Life of virtual machines through the agent's verbs, with a real libvirt and real guests."""
import time

import products
import pytest
from agent_host import domain_xml, new_id
from products import wait_for
from vdsm_client import AgentError


def status(c, vm_id):
    return c.call("VM.getStats", vmID=vm_id)[0]["status"]


def wait_status(c, vm_id, wanted, timeout=30):
    wait_for(lambda: status(c, vm_id) == wanted, timeout, wanted)
    return c.call("VM.getStats", vmID=vm_id)[0]


def wait_guest(c, vm_id):
    """Until the guest agent has told its name."""
    wait_for(lambda: c.call("VM.getStats", vmID=vm_id)[0].get("guestName") == "hostler-guest", 60, "guest agent")


def test_create_answers_at_once_and_tells_by_events(agent, client, guest, make_vm):
    vm_id = new_id()
    began = time.monotonic()
    answer = client.call("VM.create", vmID=vm_id, vmParams={"vmId": vm_id, "xml": domain_xml(vm_id, guest)})
    assert time.monotonic() - began < 0.2 and answer["status"] == "WaitForLaunch"
    event = client.wait_event(lambda m, p: m == "|virt|VM_status|" + vm_id and p[vm_id]["status"] == "Up")
    assert event["params"]["notify_time"] > 0
    with pytest.raises(AgentError) as e:
        client.call("VM.create", vmID=vm_id, vmParams={"vmId": vm_id, "xml": domain_xml(vm_id, guest)})
    assert e.value.code == 4
    stats = wait_status(client, vm_id, "Up")
    assert stats["monitorResponse"] == "0" and stats["kvmEnable"] == "false" and stats["displayInfo"][0]["port"] != "-1"
    xml = client.call("Host.dumpxmls", vmList=[vm_id])[vm_id]
    assert "type='qemu'" in xml and "OS-NAME:" not in xml and "ovirt-vm:startTime" in xml
    client.call("VM.destroy", vmID=vm_id)
    assert vm_id not in client.call("Host.getVMList")
    with pytest.raises(AgentError) as e:
        client.call("VM.getStats", vmID=vm_id)
    assert e.value.code == 1
    assert vm_id not in agent.lab.virsh(1, "list", "--all", "--uuid")


def test_wrong_definitions(client, guest):
    vm_id = new_id()

    def create(xml, **more):
        return client.call("VM.create", vmID=vm_id, vmParams={"vmId": vm_id, "xml": xml, **more})

    for xml in "no xml", "<a/>", "<domain/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><domain/>", domain_xml(new_id(), guest):
        with pytest.raises(AgentError) as e:
            create(xml)
        assert e.value.code == -32602, xml
    with pytest.raises(AgentError) as e:
        client.call("VM.create", vmID="x", vmParams={})
    assert e.value.code == -32602 and "vmID" in e.value.message
    assert vm_id not in client.call("Host.getVMList")
    create(domain_xml(vm_id, "/nowhere"))
    stats = wait_status(client, vm_id, "Down")
    assert stats["exitCode"] == 1 and stats["exitReason"] == 3 and "nowhere" in stats["exitMessage"]
    client.call("VM.destroy", vmID=vm_id)


def test_guest_reports_and_shuts_down(client, make_vm):
    vm_id = make_vm(nics=[("52:54:00:aa:00:01", "ovirtmgmt")])
    wait_guest(client, vm_id)
    stats = client.call("VM.getStats", vmID=vm_id)[0]
    assert any(i["name"] == "eth0" for i in stats["netIfaces"]) and stats["guestOsInfo"]["type"] == "linux"
    assert list(stats["network"].values())[0]["macAddr"] == "52:54:00:aa:00:01"
    client.call("VM.shutdown", vmID=vm_id, delay=0, message="bye")
    client.wait_event(lambda m, p: p.get(vm_id, {}).get("status") == "Powering down")
    event = client.wait_event(lambda m, p: p.get(vm_id, {}).get("status") == "Down")
    assert event["params"][vm_id]["exitReason"] == 6 and event["params"][vm_id]["exitCode"] == 0


def test_reboot_and_power_off_from_inside(agent, client, make_vm):
    vm_id = make_vm()
    wait_guest(client, vm_id)
    client.call("VM.shutdown", vmID=vm_id, reboot=True)
    client.wait_event(lambda m, p: p.get(vm_id, {}).get("status") == "RebootInProgress")
    wait_status(client, vm_id, "Up")
    wait_guest(client, vm_id)
    agent.lab.virsh(1, "qemu-agent-command", vm_id, '{"execute":"guest-shutdown"}', check=False)
    stats = wait_status(client, vm_id, "Down")
    assert stats["exitReason"] == 7 and stats["exitCode"] == 0


def test_pause_and_go_on(client, make_vm):
    vm_id = make_vm(agent=False, meta="<ovirt-vm:launchPaused type='bool'>true</ovirt-vm:launchPaused>", until="Paused")
    client.call("VM.cont", vmID=vm_id)
    wait_status(client, vm_id, "Up")
    client.call("VM.pause", vmID=vm_id)
    assert wait_status(client, vm_id, "Paused")["pauseCode"] == "NOERR"
    client.call("VM.cont", vmID=vm_id)
    wait_status(client, vm_id, "Up")
    client.call("VM.reset", vmID=vm_id)


def test_forced_shutdown_of_a_deaf_guest(client, make_vm):
    vm_id = make_vm(agent=False, append="init=/nothing panic=0")
    client.call("VM.shutdown", vmID=vm_id, timeout=1, force=True)
    assert wait_status(client, vm_id, "Down")["exitReason"] == 6


def test_qemu_dies(agent, client, make_vm):
    vm_id = make_vm()
    agent.kill_qemu(vm_id)
    event = client.wait_event(lambda m, p: p.get(vm_id, {}).get("status") == "Down")
    assert event["params"][vm_id]["exitReason"] == 2 and event["params"][vm_id]["exitCode"] == 1


def test_agent_is_killed_and_finds_its_machines(agent, client, make_vm):
    running, ended = make_vm(), make_vm()
    hash_before = client.call("VM.getStats", vmID=running)[0]["hash"]
    agent.kill_qemu(ended)
    wait_status(client, ended, "Down")
    time.sleep(0.3)  # the reason is noted behind the event
    agent.kill()
    began = time.monotonic()
    agent.start()
    with agent.client() as c:
        wait_for(c.is_ready, what="recovery")
        assert time.monotonic() - began < 2
        stats = {s["vmId"]: s for s in c.call("Host.getAllVmStats")}
        assert stats[running]["status"] == "Up" and stats[running]["hash"] == hash_before
        assert stats[ended]["status"] == "Down" and stats[ended]["exitReason"] == 2
        assert int(stats[running]["elapsedTime"]) >= 1


def test_libvirt_is_away(agent, client, make_vm):
    """No machine is reported as gone; those whose QEMU died meanwhile are found Down later."""
    lives, dies = make_vm(), make_vm()
    agent.kill_libvirtd()
    wait_for(lambda: client.call("VM.getStats", vmID=lives)[0]["monitorResponse"] == "-1", what="monitorResponse")
    agent.kill_qemu(dies)
    stats = {s["vmId"]: s["status"] for s in client.call("Host.getAllVmStats")}
    assert stats[lives] == "Up" and stats[dies] == "Up"
    began = time.monotonic()
    client.call("Host.ping2")
    assert time.monotonic() - began < 0.5
    with pytest.raises(AgentError):
        client.call("VM.destroy", vmID=lives)
    agent.start_libvirtd()
    stats = wait_status(client, dies, "Down")
    assert stats["exitCode"] == 1 and stats["exitReason"] == 2
    wait_for(lambda: client.call("VM.getStats", vmID=lives)[0]["monitorResponse"] == "0", what="monitorResponse")
    assert status(client, lives) == "Up"


def test_both_die_at_once(agent, client, make_vm):
    vm_id = make_vm()
    agent.kill_libvirtd()
    agent.kill()
    agent.start()
    with agent.client() as c:
        assert c.call("Host.ping2") is True
        with pytest.raises(AgentError) as e:
            c.call("Host.getAllVmStats")
        assert e.value.code == 99
        agent.start_libvirtd()
        wait_for(c.is_ready, what="recovery")
        assert status(c, vm_id) == "Up"


def test_libvirt_hangs(agent, client, make_vm):
    """A daemon that does not answer holds up neither the port nor the polls."""
    vm_id = make_vm()
    pid = agent.libvirtd_pid()
    agent.lab.run(1, ["kill", "-STOP", str(pid)])
    try:
        slow = client.send("VM.pause", {"vmID": vm_id})
        for _ in range(10):
            began = time.monotonic()
            assert client.call("Host.getAllVmStats")
            assert client.call("Host.getStats")
            assert time.monotonic() - began < 0.5
    finally:
        agent.lab.run(1, ["kill", "-CONT", str(pid)])
    assert client.wait(slow) == {"vmList": {}}
    client.call("VM.cont", vmID=vm_id)


def test_pause_and_go_on_at_once(agent, client, make_vm):
    """Whoever asks as soon as the last answer is there is not taken by what was before it."""
    vm_id = make_vm()
    for _ in range(20):
        client.call("VM.pause", vmID=vm_id)
        client.call("VM.cont", vmID=vm_id)
    assert agent.lab.virsh(1, "domstate", vm_id).strip() == "running"
    wait_for(lambda: status(client, vm_id) == "Up", 5)
    for _ in range(20):
        client.call("VM.pause", vmID=vm_id)
        assert agent.lab.virsh(1, "domstate", vm_id).strip() == "paused"
        client.call("VM.cont", vmID=vm_id)
        client.call("VM.cont", vmID=vm_id)
        assert agent.lab.virsh(1, "domstate", vm_id).strip() == "running"


def test_a_machine_hangs(agent, client, make_vm):
    """The others are watched and served as if nothing were."""
    hangs, lives = make_vm(), make_vm(nics=[("52:54:00:aa:00:02", "ovirtmgmt")])
    wait_guest(client, lives)  # QEMU's own monitor is slow while a guest boots
    agent.lab.run(1, ["pkill", "-STOP", "-f", "qemu-system.*" + hangs])
    slow = client.send("VM.pause", {"vmID": hangs})
    before = agent_sample(client, lives)
    began = time.monotonic()
    client.call("VM.pause", vmID=lives)
    client.call("VM.cont", vmID=lives)
    assert time.monotonic() - began < 2
    wait_for(lambda: agent_sample(client, lives) > before + 1, 40, "fresh statistics")
    assert {s["vmId"]: s["status"] for s in client.call("Host.getAllVmStats")} == {hangs: "Up", lives: "Up"}
    client.call("VM.destroy", vmID=hangs, _timeout=100)
    with pytest.raises(AgentError):
        client.wait(slow)
    assert status(client, lives) == "Up"


def agent_sample(c, vm_id):
    """Time of the newest complete sample of the machine."""
    return list(c.call("VM.getStats", vmID=vm_id)[0]["network"].values())[0]["sampleTime"]


def test_start_while_libvirt_dies(agent, client, guest, make_vm):
    vm_id = new_id()
    client.call("VM.create", vmID=vm_id, vmParams={"vmId": vm_id, "xml": domain_xml(vm_id, guest)})
    agent.kill_libvirtd()
    time.sleep(0.3)
    agent.start_libvirtd()
    wait_for(lambda: status(client, vm_id) in ("Up", "Down"), 30)
    assert status(client, vm_id) == "Up", client.call("VM.getStats", vmID=vm_id)
    client.call("VM.destroy", vmID=vm_id)


@pytest.mark.parametrize("delay", [0, 0.005, 0.02, 0.05, 0.1, 0.3])
def test_agent_dies_during_a_start(agent, guest, delay):
    """Whatever step it dies in: afterwards it and libvirt know the same machines, and each can be destroyed."""
    vm_id = new_id()
    with agent.client() as c:
        wait_for(c.is_ready)
        c.call("VM.create", vmID=vm_id, vmParams={"vmId": vm_id, "xml": domain_xml(vm_id, guest)})
        time.sleep(delay)
        agent.kill()
    agent.start()
    with agent.client() as c:
        wait_for(c.is_ready)
        wait_for(lambda: (vm_id in agent.lab.virsh(1, "list", "--all", "--uuid")) == (vm_id in c.call("Host.getVMList")), 10)
        if vm_id in c.call("Host.getVMList"):
            assert status(c, vm_id) in ("Up", "Down")
            c.call("VM.destroy", vmID=vm_id)
        assert vm_id not in agent.lab.virsh(1, "list", "--all", "--uuid")


def test_destroy_while_starting(agent, client, guest):
    vm_id = new_id()
    client.call("VM.create", vmID=vm_id, vmParams={"vmId": vm_id, "xml": domain_xml(vm_id, guest)})
    client.call("VM.destroy", vmID=vm_id)
    assert vm_id not in client.call("Host.getVMList")
    assert vm_id not in agent.lab.virsh(1, "list", "--all", "--uuid")


def test_figures(agent, client, make_vm):
    client.call("Host.getCapabilities")
    began = time.monotonic()
    client.call("Host.getCapabilities")
    took = time.monotonic() - began
    print(f"capabilities {took * 1000:.1f} ms, resident {agent.rss_kib() / 1024:.1f} MiB")
    assert took < 0.2
    with open(products.AGENT, "rb") as f:
        if b"__asan_init" in f.read():
            pytest.skip("a build with sanitizers has no sizes worth a test")
    wait_for(lambda: agent.rss_kib() + agent.helper_rss_kib() < 20 * 1024, 40, "what is not used to be given back")
    assert agent.helper_rss_kib() > 0
