# SPDX-License-Identifier: Apache-2.0
"""The tour of what a user can do, with the unmodified oVirt SDK, two agents, and real VMs."""
import os
import signal
import time

import ovirtsdk4
import ovirtsdk4.types as types
import products
import pytest
from products import wait_for, wait_status
from serial_console import SerialConsole
from vnc import Vnc, VncRefused


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def image(guest):
    return os.path.join(guest, "demo.qcow2")


@pytest.fixture(scope="module")
def vm(system, agents, domains, image):
    """A VM on host 1 that boots from its disk."""
    service = products.make_bootable_vm(system, agents[0], domains[0], "web1", image)
    yield service
    products.stop_vm(service)
    service.remove()
    wait_for(lambda: not system.vms_service().list(search="name=web1"), 60, "VM removed")


def start(service):
    service.start()
    wait_status(service, types.VmStatus.UP)


# -- reading and following ----------------------------------------------------------------


def test_root(system):
    api = system.get()
    assert api.product_info.version.full_version
    assert api.special_objects.blank_template.id == "0" * 8 + "-0000-0000-0000-" + "0" * 12


def test_collections_can_be_listed(system):
    for name in ("data_centers", "clusters", "hosts", "networks", "vnic_profiles", "templates", "vms", "disks", "events", "jobs",
                 "tags", "roles", "users", "groups", "permissions", "operating_systems", "network_filters", "mac_pools",
                 "cpu_profiles", "disk_profiles", "instance_types", "storage_domains", "storage_connections", "bookmarks"):
        assert isinstance(getattr(system, name + "_service")().list(), list), name


def test_links_are_followed(sdk, system, agents):
    host = system.hosts_service().list(search="name=host1")[0]
    assert sdk.follow_link(host.cluster).name == "e2e"
    assert sdk.follow_link(sdk.follow_link(host.cluster).data_center).name == "e2e"
    followed = system.hosts_service().host_service(host.id).get(follow="cluster.data_center,statistics")
    assert followed.cluster.data_center.name == "e2e" and followed.statistics


# -- data centers, clusters, networks -----------------------------------------------------


def test_data_center_life(system):
    centers = system.data_centers_service()
    made = centers.add(types.DataCenter(name="dc1", local=False, description="first"))
    service = centers.data_center_service(made.id)
    assert service.update(types.DataCenter(description="second")).description == "second"
    assert service.get().name == "dc1" and not service.get().local
    with pytest.raises(ovirtsdk4.Error, match="already in use"):
        centers.add(types.DataCenter(name="dc1", local=True))
    service.remove()
    with pytest.raises(ovirtsdk4.NotFoundError):
        service.get()


def test_cluster_life(system, cluster):
    clusters = system.clusters_service()
    made = clusters.add(types.Cluster(name="c2", data_center=types.DataCenter(id=cluster.data_center.id)))
    service = clusters.cluster_service(made.id)
    assert service.update(types.Cluster(comment="x")).comment == "x"
    assert [n.name for n in service.networks_service().list()] == ["ovirtmgmt"]
    service.remove()
    assert not clusters.list(search="name=c2")


def test_network_and_profile_life(system, cluster):
    networks = system.networks_service()
    made = networks.add(types.Network(name="lan1", data_center=types.DataCenter(id=cluster.data_center.id), mtu=1400))
    profiles = system.vnic_profiles_service()
    assert [p.name for p in profiles.list() if p.network.id == made.id] == ["lan1"]
    profile = profiles.add(types.VnicProfile(name="slow", network=types.Network(id=made.id)))
    assert profiles.profile_service(profile.id).update(types.VnicProfile(port_mirroring=True)).port_mirroring
    attached = system.clusters_service().cluster_service(cluster.id).networks_service()
    attached.add(types.Network(id=made.id, required=False))
    assert not attached.network_service(made.id).get().required
    assert attached.network_service(made.id).update(types.Network(required=True)).required
    attached.network_service(made.id).remove()
    assert networks.network_service(made.id).update(types.Network(description="x")).description == "x"
    profiles.profile_service(profile.id).remove()
    networks.network_service(made.id).remove()
    assert not networks.list(search="name=lan1")


# -- hosts ---------------------------------------------------------------------------------


