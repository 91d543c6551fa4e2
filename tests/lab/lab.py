#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several hosts on one machine: namespaces, a switch between them, a libvirt daemon in each.

    tests/lab/lab.py [--dir DIR] up N        make (or complete) hosts 1..N
    tests/lab/lab.py [--dir DIR] down        remove everything again
    tests/lab/lab.py [--dir DIR] start I     power a host on; what its disk held is still there
    tests/lab/lab.py [--dir DIR] kill I      power failure: all its processes die at once
    tests/lab/lab.py [--dir DIR] exec I CMD  run a command on host I (0: the switch)
    tests/lab/lab.py [--dir DIR] cut I       unplug its management cable
    tests/lab/lab.py [--dir DIR] join I      and plug it in again
    tests/lab/lab.py [--dir DIR] uri I       libvirt URI, usable from outside
    tests/lab/lab.py [--dir DIR] status      one line a host

or as a module:  with Lab(hosts=2) as lab: lab.run(1, ["hostname"])

Host I is named hostI, has the address NET.(10+I) on the bridge ovirtmgmt over eth0, and one more
card eth1. /etc, /var, /run, /dev, process ids, network and name are its own; other files are the
machine's, so that programs and DIR/shared have the same path everywhere. The switch is a network
namespace with the address NET.1: there belongs the Manager, and a test that talks to it (enter()).
Nothing of the machine's network, libvirt or cgroups is touched.
"""
import argparse
import ctypes
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

CLONE_NEWNET = 0x40000000
HOST_SCRIPT = os.path.join(os.path.dirname(os.path.realpath(__file__)), "host.sh")


class LabError(Exception):
    pass


def started_at(pid):
    """Start time of a process in ticks, or None: with the pid it names a process for good."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
    except (OSError, ValueError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def wait_until(condition, what, timeout=20.0, pause=0.02):
    end = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise LabError(f"timeout: {what}")
        time.sleep(pause)


def command(*argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv)}: {done.stdout.strip()}")
    return done.stdout


class Process(subprocess.Popen):
    """A process on a host. It dies with this program; signals reach itself, not the nsenter before it."""

    def __init__(self, argv, forks, **kwargs):
        self.forks = forks
        super().__init__(argv, **kwargs)

    @property
    def real_pid(self):
        """Its process id as seen from outside."""
        if not self.forks:
            return self.pid
        return wait_until(lambda: self.poll() is not None and [self.pid] or children(self.pid), "process start")[0]

    def send_signal(self, sig):
        if self.poll() is None:
            try:
                os.kill(self.real_pid, sig)
            except ProcessLookupError:
                pass


