# SPDX-License-Identifier: Apache-2.0
"""The machine itself: processors, memory, cards, disks, firmware, small devices; what a guest sees and what is refused.

Shows T781, T784, T785 (limits of processors, memory, cards), T787 and T815 to T817 (disks), T792, T797 (processor of the
cluster), T802 to T805 and T813 (devices of the board, graphics), T806 and T822 (balloon), T807 to T811 (network cards),
T819 and T820 (sound), T821 (virtio-serial), X033 (the UUID that a guest reads is the VM's id), S012 (devices
of the host).
"""
import os
import xml.etree.ElementTree as ET

import ovirtsdk4
import ovirtsdk4.types as types
import products
import pytest
from products import wait_for, wait_status
from serial_console import SerialConsole

MB = 2**20
DEVICES = "cat /sys/bus/pci/devices/*/device"


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def domain(system, agent):
    return products.make_domain(system, agent, "data1")


@pytest.fixture(scope="module")
def kernel(agent, guest):
    """The guest's kernel and initrd where the host can read them: for machines whose firmware finds no boot sector."""
    names = {}
    for name in ("vmlinuz", "initrd.gz"):
        names[name] = f"/var/lib/hostler-{name}"
        agent.lab.run(agent.host, ["install", "-m", "644", os.path.join(guest, name), names[name]])
    return types.OperatingSystem(kernel=names["vmlinuz"], initrd=names["initrd.gz"],
                                 cmdline="console=ttyS0 no_timer_check")  # emulation is late at times


@pytest.fixture(scope="module")
def vm(system, agent, domain, guest, kernel):
    """A VM with most of what there is, booted once."""
    service = products.make_bootable_vm(system, agent, domain, "hw1", os.path.join(guest, "demo.qcow2"))
    service.update(types.Vm(os=kernel))
    yield service
    products.stop_vm(service)
    service.remove()


@pytest.fixture
def bare(system, agent, kernel):
    """VMs without disks that boot the kernel: made by name and members, removed in the end."""
    made = []

    def make(name, **members):
        members.setdefault("memory", 128 * MB)
        members.setdefault("memory_policy", types.MemoryPolicy(guaranteed=64 * MB, max=256 * MB))
        os_ = members.pop("os", types.OperatingSystem())
        os_.kernel, os_.initrd, os_.cmdline = kernel.kernel, kernel.initrd, kernel.cmdline
        vm = system.vms_service().add(types.Vm(name=name, cluster=types.Cluster(id=agent.cluster.id), os=os_,
                                               template=types.Template(name="Blank"), **members))
        made.append(system.vms_service().vm_service(vm.id))
        return made[-1]
    yield make
    for service in made:
        products.stop_vm(service)
        service.remove()


def boot(agent, service, prompt=True):
    service.start()
    wait_status(service, types.VmStatus.UP, 90)
    made = SerialConsole(agent.lab.uri(agent.host), service.get().id)
    if prompt:
        made.prompt(120)
    return made


def domain_xml(agent, service):
    return ET.fromstring(agent.lab.run(agent.host, ["virsh", "-q", "dumpxml", service.get().id]).stdout)


def refused(what, match, kind=ovirtsdk4.Error):
    with pytest.raises(kind, match=match):
        what()


def add_nic(service, name, interface, profile):
    return service.nics_service().add(types.Nic(name=name, interface=interface,
                                                vnic_profile=types.VnicProfile(id=profile) if profile else None))


@pytest.fixture(scope="module")
def profile(system, agent):
    for p in system.vnic_profiles_service().list():
        if p.name == "ovirtmgmt" and system.networks_service().network_service(p.network.id).get().data_center.id == \
                system.clusters_service().cluster_service(agent.cluster.id).get().data_center.id:
            return p.id
    raise AssertionError("no profile of the management network")


# -- a machine with most of what there is ------------------------------------------------------


