# SPDX-License-Identifier: Apache-2.0
"""hostler-agent on a host of the lab, driven without a Manager; certificates come from openssl."""
import os
import select
import signal
import subprocess
import uuid as uuids
from xml.sax.saxutils import quoteattr

import products
from vdsm_client import Client

PORT = 54321


def openssl(*argv, **kwargs):
    return subprocess.run(["openssl", *argv], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, **kwargs).stdout


class Authority:
    """A CA with a client certificate in the role of the Manager."""

    def __init__(self, directory):
        self.dir = str(directory)
        self.ca, self.ca_key = self._path("ca.pem"), self._path("ca.key")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.ca_key, "-out", self.ca, "-days", "30",
                "-subj", "/O=test/CN=test CA")
        self.cert, self.key = self._path("manager.pem"), self._path("manager.key")
        csr = self._path("manager.csr")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", self.key, "-out", csr, "-subj", "/O=test/CN=manager")
        self.sign(csr, self.cert)

    def _path(self, name):
        return os.path.join(self.dir, name)

    def sign(self, csr, out):
        openssl("x509", "-req", "-in", csr, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial", "-days", "30",
                "-out", out)


class AgentHost:
    def __init__(self, lab, host, authority, directory):
        self.lab, self.host, self.authority, self.dir = lab, host, authority, str(directory)
        self.address = lab.address(host)
        self.state = os.path.join(self.dir, "state")
        self.log = os.path.join(self.dir, "agent.log")
        self.options = ["--accel", "tcg"]
        self.process = None

    def give_certificates(self):
        pki = os.path.join(self.state, "pki")
        os.makedirs(pki, mode=0o700)
        key, csr = os.path.join(pki, "vdsmkey.pem"), os.path.join(self.dir, "agent.csr")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", csr, "-subj", "/O=test/CN=" + self.address)
        self.authority.sign(csr, os.path.join(pki, "vdsmcert.pem"))
        with open(self.authority.ca) as src, open(os.path.join(pki, "cacert.pem"), "w") as dst:
            dst.write(src.read())

    def start(self, *more, timeout=20):
        ready, report = os.pipe()
        with open(self.log, "ab") as out:
            self.process = self.lab.popen(
                self.host, [products.AGENT, "--state", self.state, "--run-dir", "/run/vdsm", "--storage-root",
                            os.path.join(self.lab.shared, f"rhev{self.host}"), "--log-level", "debug", "--ready-fd", str(report),
                            *self.options, *more], stdout=out, stderr=out, pass_fds=[report])
        os.close(report)
        ok = select.select([ready], [], [], timeout)[0] and os.read(ready, 6)
        os.close(ready)
        if not ok:
            raise AssertionError("the agent did not start: " + self.tail())

    def tail(self):
        with open(self.log, errors="replace") as f:
            return f.read()[-4000:]

    def signal(self, sig):
        self.process.send_signal(sig)
        self.process.wait(20)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.signal(signal.SIGTERM)

    def kill(self):
        self.signal(signal.SIGKILL)

    @property
    def pid(self):
        return self.process.real_pid

    def rss_kib(self):
        with open(f"/proc/{self.pid}/status") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1])

    def helper_rss_kib(self):
        """Of the part that stays root: a child with the same command line."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children") as f:
            children = f.read().split()
        with open(f"/proc/{self.pid}/cmdline") as f:
            own = f.read()
        total = 0
        for pid in children:
            with open(f"/proc/{pid}/cmdline") as f:
                is_helper = f.read() == own
            with open(f"/proc/{pid}/status") as f:
                total += is_helper * int(next(line for line in f if line.startswith("VmRSS")).split()[1])
        return total

    def client(self, **kwargs):
        return Client(self.address, PORT, self.authority.ca, self.authority.cert, self.authority.key, **kwargs)

    # -- libvirt's daemon on the host

    def libvirtd_pid(self):
        out = self.lab.run(self.host, ["pgrep", "-x", "libvirtd"], check=False).stdout.split()
        return int(out[0]) if out else None

    def kill_libvirtd(self):
        self.lab.run(self.host, ["pkill", "-KILL", "-x", "libvirtd"], check=False)

    def start_libvirtd(self):
        self.lab.run(self.host, ["libvirtd", "-d"])

    def kill_qemu(self, vm_id):
        self.lab.run(self.host, ["pkill", "-KILL", "-f", "qemu-system.*" + vm_id])


def domain_xml(vm_id, guest, name=None, memory=128, kind="kvm", disks=(), nics=(), append="", agent=True, meta="", vnc=True,
               devices="", machine="q35"):
    """A domain as a Manager writes it: type kvm, our metadata."""
    parts = []
    for target, path in disks:
        parts.append(f"<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file={quoteattr(path)}/>"
                     f"<target dev='{target}' bus='virtio'/></disk>")
    for mac, bridge in nics:
        parts.append(f"<interface type='bridge'><mac address='{mac}'/><source bridge='{bridge}'/>"
                     "<model type='virtio'/><link state='up'/></interface>")
    if agent:
        parts.append("<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/>"
                     "<source mode='bind' path='/var/lib/nowhere/channel.sock'/></channel>")
    if vnc:
        parts.append("<graphics type='vnc' port='-1' autoport='yes' passwd='*****' passwdValidTo='1970-01-01T00:00:01'>"
                     "<listen type='network' network='vdsm-ovirtmgmt'/></graphics><video><model type='vga' vram='2048'/></video>")
    ports = "".join(f"<controller type='pci' index='{i}' model='pcie-root-port'/>" for i in range(1, 13))
    kernel = ("<cmdline>console=ttyS0 quiet nokaslr panic=-1 swiotlb=noforce lab.quiet " + append + "</cmdline>"
              f"<kernel>{guest}/vmlinuz</kernel><initrd>{guest}/initrd.gz</initrd>")
    return f"""<?xml version='1.0'?>
<domain type='{kind}' xmlns:ovirt-vm='http://ovirt.org/vm/1.0'>
<name>{name or "vm-" + vm_id[:8]}</name><uuid>{vm_id}</uuid>
<memory unit='MiB'>{memory}</memory><vcpu current='1'>2</vcpu>
<metadata><ovirt-vm:vm><ovirt-vm:minGuaranteedMemoryMb type='int'>64</ovirt-vm:minGuaranteedMemoryMb>{meta}</ovirt-vm:vm></metadata>
<sysinfo type='smbios'><system><entry name='manufacturer'>oVirt</entry><entry name='product'>OS-NAME:</entry>
<entry name='version'>OS-VERSION:</entry><entry name='serial'>HOST-SERIAL:</entry></system></sysinfo>
<os><type arch='x86_64' machine='{machine}'>hvm</type>{kernel}<smbios mode='sysinfo'/></os>
<features><acpi/><apic/></features><cpu mode='host-passthrough'/>
<clock offset='variable' adjustment='0'><timer name='kvmclock' present='yes'/></clock>
<on_reboot>restart</on_reboot>
<devices>{"".join(parts)}<controller type='usb' model='none'/>{ports}
<memballoon model='virtio'><stats period='2'/></memballoon>
<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>{devices}</devices></domain>"""


def new_id():
    return str(uuids.uuid4())
