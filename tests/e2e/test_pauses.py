# SPDX-License-Identifier: Apache-2.0
"""Machines whose storage is full: paused with the reason, told, resumed or ended. And one that does not heed a shutdown.

The domain is a small file system of its own. That a device itself fails (EIO) cannot be brought about under a real QEMU here; the agent's
handling is the same for both but for one thing: a full disk is not resumed by itself.
"""
import json
import os

import ovirtsdk4.types as types
import products
import pytest
from products import wait_for, wait_status

PATH = "/var/lib/images-small"
MB = 2**20


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


def resize(agent, megabytes):
    agent.lab.run(agent.host, ["mount", "-o", f"remount,size={megabytes}m", PATH])


def used(agent):
    return int(agent.lab.run(agent.host, ["df", "-m", "--output=used", PATH]).stdout.split()[-1])


@pytest.fixture(scope="module")
def domain(system, agent):
    agent.lab.run(agent.host, ["install", "-d", PATH])
    agent.lab.run(agent.host, ["mount", "-t", "tmpfs", "-o", "size=2g,mode=755", "small", PATH])
    made = products.make_domain(system, agent, "small", PATH)
    system.storage_domains_service().storage_domain_service(made.id).update(types.StorageDomain(critical_space_action_blocker=0))
    return made


@pytest.fixture(scope="module")
def vms(system, agent, domain, guest):
    """Two machines that run, each with an empty thin disk: one goes on when it can, one is ended when it waits too long."""
    behaviours = {"pause1": types.VmStorageErrorResumeBehaviour.AUTO_RESUME, "pause2": types.VmStorageErrorResumeBehaviour.KILL}
    made = []
    for name, behaviour in behaviours.items():
        service = products.make_bootable_vm(system, agent, domain, name, os.path.join(guest, "demo.qcow2"))
        service.update(types.Vm(storage_error_resume_behaviour=behaviour))
        disk = products.make_disk(system, domain, name + "-thin")
        service.disk_attachments_service().add(types.DiskAttachment(
            disk=types.Disk(id=disk.id), interface=types.DiskInterface.VIRTIO, bootable=False, active=True))
        service.start()
        made.append(service)
    for service in made:
        wait_status(service, types.VmStatus.UP)
        wait_for(lambda s=service: s.get().fqdn, 120, "the guest")
    yield made
    for service in made:
        products.stop_vm(service)


def guest_exec(agent, vm, command):
    what = {"execute": "guest-exec", "arguments": {"path": "/bin/sh", "arg": ["-c", command]}}
    agent.lab.virsh(agent.host, "qemu-agent-command", vm.get().id, json.dumps(what))


def codes(system, vm):
    return [e.code for e in system.events_service().list(max=200) if e.vm and e.vm.id == vm.get().id]


def test_a_full_domain_pauses_its_machines(system, agent, vms):
    """T248: paused, with status detail and an event; `start` resumes when there is room again, and that is told, too."""
    resize(agent, used(agent) + 4)
    for vm in vms:
        guest_exec(agent, vm, "dd if=/dev/zero of=/dev/vdb bs=1M count=48 oflag=direct; sync; echo written >/dev/console")
    for vm in vms:
        got = wait_status(vm, types.VmStatus.PAUSED, 60)
        assert got.status_detail == "enospc"
        wait_for(lambda v=vm: 138 in codes(system, v), 20, "the event")
    resize(agent, 2048)
    vms[0].start()
    got = wait_status(vms[0], types.VmStatus.UP, 30)
    assert got.status_detail is None
    wait_for(lambda: 196 in codes(system, vms[0]), 20, "the event of its recovery")
    volumes = [d for d in system.disks_service().list() if d.name == "pause1-thin"]
    path = f"{PATH}/*/images/{volumes[0].id}/{volumes[0].image_id}"
    wait_for(lambda: int(agent.lab.run(agent.host, ["sh", "-c", f"du -m {path}"]).stdout.split()[0]) >= 48, 60, "all that the guest wrote")


def test_one_that_waits_too_long_is_ended(system, vms):
    """A machine that is to be killed after a storage error is down, and does not start by itself."""
    assert vms[1].get().status == types.VmStatus.PAUSED
    wait_status(vms[1], types.VmStatus.DOWN, 120)
    assert vms[0].get().status == types.VmStatus.UP
    assert vms[1].get().stop_reason or [d for d in system.events_service().list(max=50) if d.vm and d.vm.id == vms[1].get().id]


def test_a_shutdown_that_is_not_heeded_is_given_up(system, manager, agent, domain):
    """After the time of the option VmGracefulShutdownTimeout, which the administrator may set, the machine is up again; or, forced, down."""
    option = system.options_service().option_service("VmGracefulShutdownTimeout")
    assert option.get().values[0].value == "30"
    for line, value in ("VmGracefulShutdownTimeout=never", "30"), ("VmGracefulShutdownTimeout=2", "2"):
        with open(os.path.join(manager.state, "options"), "w") as f:
            f.write(f"# of this installation\n{line}\n")
        assert option.get().values[0].value == value
    made = system.vms_service().add(types.Vm(name="deaf", cluster=types.Cluster(id=agent.cluster.id), template=types.Template(name="Blank"),
                                             memory=64 * MB))
    vm = system.vms_service().vm_service(made.id)
    disk = products.make_disk(system, domain, "deaf-disk", 8 * MB)
    vm.disk_attachments_service().add(types.DiskAttachment(
        disk=types.Disk(id=disk.id), interface=types.DiskInterface.VIRTIO, bootable=True, active=True))
    vm.start()
    wait_status(vm, types.VmStatus.UP)
    vm.shutdown()
    wait_status(vm, types.VmStatus.POWERING_DOWN, 10)
    wait_status(vm, types.VmStatus.UP, 15)
    vm.shutdown(force=True)
    wait_status(vm, types.VmStatus.DOWN, 15)
