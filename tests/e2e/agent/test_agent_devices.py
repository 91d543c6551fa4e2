# SPDX-License-Identifier: Apache-2.0
"""Tickets, links, hot plug, discs."""
import os
import time
import xml.etree.ElementTree as ElementTree

import pytest
from products import wait_for
from vdsm_client import AgentError
from vnc import Vnc, VncRefused

NIC = """<hotplug><devices><interface type='bridge'><mac address='52:54:00:bb:00:01'/><source bridge='{bridge}'/>
<model type='virtio'/><link state='up'/><alias name='ua-0ff15a2c-1111-4222-8333-444455556666'/></interface></devices>
<metadata xmlns:ovirt-vm='http://ovirt.org/vm/1.0'><ovirt-vm:vm><ovirt-vm:device devtype='interface' mac_address='52:54:00:bb:00:01'>
<ovirt-vm:custom><ovirt-vm:speed>1</ovirt-vm:speed></ovirt-vm:custom></ovirt-vm:device></ovirt-vm:vm></metadata></hotplug>"""
ALIAS = "ua-0ff15a2c-1111-4222-8333-444455556666"


@pytest.fixture(scope="module")
def running(agent, guest, lab):
    """One machine for all tests here, its guest ready."""
    from agent_host import domain_xml, new_id
    vm_id = new_id()
    with agent.client() as c:
        wait_for(c.is_ready)
        xml = domain_xml(vm_id, guest, devices="<controller type='scsi' index='0' model='virtio-scsi'/>"
                         "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file=''/>"
                         "<target dev='sdc' bus='scsi'/><readonly/></disk>")
        c.call("VM.create", vmID=vm_id, vmParams={"vmId": vm_id, "xml": xml})
        wait_for(lambda: c.call("VM.getStats", vmID=vm_id)[0].get("guestName"), 60, "guest agent: " + agent.tail())
        yield vm_id
        c.call("VM.destroy", vmID=vm_id)


def live(client, vm_id):
    return ElementTree.fromstring(client.call("Host.dumpxmls", vmList=[vm_id])[vm_id])


def ticket(client, vm_id, password, ttl, **more):
    return client.call("VM.updateDevice", vmID=vm_id, params={"deviceType": "graphics", "graphicsType": "vnc", "password": password,
                                                              "ttl": ttl, "params": {}, **more})


def test_ticket(agent, client, running):
    info = client.call("VM.getStats", vmID=running)[0]["displayInfo"][0]
    assert info["type"] == "vnc" and info["ipAddress"] == agent.address
    port = int(info["port"])
    with pytest.raises(VncRefused):
        Vnc(agent.address, port, "*****")
    ticket(client, running, "se&<cret1234", 120)
    with Vnc(agent.address, port, "se&<cret1234") as vnc:
        wait_for(lambda: client.call("VM.getStats", vmID=running)[0]["clientIp"] == agent.lab.address(0), 10, "clientIp")
    with pytest.raises(VncRefused):
        Vnc(agent.address, port, "wrong")
    ticket(client, running, "short", 1, existingConnAction="disconnect")
    time.sleep(2.2)
    with pytest.raises(VncRefused):
        Vnc(agent.address, port, "short")
    assert "se&amp;" not in agent.tail() and "se&<" not in agent.tail()
    for wrong in {"graphicsType": "x"}, {"ttl": -1}, {"existingConnAction": "burn"}:
        with pytest.raises(AgentError) as e:
            client.call("VM.updateDevice", vmID=running, params={"deviceType": "graphics", "graphicsType": "vnc", "password": "x",
                                                                 "ttl": 1, **wrong})
        assert e.value.code == -32602


def test_nic_in_link_and_out(client, running):
    before = client.call("VM.getStats", vmID=running)[0]["hash"]
    client.call("VM.hotplugNic", vmID=running, params={"vmId": running, "xml": NIC.format(bridge="ovirtmgmt")})
    assert client.call("VM.getStats", vmID=running)[0]["hash"] != before
    xml = live(client, running)
    nic = next(n for n in xml.iter("interface") if n.find("mac").get("address") == "52:54:00:bb:00:01")
    assert nic.find("alias").get("name") == ALIAS
    assert any(d.get("mac_address") == "52:54:00:bb:00:01" for d in xml.iter("{http://ovirt.org/vm/1.0}device"))

    def state():
        return [n for n in client.call("VM.getStats", vmID=running)[0]["network"].values()
                if n["macAddr"] == "52:54:00:bb:00:01"][0]["state"]

    client.call("VM.updateDevice", vmID=running, params={"deviceType": "interface", "alias": ALIAS, "linkActive": False})
    wait_for(lambda: state() == "down", 5)
    client.call("VM.updateDevice", vmID=running, params={"deviceType": "interface", "alias": ALIAS, "linkActive": True, "network": ""})
    wait_for(lambda: state() == "up", 5)
    assert ";vdsmdummy;" in client.call("Host.dumpxmls", vmList=[running])[running]
    client.call("VM.hotunplugNic", vmID=running, params={"vmId": running, "xml": NIC.format(bridge="ovirtmgmt")})
    xml = live(client, running)
    assert not [n for n in xml.iter("interface")] and not list(xml.iter("{http://ovirt.org/vm/1.0}device"))
    with pytest.raises(AgentError) as e:
        client.call("VM.hotplugNic", vmID=running, params={"vmId": running, "xml": NIC.format(bridge="nobridge")})
    assert e.value.code == 49
    with pytest.raises(AgentError) as e:
        client.call("VM.updateDevice", vmID=running, params={"deviceType": "interface", "alias": "ua-none"})
    assert e.value.code == 91


