# SPDX-License-Identifier: Apache-2.0
"""The life of a VM: started for once, changed while it runs, suspended, paused, killed and started again.

Shows X030 to X034 (a guest's name and UUID).
"""
import base64
import json
import os
import ssl
import time
import urllib.error
import urllib.request
import uuid

import ovirtsdk4
import ovirtsdk4.types as types
import products
import pytest
from products import wait_for, wait_status
from serial_console import SerialConsole

MB = 2**20


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def domain(system, agent):
    return products.make_domain(system, agent, "data1")


@pytest.fixture(scope="module")
def kernel(lab, agent, guest):
    """The guest's kernel and initrd where the host can read them."""
    names = {}
    for name in ("vmlinuz", "initrd.gz"):
        names[name] = f"/var/lib/hostler-{name}"
        agent.lab.run(agent.host, ["install", "-m", "644", os.path.join(guest, name), names[name]])
    return names


@pytest.fixture(scope="module")
def vm(system, agent, domain, guest):
    service = products.make_bootable_vm(system, agent, domain, "life1", os.path.join(guest, "demo.qcow2"))
    yield service
    products.stop_vm(service)
    service.remove()


def events(system, word):
    return [e.description for e in system.events_service().list(max=60) if word in e.description]


def console(agent, vm):
    made = SerialConsole(agent.lab.uri(agent.host), vm.get().id)
    made.prompt(90)
    return made


def boot(agent, service, **how):
    service.start(**how)
    wait_status(service, types.VmStatus.UP)
    return console(agent, service)


def start(vm):
    vm.start()
    wait_status(vm, types.VmStatus.UP)


def virsh(agent, *argv):
    return agent.lab.run(agent.host, ["virsh", "-q", *argv]).stdout


def put(manager, path, body, query=""):
    """PUT without the SDK, for what it does not know. The parsed answer."""
    context = ssl.create_default_context(cafile=manager.ca)
    request = urllib.request.Request(f"{manager.url}/{path}{query}", json.dumps(body).encode(), method="PUT", headers={
        "Authorization": "Basic " + base64.b64encode(f"admin@internal:{manager.password}".encode()).decode(),
        "Content-Type": "application/json", "Accept": "application/json"})
    with urllib.request.urlopen(request, context=context, timeout=60) as answer:
        return json.load(answer)


# -- started for once ----------------------------------------------------------------------


def test_run_once_boots_a_kernel(agent, vm, kernel):
    """A kernel of the host's for one start; the next one is as before. Less memory, another boot order, too."""
    console_ = boot(agent, vm, vm=types.Vm(memory=112 * MB, os=types.OperatingSystem(
        kernel=kernel["vmlinuz"], initrd=kernel["initrd.gz"], cmdline="console=ttyS0 hostler.once=1")))
    got = vm.get()
    assert got.run_once and got.memory == 128 * MB
    assert "hostler.once=1" in console_.run("cat /proc/cmdline")
    console_.close()
    assert "114688" in virsh(agent, "dominfo", got.id)
    products.stop_vm(vm)
    console_ = boot(agent, vm)
    assert not vm.get().run_once
    assert "hostler.once" not in console_.run("cat /proc/cmdline")
    console_.close()
    products.stop_vm(vm)


def test_run_once_checks_what_it_is_told(vm):
    with pytest.raises(ovirtsdk4.Error, match="absolute paths"):
        vm.start(vm=types.Vm(os=types.OperatingSystem(kernel="vmlinuz")))
    with pytest.raises(ovirtsdk4.Error, match="Only one of"):
        vm.start(use_cloud_init=True, use_sysprep=True)
    assert vm.get().status == types.VmStatus.DOWN


def test_run_once_volatile_ends_with_a_reboot(agent, vm, kernel):
    console_ = boot(agent, vm, volatile=True, vm=types.Vm(os=types.OperatingSystem(
        kernel=kernel["vmlinuz"], initrd=kernel["initrd.gz"], cmdline="console=ttyS0 hostler.once=1")))
    console_.close()
    assert vm.get().run_once
    vm.reboot()
    wait_for(lambda: vm.get().status == types.VmStatus.UP and not vm.get().run_once, 90, "up as it is configured")
    console_ = console(agent, vm)
    assert "hostler.once" not in console_.run("cat /proc/cmdline")
    console_.close()
    products.stop_vm(vm)


def test_start_paused_and_resume(agent, vm):
    vm.start(pause=True)
    wait_status(vm, types.VmStatus.PAUSED)
    assert "paused" in virsh(agent, "domstate", vm.get().id)
    vm.start()
    wait_status(vm, types.VmStatus.UP)
    products.stop_vm(vm)


def test_identities(system, agent, vm):
    """X030 to X034: a name that is unique and finds it, an id while it runs, a UUID that lasts and that the guest sees."""
    console_ = boot(agent, vm)
    got = vm.get()
    assert str(uuid.UUID(got.id)) == got.id
    assert [v.id for v in system.vms_service().list(search="name=life1")] == [got.id]
    with pytest.raises(ovirtsdk4.Error, match="already in use"):
        system.vms_service().add(types.Vm(name="life1", cluster=types.Cluster(id=got.cluster.id), template=types.Template(name="Blank")))
    assert virsh(agent, "domid", got.id).strip().isdigit()
    assert got.id in console_.run("cat /sys/class/dmi/id/product_uuid").lower()
    console_.close()


