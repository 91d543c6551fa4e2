# SPDX-License-Identifier: Apache-2.0
"""Which guests there can be, and what a VM can be told without a host."""
import ovirtsdk4 as sdk
import ovirtsdk4.types as types
import pytest
import rest

GIB = 2**30


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("guests")) as manager, manager.connect() as connection:
        yield connection.system_service()


def add(system, name, **kwargs):
    return system.vms_service().add(types.Vm(name=name, cluster=types.Cluster(name="Default"), template=types.Template(name="Blank"), **kwargs))


@pytest.mark.parametrize("key", [
    "rhel_3", "rhel_3x64",  # S033
    "rhel_4", "rhel_4x64",  # S034
    "rhel_5", "rhel_5x64",  # S035, S023
    "windows_2003", "windows_2003x64",  # S038
    "windows_2008", "windows_2008x64", "windows_2008R2x64",  # S039
    "windows_7", "windows_7x64",  # S092
])
def test_guest_system(system, key):
    known = {o.name for o in system.operating_systems_service().list()}
    assert key in known
    vm = add(system, key, os=types.OperatingSystem(type=key))
    service = system.vms_service().vm_service(vm.id)
    assert service.get().os.type == key
    service.remove()


def test_sizes(system):
    """S032: 16 processors and 64 GB. S097, T783: 256 GB. X016: memory now and at most. X018: processors."""
    for name, cpus, memory in ("s032", 16, 64), ("s097", 64, 256):
        vm = add(system, name, memory=memory * GIB, memory_policy=types.MemoryPolicy(guaranteed=GIB, max=2 * memory * GIB),
                 cpu=types.Cpu(topology=types.CpuTopology(sockets=cpus, cores=1, threads=1)))
        got = system.vms_service().vm_service(vm.id).get()
        assert (got.memory, got.memory_policy.max, got.cpu.topology.sockets) == (memory * GIB, 2 * memory * GIB, cpus)
    with pytest.raises(sdk.Error) as e:
        add(system, "upside-down", memory=2 * GIB, memory_policy=types.MemoryPolicy(max=GIB))
    assert "max" in str(e.value)


def test_boot_order_is_kept(system):
    """S105: from CD or network, at every start."""
    devices = [types.BootDevice.NETWORK, types.BootDevice.CDROM]
    vm = add(system, "boots", os=types.OperatingSystem(boot=types.Boot(devices=devices)))
    assert system.vms_service().vm_service(vm.id).get().os.boot.devices == devices


def test_identities(system):
    """X031: found by name. X034: a new id each. A name is one VM's."""
    one, other = add(system, "name-1"), add(system, "name-2")
    assert one.id != other.id
    assert [v.id for v in system.vms_service().list(search="name=name-2")] == [other.id]
    with pytest.raises(sdk.Error):
        add(system, "name-1")
