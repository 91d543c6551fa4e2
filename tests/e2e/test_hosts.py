# SPDX-License-Identifier: Apache-2.0
"""How hosts come in, and go."""
import ovirtsdk4
import ovirtsdk4.types as types
import products
import pytest
from products import wait_for, wait_status


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def lone_agent(lab, manager):
    """An agent without certificates, which shows a pairing code."""
    agent = products.Agent(lab, 1, manager)
    lab.run(1, ["rm", "-rf", agent.STATE])
    lab.run(1, ["mkdir", "-p", agent.STATE])
    agent.start()
    yield agent
    agent.stop()


def code_of(agent):
    """What the agent shows, as soon as it waits for a certificate."""
    words = wait_for(lambda: agent.lab.run(agent.host, [products.AGENT, "pairing-code", "--state", agent.STATE],
                                           check=False).stdout.split(), 20, "pairing code")
    wait_for(lambda: "waiting for certificates" in agent.tail(), 20)
    return words[-1]


def add(system, agent, cluster, name, code):
    made = system.hosts_service().add(types.Host(name=name, address=agent.lab.address(agent.host), port=agent.port,
                                                 root_password=code, cluster=types.Cluster(id=cluster.id)))
    return system.hosts_service().host_service(made.id)


def test_wrong_code_does_not_bring_a_host_in(system, cluster, lone_agent):
    assert code_of(lone_agent) != "AAAAA-AAAAA"
    service = add(system, lone_agent, cluster, "stranger", "AAAAA-AAAAA")
    wait_status(service, types.HostStatus.INSTALL_FAILED, 60)
    assert service.get().status_detail
    service.remove()
    with pytest.raises(ovirtsdk4.NotFoundError):
        service.get()


def test_host_is_added_from_the_manager(system, cluster, lone_agent):
    service = add(system, lone_agent, cluster, "paired", code_of(lone_agent))
    wait_status(service, types.HostStatus.UP, 90)
    assert service.get().certificate.subject == f"O=hostler,CN={lone_agent.lab.address(1)}"


def test_local_data_center_has_one_host(system, cluster, lone_agent):
    with pytest.raises(ovirtsdk4.Error, match="one host"):
        system.hosts_service().add(types.Host(name="second", address="10.77.0.99", cluster=types.Cluster(id=cluster.id)))


def test_same_address_is_refused(system, lone_agent):
    with pytest.raises(ovirtsdk4.Error, match="already in use"):
        system.hosts_service().add(types.Host(name="again", address=lone_agent.lab.address(1),
                                              cluster=types.Cluster(name="Default")))


def test_host_in_use_is_not_removed(system, lone_agent):
    service = system.hosts_service().host_service(system.hosts_service().list(search="name=paired")[0].id)
    with pytest.raises(ovirtsdk4.Error, match="Maintenance"):
        service.remove()
    service.deactivate()
    wait_status(service, types.HostStatus.MAINTENANCE)
    assert service.update(types.Host(comment="in the cellar")).comment == "in the cellar"
    service.remove()
    assert not system.hosts_service().list(search="name=paired")


def test_unreachable_host_fails_to_install(system):
    service = system.hosts_service()
    made = service.add(types.Host(name="nowhere", address="10.77.0.200", root_password="ABCDE-FGHIJ",
                                  cluster=types.Cluster(name="Default")))
    wait_status(service.host_service(made.id), types.HostStatus.INSTALL_FAILED, 120)
    service.host_service(made.id).remove()