def test_hosts_tell_what_they_are(system, agents):
    for agent in agents:
        host = system.hosts_service().host_service(agent.id).get()
        assert host.status == types.HostStatus.UP and host.memory > 2**30 and host.cpu.topology.cores >= 1
        names = {s.name: s.values[0].datum for s in system.hosts_service().host_service(agent.id).statistics_service().list()}
        assert names["memory.total"] == host.memory and "cpu.current.idle" in names
        assert system.hosts_service().host_service(agent.id).nics_service().list()


def test_emulation_is_said(system, agents):
    assert any(e.code == 127 for e in system.events_service().list())


def test_host_goes_into_maintenance_and_back(system, agents, domains):
    service = system.hosts_service().host_service(agents[1].id)
    service.deactivate(reason="looking inside")
    wait_status(service, types.HostStatus.MAINTENANCE)
    with pytest.raises(ovirtsdk4.Error, match="already in Maintenance"):
        service.deactivate()
    service.activate()
    wait_status(service, types.HostStatus.UP)
    wait_for(lambda: system.data_centers_service().data_center_service(domains[1].center).get().status ==
             types.DataCenterStatus.UP, 60, "data center up again")


# -- storage and disks ---------------------------------------------------------------------


def test_storage_domain_is_there(system, domains):
    for domain in domains:
        got = system.storage_domains_service().storage_domain_service(domain.id).get()
        assert got.available > 0 and got.master and got.storage_format == types.StorageFormat.V5
        center = system.data_centers_service().data_center_service(domain.center).get()
        assert center.status == types.DataCenterStatus.UP


@pytest.mark.parametrize("form, sparse", [("raw", True), ("raw", False), ("cow", True)])
def test_disk_life(system, agents, domains, form, sparse):
    disk = products.make_disk(system, domains[0], f"d-{form}-{sparse}", 8 * 2**20, format=types.DiskFormat(form), sparse=sparse)
    assert disk.provisioned_size == 8 * 2**20 and disk.image_id
    folder = f"{domains[0].path}/{domains[0].id}/images/{disk.id}"
    info = agents[0].lab.run(agents[0].host, ["qemu-img", "info", f"{folder}/{disk.image_id}"]).stdout
    assert ("qcow2" if form == "cow" else "raw") in info
    service = system.disks_service().disk_service(disk.id)
    assert service.update(types.Disk(description="x")).description == "x"
    service.remove()
    wait_for(lambda: not system.disks_service().list(search=f"id={disk.id}"), 30, "disk removed")
    assert agents[0].lab.run(agents[0].host, ["test", "-e", folder], check=False).returncode == 1


# -- virtual machines ----------------------------------------------------------------------


def test_vm_boots_to_its_prompt(system, agents, vm):
    start(vm)
    got = vm.get()
    assert got.host.id == agents[0].id and got.start_time
    console = SerialConsole(agents[0].lab.uri(agents[0].host), got.id)
    console.prompt(90)
    assert "Linux" in console.run("uname -s")
    console.close()


def test_vm_statistics_jobs_and_events(system, vm):
    names = {s.name for s in vm.statistics_service().list()}
    assert {"memory.installed", "cpu.current.total"} <= names
    jobs = system.jobs_service().list()
    assert any("web1" in (j.description or "") for j in jobs)
    steps = system.jobs_service().job_service(jobs[0].id).steps_service().list()
    assert isinstance(steps, list)
    assert any("web1" in (e.description or "") for e in system.events_service().list(search="", max=100))


def test_correlation_id_finds_the_job(system, agents, domains):
    disk = system.disks_service().add(
        types.Disk(name="traced", provisioned_size=4 * 2**20, format=types.DiskFormat.RAW,
                   storage_domains=[types.StorageDomain(id=domains[0].id)]), headers={"Correlation-Id": "trace-me-1"})
    jobs = system.jobs_service().list(search="correlation_id=trace-me-1")
    assert len(jobs) == 1
    wait_for(lambda: system.jobs_service().list(search="correlation_id=trace-me-1")[0].status == types.JobStatus.FINISHED, 30)
    with open(agents[0].log, errors="replace") as f:
        assert "trace-me-1" in f.read()
    system.disks_service().disk_service(disk.id).remove()


def test_graphics_console_with_a_ticket(system, agents, vm):
    consoles = vm.graphics_consoles_service()
    console = consoles.list(current=True)[0]
    service = consoles.console_service(console.id)
    got = service.get(current=True)
    assert got.protocol == types.GraphicsType.VNC and got.port
    with pytest.raises(VncRefused):
        Vnc(got.address, got.port, "no ticket yet")
    ticket = service.ticket(types.Ticket(expiry=60))
    with Vnc(got.address, got.port, ticket.value) as screen:
        assert screen.width >= 320
    with pytest.raises(VncRefused):
        Vnc(got.address, got.port, "wrong")


