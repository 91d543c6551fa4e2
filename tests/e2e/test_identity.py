# SPDX-License-Identifier: Apache-2.0
"""A host has to show its own key: a certificate of the same CA, which all hosts have, is not enough."""
import base64

import ovirtsdk4.types as types
import products
import pytest
from products import wait_for, wait_status

PKI = products.Agent.STATE + "/pki"


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def two(lab, manager, sdk, system):
    made = [products.Agent(lab, n, manager) for n in (1, 2)]
    for a in made:
        a.enroll(sdk, products.make_cluster(system, "of-" + a.name))
    yield made
    for a in made:
        a.stop()


def keys_of(agent):
    return agent.lab.run(agent.host, ["sh", "-c", f"tar -C {PKI} -cf - . | base64 -w0"]).stdout


def give_keys(agent, keys):
    agent.lab.run(agent.host, ["sh", "-c", f"rm -rf {PKI}/* && echo {keys} | base64 -d | tar -C {PKI} -xf -"])


def test_another_host_is_refused(system, two):
    """The agent of host 2 answers at the address of host 1."""
    service = system.hosts_service().host_service(two[0].id)
    own, other = keys_of(two[0]), keys_of(two[1])
    assert len(base64.b64decode(own)) > 1000 and own != other
    for a in two:
        a.stop()
    size = len(two[0].tail(10**7))
    give_keys(two[0], other)
    two[0].start()
    wait_status(service, types.HostStatus.NON_RESPONSIVE, 150)
    assert "key" in service.get().status_detail, service.get().status_detail
    told = [e for e in system.events_service().list(max=200) if e.code == 876]  # HOST_CERTIFICATION_IS_INVALID
    assert len(told) == 1 and told[0].host.id == two[0].id and "host1" in told[0].description
    assert "Host." not in two[0].tail(10**7)[size:]  # nobody asked it anything
    # the right one is taken again
    two[0].stop()
    give_keys(two[0], own)
    two[0].start()
    two[1].start()
    for a in two:
        wait_status(system.hosts_service().host_service(a.id), types.HostStatus.UP, 60)


def test_a_machine_with_another_hosts_key_does_not_come_in(system, two):
    """Of a host that is added nothing is known: what is known is whose key that is."""
    agent = two[0]
    service = system.hosts_service().host_service(agent.id)
    service.deactivate()
    wait_status(service, types.HostStatus.MAINTENANCE)
    service.remove()
    agent.stop()
    give_keys(agent, keys_of(two[1]))
    agent.start()
    made = system.hosts_service().add(types.Host(name="again", address=agent.lab.address(1), port=agent.port,
                                                 cluster=types.Cluster(name="of-host1")))
    service = system.hosts_service().host_service(made.id)
    wait_for(lambda: [e for e in system.events_service().list(max=100) if e.code == 876 and e.host and e.host.id == made.id],
             60, "event")
    wait_status(service, types.HostStatus.INSTALL_FAILED, 150)
    assert "host2" in service.get().status_detail
    service.remove()
