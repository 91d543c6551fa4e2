# SPDX-License-Identifier: Apache-2.0
"""Machines with disks of a storage domain: made, prepared and given back through the verbs."""
import os
import xml.etree.ElementTree as ElementTree

import pytest
from agent_host import domain_xml, new_id
from products import wait_for
from vdsm_client import AgentError

LOCALFS = 4


def run_task(c, task):
    wait_for(lambda: c.call("Task.getStatus", taskID=task)["taskState"] == "finished", 30, "task")
    status = c.call("Task.getStatus", taskID=task)
    c.call("Task.clear", taskID=task)
    assert status["code"] == 0, status


@pytest.fixture(scope="module")
def domain(agent, tmp_path_factory):
    """(pool, domain) of a local domain on the host, its agent being SPM."""
    path = os.path.join(agent.lab.shared, "domain")
    os.makedirs(path, exist_ok=True)
    os.chown(path, 36, 36)
    pool, sd = new_id(), new_id()
    with agent.client() as c:
        wait_for(c.is_ready)
        connection = [{"id": new_id(), "connection": path, "port": "", "user": "", "password": ""}]
        statuses = c.call("StoragePool.connectStorageServer", storagepoolID=pool, domainType=LOCALFS, connectionParams=connection)
        assert statuses[0]["status"] == 0, statuses
        c.call("StorageDomain.create", storagedomainID=sd, domainType=LOCALFS, typeArgs=path, name="local", domainClass=1, version=5)
        c.call("StoragePool.create", storagepoolID=pool, name="dc", masterSdUUID=sd, masterVersion=1, domainList=[sd],
               lockRenewalIntervalSec=5, leaseTimeSec=60, ioOpTimeoutSec=10, leaseRetries=3)
        c.call("StoragePool.connect", storagepoolID=pool, hostID=1, scsiKey="", masterSdUUID=sd, masterVersion=1,
               domainDict={sd: "active"})
        run_task(c, c.call("StoragePool.spmStart", storagepoolID=pool, prevID=-1, prevLver="-1", enableScsiFencing="false",
                           maxHostID=250, domVersion="5"))
        yield pool, sd


def make_volume(c, pool, sd, size=16 << 20, form=5, preallocate=2):
    img, vol = new_id(), new_id()
    run_task(c, c.call("Volume.create", volumeID=vol, storagepoolID=pool, storagedomainID=sd, imageID=img, size=str(size),
                       volFormat=form, preallocate=preallocate, diskType="DATA", desc="", srcImgUUID="0" * 8 + "-0000" * 3 + "-" + "0" * 12,
                       srcVolUUID="0" * 8 + "-0000" * 3 + "-" + "0" * 12))
    return img, vol


def disk(pool, sd, img, vol, target="vda", kind="raw"):
    path = f"/rhev/data-center/{pool}/{sd}/images/{img}/{vol}"
    return (f"<disk type='file' device='disk'><driver name='qemu' type='{kind}'/><source file='{path}'/><target dev='{target}' bus='virtio'/>"
            f"<alias name='ua-{img}'/><serial>{img}</serial></disk>",
            f"<ovirt-vm:device devtype='disk' name='{target}'><ovirt-vm:poolID>{pool}</ovirt-vm:poolID><ovirt-vm:domainID>{sd}</ovirt-vm:domainID>"
            f"<ovirt-vm:imageID>{img}</ovirt-vm:imageID><ovirt-vm:volumeID>{vol}</ovirt-vm:volumeID></ovirt-vm:device>")


def test_lists_of_volumes(client, domain):
    """Those of one image, those of the domain; an image that is not there is said to be so."""
    pool, sd = domain
    made = [make_volume(client, pool, sd) for _ in range(2)]
    everywhere = client.call("StorageDomain.getVolumes", storagedomainID=sd)
    for img, vol in made:
        assert vol in everywhere
        assert client.call("StorageDomain.getVolumes", storagedomainID=sd, imageID=img) == [vol]
        assert client.call("Image.getVolumes", storagedomainID=sd, storagepoolID=pool, imageID=img) == [vol]
    for verb, img in (("StorageDomain.getVolumes", new_id()), ("Image.getVolumes", new_id()), ("Image.getVolumes", "../images")):
        with pytest.raises(AgentError):
            client.call(verb, storagedomainID=sd, imageID=img)


def test_machine_with_a_disk(agent, client, make_vm, domain):
    pool, sd = domain
    img, vol = make_volume(client, pool, sd)
    device, meta = disk(pool, sd, img, vol)
    vm_id = make_vm(devices=device, meta=meta)
    stats = client.call("VM.getStats", vmID=vm_id)[0]["disks"]["vda"]
    assert stats["imageID"] == img
    xml = ElementTree.fromstring(client.call("Host.dumpxmls", vmList=[vm_id])[vm_id])
    path = xml.find("devices/disk/source").get("file")
    assert "/rhev/data-center" not in path and vol in path and os.path.basename(path) == vol
    # one more, hot
    img2, vol2 = make_volume(client, pool, sd, form=4)
    device2, meta2 = disk(pool, sd, img2, vol2, "vdb", "qcow2")
    plug = (f"<hotplug><devices>{device2}</devices><metadata xmlns:ovirt-vm='http://ovirt.org/vm/1.0'><ovirt-vm:vm>{meta2}</ovirt-vm:vm>"
            "</metadata></hotplug>")
    wait_for(lambda: client.call("VM.getStats", vmID=vm_id)[0].get("guestName"), 60, "guest")
    client.call("VM.hotplugDisk", vmID=vm_id, params={"vmId": vm_id, "xml": plug})
    assert client.call("VM.getStats", vmID=vm_id)[0]["disks"]["vdb"]["imageID"] == img2
    agent.kill()  # what is plugged is known again
    agent.start()
    with agent.client() as c:
        wait_for(c.is_ready)
        disks = c.call("VM.getStats", vmID=vm_id)[0]["disks"]
        assert {disks["vda"]["imageID"], disks["vdb"]["imageID"]} == {img, img2}
        c.call("VM.hotunplugDisk", vmID=vm_id, params={"vmId": vm_id, "xml": plug})
        assert "vdb" not in c.call("VM.getStats", vmID=vm_id)[0]["disks"]
        c.call("VM.destroy", vmID=vm_id)


def test_disk_that_is_not_there(client, guest, domain):
    pool, sd = domain
    vm_id = new_id()
    device, meta = disk(pool, sd, new_id(), new_id())
    client.call("VM.create", vmID=vm_id, vmParams={"vmId": vm_id, "xml": domain_xml(vm_id, guest, devices=device, meta=meta)})
    wait_for(lambda: client.call("VM.getStats", vmID=vm_id)[0]["status"] == "Down", 20)
    stats = client.call("VM.getStats", vmID=vm_id)[0]
    assert stats["exitCode"] == 1 and "vda" in stats["exitMessage"]
    client.call("VM.destroy", vmID=vm_id)
    with pytest.raises(AgentError):
        client.call("VM.destroy", vmID=vm_id)
