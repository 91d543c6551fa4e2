# SPDX-License-Identifier: Apache-2.0
"""Consoles go on to open when the certificate that the Manager was started with has ended (X026)."""
import os
import time

import ovirtsdk4.types as types
import products
import pytest
from products import wait_status
from test_certificates import manager, sdk, system  # noqa: F401  (fixtures: certificates are good for seconds)
from test_certificates import LIFE
from test_consoles import Web, serial, serial_prompt


@pytest.fixture(scope="module")
def vm(lab, manager, sdk, system, guest):  # noqa: F811
    agent = products.Agent(lab, 1, manager)
    agent.cluster = products.make_cluster(system, "short")
    agent.enroll(sdk, agent.cluster)
    domain = products.make_domain(system, agent, "short")
    service = products.make_bootable_vm(system, agent, domain, "renewed", os.path.join(guest, "demo.qcow2"))
    service.update(types.Vm(console=types.Console(enabled=True)))
    service.start()
    wait_status(service, types.VmStatus.UP)
    yield service
    products.stop_vm(service)
    agent.stop()


def test_serial_console_after_renewal(manager, sdk, vm):  # noqa: F811
    began = time.monotonic()
    with serial(Web(manager, sdk.authenticate()), vm) as tty:
        serial_prompt(tty)
    time.sleep(max(0, began + LIFE * 1.2 - time.monotonic()))  # what was read at the start is worth nothing now
    with serial(Web(manager, sdk.authenticate()), vm) as tty:
        serial_prompt(tty)