def test_running_vm_is_protected(vm):
    with pytest.raises(ovirtsdk4.Error, match="running"):
        vm.remove()
    with pytest.raises(ovirtsdk4.Error):
        vm.start()


def test_nic_life(system, agents, vm):
    nics = vm.nics_service()
    profile = [p for p in system.vnic_profiles_service().list() if p.name == "ovirtmgmt" and
               system.networks_service().network_service(p.network.id).get().data_center.id == agents[0].cluster.data_center.id][0]
    nic = nics.add(types.Nic(name="nic1", vnic_profile=types.VnicProfile(id=profile.id)))
    assert nic.mac.address and nic.interface == types.NicInterface.VIRTIO and nic.plugged
    service = nics.nic_service(nic.id)
    assert service.update(types.Nic(linked=False)).linked is False
    service.deactivate()
    assert not service.get().plugged
    service.activate()
    assert service.get().plugged
    service.deactivate()
    service.remove()
    assert not nics.list()


def test_shutdown_and_stop(vm):
    if vm.get().status != types.VmStatus.UP:
        start(vm)
    vm.shutdown()
    wait_status(vm, types.VmStatus.DOWN, 60)
    start(vm)
    vm.stop()
    wait_status(vm, types.VmStatus.DOWN)


def test_vm_update(vm):
    assert vm.update(types.Vm(description="a server", memory=160 * 2**20)).memory == 160 * 2**20
    assert vm.get().description == "a server"


def test_two_hosts_run_vms_alike(system, agents, domains, image):
    other = products.make_bootable_vm(system, agents[1], domains[1], "web2", image)
    start(other)
    assert other.get().host.id == agents[1].id
    products.stop_vm(other)
    other.remove()
    wait_for(lambda: not system.vms_service().list(search="name=web2"), 60)


# -- nothing is lost -----------------------------------------------------------------------


def test_vm_survives_the_manager(manager, agents, vm):
    start(vm)
    vm_id = vm.get().id
    manager.restart(signal.SIGKILL)
    again = manager.connect()
    service = again.system_service().vms_service().vm_service(vm_id)
    assert service.get().status == types.VmStatus.UP
    wait_for(lambda: again.system_service().hosts_service().host_service(agents[0].id).get().status == types.HostStatus.UP, 60)
    assert service.get().status == types.VmStatus.UP
    again.close()


def test_vm_survives_the_agent(system, agents, vm):
    agents[0].restart(signal.SIGKILL)
    host = system.hosts_service().host_service(agents[0].id)
    wait_for(lambda: host.get().status == types.HostStatus.UP, 60)
    assert vm.get().status == types.VmStatus.UP
    assert vm.statistics_service().list()


def test_vm_survives_libvirt(lab, system, agents, vm):
    lab.run(agents[0].host, ["pkill", "-KILL", "-x", "libvirtd"])
    time.sleep(1)
    assert vm.get().status in (types.VmStatus.UP, types.VmStatus.NOT_RESPONDING)
    lab.run(agents[0].host, ["libvirtd", "-d"])
    wait_for(lambda: vm.get().status == types.VmStatus.UP, 60)
    host = system.hosts_service().host_service(agents[0].id)
    wait_for(lambda: host.get().status == types.HostStatus.UP, 60)


def test_death_of_qemu_is_noticed(lab, agents, vm):
    lab.run(agents[0].host, ["pkill", "-KILL", "-f", "guest=web1"])
    wait_status(vm, types.VmStatus.DOWN, 30)
    start(vm)
    products.stop_vm(vm)


def test_vm_disk_leaves_with_it(system, agents, domains, image):
    service = products.make_bootable_vm(system, agents[0], domains[0], "gone", image)
    disk = service.disk_attachments_service().list()[0]
    service.remove()
    wait_for(lambda: not system.vms_service().list(search="name=gone"), 60)
    assert not system.disks_service().list(search=f"id={disk.id}")
    kept = products.make_bootable_vm(system, agents[0], domains[0], "kept", image)
    disk = kept.disk_attachments_service().list()[0]
    kept.remove(detach_only=True)
    wait_for(lambda: not system.vms_service().list(search="name=kept"), 60)
    system.disks_service().disk_service(disk.id).remove()