def test_watchdogs(vm):
    service = vm.watchdogs_service()
    assert service.list() == []
    refused(lambda: service.add(types.Watchdog(model=types.WatchdogModel.DIAG288, action=types.WatchdogAction.RESET)), "S390")
    refused(lambda: service.add(types.Watchdog(model=types.WatchdogModel.I6300ESB)), "action")
    made = service.add(types.Watchdog(model=types.WatchdogModel.I6300ESB, action=types.WatchdogAction.RESET))
    refused(lambda: service.add(types.Watchdog(model=types.WatchdogModel.I6300ESB, action=types.WatchdogAction.RESET)), "already")
    one = service.watchdog_service(made.id)
    assert one.update(types.Watchdog(action=types.WatchdogAction.PAUSE)).action == types.WatchdogAction.PAUSE
    assert service.list()[0].model == types.WatchdogModel.I6300ESB
    one.remove()
    assert service.list() == []
    service.add(types.Watchdog(model=types.WatchdogModel.I6300ESB, action=types.WatchdogAction.POWEROFF))


def test_network_filter_parameters(vm, profile):
    nic = add_nic(vm, "nic1", types.NicInterface.VIRTIO, profile)
    service = vm.nics_service().nic_service(nic.id).network_filter_parameters_service()
    refused(lambda: service.add(types.NetworkFilterParameter(name="a b", value="1")), "letters")
    made = service.add(types.NetworkFilterParameter(name="IP", value="10.0.0.7"))
    assert [p.value for p in service.list()] == ["10.0.0.7"]
    assert service.parameter_service(made.id).update(types.NetworkFilterParameter(value="10.0.0.8")).value == "10.0.0.8"
    service.parameter_service(made.id).remove()
    assert service.list() == []


def test_guest_sees_its_machine(system, agent, vm, domain, profile):
    """All models of network cards, virtio-scsi, watchdog, sound, random numbers, balloon; CPU and UUID."""
    clusters = system.clusters_service().cluster_service(agent.cluster.id)
    refused(lambda: clusters.update(types.Cluster(cpu=types.Cpu(type="Zilog Z80"))), "no known CPU type")
    clusters.update(types.Cluster(cpu=types.Cpu(type="Intel Conroe Family")))
    for model in (types.NicInterface.E1000, types.NicInterface.E1000E, types.NicInterface.RTL8139):
        add_nic(vm, model.value, model, profile)
    refused(lambda: add_nic(vm, "pass", types.NicInterface.PCI_PASSTHROUGH, profile), "not supported")
    scsi = products.make_disk(system, domain, "hw1-scsi")
    vm.disk_attachments_service().add(types.DiskAttachment(disk=types.Disk(id=scsi.id), active=True,
                                                           interface=types.DiskInterface.VIRTIO_SCSI, bootable=False))
    vm.update(types.Vm(soundcard_enabled=True, rng_device=types.RngDevice(
        source=types.RngSource.URANDOM, rate=types.Rate(bytes=65536, period=1000)), io=types.Io(threads=1),
        cpu=types.Cpu(topology=types.CpuTopology(sockets=1, cores=2, threads=1)),
        display=types.Display(type=types.DisplayType.VNC, video_type=types.VideoType.QXL)))
    console = boot(agent, vm)
    try:
        seen = console.run(DEVICES)
        assert "0x25ab" in seen, "watchdog i6300esb"
        assert "0x100e" in seen and "0x10d3" in seen and "0x8139" in seen, "network cards"
        assert "0x293e" in seen or "0x2668" in seen, "sound"
        assert "0x0100" in seen, "qxl"
        assert "0x1041" in seen and "0x1045" in seen and "0x1044" in seen and "0x1048" in seen, "virtio"
        assert "Core 2" in console.run("grep -m1 model.name /proc/cpuinfo")
        assert console.run("grep -c ^processor /proc/cpuinfo") == "2"
        assert console.run("cat /sys/class/dmi/id/product_uuid").lower() == vm.get().id
        assert scsi.id[:20] in console.run("strings /sys/block/sda/device/vpd_pg80")
        assert "org.qemu.guest_agent.0" in console.run("ls /dev/virtio-ports")
    finally:
        console.close()
    xml = domain_xml(agent, vm)
    assert xml.find("devices/memballoon").get("model") == "virtio" and xml.find("devices/rng/rate").get("bytes") == "65536"
    assert xml.find("iothreads").text == "1" and xml.find("devices/watchdog").get("action") == "poweroff"
    assert xml.find("cpu/model").text == "Conroe"
    assert {n.find("model").get("type") for n in xml.findall("devices/interface")} == {"virtio", "e1000", "e1000e", "rtl8139"}


