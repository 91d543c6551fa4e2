# SPDX-License-Identifier: Apache-2.0
"""The shortest way through everything: the SDK talks to the Manager, and two hosts come up."""
import os
import signal

import ovirtsdk4
import ovirtsdk4.types as types
import pytest
from products import wait_for


def test_root_names_the_product(sdk):
    root = sdk.system_service().get()
    assert root.product_info.version.major == 4


def test_wrong_password_is_refused(manager):
    with pytest.raises(ovirtsdk4.AuthError):
        manager.connect(password="not-it").system_service().get()


def test_password_file_is_private(manager):
    assert os.stat(os.path.join(manager.state, "admin-password")).st_mode & 0o777 == 0o600
    assert len(manager.password) >= 12


def test_answered_is_durable(manager, sdk):
    added = sdk.system_service().data_centers_service().add(types.DataCenter(name="durable", local=True))
    manager.restart(signal.SIGKILL)
    again = manager.connect()
    found = again.system_service().data_centers_service().list(search="name=durable")
    assert [center.id for center in found] == [added.id]
    again.system_service().data_centers_service().data_center_service(added.id).remove()
    again.close()


def test_two_hosts_come_up(sdk, agents):
    hosts = sdk.system_service().hosts_service()
    assert {host.name for host in hosts.list(search="status=up")} == {"host1", "host2"}


def test_agent_killed_and_back(sdk, agents):
    service = sdk.system_service().hosts_service().host_service(agents[0].id)
    agents[0].restart(signal.SIGKILL)
    wait_for(lambda: service.get().status == types.HostStatus.UP, 60)
