# SPDX-License-Identifier: Apache-2.0
"""Snapshots and stateless runs: what guests wrote is there, or gone, as it should be; chains as qemu-img sees them."""
import json
import os

import ovirtsdk4
import ovirtsdk4.types as types
import products
import pytest
from products import wait_for, wait_status
from serial_console import SerialConsole

MIB = 2**20


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def web(system, agents, domains, guest):
    """A VM that boots, with a second disk for data; down."""
    service = products.make_bootable_vm(system, agents[0], domains[0], "web", os.path.join(guest, "demo.qcow2"))
    disk = products.make_disk(system, domains[0], "data", 16 * MIB)
    service.disk_attachments_service().add(types.DiskAttachment(
        disk=types.Disk(id=disk.id), interface=types.DiskInterface.VIRTIO, active=True))
    return service


class Data:
    """The data disk, as it lies on storage."""

    def __init__(self, system, agent, domain):
        self.system, self.agent, self.domain = system, agent, domain

    def disk(self):
        return self.system.disks_service().list(search="alias=data")[0]

    def path(self, disk=None):
        disk = disk or self.disk()
        return f"{self.domain.path}/{self.domain.id}/images/{disk.id}/{disk.image_id}"

    def tool(self, *argv):
        return self.agent.lab.run(self.agent.host, argv).stdout

    def chain(self):
        return json.loads(self.tool("qemu-img", "info", "--backing-chain", "-U", "--output=json", self.path()))

    def io(self, command):
        form = "qcow2" if self.disk().format == types.DiskFormat.COW else "raw"
        self.tool("setpriv", "--reuid=36", "--regid=36", "--clear-groups", "qemu-io", "-f", form, "-c", command, self.path())

    def text(self):
        out = self.tool("sh", "-c", f"qemu-img convert -U -O raw {self.path()} /tmp/data.raw && head -c 16 /tmp/data.raw")
        return out.split("\n")[0]

    def volumes(self):
        names = self.tool("ls", os.path.dirname(self.path())).split()
        return [n for n in names if "." not in n]


@pytest.fixture(scope="module")
def data(system, agents, domains):
    return Data(system, agents[0], domains[0])


def settled(service):
    wait_for(lambda: service.get().status == types.VmStatus.DOWN and all(
        s.snapshot_status != types.SnapshotStatus.LOCKED or s.snapshot_type == types.SnapshotType.PREVIEW
        for s in service.snapshots_service().list()), 90, "rest")


def add_snapshot(service, name, **more):
    made = service.snapshots_service().add(types.Snapshot(description=name, **more))
    settled(service)
    return service.snapshots_service().snapshot_service(made.id)


def in_guest(agent, service, *commands):
    service.start()
    wait_status(service, types.VmStatus.UP)
    console = SerialConsole(agent.lab.uri(agent.host), service.get().id)
    console.prompt(90)
    said = "".join(console.run(command) for command in commands)
    console.run("sync")
    console.close()
    products.stop_vm(service)
    settled(service)
    return said


def regular(service):
    return [s.description for s in service.snapshots_service().list() if s.snapshot_type == types.SnapshotType.REGULAR]


def test_restore_brings_back_what_was_written(web, data, agents):
    """T252: data of the guest before a snapshot is there after a restore, what came later is not; configuration goes back, too."""
    in_guest(agents[0], web, "echo one | dd of=/dev/vdb")
    memory = web.get().memory
    first = add_snapshot(web, "first")
    assert len(data.chain()) == 2 and len(first.disks_service().list()) == 2
    assert "one" in in_guest(agents[0], web, "head -c 3 /dev/vdb", "echo two | dd of=/dev/vdb")
    web.update(types.Vm(memory=memory + 64 * MIB, memory_policy=types.MemoryPolicy(max=4 * memory)))
    first.restore()
    settled(web)
    assert web.get().memory == memory and regular(web) == ["first"]
    assert "one" in in_guest(agents[0], web, "head -c 3 /dev/vdb", "echo three | dd of=/dev/vdb")
    assert len(data.volumes()) == 2


def test_preview_undo_and_commit(web, data):
    """T263-T266: two branches while one looks; undo and commit drop one of them."""
    first = [s for s in web.snapshots_service().list() if s.description == "first"][0]
    assert data.text() == "three"
    web.preview_snapshot(snapshot=types.Snapshot(id=first.id))
    settled(web)
    assert data.text() == "one" and len(data.volumes()) == 3
    with pytest.raises(ovirtsdk4.Error, match="preview"):
        web.snapshots_service().add(types.Snapshot(description="no"))
    web.undo_snapshot()
    settled(web)
    assert data.text() == "three" and len(data.volumes()) == 2
    add_snapshot(web, "second")
    web.preview_snapshot(snapshot=types.Snapshot(id=first.id))
    settled(web)
    web.commit_snapshot()
    settled(web)
    assert data.text() == "one" and regular(web) == ["first"] and len(data.volumes()) == 2


