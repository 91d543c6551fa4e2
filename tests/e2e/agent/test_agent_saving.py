# SPDX-License-Identifier: Apache-2.0
"""Memory on storage, snapshots, frozen file systems, and media that come with a definition."""
import base64
import json
import os
import pickle

import pytest
from agent_host import domain_xml, new_id
from products import wait_for
from test_agent_disks import disk, domain, make_volume, run_task  # noqa: F401
from vdsm_client import AgentError


def stats(c, vm_id):
    return c.call("VM.getStats", vmID=vm_id)[0]


def wait_guest(c, vm_id, name="hostler-guest"):
    wait_for(lambda: stats(c, vm_id).get("guestName") == name, 60, "guest agent")


def in_guest(agent, vm_id, script):
    """Run a script in the guest by way of its agent; its output."""
    def ask(**what):
        return json.loads(agent.lab.virsh(1, "qemu-agent-command", vm_id, json.dumps(what)))["return"]
    pid = ask(execute="guest-exec", arguments={"path": "/bin/sh", "arg": ["-c", script], "capture-output": True})["pid"]
    state = wait_for(lambda: next((s for s in [ask(execute="guest-exec-status", arguments={"pid": pid})] if s["exited"]), None), 20)
    assert state["exitcode"] == 0, state
    return base64.b64decode(state.get("out-data", "")).decode()


def volume_ids(pool, sd, img, vol):
    return {"device": "disk", "poolID": pool, "domainID": sd, "imageID": img, "volumeID": vol}


def test_hibernate_and_go_on(agent, client, guest, domain, make_vm):
    pool, sd = domain
    img, vol = make_volume(client, pool, sd)
    memory, config = make_volume(client, pool, sd, 256 << 20), make_volume(client, pool, sd, 1 << 20)
    device, meta = disk(pool, sd, img, vol)
    vm_id = make_vm(devices=device, meta=meta)
    wait_guest(client, vm_id)
    in_guest(agent, vm_id, "echo kept >/run/kept")
    handle = ",".join([sd, pool, *memory, *config])
    with pytest.raises(AgentError) as e:
        client.call("VM.hibernate", vmID=vm_id, hibernationVolHandle="a,b")
    assert e.value.code == -32602
    client.call("VM.hibernate", vmID=vm_id, hibernationVolHandle=handle)
    assert stats(client, vm_id)["status"] in ("Saving State", "Down")
    wait_for(lambda: stats(client, vm_id)["status"] == "Down", 60, "saved")
    end = stats(client, vm_id)
    assert (end["exitCode"], end["exitReason"]) == (0, 5), end
    saved = os.path.join(agent.lab.shared, "domain", sd, "images")
    with open(os.path.join(saved, *config), "rb") as f:
        assert "<domain" in pickle.loads(f.read())["_srcDomXML"]
    client.call("VM.destroy", vmID=vm_id)
    # a definition that has been made anew
    xml = domain_xml(vm_id, guest, devices=device, meta=meta)
    client.call("VM.create", vmID=vm_id, vmParams={
        "vmId": vm_id, "xml": xml, "memoryDumpVolume": volume_ids(pool, sd, *memory),
        "memoryConfVolume": volume_ids(pool, sd, *config)})
    wait_for(lambda: stats(client, vm_id)["status"] == "Up", 60, lambda: agent.tail())
    assert in_guest(agent, vm_id, "cat /run/kept") == "kept\n"
    assert stats(client, vm_id)["disks"]["vda"]["imageID"] == img


def test_saving_fails_and_the_machine_goes_on(client, domain, make_vm):
    pool, sd = domain
    vm_id = make_vm()
    config = make_volume(client, pool, sd, 1 << 20)
    client.call("VM.hibernate", vmID=vm_id, hibernationVolHandle=",".join([sd, pool, new_id(), new_id(), *config]))
    wait_for(lambda: stats(client, vm_id)["status"] == "Up", 30, "up again")


def test_garbage_instead_of_memory(client, guest, domain):
    pool, sd = domain
    memory, config = make_volume(client, pool, sd, 1 << 20), make_volume(client, pool, sd, 1 << 20)
    vm_id = new_id()
    client.call("VM.create", vmID=vm_id, vmParams={
        "vmId": vm_id, "xml": domain_xml(vm_id, guest), "memoryDumpVolume": volume_ids(pool, sd, *memory),
        "memoryConfVolume": volume_ids(pool, sd, *config)})
    wait_for(lambda: stats(client, vm_id)["status"] == "Down", 30, "down")
    assert "configuration" in stats(client, vm_id)["exitMessage"]
    client.call("VM.destroy", vmID=vm_id)


def test_snapshot_freeze_thaw_resize(agent, client, domain, make_vm):
    pool, sd = domain
    img, vol = make_volume(client, pool, sd, form=4)
    device, meta = disk(pool, sd, img, vol, kind="qcow2")
    vm_id = make_vm(devices=device, meta=meta)
    drive = {"poolID": pool, "domainID": sd, "imageID": img, "baseVolumeID": vol}
    with pytest.raises(AgentError) as e:  # the volume has not been made
        client.call("VM.snapshot", vmID=vm_id, snapDrives=[{**drive, "volumeID": new_id()}])
    assert e.value.code == 48
    new = new_id()
    run_task(client, client.call(
        "Volume.create", volumeID=new, storagepoolID=pool, storagedomainID=sd, imageID=img, size=str(16 << 20), volFormat=4,
        preallocate=2, diskType="DATA", desc="", srcImgUUID=img, srcVolUUID=vol))
    wait_guest(client, vm_id)
    answer = client.call("VM.snapshot", vmID=vm_id, snapDrives=[{**drive, "volumeID": new}])
    assert answer["quiesce"] is True, agent.tail()
    assert client.call("VM.snapshot", vmID=vm_id, snapDrives=[{**drive, "volumeID": new}])  # done already
    xml = client.call("Host.dumpxmls", vmList=[vm_id])[vm_id]
    assert new in xml and xml.count(new) >= 2  # path and metadata
    size = client.call("VM.diskSizeExtend", vmID=vm_id, driveSpecs=volume_ids(pool, sd, img, new), newSize=str(32 << 20))
    assert int(size) == 32 << 20
    assert in_guest(agent, vm_id, "cat /sys/block/vda/size").strip() == str(65536)
    client.call("VM.freeze", vmID=vm_id)
    client.call("VM.thaw", vmID=vm_id)
    with pytest.raises(AgentError) as e:
        client.call("VM.desktopLogin", vmID=vm_id, domain="d", username="u", password="p")
    assert e.value.code == 75


