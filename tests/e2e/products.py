# SPDX-License-Identifier: Apache-2.0
"""Hostler's programs as the tests start, kill and ask them."""
import os
import select
import signal
import subprocess
import time

import ovirtsdk4 as sdk
import ovirtsdk4.types as types

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BUILD = os.environ.get("HOSTLER_BUILD") or os.path.join(ROOT, "build/release")
HOSTLERD = os.path.join(BUILD, "manager/hostlerd")
AGENT = os.path.join(BUILD, "agent/hostler-agent")


def wait_for(condition, timeout=30.0, what="", pause=0.1):
    """Ask until the answer is true (an exception counts as no), and return it."""
    end, last = time.monotonic() + timeout, None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (sdk.Error, OSError) as e:
            last = e
        if time.monotonic() > end:
            raise AssertionError(f"timeout after {timeout} s: {what or condition.__name__}; last answer: {last!r}")
        time.sleep(pause)


def status_of(service, **kwargs):
    return service.get(**kwargs).status


def wait_status(service, status, timeout=60.0):
    """Until an entity has the status; its last state when it does not come."""
    wait_for(lambda: status_of(service) == status, timeout, f"status {status}")
    return service.get()


class Manager:
    """hostlerd with a state directory of its own."""

    def __init__(self, directory, address="127.0.0.1", postgres=None, port=8443):
        self.dir, self.address, self.port = str(directory), address, port
        self.postgres, self.process, self.log = postgres, None, os.path.join(self.dir, "hostlerd.log")
        self.state = os.path.join(self.dir, "state")
        self.url = f"https://{address}:{port}/ovirt-engine/api"
        self.options = []
        if postgres:
            self.options = ["--db", postgres.database("m" + str(abs(hash(self.dir)) % 10**9))]

    def init(self):
        subprocess.run([HOSTLERD, "init", "--state", self.state, "--name", self.address, "--name", "localhost",
                        "--listen", f"{self.address}:{self.port}"], check=True, timeout=60, stdin=subprocess.DEVNULL)

    @property
    def password(self):
        with open(os.path.join(self.state, "admin-password")) as f:
            return f.read().strip()

    @property
    def ca(self):
        return os.path.join(self.state, "pki/ca.pem")

    def start(self, *more, timeout=30):
        ready, report = os.pipe()
        try:
            with open(self.log, "ab") as out:
                self.process = subprocess.Popen(
                    [HOSTLERD, "--state", self.state, "--listen", f"{self.address}:{self.port}", "--ready-fd", str(report),
                     "--log-level", "debug", *self.options, *more], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                    pass_fds=[report])
            os.close(report)
            report = None
            if not select.select([ready], [], [], timeout)[0] or not os.read(ready, 6):
                raise AssertionError("the Manager did not start: " + self.tail())
        finally:
            os.close(ready)
            if report is not None:
                os.close(report)

    def stop(self, sig=signal.SIGTERM, timeout=20):
        """SIGKILL for a crash. Returns the exit code."""
        if self.process is None:
            return None
        self.process.send_signal(sig)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the Manager did not stop: " + self.tail()) from None
        self.process = None
        return code

    def restart(self, sig=signal.SIGTERM):
        self.stop(sig)
        self.start()

    def tail(self, size=3000):
        with open(self.log, errors="replace") as f:
            return f.read()[-size:]

    def connect(self, user="admin@internal", password=None):
        return sdk.Connection(url=self.url, username=user, password=password or self.password, ca_file=self.ca, timeout=60)

    def token(self):
        done = subprocess.run([HOSTLERD, "token", "--state", self.state], check=True, stdout=subprocess.PIPE, text=True, timeout=20)
        return done.stdout.strip()

    def __enter__(self):
        self.init()
        self.start()
        return self

    def __exit__(self, kind, value, trace):
        if self.process and self.process.poll() is not None:
            raise AssertionError(f"the Manager ended by itself ({self.process.returncode}): {self.tail()}")
        code = self.stop()
        if kind is None and code not in (0, None):
            raise AssertionError(f"the Manager ended with {code}: {self.tail()}")