def test_cards_and_disks_come_and_go(system, agent, vm, domain, profile):
    """Into the running machine and out of it again; the guest sees both."""
    uri = agent.lab.uri(agent.host)
    with SerialConsole(uri, vm.get().id) as console:
        console.prompt(30)
        before = console.run("ls /sys/class/net").split()
        nic = add_nic(vm, "hot1", types.NicInterface.VIRTIO, profile)
        wait_for(lambda: len(console.run("ls /sys/class/net").split()) == len(before) + 1, 30, "card in the guest")
        one = vm.nics_service().nic_service(nic.id)
        one.update(types.Nic(linked=False))
        mac = one.get().mac.address
        console.run("cd /sys/class/net")
        name = console.run(f"grep -l {mac} */address").split("/")[0]
        wait_for(lambda: console.run(f"cat /sys/class/net/{name}/carrier") == "0", 20, "no carrier")
        refused(lambda: one.update(types.Nic(interface=types.NicInterface.E1000)), "unplug")
        one.remove()
        wait_for(lambda: len(console.run("ls /sys/class/net").split()) == len(before), 30, "card out of the guest")
        disk = products.make_disk(system, domain, "hw1-hot")
        attachments = vm.disk_attachments_service()
        made = attachments.add(types.DiskAttachment(disk=types.Disk(id=disk.id), interface=types.DiskInterface.VIRTIO_SCSI,
                                                    active=True, bootable=False))
        wait_for(lambda: len(console.run("ls -d /sys/block/sd*").split()) == 2, 30, "disk in the guest")
        attachments.attachment_service(made.id).remove(detach_only=False)
        wait_for(lambda: len(console.run("ls -d /sys/block/sd*").split()) == 1, 30, "disk out of the guest")


def change_cd(system, agent, domain, guest, service, console):
    """A disc goes into the running machine's drive and comes out again."""
    size = os.path.getsize(os.path.join(guest, "demo.iso"))
    iso = products.make_disk(system, domain, "disc.iso", size=(size + 4095) // 4096 * 4096,
                             content_type=types.DiskContentType.ISO)
    products.fill_disk(agent, domain, iso, os.path.join(guest, "demo.iso"))
    cds = service.cdroms_service()
    cd = cds.cdrom_service(cds.list()[0].id)
    console.run("mkdir -p /mnt")
    cd.update(types.Cdrom(file=types.File(id=iso.id)), current=True)
    wait_for(lambda: "isolinux" in console.run("mount -o ro /dev/sr0 /mnt; ls /mnt"), 30, "disc")
    assert cd.get(current=True).file.id == iso.id and not cd.get().file, "what is in the drive, and what is there at the next start"
    console.run("umount /mnt")
    cd.update(types.Cdrom(file=types.File(id="")), current=True)
    wait_for(lambda: "isolinux" not in console.run("mount -o ro /dev/sr0 /mnt; ls /mnt"), 30, "no disc")
    assert not cd.get(current=True).file


# -- other machines -------------------------------------------------------------------------------


