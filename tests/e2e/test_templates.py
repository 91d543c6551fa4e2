# SPDX-License-Identifier: Apache-2.0
"""Templates, VMs made from them thin and as copies, clones, copies of disks: with real guests and real chains."""
import json
import os

import ovirtsdk4
import ovirtsdk4.types as types
import products
import pytest
from products import wait_for, wait_status


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def web(system, agents, domains, guest):
    """A VM that boots, and is down."""
    return products.make_bootable_vm(system, agents[0], domains[0], "web", os.path.join(guest, "demo.qcow2"))


def add_template(system, name, vm, **more):
    made = system.templates_service().add(types.Template(name=name, vm=types.Vm(id=vm.get().id), **more))
    service = system.templates_service().template_service(made.id)
    wait_status(service, types.TemplateStatus.OK)
    wait_status(vm, types.VmStatus.DOWN)
    return service


@pytest.fixture(scope="module")
def golden(system, web):
    return add_template(system, "golden", web, description="what others stand on")


def add_vm(system, agents, name, template, clone=None, **more):
    query = {"clone": clone} if clone is not None else {}
    made = system.vms_service().add(types.Vm(
        name=name, cluster=types.Cluster(id=agents[0].cluster.id), template=types.Template(id=template.get().id), **more), **query)
    service = system.vms_service().vm_service(made.id)
    wait_status(service, types.VmStatus.DOWN)
    return service


def disk_of(system, service):
    return system.disks_service().disk_service(service.disk_attachments_service().list()[0].disk.id).get()


def chain(agent, domain, disk):
    """What qemu-img says of the chain, leaf first."""
    volume = f"{domain.path}/{domain.id}/images/{disk.id}/{disk.image_id}"
    return json.loads(agent.lab.run(agent.host, ["qemu-img", "info", "--backing-chain", "-U", "--output=json", volume]).stdout)


def test_template_is_made(system, web, golden, agents, domains):
    """T444-T446: configuration, read-only disk and status of a new template of a VM that is down."""
    got = golden.get()
    assert got.description == "what others stand on" and got.memory == web.get().memory
    assert got.version.version_number == 1 and got.cluster.id == agents[0].cluster.id
    attachment, = golden.disk_attachments_service().list()
    disk = system.disks_service().disk_service(attachment.disk.id).get()
    assert disk.status == types.DiskStatus.OK and disk.id != disk_of(system, web).id
    path = f"{domains[0].path}/{domains[0].id}/images/{disk.id}/{disk.image_id}.meta"
    meta = agents[0].lab.run(agents[0].host, ["cat", path]).stdout
    assert "VOLTYPE=SHARED" in meta and "LEGALITY=LEGAL" in meta


def test_names(system, web, golden):
    with pytest.raises(ovirtsdk4.Error, match="already in use"):
        system.templates_service().add(types.Template(name="golden", vm=types.Vm(id=web.get().id)))
    assert golden.update(types.Template(comment="x")).comment == "x"


def test_versions(system, web, golden):
    """A version has the base's name, a number, a name of its own; the base stays while it is there."""
    base = golden.get()
    version = add_template(system, "golden", web, version=types.TemplateVersion(
        base_template=types.Template(id=base.id), version_name="second"))
    got = version.get()
    assert got.version.version_number == 2 and got.version.base_template.id == base.id and got.version.version_name == "second"
    with pytest.raises(ovirtsdk4.Error, match="second"):
        golden.remove()
    version.remove()
    wait_for(lambda: len(system.templates_service().list(search="name=golden")) == 1, 60, "version removed")


def test_thin_and_cloned_vms(system, agents, domains, golden):
    """T449, T450, S073, S103: a thin VM's chain stands on the template's volume; a clone's does not. Both boot; the template stays while it is used."""
    thin = add_vm(system, agents, "thin1", golden)
    copy = add_vm(system, agents, "copy1", golden, clone=True)
    layers = chain(agents[0], domains[0], disk_of(system, thin))
    assert len(layers) == 2 and layers[0]["format"] == "qcow2"
    assert len(chain(agents[0], domains[0], disk_of(system, copy))) == 1
    assert thin.get().template.id == golden.get().id and copy.get().template.id == "0" * 8 + "-0000-0000-0000-" + "0" * 12
    assert copy.get().original_template.id == golden.get().id
    for service in (thin, copy):
        service.start()
        wait_status(service, types.VmStatus.UP)
        wait_for(lambda: service.statistics_service().list(), 30, "statistics")
        products.stop_vm(service)
    with pytest.raises(ovirtsdk4.Error, match="thin1"):
        golden.remove()
    for service in (thin, copy):
        service.remove()
    wait_for(lambda: not system.vms_service().list(search="name=thin1 or name=copy1"), 60, "VMs removed")


def test_thin_needs_the_template_s_domain(system, agents, domains, golden):
    """T451"""
    disk = golden.disk_attachments_service().list()[0].disk
    with pytest.raises(ovirtsdk4.Error, match="thin disk needs|no data domain"):
        system.vms_service().add(types.Vm(
            name="thin9", cluster=types.Cluster(id=agents[0].cluster.id), template=types.Template(id=golden.get().id),
            disk_attachments=[types.DiskAttachment(disk=types.Disk(
                id=disk.id, storage_domains=[types.StorageDomain(id=domains[1].id)]))]))


def test_clone_and_copy(system, agents, domains, web):
    """The action clone of a VM, and the action copy of a disk."""
    web.clone(vm=types.Vm(name="web-clone"))
    clone = system.vms_service().vm_service(wait_for(lambda: system.vms_service().list(search="name=web-clone"), 30, "clone")[0].id)
    wait_status(clone, types.VmStatus.DOWN)
    assert disk_of(system, clone).id != disk_of(system, web).id
    clone.start()
    wait_status(clone, types.VmStatus.UP)
    products.stop_vm(clone)
    disks = system.disks_service()
    disks.disk_service(disk_of(system, web).id).copy(disk=types.Disk(name="spare"), storage_domain=types.StorageDomain(id=domains[0].id))
    wait_for(lambda: [d for d in disks.list(search="alias=spare") if d.status == types.DiskStatus.OK], 60, "copy")
    clone.remove()
    disks.disk_service(disks.list(search="alias=spare")[0].id).remove()


def test_removed(system, golden):
    golden.remove()
    wait_for(lambda: not system.templates_service().list(search="name=golden"), 60, "template removed")
    with pytest.raises(ovirtsdk4.Error, match="Blank"):
        system.templates_service().template_service("0" * 8 + "-0000-0000-0000-" + "0" * 12).remove()
