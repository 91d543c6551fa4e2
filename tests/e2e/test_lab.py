# SPDX-License-Identifier: Apache-2.0
"""The ground itself: if these fail, the machine is at fault and not the product."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from products import ROOT, wait_for
from serial_console import SerialConsole
from vnc import Vnc, VncRefused

DOMAIN = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>256</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type><boot dev='hd'/></os><features><acpi/></features>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='{disk}'/><target dev='vda' bus='virtio'/></disk>
<serial type='pty'/><channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
<graphics type='vnc' autoport='yes' listen='0.0.0.0' passwd='ticket'/><video><model type='vga'/></video></devices></domain>"""


def make_disk(directory, guest, name):
    path = os.path.join(directory, name + ".qcow2")
    shutil.copy(os.path.join(guest, "demo.qcow2"), path)
    os.chown(path, 36, 36)
    xml = os.path.join(directory, name + ".xml")
    with open(xml, "w") as f:
        f.write(DOMAIN.format(name=name, disk=path))
    return xml


def test_hosts_are_apart_and_reach_each_other(lab):
    assert lab.run(1, ["hostname"]).stdout.strip() == "host1"
    lab.run(1, ["sh", "-c", "echo one >/etc/only-here; echo one >/var/lib/only-here; echo one >/run/only-here"])
    for path in "/etc/only-here", "/var/lib/only-here", "/run/only-here":
        assert lab.run(2, ["test", "-e", path], check=False).returncode == 1
        assert not os.path.exists(path)
    lab.run(1, ["busybox", "ping", "-c", "1", "-W", "2", "host2"])
    lab.run(0, ["busybox", "ping", "-c", "1", "-W", "2", "host1"])


def test_cable(lab):
    lab.cut(2)
    assert lab.run(0, ["busybox", "ping", "-c", "1", "-W", "1", "host2"], check=False).returncode != 0
    lab.join(2)
    wait_for(lambda: lab.run(0, ["busybox", "ping", "-c", "1", "-W", "1", "host2"], check=False).returncode == 0)


def test_guest_boots_from_its_disk_to_a_prompt(lab, guest):
    lab.virsh(1, "create", make_disk(lab.shared, guest, "boots"))
    with SerialConsole(lab.uri(1), "boots") as console:
        console.prompt()
        assert console.run("uname") == "Linux"
    port = 5900 + int(lab.virsh(1, "vncdisplay", "boots").split(":")[-1])
    with Vnc(lab.address(1), port, "ticket") as vnc:
        assert any(vnc.picture())
    with pytest.raises(VncRefused):
        Vnc(lab.address(1), port, "wrong")
    wait_for(lambda: lab.virsh(1, "qemu-agent-command", "boots", '{"execute":"guest-ping"}', check=False), what="guest agent")
    lab.virsh(1, "shutdown", "boots")
    wait_for(lambda: "boots" not in lab.virsh(1, "list", "--name"), what="power button")


def test_power_failure(lab, guest):
    xml = make_disk(lab.shared, guest, "dies")
    lab.virsh(2, "create", xml)
    lab.run(2, ["sh", "-c", "echo kept >/var/lib/kept; echo lost >/run/lost"])
    lab.kill(2)
    lab.start(2)
    assert lab.virsh(2, "list", "--all", "--name") == ""
    assert lab.run(2, ["cat", "/var/lib/kept"]).stdout == "kept\n"
    assert lab.run(2, ["test", "-e", "/run/lost"], check=False).returncode == 1


@pytest.fixture
def open_path():
    """A folder that VMs, which run as somebody else, can get into; pytest's own are closed to others."""
    made = pathlib.Path(tempfile.mkdtemp(prefix="hostler-lab-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_vms_outlive_the_private_daemon(guest, open_path):
    tool, place = os.path.join(ROOT, "tools/private-libvirtd.sh"), str(open_path / "lv")

    def call(command, check=True):
        done = subprocess.run([tool, command, place], check=check, stdout=subprocess.PIPE, text=True, timeout=60)
        return done.stdout.strip() if check else done.returncode
    mounts = open("/proc/mounts").read()
    try:
        call("start")
        subprocess.run(["virsh", "-q", "-c", call("uri"), "create", make_disk(open_path, guest, "outlives")], check=True)
        call("stop")
        assert call("status", check=False) == 3
        assert call("vms") == "outlives"
        call("start")
        found = subprocess.run(["virsh", "-q", "-c", call("uri"), "domstate", "outlives"], stdout=subprocess.PIPE, text=True, check=True)
        assert found.stdout.strip() == "running"
    finally:
        call("remove")
    assert call("vms") == "" and not os.path.exists(place) and open("/proc/mounts").read() == mounts