def payload(drive, label, **files):
    inside = "".join(f"<ovirt-vm:file path='{path}'>{base64.b64encode(text.encode()).decode()}</ovirt-vm:file>"
                     for path, text in files.items())
    return (f"<ovirt-vm:device devtype='disk' name='{drive}'><ovirt-vm:payload><ovirt-vm:volId>{label}</ovirt-vm:volId>{inside}"
            "</ovirt-vm:payload></ovirt-vm:device>")


CD = ("<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><target dev='sdc' bus='scsi'/><readonly/></disk>"
      "<controller type='scsi' index='0' model='virtio-scsi'/>")


def test_config_drive_reaches_the_guest(agent, client, make_vm):
    """T818: payloads; cloud-init's data is read by a guest."""
    meta = payload("sdc", "config-2", **{"openstack/latest/meta_data.json": json.dumps({"hostname": "from-the-drive"}, indent=2),
                                         "openstack/latest/user_data": "#cloud-config\nruncmd:\n  - echo done >/run/was-here\n"})
    vm_id = make_vm(devices=CD, meta=meta)
    made = agent.lab.run(1, ["find", "/run/vdsm/payload", "-name", f"{vm_id}*", "-printf", "%m %f\\n"]).stdout
    assert made.split()[0] == "600", made
    wait_guest(client, vm_id, "from-the-drive")
    wait_for(lambda: "done" in in_guest(agent, vm_id, "cat /run/was-here 2>/dev/null || true"), 20, "runcmd")
    client.call("VM.destroy", vmID=vm_id)
    left = agent.lab.run(1, ["find", "/run/vdsm/payload", "-type", "f"]).stdout
    assert vm_id not in left


def test_bad_payloads(client, guest):
    for meta in payload("sdc", "x", **{"../../etc/passwd": "x"}), payload("sdc", "x", big="x" * 2500000), payload("sdz", "x", a="b"):
        vm_id = new_id()
        client.call("VM.create", vmID=vm_id, vmParams={"vmId": vm_id, "xml": domain_xml(vm_id, guest, devices=CD, meta=meta)})
        wait_for(lambda: stats(client, vm_id)["status"] == "Down", 30, "down")
        assert "payload" in stats(client, vm_id)["exitMessage"], stats(client, vm_id)
        client.call("VM.destroy", vmID=vm_id)


def test_guest_panics(agent, client, make_vm):
    vm_id = make_vm(devices="<panic model='isa'/>")
    wait_guest(client, vm_id)
    in_guest_panic = json.dumps({"execute": "guest-exec", "arguments": {"path": "/bin/sh", "arg": ["-c", "echo c >/proc/sysrq-trigger"]}})
    agent.lab.virsh(1, "qemu-agent-command", vm_id, in_guest_panic, check=False)
    wait_for(lambda: stats(client, vm_id)["status"] == "Down", 40, lambda: str(stats(client, vm_id)) + agent.tail())
    assert "panic" in stats(client, vm_id)["exitMessage"]


def test_memory_is_plugged(agent, client, make_vm):
    numa = ("<hotplug><devices><memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target>"
            "<alias name='ua-11111111-1111-1111-1111-111111111111'/></memory></devices></hotplug>")
    vm_id = make_vm()
    with pytest.raises(AgentError) as e:  # this machine has no room for it
        client.call("VM.hotplugMemory", vmID=vm_id, params={"vmId": vm_id, "xml": numa})
    assert e.value.code == 70
    with pytest.raises(AgentError) as e:
        client.call("VM.hotplugMemory", vmID=vm_id, params={"vmId": vm_id, "xml": "<hotplug><devices><disk/></devices></hotplug>"})
    assert e.value.code == -32602


def test_tickets_of_the_older_verb(client, make_vm):
    vm_id = make_vm()
    client.call("VM.setTicket", vmID=vm_id, password="secret", ttl=60, existingConnAction="keep", params={})
    with pytest.raises(AgentError) as e:
        client.call("VM.setTicket", vmID=vm_id, password="secret", ttl=60, existingConnAction="bite", params={})
    assert e.value.code == -32602


def test_agent_dies_while_saving(agent, client, domain, make_vm):
    pool, sd = domain
    memory, config = make_volume(client, pool, sd, 256 << 20), make_volume(client, pool, sd, 1 << 20)
    vm_id = make_vm()
    client.call("VM.hibernate", vmID=vm_id, hibernationVolHandle=",".join([sd, pool, *memory, *config]))
    agent.kill()
    agent.start()
    with agent.client() as c:
        wait_for(c.is_ready)
        # saved to the end by libvirt, or not begun
        wait_for(lambda: stats(c, vm_id)["status"] in ("Down", "Up"), 60, "settled")
        now = stats(c, vm_id)
        assert now["status"] == "Up" or now["exitReason"] == 5, now
        c.call("VM.destroy", vmID=vm_id)