class Lab:
    def __init__(self, directory=None, hosts=0, net="10.77.0", cards=2, stay=False):
        """stay: the hosts outlive this program (for the command line)."""
        if os.geteuid() != 0:
            raise LabError("root is needed")
        self.made_dir = directory is None
        self.dir = os.path.realpath(directory or tempfile.mkdtemp(prefix="lab-", dir=os.environ.get("HOSTLER_TEST_TMP", "/tmp")))
        if len(self.dir) > 70:
            raise LabError(f"{self.dir}: too long for the sockets below it")
        self.net, self.cards, self.stay, self.hosts = net, cards, stay, hosts
        self.shared = os.path.join(self.dir, "shared")
        self.pids = {}  # "0" for the switch, "1".. for hosts -> [pid, start time]
        self.own = {}  # the Popen objects of those started by this very program
        self._load()

    def __enter__(self):
        try:
            self.up(self.hosts)
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *exc):
        self.down()

    # -- what is remembered ----------------------------------------------------

    def _load(self):
        try:
            with open(os.path.join(self.dir, "lab.json")) as f:
                state = json.load(f)
        except FileNotFoundError:
            return
        self.pids, self.net, self.cards = state["pids"], state["net"], state["cards"]

    def _save(self):
        path = os.path.join(self.dir, "lab.json")
        with open(path + ".new", "w") as f:
            json.dump({"pids": self.pids, "net": self.net, "cards": self.cards}, f)
        os.replace(path + ".new", path)

    def pid(self, host):
        """The first process of a host (0: of the switch), or None when it is off."""
        pid, start = self.pids.get(str(host), (0, None))
        return pid if start is not None and started_at(pid) == start else None

    def _need(self, host):
        pid = self.pid(host)
        if pid is None:
            raise LabError(f"host {host} is off" if host else "the lab is down")
        return pid

    # -- names and places --------------------------------------------------------

    def address(self, host):
        return f"{self.net}.{10 + host if host else 1}"

    def host_dir(self, host):
        return os.path.join(self.dir, f"h{host}")

    def uri(self, host):
        return f"qemu:///system?socket={self.host_dir(host)}/run/libvirt/libvirt-sock"

    def numbers(self):
        return sorted(int(i) for i in self.pids if i != "0")

    # -- the switch ----------------------------------------------------------------

    def _spawn(self, key, argv, log):
        """Start the first process of a host or the switch; with us it dies, unless it shall stay."""
        mortal = [] if self.stay else ["setpriv", "--pdeathsig", "KILL"]
        with open(log, "w") as out:
            child = subprocess.Popen(mortal + argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        self.own[str(key)] = child
        return child

    def _in_switch(self, *argv):
        return command("nsenter", "-t", str(self._need(0)), "-n", "--", *argv)

    def _switch_up(self):
        if self.pid(0):
            return
        os.makedirs(self.shared, exist_ok=True)
        os.chmod(self.dir, 0o755)
        os.chmod(self.shared, 0o777)
        with open(os.path.join(self.dir, "hosts"), "w") as f:
            f.write(f"127.0.0.1 localhost\n{self.address(0)} manager\n")
            f.writelines(f"{self.address(i)} host{i}\n" for i in range(1, 100))
        ready = os.path.join(self.dir, "switch.ready")
        log = os.path.join(self.dir, "switch.log")
        child = self._spawn(0, ["unshare", "--mount", "--net", "--propagation", "slave", HOST_SCRIPT, "switch", self.dir,
                                self.address(0), str(self.cards)], log)
        wait_until(lambda: os.path.exists(ready) or child.poll() is not None, "switch")
        if child.poll() is not None:
            raise LabError("no switch: " + open(log).read())
        os.unlink(ready)
        self.pids["0"] = [child.pid, started_at(child.pid)]
        self._save()

    def enter(self):
        """Put this program (one thread so far) into the switch's network, where the Manager is."""
        fd = os.open(f"/proc/{self._need(0)}/ns/net", os.O_RDONLY)
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(fd, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        finally:
            os.close(fd)

    # -- hosts -----------------------------------------------------------------------

    def start(self, host, wait=True):
        if self.pid(host):
            return
        self._need(0)
        place = self.host_dir(host)
        shutil.rmtree(os.path.join(place, "run"), ignore_errors=True)  # starting is booting
        os.makedirs(os.path.join(place, "run"))
        digest = hashlib.md5(f"{self.dir} {host}".encode()).hexdigest()
        uuid = f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:]}"
        child = self._spawn(host, ["unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child=KILL",
                                   "--propagation", "slave", HOST_SCRIPT, "host", self.dir, str(host), self.address(host),
                                   self.address(0), str(self.cards), uuid], os.path.join(place, "console.log"))
        pid = wait_until(lambda: child.poll() is not None or children(child.pid), f"host {host}")
        if child.poll() is not None:
            raise LabError(self._console(host))
        pid = pid[0]
        wait_until(lambda: os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net"), f"host {host}")
        self.pids[str(host)] = [pid, started_at(pid)]
        self._save()
        for card in range(self.cards):
            port, mac = f"h{host}e{card}", f"52:54:00:4c:{host:02x}:{card:02x}"
            subprocess.run(["nsenter", "-t", str(self.pid(0)), "-n", "ip", "link", "del", port], stderr=subprocess.DEVNULL)
            self._in_switch("ip", "link", "add", port, "type", "veth", "peer", "name", f"eth{card}", "address", mac,
                            "netns", str(pid))
            self._in_switch("ip", "link", "set", port, "master", f"sw{card}", "up")
        if wait:
            self.wait_ready(host)

    def _console(self, host):
        with open(os.path.join(self.host_dir(host), "console.log")) as f:
            return f"host {host} did not come up: {f.read()[-2000:]}"

    def wait_ready(self, host):
        ready = os.path.join(self.host_dir(host), "run", "ready")
        wait_until(lambda: os.path.exists(ready) or not self.pid(host), f"host {host} up", 30)
        if not self.pid(host):
            raise LabError(self._console(host))

    def _reap(self, key):
        child = self.own.pop(str(key), None)
        if child:
            child.wait()

    def kill(self, host):
        pid = self.pid(host)
        if pid:
            os.kill(pid, signal.SIGKILL)  # process 1 of a namespace takes all others with it
            wait_until(lambda: not self.pid(host), f"end of host {host}")
        self._reap(host)

    def up(self, hosts):
        os.makedirs(self.dir, exist_ok=True)
        if not os.path.exists(os.path.join(self.dir, "lab.json")) and os.listdir(self.dir):
            raise LabError(f"{self.dir} is not empty and not a lab")
        self._save()
        self._switch_up()
        for host in range(1, hosts + 1):
            self.start(host, wait=False)
        for host in range(1, hosts + 1):
            self.wait_ready(host)

    def down(self):
        for host in self.numbers():
            self.kill(host)
        pid = self.pid(0)
        if pid:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not self.pid(0), "end of the switch")
        self._reap(0)
        if os.path.exists(os.path.join(self.dir, "lab.json")) or self.made_dir:
            shutil.rmtree(self.dir, ignore_errors=True)

    def cut(self, host):
        self._in_switch("ip", "link", "set", f"h{host}e0", "down")

    def join(self, host):
        self._in_switch("ip", "link", "set", f"h{host}e0", "up")

    # -- programs ----------------------------------------------------------------------

    def argv(self, host, argv, cwd=None):
        """The command line that runs argv on a host (0: in the switch)."""
        pid = str(self._need(host))
        cwd = cwd or os.getcwd()
        if host == 0:
            return ["nsenter", "-t", pid, "-m", "-n", f"--wdns={cwd}", "--", *argv]
        return ["nsenter", "-t", pid, "-m", "-u", "-i", "-n", "-p", f"--wdns={cwd}", "--",
                "setpriv", "--pdeathsig", "KILL", *argv]

    def popen(self, host, argv, cwd=None, **kwargs):
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        return Process(self.argv(host, argv, cwd), forks=host != 0, **kwargs)

    def run(self, host, argv, check=True, timeout=60, **kwargs):
        """Run to the end; returns subprocess.CompletedProcess with text output."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(self.argv(host, argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=timeout, **kwargs)
        if check and done.returncode != 0:
            raise LabError(f"host {host}: {' '.join(argv)}: exit {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
        return done

    def virsh(self, host, *argv, check=True):
        done = subprocess.run(["virsh", "-q", "-c", self.uri(host), *argv], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        if check and done.returncode != 0:
            raise LabError(f"virsh {' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", default="/tmp/hostler-lab")
    parser.add_argument("command", choices=["up", "down", "start", "kill", "exec", "cut", "join", "uri", "status"])
    parser.add_argument("host", nargs="?", type=int, help="number of a host; with up: how many")
    parser.add_argument("argv", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    lab = Lab(args.dir, stay=True)
    if args.command in ("down", "status"):
        if args.command == "down":
            lab.down()
        for host in lab.numbers() if args.command == "status" else []:
            print(f"host {host} {lab.address(host)} {'up, pid %d' % lab.pid(host) if lab.pid(host) else 'off'}")
        return
    if args.host is None:
        parser.error("which host?")
    if args.command == "exec":
        if not args.argv:
            parser.error("which command?")
        argv = lab.argv(args.host, args.argv)
        os.execvp(argv[0], argv)
    result = getattr(lab, args.command)(args.host)
    if result:
        print(result)


if __name__ == "__main__":
    try:
        main()
    except LabError as e:
        sys.exit(f"lab: {e}")
