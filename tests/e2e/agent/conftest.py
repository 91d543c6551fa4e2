# SPDX-License-Identifier: Apache-2.0
"""An agent of its own on a host of the lab, with certificates from a CA of its own."""
import os
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

from agent_host import AgentHost, Authority, domain_xml, new_id  # noqa: E402
from products import wait_for  # noqa: E402


def pytest_collection_modifyitems(items):
    for item in items:
        if os.path.dirname(os.path.realpath(__file__)) in str(item.path):
            item.add_marker(pytest.mark.anydb)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def agent(lab, authority):
    # not in pytest's folders, which only root may enter
    made = AgentHost(lab, 1, authority, tempfile.mkdtemp(prefix="agent", dir=lab.dir))
    os.chmod(made.dir, 0o755)
    made.give_certificates()
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def client(agent):
    with agent.client() as c:
        wait_for(c.is_ready, what="the agent to be ready")
        yield c


@pytest.fixture
def make_vm(agent, guest):
    """Create machines that are gone after the test: make_vm(**domain) -> id, after they are Up."""
    made = []

    def make(until="Up", **domain):
        vm_id = new_id()
        made.append(vm_id)
        with agent.client() as c:
            answer = c.call("VM.create", vmID=vm_id, vmParams={"vmId": vm_id, "xml": domain_xml(vm_id, guest, **domain)})
            assert answer["status"] == "WaitForLaunch" and answer["vmId"] == vm_id
            if until:
                try:
                    wait_for(lambda: c.call("VM.getStats", vmID=vm_id)[0]["status"] == until, 30, until)
                except AssertionError as e:
                    raise AssertionError(f"{e}: {c.call('VM.getStats', vmID=vm_id)}") from None
        return vm_id

    yield make
    with agent.client() as c:
        for vm_id in made:
            if vm_id in c.call("Host.getVMList"):
                c.call("VM.destroy", vmID=vm_id)
