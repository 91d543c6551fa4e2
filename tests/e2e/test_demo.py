# SPDX-License-Identifier: Apache-2.0
"""`make run` and its companions, as a person meets them; in the lab's network, not the machine's."""
import os
import re
import signal
import socket
import subprocess
import sys

import pytest
from products import ROOT, wait_for

RUN = [sys.executable, os.path.join(ROOT, "tools/run.py")]


@pytest.fixture(scope="module")
def demo(lab, guest, tmp_path_factory):
    """Environment variables of a demo in a directory of its own."""
    place = str(tmp_path_factory.mktemp("demo"))
    env = {**os.environ, "HOSTLER_DEMO_DIR": place + "/d", "HOSTLER_PORT": "18443", "HOSTLER_AGENT_PORT": "15432", "HOSTLER_GUEST": guest}
    env.setdefault("HOSTLER_BUILD", os.path.join(ROOT, "build/release"))
    for path in place, os.path.dirname(place), os.path.dirname(os.path.dirname(place)):
        os.chmod(path, os.stat(path).st_mode & 0o7777 | 0o055)
    yield env
    subprocess.run([*RUN, "clean"], env=env, timeout=60)


def call(demo, *words, timeout=180):
    done = subprocess.run([*RUN, *words], env=demo, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=timeout)
    assert done.returncode == 0, done.stdout
    return done.stdout


def vm_id(text):
    return re.search(r"/vms/([0-9a-f-]{36})", text).group(1)


def test_demo_from_nothing_to_nothing(demo):
    mounts, first = open("/proc/mounts").read(), call(demo, "start", "--once")
    assert "at its shell prompt" in first and "https://localhost:18443/ovirt-engine/" in first
    assert "VMs: demo" in call(demo, "status")

    again = subprocess.Popen([*RUN, "start"], env=demo, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        text = ""
        while "Ctrl-C stops" not in text:
            line = again.stdout.readline()
            assert line, text
            text += line
        assert vm_id(text) == vm_id(first)
        again.send_signal(signal.SIGINT)
        rest = again.communicate(timeout=60)[0]
        assert "Still running: demo" in rest and again.returncode == 0
    finally:
        again.kill()

    assert "Stopped: demo" in call(demo, "stop-vms")
    assert "VMs: none" in call(demo, "status")
    assert vm_id(call(demo, "start", "--once")) == vm_id(first)
    assert "Removed" in call(demo, "clean")
    assert not os.path.exists(demo["HOSTLER_DEMO_DIR"])
    assert "ovirtmgmt" not in [name for _, name in socket.if_nameindex()]
    wait_for(lambda: open("/proc/mounts").read() == mounts)