def test_removing_merges(web, data, system, domains):
    """T258, T267-T269, T271: snapshots are removed in the middle and at the end of the chain; nothing of the data is lost."""
    data.io("write -P 1 1M 64k")
    add_snapshot(web, "a")
    data.io("write -P 2 2M 64k")
    data.io("write -P 9 1M 4k")
    add_snapshot(web, "b")
    data.io("write -P 3 3M 64k")
    assert len(data.chain()) == 4
    layers = system.disks_service().disk_service(data.disk().id).disk_snapshots_service()
    kept, active = layers.list(follow="snapshot"), layers.list(include_active=True)[-1]
    assert [layer.snapshot.description for layer in kept] == ["first", "a", "b"]
    assert [layer.parent and layer.parent.id for layer in kept] == [None, kept[0].id, kept[1].id]
    assert active.active and active.id == data.disk().image_id and active.parent.id == kept[2].id
    on_domain = system.storage_domains_service().storage_domain_service(domains[0].id).disk_snapshots_service()
    assert {layer.id for layer in kept} < {layer.id for layer in on_domain.list()} and active.id not in {layer.id for layer in on_domain.list()}
    assert on_domain.snapshot_service(kept[1].id).get().disk.id == data.disk().id
    with pytest.raises(ovirtsdk4.NotFoundError):
        on_domain.snapshot_service(data.disk().id).get()

    def all_is_there():
        for command in ("read -P 2 2M 64k", "read -P 3 3M 64k", "read -P 9 1M 4k", "read -P 1 1028k 60k"):
            data.io(command)
        data.tool("qemu-img", "check", "-q", "-U", data.path()) if data.disk().format == types.DiskFormat.COW else None

    for name, left in (("a", 3), ("first", 2), ("b", 1)):
        snapshot = [s for s in web.snapshots_service().list() if s.description == name][0]
        web.snapshots_service().snapshot_service(snapshot.id).remove()
        settled(web)
        assert name not in regular(web)
        assert len(data.chain()) == left == len(data.volumes()) == len(layers.list()) + 1
        all_is_there()
    assert data.disk().format == types.DiskFormat.RAW


def test_stateless_loses_it(web, data, agents):
    """What a stateless run wrote is gone, and so is its layer."""
    data.io("write -P 0x41 0 512")
    web.update(types.Vm(stateless=True))
    in_guest(agents[0], web, "echo lost | dd of=/dev/vdb")
    wait_for(lambda: len(data.chain()) == 1, 60, "layer dropped")
    settled(web)
    data.io("read -P 0x41 0 512")
    web.update(types.Vm(stateless=False))


def test_grown_disk_keeps_its_snapshot(web, data, system):
    """A disk grows above a snapshot, and keeps its size when that goes."""
    add_snapshot(web, "small")
    system.disks_service().disk_service(data.disk().id).update(types.Disk(provisioned_size=24 * MIB))
    wait_for(lambda: data.disk().status == types.DiskStatus.OK and data.disk().provisioned_size == 24 * MIB, 60, "growth")
    data.io("write -P 7 20M 64k")
    snapshot = [s for s in web.snapshots_service().list() if s.description == "small"][0]
    web.snapshots_service().snapshot_service(snapshot.id).remove()
    settled(web)
    assert data.disk().provisioned_size == 24 * MIB and len(data.chain()) == 1
    data.io("read -P 7 20M 64k")


def test_snapshot_of_a_running_vm(web, data, agents):
    """A VM that runs goes on in its new layers; what it writes then is gone after a restore."""
    web.start()
    wait_status(web, types.VmStatus.UP)
    console = SerialConsole(agents[0].lab.uri(agents[0].host), web.get().id)
    console.prompt(90)
    console.run("echo before | dd of=/dev/vdb")
    console.run("sync")
    made = web.snapshots_service().add(types.Snapshot(description="live", persist_memorystate=False))
    service = web.snapshots_service().snapshot_service(made.id)
    wait_for(lambda: service.get().snapshot_status == types.SnapshotStatus.OK, 90, "live snapshot")
    assert web.get().status == types.VmStatus.UP and len(data.chain()) == 2
    console.run("echo later | dd of=/dev/vdb")
    console.run("sync")
    console.close()
    products.stop_vm(web)
    settled(web)
    assert data.text() == "later"
    service.restore()
    settled(web)
    assert data.text() == "before"
    service.remove()
    settled(web)


def test_refusals(web):
    with pytest.raises(ovirtsdk4.Error, match="No snapshot"):
        web.undo_snapshot()
    active = [s for s in web.snapshots_service().list() if s.snapshot_type == types.SnapshotType.ACTIVE][0]
    with pytest.raises(ovirtsdk4.Error, match="regular"):
        web.snapshots_service().snapshot_service(active.id).remove()
