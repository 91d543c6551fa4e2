# SPDX-License-Identifier: Apache-2.0
"""What end-to-end tests stand on: hosts, a Manager, agents, the SDK. See the fixtures.

Environment: HOSTLER_BUILD (build/release), HOSTLER_GUEST (build/guest), HOSTLER_TEST_DB (sqlite or postgresql).
"""
import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests/lab"), os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests/e2e")]

import products  # noqa: E402
from lab import Lab  # noqa: E402
from pg import Postgres  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "anydb: does not depend on the database; run once")


# What the database has a part in; all else runs once, on SQLite.
ON_EACH_DATABASE = {"test_api_http", "test_api_input", "test_api_reading", "test_auth", "test_durability", "test_first", "test_hosts",
                    "test_templates", "test_tour"}


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.stem not in ON_EACH_DATABASE:
            item.add_marker(pytest.mark.anydb)


def pytest_sessionstart(session):
    if os.geteuid() != 0:
        pytest.exit("end-to-end tests need root (tests/run.py asks sudo)", 2)


@pytest.fixture(scope="session")
def guest():
    """The directory of the small guest: vmlinuz, initrd.gz, demo.iso, demo.qcow2."""
    path = os.environ.get("HOSTLER_GUEST") or os.path.join(ROOT, "build/guest")
    subprocess.run([os.path.join(ROOT, "tools/mkguest.sh"), path], check=True)
    return path


@pytest.fixture(scope="session")
def lab():
    """Two hosts and a switch; this process is in the switch's network from here on."""
    with Lab(hosts=2) as made:
        made.enter()
        yield made


@pytest.fixture(scope="session")
def postgres():
    """The private PostgreSQL, or None when the tests run on SQLite."""
    if os.environ.get("HOSTLER_TEST_DB", "sqlite") != "postgresql":
        yield None
        return
    with Postgres(fsync=False) as server:
        yield server


@pytest.fixture(scope="module")
def manager(lab, postgres, tmp_path_factory):
    """A running Manager with a fresh journal in the lab's network. It may be killed and started again."""
    made = products.Manager(tmp_path_factory.mktemp("manager"), lab.address(0), postgres)
    with made:
        yield made


@pytest.fixture(scope="module")
def sdk(manager):
    """The oVirt SDK's connection as admin@internal."""
    connection = manager.connect()
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def cluster(sdk):
    """A local data center with one cluster, made through the API."""
    return products.make_cluster(sdk.system_service(), "e2e")


@pytest.fixture(scope="module")
def agents(lab, manager, sdk, cluster):
    """Both hosts enrolled, approved and up: a list of products.Agent (host 1 first). A local data center has one host, so
    the second one has a data center of its own."""
    made = []
    try:
        for host, place in (1, cluster), (2, products.make_cluster(sdk.system_service(), "e2e2")):
            agent = products.Agent(lab, host, manager)
            made.append(agent)
            agent.enroll(sdk, place)
            agent.cluster = place
        yield made
    finally:
        for agent in made:
            agent.stop()


@pytest.fixture(scope="module")
def agent(lab, manager, sdk, cluster):
    """The first host alone, up in the cluster, for modules that need no other."""
    made = products.Agent(lab, 1, manager)
    try:
        made.enroll(sdk, cluster)
        made.cluster = cluster
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def domains(sdk, agents):
    """An active local storage domain on each host, in the order of agents."""
    return [products.make_domain(sdk.system_service(), agent, f"data{agent.host}") for agent in agents]
