# SPDX-License-Identifier: Apache-2.0
"""Hooks of a host, from the API's custom property to the script and back (P095)."""
import hashlib
import os
import tempfile

import ovirtsdk4
import ovirtsdk4.types as types
import products
import pytest
from products import wait_for, wait_status

PYTHON = os.path.join(products.ROOT, "agent/hooks/python")


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


class Scripts:
    def __init__(self, directory):
        self.dir = directory

    def put(self, point, body, name="50_test", shell="/bin/sh"):
        folder = os.path.join(self.dir, point)
        os.makedirs(folder, 0o755, exist_ok=True)
        path = os.path.join(folder, name)
        with open(path, "w") as f:
            f.write(f"#!{shell}\n{body}\n")
        os.chmod(path, 0o755)
        return path


@pytest.fixture(scope="module")
def scripts(lab):
    directory = tempfile.mkdtemp(prefix="hooks", dir=lab.dir)
    os.chmod(directory, 0o755)
    return Scripts(directory)


@pytest.fixture(scope="module")
def host(lab, manager, sdk, cluster, scripts):
    agent = products.Agent(lab, 1, manager)
    plain = agent.argv
    agent.argv = lambda: [*plain(), "--hooks", scripts.dir, "--hooks-python", PYTHON, "--hooks-timeout", "5"]
    try:
        agent.enroll(sdk, cluster)
        agent.cluster = cluster
        yield agent
    finally:
        agent.stop()


@pytest.fixture(scope="module")
def domain(system, host):
    return products.make_domain(system, host, "hooked")


@pytest.fixture
def vm(system, host, domain, guest):
    service = products.make_bootable_vm(system, host, domain, "hooked", os.path.join(guest, "demo.qcow2"))
    yield service
    products.stop_vm(service)
    service.remove()
    wait_for(lambda: not system.vms_service().list(search="name=hooked"), 60, "VM removed")


def xml_of(host, vm_id):
    return host.lab.virsh(host.host, "dumpxml", vm_id)


def test_property_reaches_the_script_and_changes_the_machine(system, host, scripts, vm):
    """P095"""
    scripts.put("before_vm_start", """
import os
import hooking
if "sap_agent" in os.environ and hooking.tobool(os.environ["sap_agent"]):
    dom = hooking.read_domxml()
    title = dom.createElement("title")
    title.appendChild(dom.createTextNode("changed for " + os.environ["vmId"]))
    dom.documentElement.insertBefore(title, dom.getElementsByTagName("uuid")[0].nextSibling)
    hooking.write_domxml(dom)
""", shell="/usr/bin/python3")
    vm.update(types.Vm(custom_properties=[types.CustomProperty(name="sap_agent", value="true")]))
    vm.start()
    wait_status(vm, types.VmStatus.UP)
    assert f"<title>changed for {vm.get().id}</title>" in xml_of(host, vm.get().id)


def test_script_stops_the_start(system, host, scripts, vm):
    """The machine stays down, and the script's words are told."""
    path = scripts.put("before_vm_start", "echo no licence for this machine >&2; exit 2")
    try:
        vm.start()
        wait_for(lambda: vm.get().status == types.VmStatus.DOWN and any(
            "no licence for this machine" in (e.description or "") for e in system.events_service().list(max=50)), 60, "the event")
    finally:
        os.unlink(path)
    vm.start()
    wait_status(vm, types.VmStatus.UP)


def test_hooks_are_listed(system, host, scripts):
    path = scripts.put("after_vm_destroy", "exit 0", "70_last")
    service = system.hosts_service().host_service(host.id)
    service.refresh()
    hooks = service.hooks_service().list()
    one = next(h for h in hooks if h.name == "70_last")
    with open(path, "rb") as f:
        assert one.md5 == hashlib.md5(f.read()).hexdigest()
    assert one.event_name == "after_vm_destroy" and one.host.id == host.id
    assert service.hooks_service().hook_service(one.id).get().name == "70_last"
    with pytest.raises(ovirtsdk4.NotFoundError):
        service.hooks_service().hook_service(host.id).get()
    followed = system.hosts_service().host_service(host.id).get(follow="hooks")
    assert [h.name for h in followed.hooks if h.id == one.id] == ["70_last"]
