# SPDX-License-Identifier: Apache-2.0
"""The cluster's memory policy on its hosts, and what hosts tell of themselves."""
import os
import tempfile

import ovirtsdk4.types as types
import products
import pytest
from products import wait_for

KSM = {"run": 0, "pages_to_scan": 100, "sleep_millisecs": 20, "merge_across_nodes": 1, "pages_shared": 0, "pages_sharing": 25600}


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def ksm(lab):
    directory = tempfile.mkdtemp(prefix="ksm", dir=lab.dir)
    os.chmod(directory, 0o755)
    for name, value in KSM.items():
        write(directory, name, value)
    return directory


def write(directory, name, value):
    with open(os.path.join(directory, name), "w") as f:
        f.write(f"{value}\n")
    os.chmod(f.name, 0o666)


def read(directory, name):
    with open(os.path.join(directory, name)) as f:
        return int(f.read())


@pytest.fixture(scope="module")
def host(lab, manager, sdk, cluster, ksm):
    agent = products.Agent(lab, 1, manager)
    plain = agent.argv
    agent.argv = lambda: [*plain(), "--ksm", ksm]
    try:
        agent.enroll(sdk, cluster)
        yield agent
    finally:
        agent.stop()


@pytest.fixture(scope="module")
def vm(system, cluster, host, guest):
    host.cluster = cluster
    domain = products.make_domain(system, host, "limited")
    service = products.make_bootable_vm(system, host, domain, "limited", os.path.join(guest, "demo.qcow2"))
    networks = {n.id for n in system.data_centers_service().data_center_service(cluster.data_center.id).networks_service().list()}
    profile = next(p for p in system.vnic_profiles_service().list() if p.network.id in networks)
    service.nics_service().add(types.Nic(name="eth0", vnic_profile=types.VnicProfile(id=profile.id)))
    service.start()
    products.wait_status(service, types.VmStatus.UP)
    service.domain, service.profile = domain, profile
    yield service
    products.stop_vm(service)


def log_has(host, text):
    with open(host.log, errors="replace") as f:
        return text in f.read()


def test_policy_is_given_when_the_host_comes_up(host):
    """S010, S013"""
    wait_for(lambda: log_has(host, "memory policy"), 20, "the policy")


def test_changes_of_the_cluster_reach_the_host(system, cluster, host, ksm):
    """S010, S013: the switch of the cluster, and shared memory as the host reports it."""
    service = system.clusters_service().cluster_service(cluster.id)
    service.update(types.Cluster(ksm=types.Ksm(enabled=True, merge_across_nodes=False), ballooning_enabled=True))
    wait_for(lambda: read(ksm, "merge_across_nodes") == 0, 20, "merging within nodes")
    wait_for(lambda: log_has(host, "BALLOONS=on KSM=on"), 20, "the policy")
    write(ksm, "run", 1)
    write(ksm, "pages_shared", 77)
    service.update(types.Cluster(ksm=types.Ksm(enabled=False), ballooning_enabled=False))
    wait_for(lambda: read(ksm, "run") == 2, 20, "taken apart")
    wait_for(lambda: any(e.code == 10200 for e in system.events_service().list(max=100)), 20, "the event")


def test_statistics_of_the_host(system, host):
    service = system.hosts_service().host_service(host.id)
    wait_for(lambda: service.get().transparent_huge_pages is not None, 30, "statistics")
    got = service.get()
    assert got.ksm.enabled in (True, False) and got.ksm.merge_across_nodes in (True, False)
    values = {s.name: s for s in service.statistics_service().list()}
    for name in ("memory.total", "memory.used", "memory.free", "memory.shared", "memory.buffers", "memory.cached", "swap.total",
                 "swap.free", "swap.used", "swap.cached", "ksm.cpu.current", "cpu.current.user", "cpu.current.system",
                 "cpu.current.idle", "cpu.load.avg.5m", "boot.time"):
        assert name in values, name
    assert values["memory.shared"].values[0].datum == 100 * 2**20
    assert values["boot.time"].values[0].datum > 10**9
    assert values["memory.used"].values[0].datum + values["memory.free"].values[0].datum > 2**28
    one = service.statistics_service().statistic_service(values["swap.total"].id).get()
    assert one.name == "swap.total" and one.unit == types.StatisticUnit.BYTES