class Agent:
    """hostler-agent on a host of the lab, with libvirt there."""

    STATE = "/var/lib/hostler-agent"

    def __init__(self, lab, host, manager, port=54321):
        self.lab, self.host, self.manager, self.port = lab, host, manager, port
        self.name, self.process = f"host{host}", None
        self.log = os.path.join(manager.dir, f"agent{host}.log")
        self.id = None

    def argv(self):
        return [AGENT, "--state", self.STATE, "--port", str(self.port), "--listen", self.lab.address(self.host),
                "--libvirt", "qemu:///system", "--storage-root", "/var/lib/hostler-dc", "--run-dir", "/run/hostler-agent",
                "--accel", "tcg", "--log-level", "debug"]

    def enroll_command(self, *how):
        return [AGENT, "enroll", f"https://{self.manager.address}:{self.manager.port}", "--state", self.STATE,
                "--name", self.name, "--address", self.lab.address(self.host), "--port", str(self.port), *how]

    def enroll(self, connection, cluster, timeout=60):
        """Register with a one-time token, approve in the Manager, start, wait until the host is up."""
        self.lab.run(self.host, ["rm", "-rf", self.STATE])
        with open(self.log, "ab") as out:
            enrolling = self.lab.popen(self.host, self.enroll_command("--token", self.manager.token()), stdout=out, stderr=out)
        hosts = connection.system_service().hosts_service()

        def registered():
            if enrolling.poll() not in (None, 0):
                raise AssertionError(f"enroll ended with {enrolling.returncode}: {self.tail()}")
            return hosts.list(search=f"name={self.name}")
        host = wait_for(registered, timeout, f"{self.name} registered")[0]
        self.id = host.id
        service = hosts.host_service(host.id)
        if host.status == types.HostStatus.PENDING_APPROVAL:
            service.approve(cluster=types.Cluster(id=cluster.id))
        assert enrolling.wait(timeout) == 0, self.tail()
        self.start()
        wait_status(service, types.HostStatus.UP, timeout)

    def start(self):
        with open(self.log, "ab") as out:
            self.process = self.lab.popen(self.host, self.argv(), stdout=out, stderr=out)

    def stop(self, sig=signal.SIGTERM, timeout=20):
        if self.process is None:
            return None
        self.process.send_signal(sig)
        code = self.process.wait(timeout)
        self.process = None
        return code

    def restart(self, sig=signal.SIGTERM):
        self.stop(sig)
        self.start()

    def tail(self, size=3000):
        with open(self.log, errors="replace") as f:
            return f.read()[-size:]


def make_cluster(system, name):
    """A local data center and a cluster in it; returns the cluster."""
    center = system.data_centers_service().add(types.DataCenter(name=name, local=True))
    return system.clusters_service().add(types.Cluster(
        name=name, data_center=types.DataCenter(id=center.id), cpu=types.Cpu(architecture=types.Architecture.X86_64)))


def make_domain(system, agent, name, path=None):
    """A local storage domain on an agent's host, attached and active."""
    path = path or f"/var/lib/images-{name}"
    agent.lab.run(agent.host, ["install", "-d", "-o", "36", "-g", "36", path])
    domains = system.storage_domains_service()
    made = domains.add(types.StorageDomain(
        name=name, type=types.StorageDomainType.DATA, host=types.Host(id=agent.id),
        storage=types.HostStorage(type=types.StorageType.LOCALFS, path=path)))
    wait_for(lambda: domains.storage_domain_service(made.id).get().status == types.StorageDomainStatus.UNATTACHED, 60,
             "domain unattached")
    center = agent.cluster.data_center.id
    attached = system.data_centers_service().data_center_service(center).storage_domains_service()
    attached.add(types.StorageDomain(id=made.id))
    wait_for(lambda: attached.storage_domain_service(made.id).get().status == types.StorageDomainStatus.ACTIVE, 90,
             "domain active")
    made = domains.storage_domain_service(made.id).get()
    made.path, made.center = path, center
    return made


def make_disk(system, domain, name, size=64 * 2**20, **more):
    """A floating disk, once it is ok."""
    more.setdefault("format", types.DiskFormat.RAW)
    disk = system.disks_service().add(types.Disk(name=name, provisioned_size=size,
                                                 storage_domains=[types.StorageDomain(id=domain.id)], **more))
    service = system.disks_service().disk_service(disk.id)
    wait_for(lambda: service.get().status == types.DiskStatus.OK, 60, "disk ok")
    return service.get()


def fill_disk(agent, domain, disk, image):
    """Put an image's content into a raw disk, as uploads will."""
    volume = f"{domain.path}/{domain.id}/images/{disk.id}/{disk.image_id}"
    agent.lab.run(agent.host, ["qemu-img", "convert", "-n", "-O", "raw", image, volume])


def make_bootable_vm(system, agent, domain, name, image):
    """A VM that boots the small guest from a disk of the domain. The service of it."""
    vms = system.vms_service()
    vm = vms.add(types.Vm(name=name, cluster=types.Cluster(id=agent.cluster.id), template=types.Template(name="Blank"),
                          memory=128 * 2**20, memory_policy=types.MemoryPolicy(guaranteed=64 * 2**20, max=256 * 2**20)))
    service = vms.vm_service(vm.id)
    wait_status(service, types.VmStatus.DOWN)
    disk = make_disk(system, domain, name + "-disk")
    fill_disk(agent, domain, disk, image)
    service.disk_attachments_service().add(types.DiskAttachment(
        disk=types.Disk(id=disk.id), interface=types.DiskInterface.VIRTIO, bootable=True, active=True))
    return service


def stop_vm(service, timeout=60):
    if service.get().status != types.VmStatus.DOWN:
        service.stop()
        wait_status(service, types.VmStatus.DOWN, timeout)