def test_nic_with_filter(client, running):
    xml = NIC.format(bridge="ovirtmgmt").replace("<link", "<filterref filter='vdsm-no-mac-spoofing'/><link")
    client.call("VM.hotplugNic", vmID=running, params={"vmId": running, "xml": xml})
    assert live(client, running).find("devices/interface/filterref") is not None
    client.call("VM.hotunplugNic", vmID=running, params={"vmId": running, "xml": xml})


def test_disk_in_and_out(agent, client, running):
    path = os.path.join(agent.lab.shared, "disk.raw")
    with open(path, "wb") as f:
        f.truncate(1 << 20)
    os.chmod(path, 0o666)
    xml = f"""<hotplug><devices><disk type='file' device='disk' snapshot='no'><target dev='vdb' bus='virtio'/><source file='{path}'/>
<driver name='qemu' type='raw'/><alias name='ua-disk-1'/><serial>abc</serial></disk></devices></hotplug>"""
    client.call("VM.hotplugDisk", vmID=running, params={"vmId": running, "xml": xml})
    assert [d for d in live(client, running).iter("disk") if d.find("target").get("dev") == "vdb"]
    assert "vdb" in client.call("VM.getStats", vmID=running)[0]["disks"]
    client.call("VM.hotunplugDisk", vmID=running, params={"vmId": running, "xml": xml})
    assert not [d for d in live(client, running).iter("disk") if d.find("target").get("dev") == "vdb"]
    with pytest.raises(AgentError) as e:
        client.call("VM.hotplugDisk", vmID=running, params={"vmId": running, "xml": xml.replace(path, "/nowhere")})
    assert e.value.code == 45
    with pytest.raises(AgentError) as e:
        client.call("VM.hotplugDisk", vmID=running, params={"vmId": running, "xml": "<hotplug/>"})
    assert e.value.code == -32602


def test_disc(client, running, guest):
    def disc():
        drive = next(d for d in live(client, running).iter("disk") if d.get("device") == "cdrom")
        source = drive.find("source")
        return source.get("file") if source is not None else None

    path = os.path.join(guest, "demo.iso")
    client.call("VM.changeCD", vmID=running, driveSpec=path)
    wait_for(lambda: disc() == path, 5)
    client.call("VM.changeCD", vmID=running, driveSpec={"iface": "scsi", "index": 2, "path": ""})
    wait_for(lambda: disc() is None, 5)
    with pytest.raises(AgentError):
        client.call("VM.changeCD", vmID=running, driveSpec={"iface": "scsi", "index": 9, "path": path})


def test_cpus_and_picture(client, running):
    client.call("VM.setNumberOfCpus", vmID=running, numberOfCpus=2)
    wait_for(lambda: client.call("VM.getStats", vmID=running)[0]["vcpuCount"] == "2", 40)
    with pytest.raises(AgentError) as e:
        client.call("VM.setNumberOfCpus", vmID=running, numberOfCpus=64)
    assert e.value.code == 60
    shot = client.call("VM.screenshot", vmID=running)
    assert shot["encoding"] == "base64" and len(shot["data"]) > 100


def test_statistics(client, running):
    def complete():
        s = client.call("VM.getStats", vmID=running)[0]
        return s["cpuActual"] and "memoryStats" in s and s

    stats = wait_for(complete, 60)
    assert float(stats["cpuUser"]) >= 0 and int(stats["memUsage"]) > 0
    assert stats["balloonInfo"]["balloon_min"] == str(64 * 1024)
    assert int(stats["balloonInfo"]["balloon_cur"]) == 128 * 1024
    assert client.call("VM.getInfo", vmID=running)["vmId"] == running
    assert client.call("Host.getVMFullList", vmList=[running])[0]["vmId"] == running
