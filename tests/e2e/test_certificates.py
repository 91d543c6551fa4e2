# SPDX-License-Identifier: Apache-2.0
"""Certificates that end soon: they are renewed in time, nothing that works is interrupted; and what a host does when its
certificate has ended after all."""
import os
import ssl
import subprocess
import time

import ovirtsdk4
import ovirtsdk4.types as types
import products
import pytest
from products import wait_for, wait_status

LIFE = 24


@pytest.fixture(scope="module")
def manager(lab, tmp_path_factory):
    """A Manager whose certificates are good for seconds."""
    made = products.Manager(tmp_path_factory.mktemp("manager"), lab.address(0))
    made.options = ["--certificate-life", str(LIFE)]
    subprocess.run([products.HOSTLERD, "init", "--state", made.state, "--name", made.address, "--certificate-life", str(LIFE)],
                   check=True, timeout=60, stdin=subprocess.DEVNULL)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def sdk(manager):
    connection = manager.connect()
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def agent(lab, manager, sdk, system):
    made = products.Agent(lab, 1, manager)
    place = products.make_cluster(system, "short")
    made.enroll(sdk, place)
    yield made
    made.stop()


def served(manager):
    """Serial number and end of the certificate that the Manager shows."""
    pem = ssl.get_server_certificate((manager.address, manager.port))
    out = subprocess.run(["openssl", "x509", "-noout", "-serial", "-fingerprint", "-enddate"], input=pem, check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return out


def events(system, name):
    return [e for e in system.events_service().list(max=500) if e.code == name]


def host_cert(agent):
    return agent.lab.run(agent.host, ["cat", agent.STATE + "/pki/vdsmcert.pem"]).stdout


def test_all_are_renewed_and_the_host_stays_up(manager, system, agent):
    service = system.hosts_service().host_service(agent.id)
    before, shown, ca = host_cert(agent), served(manager), open(manager.ca).read()
    statuses = set()

    def over():
        statuses.add(service.get().status)
        return time.monotonic() > end
    end = time.monotonic() + LIFE * 1.5  # everything that was there has ended by then
    wait_for(over, LIFE * 2, "time")
    assert statuses == {types.HostStatus.UP}
    assert host_cert(agent) != before and served(manager) != shown
    assert len(events(system, 881)) >= 2  # HOST_CERTIFICATION_ENROLLMENT_FINISHED
    assert not events(system, 877)
    # a new connection is possible: what is shown is good
    agent.restart()
    wait_status(service, types.HostStatus.UP, 40)
    assert service.get().certificate.content.strip() == host_cert(agent).strip()
    assert os.path.exists(manager.ca) and ca


def test_on_demand(system, agent):
    """hosts/{}/enrollcertificate, in maintenance as well."""
    service = system.hosts_service().host_service(agent.id)
    before = host_cert(agent)
    service.enroll_certificate()
    assert host_cert(agent) != before
    service.deactivate()
    wait_status(service, types.HostStatus.MAINTENANCE)
    before = host_cert(agent)
    service.enroll_certificate()
    assert host_cert(agent) != before
    assert service.get().status == types.HostStatus.MAINTENANCE
    service.activate()
    wait_status(service, types.HostStatus.UP)


def test_an_ended_certificate_and_the_way_back(system, agent):
    """An agent that was away for too long shows a pairing code; with it the host is installed again."""
    service = system.hosts_service().host_service(agent.id)
    agent.stop()
    with pytest.raises(ovirtsdk4.Error):
        service.enroll_certificate()
    wait_for(lambda: events(system, 877), LIFE * 3, "HOST_CERTIFICATION_HAS_EXPIRED")
    agent.start()
    code = wait_for(lambda: agent.lab.run(agent.host, [products.AGENT, "pairing-code", "--state", agent.STATE],
                                          check=False).stdout.strip(), 20, "pairing code " + agent.tail())
    wait_for(lambda: "has ended" in agent.tail(), 10)
    wait_for(lambda: service.get().status in (types.HostStatus.NON_RESPONSIVE, types.HostStatus.CONNECTING), 90, "silence")
    service.install(root_password=code, host=types.Host())
    wait_status(service, types.HostStatus.UP, 60)


def test_the_same_machine_comes_back(system, manager, agent):
    """Installed anew, a host enrolls with a token and keeps its place; without one, or while it is up, it does not."""
    service = system.hosts_service().host_service(agent.id)

    def enroll(*how):
        return agent.lab.run(1, agent.enroll_command("--no-wait", *how), check=False)
    token = manager.token()
    refused = enroll("--token", token)
    assert refused.returncode == 1 and "Move it to maintenance" in refused.stderr, refused.stderr
    service.deactivate()
    wait_status(service, types.HostStatus.MAINTENANCE)
    agent.stop()
    agent.lab.run(1, ["rm", "-rf", agent.STATE + "/pki"])
    refused = enroll("--fingerprint", token.split(".")[1])
    assert refused.returncode == 1 and "token is needed" in refused.stderr, refused.stderr
    assert "unknown, used" in enroll("--token", "0" * 40 + "." + token.split(".")[1]).stderr
    done = enroll("--token", token)
    assert done.returncode == 0, done.stderr
    assert service.get().status == types.HostStatus.PENDING_APPROVAL and service.get().name == "host1"
    service.approve()
    assert agent.lab.run(1, agent.enroll_command("--fingerprint", token.split(".")[1]), check=False).returncode == 0
    agent.start()
    wait_status(service, types.HostStatus.UP, 60)
    assert len(system.hosts_service().list()) == 1
