# SPDX-License-Identifier: Apache-2.0
"""Searches by what hosts report, among so many machines that they are answered from columns.

Shows S057, S059.
"""
import concurrent.futures
import os

import ovirtsdk4.types as types
import products
import pytest
import rest
from products import wait_for, wait_status

MANY = 520


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def vm(manager, system, agents, domains, guest):
    service = products.make_bootable_vm(system, agents[0], domains[0], "busy1", os.path.join(guest, "demo.qcow2"))

    ask = rest.Rest(manager)
    ask.login()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: ask.add("vms", name=f"idle-{i}", cluster={"name": "e2e"}, template={"name": "Blank"}), range(MANY)))
    yield service  # the Manager ends with the module: nothing is removed one by one
    products.stop_vm(service)


def busy_hosts(system):
    """Hosts are found by how busy they are, and by what is known of them."""
    def found(search):
        return [h.name for h in system.hosts_service().list(search=search, max=5)]

    all_of_them = sorted(h.name for h in system.hosts_service().list())
    wait_for(lambda: found("cpu_usage >= 0 and mem_usage > 0 and network_usage >= 0 and load >= 0") == all_of_them, 60, "numbers of the hosts")
    assert found("cpu_usage > 100 or mem_usage > 100") == [] and found("cpu_usage <= 100 and mem_usage <= 100") == all_of_them
    assert sorted(found("sortby cpu_usage desc")) == all_of_them == found("cpus >= 1 and memory > 100 and status = up")
    assert found("active_vms = 1") == ["host1"] == found("active_vms >= 1 and vms.name = busy1") and found("active_vms > 1 or migrating_vms = 1 or load > 10000") == []
    assert found("committed_mem > 0") == ["host1"]


def test_dates_of_disks(system, vm):
    """When a disk was made, and when somebody last changed it."""
    def found(search):
        return [d.alias for d in system.disks_service().list(search=search)]

    name = found("vm_names = busy1")
    assert len(name) == 1 and found("creation_date > yesterday") == name and found("creation_date < yesterday") == []
    assert found("last_modified > yesterday sortby last_modified desc") == name
    system.disks_service().disk_service(system.disks_service().list()[0].id).update(types.Disk(description="looked at"))
    assert found("last_modified > yesterday and description = looked*") == name and found("last_modified < yesterday") == []


def test_busy_machines(system, vm):
    """A machine that boots is busy, how much so depends on what else runs here; searches follow what is reported."""
    def found(search):
        return [v.name for v in system.vms_service().list(search=search, max=5)]

    assert found("cpu_usage >= 0") == [] and found("uptime < 10") == [] and found("name=idle-*7 and status=up") == []
    vm.start()
    wait_status(vm, types.VmStatus.UP)
    wait_for(lambda: found("cpu_usage > 0") == ["busy1"], 90, "the machine to be found busy")
    assert found("cpu_usage > 0 or cpu_usage <= 0") == ["busy1"] and found("cpu_usage > 100") == []
    assert found("sortby cpu_usage desc")[0] == "busy1" and found("mem_usage >= 0 and network_usage >= 0") == ["busy1"]
    assert found("Hosts.name=host1") == ["busy1"] and found("host.status=up and uptime < 1") == ["busy1"]
    assert [h.name for h in system.hosts_service().list(search="vms.name=busy1")] == ["host1"]
    busy_hosts(system)
    vm.stop()
    wait_status(vm, types.VmStatus.DOWN)
    wait_for(lambda: found("cpu_usage >= 0") == [], 30, "no numbers of a machine that does not run")
