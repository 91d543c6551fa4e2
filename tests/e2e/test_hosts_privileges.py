# SPDX-License-Identifier: Apache-2.0
"""What of the agent is root and what is not, that nothing ever runs a shell, and the logs of a host.

T093: one agent for each host, which other clients without a certificate cannot use.
"""
import os
import re
import signal
import subprocess
import sys
import time

import ovirtsdk4.types as types
import products
import pytest
from products import wait_for, wait_status
from rest import Rest

sys.path.append(os.path.join(products.ROOT, "tests/e2e/agent"))

from vdsm_client import Client  # noqa: E402

SHELLS = {"sh", "bash", "dash", "ash", "ksh", "zsh", "csh", "tcsh", "fish", "busybox"}
NEEDED = 1 << 0x0c | 1 << 1 | 1 << 0 | 1 << 0x15  # NET_ADMIN, DAC_OVERRIDE, CHOWN, SYS_ADMIN


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def agent(lab, manager, sdk, cluster):
    made = products.Agent(lab, 1, manager)
    made.cluster = cluster
    made.enroll(sdk, cluster)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def domain(system, agent):
    return products.make_domain(system, agent, "data1")


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def children(pid):
    return [int(p) for p in open(f"/proc/{pid}/task/{pid}/children").read().split()]


def helper_of(agent):
    found = [p for p in children(agent.process.real_pid) if status_of(p)["Name"] == "hostler-helper"]
    assert len(found) == 1
    return found[0]


def alive(pid):
    try:
        return status_of(pid)["State"][0] not in "ZX"
    except (OSError, KeyError):
        return False