def test_old_chipset(system, agent, domain, guest, bare, vm):
    """I440FX: IDE disks to the limit, AC97, cirrus, a CD that changes; the fourth IDE disk is refused with the limit."""
    products.stop_vm(vm)
    old = bare("hw-old", bios=types.Bios(type=types.BiosType.I440FX_SEA_BIOS), soundcard_enabled=True,
               os=types.OperatingSystem(type="windows_xp"),
               display=types.Display(type=types.DisplayType.VNC, video_type=types.VideoType.CIRRUS))
    attachments, ids = old.disk_attachments_service(), []
    for i in range(3):
        disk = products.make_disk(system, domain, f"ide{i}", size=8 * MB)
        attachments.add(types.DiskAttachment(disk=types.Disk(id=disk.id), interface=types.DiskInterface.IDE, active=True,
                                             bootable=False))
        ids.append(disk.id)
    disk = products.make_disk(system, domain, "ide3", size=8 * MB)
    refused(lambda: attachments.add(types.DiskAttachment(disk=types.Disk(id=disk.id), interface=types.DiskInterface.IDE,
                                                         active=True, bootable=False)), "4 IDE slots.*3 disks")
    refused(lambda: attachments.add(types.DiskAttachment(disk=types.Disk(id=disk.id), interface=types.DiskInterface.SATA,
                                                         active=True, bootable=False)), "no SATA")
    refused(lambda: old.update(types.Vm(tpm_enabled=True)), "Q35")
    console = boot(agent, old)
    try:
        seen = console.run(DEVICES)
        assert "0x2415" in seen and "0x00b8" in seen, "AC97 and cirrus"
        assert "0x1237" in seen and "0x7000" in seen and "0x7113" in seen, "host bridge, ISA bridge, board"
        assert len(console.run("ls -d /sys/block/sd*").split()) == 3
        assert "sr0" in console.run("ls /sys/block")
        change_cd(system, agent, domain, guest, old, console)
    finally:
        console.close()


def test_uefi_boots(agent, bare):
    service = bare("hw-uefi", bios=types.Bios(type=types.BiosType.Q35_OVMF), memory=256 * MB,
                   memory_policy=types.MemoryPolicy(guaranteed=128 * MB, max=512 * MB),
                   display=types.Display(type=types.DisplayType.VNC, video_type=types.VideoType.BOCHS))
    console = boot(agent, service)
    try:
        assert "systab" in console.run("ls /sys/firmware/efi")
        assert "0x1111" in console.run(DEVICES), "bochs"
    finally:
        console.close()


def test_tpm(agent, bare):
    """TPM 2.0, where the host can emulate one."""
    known = ET.fromstring(agent.lab.run(agent.host, ["virsh", "-q", "domcapabilities", "--virttype", "qemu"]).stdout)
    if known.find("devices/tpm/enum[@name='backendVersion']/value") is None:
        pytest.skip("libvirt finds no TPM to emulate on the host")
    service = bare("hw-tpm", bios=types.Bios(type=types.BiosType.Q35_OVMF), tpm_enabled=True, memory=256 * MB,
                   memory_policy=types.MemoryPolicy(guaranteed=128 * MB, max=512 * MB),
                   os=types.OperatingSystem(type="rhel_9x64"))
    console = boot(agent, service)
    try:
        assert domain_xml(agent, service).find("devices/tpm/backend").get("version") == "2.0"
        assert "TPM2" in console.run("ls /sys/firmware/acpi/tables")
    finally:
        console.close()


def test_headless(agent, bare):
    service = bare("hw-blind")
    consoles = service.graphics_consoles_service()
    for console in consoles.list():
        consoles.console_service(console.id).remove()
    boot(agent, service, prompt=False).close()
    xml = domain_xml(agent, service)
    assert xml.find("devices/graphics") is None and (xml.find("devices/video/model") is None or
                                                     xml.find("devices/video/model").get("type") == "none")


# -- NUMA, pins, devices of the host -----------------------------------------------------------------