def test_statistics_of_its_cards(system, host):
    service = system.hosts_service().host_service(host.id)
    nic = service.nics_service().list()[0]
    statistics = service.nics_service().nic_service(nic.id).statistics_service()
    wait_for(lambda: len(statistics.list()) == 8, 30, "numbers of the card")
    values = {s.name: s.values[0].datum for s in statistics.list()}
    assert values["data.total.rx"] > 0 and values["data.total.tx"] > 0 and values["errors.total.rx"] >= 0
    wait_for(lambda: {s.name: s.values[0].datum for s in statistics.list()}["data.current.rx"] > 0, 60, "a rate")


def test_a_host_with_little_swap_is_told(system, host):
    """T771-T774: half of the memory and more by size; the host of the test may have enough."""
    service = system.hosts_service().host_service(host.id)
    memory = service.get().memory
    swap = {s.name: s.values[0].datum for s in service.statistics_service().list()}["swap.total"]
    extra = next(e for top, e in ((4, 2), (16, 4), (64, 8), (2**20, 16)) if memory <= top * 2**30)
    told = [e for e in system.events_service().list(max=200) if e.code == 536]
    assert bool(told) == (swap < memory // 2 + extra * 2**30)
    if told:
        assert "are recommended for its memory" in told[0].description


def test_limits_of_a_running_machine_follow_its_qos(system, manager, cluster, host, vm):
    """Processor time, disk and network card: when the profile gets a QoS, when the QoS changes, when it goes."""
    virsh, vm_id = host.lab.virsh, vm.get().id
    qoss = system.data_centers_service().data_center_service(cluster.data_center.id).qoss_service()

    def qos(**what):
        made = qoss.add(types.Qos(**what))
        return types.Qos(id=made.id), qoss.qos_service(made.id)
    cpu, cpu_service = qos(name="cpu", type=types.QosType.CPU, cpu_limit=40)
    disk, disk_service = qos(name="disk", type=types.QosType.STORAGE, max_iops=300)
    card, card_service = qos(name="card", type=types.QosType.NETWORK, inbound_average=8, inbound_peak=10, inbound_burst=1)

    profiles = system.cpu_profiles_service()
    one = profiles.profile_service(next(p.id for p in profiles.list() if p.cluster.id == cluster.id))
    one.update(types.CpuProfile(qos=cpu))
    disk_profiles = system.disk_profiles_service()
    two = disk_profiles.disk_profile_service(next(p.id for p in disk_profiles.list() if p.storage_domain.id == vm.domain.id))
    two.update(types.DiskProfile(qos=disk))
    system.vnic_profiles_service().profile_service(vm.profile.id).update(types.VnicProfile(qos=card))

    def iops():
        out = virsh(host.host, "blkdeviotune", vm_id, "vda")
        return next(int(line.split(":")[1]) for line in out.splitlines() if line.startswith("total_iops_sec "))

    def card_has(text):  # kernels of build machines lack the scheduler that libvirt wants; then the attempt must do
        with open(manager.log, errors="replace") as f:
            return text in virsh(host.host, "dumpxml", vm_id) or "qdisc kind is unknown" in f.read()
    wait_for(lambda: "<ovirt-tune:vcpuLimit>40<" in virsh(host.host, "dumpxml", vm_id), 20, "limit of processor time")
    wait_for(lambda: iops() == 300, 20, "limit of the disk")
    wait_for(lambda: card_has("<inbound average='1000' peak='1250' burst='1024'/>"), 20, "limit of the card")

    cpu_service.update(types.Qos(cpu_limit=70))
    disk_service.update(types.Qos(max_iops=200))
    card_service.update(types.Qos(inbound_average=16, inbound_peak=20))
    wait_for(lambda: "<ovirt-tune:vcpuLimit>70<" in virsh(host.host, "dumpxml", vm_id), 20, "limit of processor time")
    wait_for(lambda: iops() == 200, 20, "limit of the disk")
    wait_for(lambda: card_has("<inbound average='2000'"), 20, "limit of the card")


def test_guaranteed_memory_of_a_running_machine_reaches_its_host(host, vm):
    """T824: no restart is needed; the host's memory policy keeps to the new value from then on."""
    got = vm.get()
    assert got.memory_policy.guaranteed < got.memory
    vm.update(types.Vm(memory_policy=types.MemoryPolicy(guaranteed=got.memory)))
    assert not vm.get().next_run_configuration_exists
    text = f">{got.memory >> 20}</ovirt-vm:minGuaranteedMemoryMb>"
    assert text in host.lab.virsh(host.host, "dumpxml", got.id)
