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
    vm.stop()
    wait_status(vm, types.VmStatus.DOWN)
    wait_for(lambda: found("cpu_usage >= 0") == [], 30, "no numbers of a machine that does not run")