def test_numa_and_pins(system, agent, bare):
    host = system.hosts_service().host_service(agent.id)
    nodes = host.numa_nodes_service().list()
    assert nodes and nodes[0].index == 0 and nodes[0].memory > 0 and nodes[0].cpu.cores
    service = bare("hw-numa", cpu=types.Cpu(topology=types.CpuTopology(sockets=2, cores=1, threads=1)),
                   placement_policy=types.VmPlacementPolicy(affinity=types.VmAffinity.PINNED, hosts=[types.Host(id=agent.id)]))
    numa = service.numa_nodes_service()

    def node(index, memory, *cpus):
        return types.VirtualNumaNode(index=index, memory=memory, numa_tune_mode=types.NumaTuneMode.STRICT,
                                     cpu=types.Cpu(cores=[types.Core(index=i) for i in cpus]),
                                     numa_node_pins=[types.NumaNodePin(index=0)])
    first = numa.add(node(0, 64, 0))
    refused(lambda: numa.add(node(0, 64, 1)), "already")
    refused(lambda: numa.add(node(1, 64, 0)), "two NUMA nodes")
    refused(lambda: numa.add(node(1, 65, 1)), "129 MB together, the VM has 128 MB")
    refused(lambda: numa.add(node(1, 64, 2)), "the VM has 2")
    refused(service.start, "64 MB together")
    second = numa.add(node(1, 32, 1))
    assert numa.node_service(second.id).update(types.VirtualNumaNode(memory=64)).memory == 64
    refused(lambda: service.update(types.Vm(cpu=types.Cpu(cpu_tune=types.CpuTune(
        vcpu_pins=[types.VcpuPin(vcpu=2, cpu_set="0")])))), "the VM has 2")
    refused(lambda: service.update(types.Vm(cpu=types.Cpu(cpu_tune=types.CpuTune(
        vcpu_pins=[types.VcpuPin(vcpu=0, cpu_set="3-1")])))), "before it begins")
    service.update(types.Vm(cpu=types.Cpu(cpu_tune=types.CpuTune(vcpu_pins=[types.VcpuPin(vcpu=0, cpu_set="0"),
                                                                            types.VcpuPin(vcpu=1, cpu_set="1000")]))))
    refused(service.start, "pinned to '1000'")
    service.update(types.Vm(cpu=types.Cpu(cpu_tune=types.CpuTune(vcpu_pins=[types.VcpuPin(vcpu=0, cpu_set="0")]))))
    console = boot(agent, service)
    try:
        assert "node1" in console.run("ls /sys/devices/system/node")
    finally:
        console.close()
    assert domain_xml(agent, service).find("cputune/vcpupin").get("cpuset") == "0"
    products.stop_vm(service)
    numa.node_service(first.id).remove()
    assert [n.index for n in numa.list()] == [1]


def test_pinning_by_itself(system, agent, bare):
    service = bare("hw-auto")
    refused(lambda: service.auto_pin_cpu_and_numa_nodes(optimize_cpu_settings=True), "bound to one host")
    service.update(types.Vm(placement_policy=types.VmPlacementPolicy(hosts=[types.Host(id=agent.id)])))
    service.auto_pin_cpu_and_numa_nodes(optimize_cpu_settings=True)
    got, host = service.get(), system.hosts_service().host_service(agent.id).get()
    assert len(got.cpu.cpu_tune.vcpu_pins) == \
        host.cpu.topology.sockets * host.cpu.topology.cores * host.cpu.topology.threads
    assert len(service.numa_nodes_service().list()) == \
        len(system.hosts_service().host_service(agent.id).numa_nodes_service().list())


def test_devices_of_the_host(system, agent, bare):
    host = system.hosts_service().host_service(agent.id)
    devices = host.devices_service().list()
    assert any(d.name == "computer" for d in devices)
    assert host.devices_service().device_service(devices[0].id).get().name == devices[0].name
    service = bare("hw-pass")
    refused(lambda: service.host_devices_service().add(types.HostDevice(name="pci_0000_99_00_0")), "bound to one host")
    service.update(types.Vm(placement_policy=types.VmPlacementPolicy(hosts=[types.Host(id=agent.id)])))
    refused(lambda: service.host_devices_service().add(types.HostDevice(name="pci_0000_99_00_0")), "no device")
    refused(lambda: service.host_devices_service().add(types.HostDevice(name="computer")), "cannot be handed through")
    assert service.host_devices_service().list() == []


# -- what is refused -----------------------------------------------------------------------------------


