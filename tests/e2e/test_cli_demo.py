# SPDX-License-Identifier: Apache-2.0
"""`make run`, `hostler login --local`, `hostler vm create ... --start --console`: three commands from nothing to a VM's console."""
import os
import re
import shlex
import signal
import subprocess
import sys

import products
from test_cli import Terminal

RUN = [sys.executable, os.path.join(products.ROOT, "tools/run.py")]


def test_three_commands(lab, guest, tmp_path_factory):
    place = str(tmp_path_factory.mktemp("demo"))
    for path in place, os.path.dirname(place), os.path.dirname(os.path.dirname(place)):
        os.chmod(path, os.stat(path).st_mode & 0o7777 | 0o055)  # others may pass; nothing is taken away
    env = {**os.environ, "HOSTLER_DEMO_DIR": place + "/d", "HOSTLER_PORT": "18444", "HOSTLER_AGENT_PORT": "15433", "HOSTLER_GUEST": guest,
           "HOSTLER_BUILD": products.BUILD, "XDG_CONFIG_HOME": place + "/config", "XDG_STATE_HOME": place + "/state", "TERM": "xterm"}
    runs = subprocess.Popen([*RUN, "start"], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said = ""
        while "Ctrl-C stops" not in said:
            line = runs.stdout.readline()
            assert line, said
            said += line
        program = re.search(r"alias hostler=(\S+)", said)[1]
        commands = [shlex.split(c) for c in re.findall(r"^  hostler (.*)$", said, re.M)]
        subprocess.run([program, *commands[0]], env=env, check=True, timeout=60)
        for command in commands[1:3]:
            t = Terminal([program, *command], env=env)
            t.expect("Connected", timeout=90)
            t.expect("guest# ", timeout=90, nudge="\r")
            t.write("\x1d")
            assert t.wait() == 0
        listed = subprocess.run([program, "vm", "list", "-o", "csv", "--columns", "name,status", "--no-headers"], env=env, check=True, text=True,
                                capture_output=True, timeout=60).stdout.split()
        assert sorted(listed) == ["demo,up", "demo2,up"]
    finally:
        runs.send_signal(signal.SIGINT)
        runs.communicate(timeout=60)
        subprocess.run([*RUN, "clean"], env=env, timeout=120, check=True)
