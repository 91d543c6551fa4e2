# SPDX-License-Identifier: Apache-2.0
"""What hook scripts import: "import hooking" or "from vdsm.hook import hooking".

A script finds what it may change in a file (XML or JSON, named by the environment), reads it, changes it, writes it back
and ends. Ending with 0 means fine, 1 an error after which later scripts still run, 2 an error that stops them. What it
writes on standard error is logged by the agent and shown with an error.
"""
import json
import os
import shlex
import subprocess
import sys
from xml.dom import minidom

SUCCESS, ERROR, STOP = 0, 1, 2

_TRUE = ("1", "true", "yes", "y", "on")


def _input(variable):
    path = os.environ.get(variable)
    if not path:
        raise RuntimeError(f"{variable} is not set: this hook point has no such input")
    return path


def _replace(path, text):
    """In place, since the file's owner and name must stay."""
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def hook_point():
    """Name of the point that runs the script ("before_vm_start")."""
    return os.environ.get("HOOK_POINT", "")


# -- input and output -------------------------------------------------------------------


def read_domxml():
    """The domain or device as an xml.dom.minidom document."""
    with open(_input("_hook_domxml"), "rb") as f:
        return minidom.parseString(f.read())


def write_domxml(domxml):
    """Hand over a changed document (minidom; text and bytes work too)."""
    if isinstance(domxml, bytes):
        domxml = domxml.decode("utf-8")
    _replace(_input("_hook_domxml"), domxml if isinstance(domxml, str) else domxml.toxml())


def read_json():
    """The data of the points that work on JSON."""
    with open(_input("_hook_json"), encoding="utf-8") as f:
        return json.load(f)


def write_json(data):
    _replace(_input("_hook_json"), json.dumps(data))


# -- flags of the start (before_vm_start) -------------------------------------------------


def _launch_flags_file(vm_id):
    return os.path.join(os.environ.get("VDSM_RUN_DIR", "/run/vdsm"), vm_id, "launchflags")


def load_vm_launch_flags_from_file(vm_id):
    """libvirt's flags with which the machine is about to start, as a number."""
    try:
        with open(_launch_flags_file(vm_id), encoding="ascii") as f:
            return int(f.read().strip() or 0)
    except FileNotFoundError:
        return 0


def dump_vm_launch_flags_to_file(vm_id, flags):
    _replace(_launch_flags_file(vm_id), str(int(flags)))


# -- saying, ending ----------------------------------------------------------------------


def log(message):
    """A line for the agent's log."""
    sys.stderr.write(str(message).rstrip("\n") + "\n")
    sys.stderr.flush()


def exit_hook(message, return_code=STOP):
    """End the script with a message; by default so that the operation stops."""
    log(message)
    sys.exit(return_code)


# -- helpers ----------------------------------------------------------------------------


def tobool(value):
    """Custom properties are texts; "true", "yes", "on" and numbers but 0 are true."""
    if value is None:
        return False
    if isinstance(value, (bool, int, float)):
        return bool(value)
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    try:
        return bool(int(text))
    except ValueError:
        return False


def execCmd(command, sudo=False, cwd=None, data=None, raw=False, printable=None, env=None, **ignored):  # noqa: N802
    """Run a program without a shell: (exit status, output, errors).

    Outputs are lists of lines (bytes), or bytes as a whole with raw. sudo asks for root's rights by "sudo -n".
    """
    argv = shlex.split(command) if isinstance(command, str) else [os.fspath(part) for part in command]
    if sudo and os.geteuid() != 0:
        argv = ["sudo", "-n", *argv]
    if isinstance(data, str):
        data = data.encode("utf-8")
    try:
        done = subprocess.run(argv, cwd=cwd, env=env, input=data, stdin=subprocess.DEVNULL if data is None else None,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    except OSError as e:
        message = str(e).encode()
        return 127, b"" if raw else [], message if raw else [message]
    if raw:
        return done.returncode, done.stdout, done.stderr
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()