def test_limits_are_named(system, bare):
    service = bare("hw-limits")

    def update(**members):
        return lambda: service.update(types.Vm(**members))
    refused(update(cpu=types.Cpu(topology=types.CpuTopology(sockets=711, cores=1, threads=1))), "711|710")
    refused(update(cpu=types.Cpu(topology=types.CpuTopology(sockets=90, cores=8, threads=1))), "4.8 has 710 virtual CPUs")
    refused(update(custom_compatibility_version=types.Version(major=4, minor=4),
                   cpu=types.Cpu(topology=types.CpuTopology(sockets=16, cores=25, threads=1))), "4.4 has 384 virtual CPUs")
    refused(update(memory=32 * 1024 * MB, memory_policy=types.MemoryPolicy(max=64 * 1024 * MB),
                   os=types.OperatingSystem(type="windows_2008")), "20480 MB of memory at most")
    refused(update(memory_policy=types.MemoryPolicy(max=64 * MB)), "Maximum memory")
    refused(update(display=types.Display(monitors=3)), "1, 2 or 4")
    refused(update(display=types.Display(monitors=2)), "SPICE")
    refused(update(display=types.Display(video_type=types.VideoType.BOCHS)), "UEFI")
    refused(update(display=types.Display(smartcard_enabled=True)), "SPICE")
    refused(update(tpm_enabled=True), "does not support a TPM")
    refused(update(os=types.OperatingSystem(type="windows_2019x64")), "does not run on the CPU Conroe")
    refused(update(os=types.OperatingSystem(type="windows_11"), custom_cpu_model="Westmere",
                   cpu=types.Cpu(topology=types.CpuTopology(sockets=2, cores=1, threads=1))), "needs a TPM")
    refused(update(custom_emulated_machine="pc-i440fx-7.2"), "Q35")
    refused(update(bios=types.Bios(type=types.BiosType.Q35_SECURE_BOOT), os=types.OperatingSystem(type="windows_xp")), "UEFI")
    refused(update(custom_properties=[types.CustomProperty(name="nonsense", value="1")]), "Known are: sap_agent")
    refused(update(custom_properties=[types.CustomProperty(name="sap_agent", value="maybe")]), "must match")
    refused(update(custom_properties=[types.CustomProperty(name="hugepages", value="1048576")]), "multiple")
    refused(update(serial_number=types.SerialNumber(policy=types.SerialNumberPolicy.CUSTOM)), "needs a value")
    refused(update(cpu_pinning_policy=types.CpuPinningPolicy.DEDICATED), "not supported")
    refused(update(io=types.Io(threads=128)), "127")
    refused(update(os=types.OperatingSystem(boot=types.Boot(devices=[types.BootDevice.HD, types.BootDevice.HD]))), "twice")


def test_host_lacks_the_model(bare):
    service = bare("hw-model", custom_cpu_model="SuperCPU-9000")
    refused(service.start, "does not have the CPU model SuperCPU-9000")
    service.update(types.Vm(custom_cpu_model="", custom_emulated_machine="pc-q35-99.9"))
    refused(service.start, "does not have the machine pc-q35-99.9")
    service.update(types.Vm(custom_emulated_machine=""))


def test_too_many_cards(system, bare, profile):
    service = bare("hw-cards")
    with pytest.raises(ovirtsdk4.Error, match="PCI devices at most"):
        for i in range(27):
            add_nic(service, f"n{i}", types.NicInterface.VIRTIO, None)
    assert 20 <= len(service.nics_service().list()) <= 25


# -- QoS, instance types ----------------------------------------------------------------------------------