def test_the_agent_is_nobody_special(agent):
    s = status_of(agent.process.real_pid)
    assert s["Uid"].split() == ["36"] * 4 and s["Gid"].split() == ["36"] * 4
    assert all(int(s[k], 16) == 0 for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")) and s["NoNewPrivs"] == "1"
    for path in "pki/vdsmkey.pem", "pki/vdsmcert.pem", "vdsm.id":
        owner = agent.lab.run(1, ["stat", "-c", "%u:%g %a", f"{agent.STATE}/{path}"]).stdout.split()
        assert owner[0] == "36:36" and (path != "pki/vdsmkey.pem" or owner[1] == "600")


def test_the_helper_has_little(agent):
    s = status_of(helper_of(agent))
    assert s["Uid"].split()[0] == "0" and s["NoNewPrivs"] == "1" and s["PPid"] == str(agent.process.real_pid)
    assert int(s["CapPrm"], 16) == int(s["CapEff"], 16) == int(s["CapBnd"], 16) == NEEDED
    with open(products.AGENT, "rb") as f:
        if b"__asan_init" not in f.read():
            assert s["Seccomp"] == "2"
    fds = os.listdir(f"/proc/{helper_of(agent)}/fd")
    assert sorted(fds, key=int) == ["0", "1", "2", "3"]


def test_both_are_small(system, agent):
    with open(products.AGENT, "rb") as f:
        if b"__asan_init" in f.read():
            pytest.skip("a build with sanitizers has no sizes worth a test")

    def resident():
        sizes = [int(status_of(p)["VmRSS"].split()[0]) for p in [agent.process.real_pid, *children(agent.process.real_pid)]]
        print("resident KiB:", sizes)
        return len(sizes) == 2 and sum(sizes) < 20 * 1024
    agent.restart()
    wait_for(resident, 30, "less than 20 MiB")
    wait_status(system.hosts_service().host_service(agent.id), types.HostStatus.UP, 60)


# -- no shell -------------------------------------------------------------------------------


@pytest.fixture
def trace(agent, tmp_path):
    """Programs that agent, helper and workers start, while a test runs: a function that ends the tracing."""
    out = tmp_path / "trace"
    pids = [arg for p in [agent.process.real_pid, *children(agent.process.real_pid)] for arg in ("-p", str(p))]
    tracer = subprocess.Popen(["strace", "-f", "-qq", "-e", "trace=execve,execveat", "-o", str(out), *pids],
                              stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def traced():
        return status_of(agent.process.real_pid)["TracerPid"] == str(tracer.pid)
    wait_for(traced, 10, "strace")

    def end():
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(20)
        return re.findall(r'execve(?:at)?\((?:[^,"]*, )?"([^"]*)", \[(.*)\]', out.read_text())
    yield end
    end()


def test_no_shell_is_ever_run(trace, system, agent, domain, guest, manager):
    """A machine's life, disks, plugging, networks: which programs run, and that none of them is a shell."""
    service = products.make_bootable_vm(system, agent, domain, "traced", os.path.join(guest, "demo.qcow2"))
    try:
        service.start()
        wait_status(service, types.VmStatus.UP)
        disk = products.make_disk(system, domain, "plugged", format=types.DiskFormat.COW, sparse=True)
        attachments = service.disk_attachments_service()
        attachments.add(types.DiskAttachment(disk=types.Disk(id=disk.id), interface=types.DiskInterface.VIRTIO_SCSI, active=True))
        wait_for(lambda: attachments.attachment_service(disk.id).get().active, 30, "disk plugged")
        network = system.clusters_service().cluster_service(agent.cluster.id).networks_service().list()[0]
        profile = next(p for p in system.vnic_profiles_service().list() if p.network.id == network.id)
        nic = service.nics_service().add(types.Nic(name="nic1", interface=types.NicInterface.VIRTIO,
                                                   vnic_profile=types.VnicProfile(id=profile.id)))
        assert nic.plugged
        pki = os.path.join(manager.state, "pki")
        with Client(agent.lab.address(1), agent.port, f"{pki}/ca.pem", f"{pki}/client.pem", f"{pki}/client.key") as c:
            for networks in {"traced0": {"bridged": True}}, {"traced0": {"remove": True}}:
                c.call("Host.setupNetworks", networks=networks, bondings={}, options={"connectivityCheck": False})
            c.call("Host.getHardwareInfo")
        products.stop_vm(service)
    finally:
        products.stop_vm(service)
        service.remove()
    programs = trace()
    names = sorted({(os.path.basename(argv.split('"')[1]) if path == "/proc/self/exe" else os.path.basename(path))
                    for path, argv in programs})
    print("programs that ran:", names, "in", len(programs), "calls")
    assert names, "nothing was traced"
    assert not SHELLS & set(names) and not any('"-c"' in argv for _, argv in programs)
    assert set(names) <= {"hostler-agent", "qemu-img"}, names


def test_storage_belongs_to_36(agent, domain):
    out = agent.lab.run(1, ["find", domain.path, "-not", "(", "-uid", "36", "-gid", "36", ")"]).stdout
    assert not out


# -- together to the end ----------------------------------------------------------------------


def test_they_end_together(system, agent):
    service = system.hosts_service().host_service(agent.id)
    helper, main = helper_of(agent), agent.process.real_pid
    os.kill(helper, signal.SIGKILL)
    wait_for(lambda: not alive(main), 10, "the agent ends with its helper")
    agent.process.wait(10)
    assert agent.process.returncode == 1 and "root helper has ended" in agent.tail()
    agent.start()
    wait_for(lambda: agent.process.poll() is None and len(children(agent.process.real_pid)) > 0, 10)
    helper, main = wait_for(lambda: helper_of(agent), 10), agent.process.real_pid
    os.kill(main, signal.SIGKILL)
    wait_for(lambda: not alive(helper), 10, "the helper ends with the agent")
    agent.process.wait(10)
    agent.start()
    wait_status(service, types.HostStatus.UP, 60)


def test_as_one_user(agent):
    """--user '': everything in one process, as it was started."""
    agent.stop()
    agent.lab.run(1, ["rm", "-rf", "/var/lib/one"])
    other = agent.lab.popen(1, [products.AGENT, "--user", "", "--state", "/var/lib/one", "--port", "0", "--accel", "tcg",
                                "--storage-root", "/var/lib/one/dc", "--run-dir", "/run/one"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: os.path.exists(f"/proc/{other.real_pid}/root/var/lib/one/pairing-code"), 10)
    assert status_of(other.real_pid)["Uid"].split()[0] == "0" and not children(other.real_pid)
    other.send_signal(signal.SIGTERM)
    other.wait(10)
    agent.start()


# -- logs ---------------------------------------------------------------------------------------


def test_logs(system, manager, agent):
    service = system.hosts_service().host_service(agent.id)
    wait_status(service, types.HostStatus.UP, 60)
    rest, url = Rest(manager), f"/ovirt-engine/hostler/hosts/{agent.id}/logs"
    answer = rest.call("GET", url)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/plain")
    assert 0 < len(answer.text.splitlines()) <= 200 and "hostler-agent" in answer.text
    assert len(rest.call("GET", url + "?lines=3").text.splitlines()) == 3
    assert rest.call("GET", url + "?since=2099-01-01T00:00:00Z").text == ""
    recent = rest.call("GET", url + f"?since={int(time.time()) - 3600}&lines=10000").text
    assert answer.text.splitlines()[-1] in recent
    # following: nothing is lost and nothing comes twice
    cursor, seen = answer.headers["X-Hostler-Cursor"], []
    service.refresh()

    def follow():
        nonlocal cursor
        more = rest.call("GET", url, params={"after": cursor})
        assert more.status_code == 200
        cursor = more.headers["X-Hostler-Cursor"]
        seen.extend(more.text.splitlines())
        return any("getCapabilities" in line for line in seen)
    wait_for(follow, 20, "new lines")
    assert "\n".join(seen) in rest.call("GET", url + "?lines=10000").text
    # QEMU's, which only root may read
    qemu = rest.call("GET", url, params={"source": "vm:traced"})
    assert qemu.status_code == 200 and "qemu-system" in qemu.text
    assert rest.call("GET", url, params={"source": "libvirt"}).status_code == 200


@pytest.mark.parametrize("query, status", [
    ("?lines=0", 400), ("?lines=x", 400), ("?lines=10001", 400), ("?since=yesterday", 400), ("?source=passwd", 400),
    ("?source=vm:none", 404), ("?source=vm:../../../etc/shadow", 404), ("?source=vm:", 404)])
def test_logs_that_there_are_not(manager, agent, query, status):
    answer = Rest(manager).call("GET", f"/ovirt-engine/hostler/hosts/{agent.id}/logs{query}")
    assert answer.status_code == status and answer.json()["detail"], answer.text


def test_logs_are_for_those_who_may(manager, agent):
    rest, url = Rest(manager), f"/ovirt-engine/hostler/hosts/{agent.id}/logs"
    assert rest.call("GET", url, token=False).status_code == 401
    assert rest.call("GET", url, token="x" * 64).status_code == 401
    assert rest.call("GET", url.replace(agent.id, "0" * 8 + agent.id[8:])).status_code == 404
