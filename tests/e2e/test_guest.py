# SPDX-License-Identifier: Apache-2.0
"""What guests are told at their first start, and what they tell: with the unmodified SDK and a real guest."""
import json
import os

import ovirtsdk4
import ovirtsdk4.types as types
import products
import pytest
from products import wait_for, wait_status

SCRIPT = "runcmd:\n  - ip link set eth0 up; ip addr add 10.99.0.5/24 dev eth0; ip addr add 2001:db8::5/64 dev eth0 nodad\n  - echo cloud\n"


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def vm(system, agents, domains, guest):
    """A VM with a network card and a CD drive that the small guest's kernel knows."""
    service = products.make_bootable_vm(system, agents[0], domains[0], "guest1", os.path.join(guest, "demo.qcow2"))
    service.update(types.Vm(bios=types.Bios(type=types.BiosType.I440FX_SEA_BIOS), initialization=types.Initialization(
        host_name="cloudy", user_name="joe", root_password="secret", custom_script=SCRIPT,
        authorized_ssh_keys="ssh-rsa AAAA joe@example", dns_servers="10.0.0.1", timezone="Europe/Berlin")))
    service.nics_service().add(types.Nic(name="nic1", interface=types.NicInterface.VIRTIO))
    service.start(use_cloud_init=True)
    wait_status(service, types.VmStatus.UP)
    wait_for(lambda: service.get().fqdn == "cloudy", 180, "the guest to tell the name that cloud-init gave it")
    yield service
    products.stop_vm(service)
    service.remove()


def test_cloud_init_and_what_the_guest_tells(system, vm):
    """T818: data of the first start reaches the guest; address, time zone, system are reported."""
    def address():
        devices = vm.reported_devices_service().list()
        return [ip.address for d in devices if d.name == "eth0" for ip in d.ips or []]
    wait_for(lambda: "10.99.0.5" in address(), 90, "the address that cloud-init gave")
    device = next(d for d in vm.reported_devices_service().list() if d.name == "eth0")
    assert device.mac.address == vm.nics_service().list()[0].mac.address
    assert any(ip.version == types.IpVersion.V6 for d in vm.reported_devices_service().list() for ip in d.ips or [])
    one = vm.get()
    assert one.guest_operating_system.family == "Linux" and one.guest_operating_system.kernel.version.major >= 6
    assert one.guest_time_zone.utc_offset == "+00:00"
    apps = vm.applications_service().list()
    assert [a.name for a in apps if a.name.startswith("qemu-guest-agent-")], apps
    assert vm.applications_service().application_service(apps[0].id).get().name == apps[0].name
    assert vm.sessions_service().list() == []
    for query in "ip = 10.99.0.5", "fqdn = cloudy", "apps = qemu-guest-agent*", "cpu_usage <= 100 and name = guest1":
        assert [v.name for v in system.vms_service().list(search=query)] == ["guest1"], query
    assert system.vms_service().list(search="ip = 10.99.0.6") == []


def test_file_systems_stand_still(vm):
    vm.freeze_filesystems()
    vm.thaw_filesystems()
    with pytest.raises(ovirtsdk4.Error, match="knows no desktop"):
        vm.logon()


def test_statistics_have_a_history(vm):
    def values(name):
        return next(s for s in vm.statistics_service().list() if s.name == name).values or []
    wait_for(lambda: len(values("cpu.usage.history")) >= 1, 60, "a sample")
    assert all(0 <= v.datum <= 100 for v in values("memory.usage.history"))
    assert values("network.current.total")[0].datum >= 0
    assert isinstance(json.loads(values("disks.usage")[0].detail), list)


def test_cloud_init_reads_nocloud(vm):
    """T818: the same as a NoCloud medium, when the VM's custom property says so."""
    with pytest.raises(ovirtsdk4.Error, match="config-drive.nocloud"):
        vm.update(types.Vm(custom_properties=[types.CustomProperty(name="cloud_init_source", value="vfat")]))
    products.stop_vm(vm)
    vm.update(types.Vm(custom_properties=[types.CustomProperty(name="cloud_init_source", value="nocloud")]))
    vm.start(use_cloud_init=True, vm=types.Vm(initialization=types.Initialization(host_name="cidata1", custom_script=SCRIPT)))
    wait_status(vm, types.VmStatus.UP)
    wait_for(lambda: vm.get().fqdn == "cidata1", 180, "the guest to tell the name that the NoCloud medium gave it")
    vm.update(types.Vm(custom_properties=[]))


def test_bad_data_for_the_first_start_is_refused(system, vm, agents):
    with pytest.raises(ovirtsdk4.Error, match="not up|must be|cannot|Cannot"):
        vm.start(use_cloud_init=True)
    made = system.vms_service().add(types.Vm(name="guest2", cluster=types.Cluster(id=agents[0].cluster.id),
                                             template=types.Template(name="Blank")))
    service = system.vms_service().vm_service(made.id)
    wait_status(service, types.VmStatus.DOWN)
    for field, value in {"dns_servers": "nonsense", "host_name": "a b"}.items():
        with pytest.raises(ovirtsdk4.Error, match=field):
            service.update(types.Vm(initialization=types.Initialization(**{field: value})))
    service.update(types.Vm(os=types.OperatingSystem(boot=types.Boot(devices=[types.BootDevice.NETWORK])),
                            initialization=types.Initialization(custom_script="- a list")))
    service.nics_service().add(types.Nic(name="nic1"))
    with pytest.raises(ovirtsdk4.Error, match="custom_script"):
        service.start(use_cloud_init=True)
    wait_status(service, types.VmStatus.DOWN)
    with pytest.raises(ovirtsdk4.Error, match="not up"):
        service.freeze_filesystems()
    service.remove()