def test_qos(system, agent, domain, bare, profile):
    """Limits of a data center reach the disk and the card of the machine."""
    center = system.clusters_service().cluster_service(agent.cluster.id).get().data_center
    qoss = system.data_centers_service().data_center_service(center.id).qoss_service()
    refused(lambda: qoss.add(types.Qos(name="bad", type=types.QosType.STORAGE, max_iops=1, max_read_iops=1)), "excludes")
    slow = qoss.add(types.Qos(name="slow", type=types.QosType.STORAGE, max_throughput=50, max_iops=500))
    net = qoss.add(types.Qos(name="thin", type=types.QosType.NETWORK, inbound_average=10, inbound_peak=20, inbound_burst=10))
    cpu = qoss.add(types.Qos(name="half", type=types.QosType.CPU, cpu_limit=50))
    assert {q.name for q in qoss.list()} >= {"slow", "thin", "half"}
    assert qoss.qos_service(slow.id).update(types.Qos(max_iops=600)).max_iops == 600
    profiles = system.disk_profiles_service()
    refused(lambda: profiles.add(types.DiskProfile(name="wrong", storage_domain=types.StorageDomain(id=domain.id),
                                                   qos=types.Qos(id=net.id))), "of the type network")
    disk_profile = profiles.add(types.DiskProfile(name="limited", storage_domain=types.StorageDomain(id=domain.id),
                                                  qos=types.Qos(id=slow.id)))
    cpu_profile = system.cpu_profiles_service().add(types.CpuProfile(
        name="halved", cluster=types.Cluster(id=agent.cluster.id), qos=types.Qos(id=cpu.id)))
    network = system.vnic_profiles_service().profile_service(profile).get().network
    nic_profile = system.vnic_profiles_service().add(types.VnicProfile(name="thin", network=types.Network(id=network.id),
                                                                       qos=types.Qos(id=net.id)))
    service = bare("hw-qos", cpu_profile=types.CpuProfile(id=cpu_profile.id))
    disk = products.make_disk(system, domain, "slow-disk", size=8 * MB, disk_profile=types.DiskProfile(id=disk_profile.id))
    service.disk_attachments_service().add(types.DiskAttachment(disk=types.Disk(id=disk.id), active=True, bootable=False,
                                                                interface=types.DiskInterface.VIRTIO))
    nic = add_nic(service, "thin", types.NicInterface.VIRTIO, nic_profile.id)
    service.nics_service().nic_service(nic.id).deactivate()  # small kernels of test hosts cannot shape traffic
    boot(agent, service, prompt=False).close()
    xml = domain_xml(agent, service)
    tune = xml.find("devices/disk[@device='disk']/iotune")
    assert tune.find("total_bytes_sec").text == str(50 * MB) and tune.find("total_iops_sec").text == "600"
    assert "vcpuLimit" in ET.tostring(xml, encoding="unicode")
    products.stop_vm(service)
    nic_profiles, cpu_profiles = system.vnic_profiles_service(), system.cpu_profiles_service()
    for one, kind in ((nic_profiles.profile_service(nic_profile.id), types.VnicProfile),
                      (cpu_profiles.profile_service(cpu_profile.id), types.CpuProfile)):
        assert one.get().qos.id in (net.id, cpu.id)
        assert one.update(kind(qos=types.Qos(id=""))).qos is None and one.get().qos is None, "an empty id means none"
    assert profiles.add(types.DiskProfile(name="free", storage_domain=types.StorageDomain(id=domain.id), qos=types.Qos(id=""))).qos is None
    qoss.qos_service(slow.id).remove()
    assert profiles.disk_profile_service(disk_profile.id).get().qos is None


def test_instance_types(system, agent, bare):
    service = system.instance_types_service()
    made = service.add(types.InstanceType(name="own", memory=192 * MB, cpu=types.Cpu(topology=types.CpuTopology(
        sockets=1, cores=2, threads=1)), high_availability=types.HighAvailability(enabled=True, priority=7)))
    one = service.instance_type_service(made.id)
    one.watchdogs_service().add(types.Watchdog(model=types.WatchdogModel.I6300ESB, action=types.WatchdogAction.RESET))
    assert one.update(types.InstanceType(memory=160 * MB)).memory == 160 * MB
    vm = bare("hw-type", memory=None, memory_policy=None, instance_type=types.InstanceType(id=made.id))
    got = vm.get()
    assert got.memory == 160 * MB and got.cpu.topology.cores == 2 and got.high_availability.priority == 7
    assert vm.watchdogs_service().list()[0].action == types.WatchdogAction.RESET
    refused(one.remove, "VM hw-type has it")
    nic = one.nics_service().add(types.Nic(name="nic1", interface=types.NicInterface.E1000))
    assert one.nics_service().list()[0].interface == types.NicInterface.E1000
    other = bare("hw-type2", memory=None, memory_policy=None, instance_type=types.InstanceType(id=made.id))
    cards = other.nics_service().list()
    assert [(n.name, n.interface) for n in cards] == [("nic1", types.NicInterface.E1000)] and cards[0].mac.address
    one.nics_service().nic_service(nic.id).remove()


def test_guest_systems_tell_of_the_tpm(system):
    support = {o.name: o.tpm_support for o in system.operating_systems_service().list()}
    assert support["windows_11"] == types.TpmSupport.REQUIRED and support["rhel_9x64"] == types.TpmSupport.SUPPORTED
    assert support["other"] == types.TpmSupport.UNSUPPORTED