# -- changed while it runs -----------------------------------------------------------------


def test_what_waits_for_the_next_start(manager, system, agent, vm):
    """Runs (from the test before). A description is now, memory is later here, where the host emulates."""
    got = vm.get()
    answer = put(manager, f"vms/{got.id}", {"description": "new", "memory": str(160 * MB)}, "?dry_run=true")["dry_run"]
    assert [c["member"] for c in answer["now"]] == ["description"]
    assert [c["member"] for c in answer["next_run"]] == ["memory"] and "emulated" in answer["next_run"][0]["reason"]
    assert vm.get().description != "new"
    vm.update(types.Vm(description="new", memory=160 * MB))
    now, later = vm.get(), vm.get(next_run=True)
    assert now.description == "new" and now.memory == 128 * MB and now.next_run_configuration_exists
    assert later.memory == 160 * MB and later.description == "new" and later.name == "life1"
    vm.update(types.Vm(comment="later"), next_run=True)
    assert vm.get().comment != "later" and vm.get(next_run=True).comment == "later" and vm.get(next_run=True).memory == 160 * MB


def test_dry_run_is_refused_where_it_is_not_known(manager, vm):
    with pytest.raises(urllib.error.HTTPError) as refused:
        put(manager, f"clusters/{vm.get().cluster.id}", {"comment": "x"}, "?dry_run=true")
    assert refused.value.code in (400, 409, 501)


def test_reboot_takes_it_over(agent, vm):
    vm.reboot()
    wait_for(lambda: not vm.get().next_run_configuration_exists and vm.get().status == types.VmStatus.UP, 90, "up again")
    assert vm.get().memory == 160 * MB and vm.get().comment == "later"
    assert "163840" in virsh(agent, "dominfo", vm.get().id)


# -- suspended -----------------------------------------------------------------------------


def test_suspend_keeps_the_memory(system, agent, domain, vm):
    console_ = console(agent, vm)
    console_.run("echo remembered-4711 > /dev/shm/note")
    console_.close()
    vm.suspend()
    wait_status(vm, types.VmStatus.SUSPENDED, 120)
    assert vm.get().host is None
    kinds = {d.content_type for d in system.disks_service().list() if d.alias.startswith("life1_hibernation")}
    assert kinds == {types.DiskContentType.MEMORY_DUMP_VOLUME, types.DiskContentType.MEMORY_METADATA_VOLUME}
    with pytest.raises(ovirtsdk4.Error):
        vm.suspend()
    vm.start()
    wait_status(vm, types.VmStatus.UP, 120)
    console_ = console(agent, vm)
    assert "remembered-4711" in console_.run("cat /dev/shm/note")
    console_.close()
    wait_for(lambda: not [d for d in system.disks_service().list() if d.alias.startswith("life1_hibernation")], 60, "memory dropped")


def test_stopping_a_suspended_vm_drops_its_memory(system, vm):
    vm.suspend()
    wait_status(vm, types.VmStatus.SUSPENDED, 120)
    vm.stop(reason="not needed")
    wait_status(vm, types.VmStatus.DOWN)
    assert vm.get().stop_reason == "not needed"
    wait_for(lambda: not [d for d in system.disks_service().list() if d.alias.startswith("life1_hibernation")], 60, "memory dropped")


# -- failures ------------------------------------------------------------------------------


def kill_qemu(agent, name="life1"):
    agent.lab.run(agent.host, ["pkill", "-KILL", "-f", f"guest={name}"])


def test_available_vm_is_started_again(system, agent, vm):
    vm.update(types.Vm(high_availability=types.HighAvailability(enabled=True, priority=50)))
    start(vm)
    started = vm.get().start_time
    kill_qemu(agent)
    wait_for(lambda: vm.get().start_time not in (None, started) and vm.get().status == types.VmStatus.UP, 90, "started again")
    assert events(system, "down with error")


def test_stop_ends_the_restarts(vm, agent):
    vm.stop(reason="enough")
    wait_status(vm, types.VmStatus.DOWN)
    time.sleep(4)
    assert vm.get().status == types.VmStatus.DOWN and vm.get().stop_reason == "enough"
    vm.update(types.Vm(high_availability=types.HighAvailability(enabled=False)))
    start(vm)
    kill_qemu(agent)
    wait_status(vm, types.VmStatus.DOWN)
    time.sleep(4)
    assert vm.get().status == types.VmStatus.DOWN


def test_protected_and_refused(vm):
    vm.update(types.Vm(delete_protected=True))
    with pytest.raises(ovirtsdk4.Error, match="Delete protection is enabled"):
        vm.remove()
    vm.update(types.Vm(delete_protected=False))
    with pytest.raises(ovirtsdk4.Error, match="not running"):
        vm.suspend()
    with pytest.raises(ovirtsdk4.Error, match="not attached to a pool"):
        vm.detach()
    with pytest.raises(ovirtsdk4.Error, match="not migrating"):
        vm.cancel_migration()
