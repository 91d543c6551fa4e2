#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo environment of `make run`: a Manager, an agent on this machine, a VM.

    tools/run.py start [--once]   make or resume it; Ctrl-C stops the programs, VMs go on
                                  (--once: stop as soon as the VM is at its prompt)
    tools/run.py stop-vms         shut the VMs down
    tools/run.py clean            remove everything
    tools/run.py status           what runs

All of it lives in HOSTLER_DEMO_DIR (/var/lib/hostler-demo): the Manager's state, the agent's, a
libvirt daemon of its own (tools/private-libvirtd.sh), the local storage domain, logs. Beside that
there is only the bridge ovirtmgmt, without a card, if the machine has none of that name.

Environment: HOSTLER_PORT (8443), HOSTLER_AGENT_PORT (54321), HOSTLER_LISTEN (127.0.0.1),
HOSTLER_DEMO_VNC_PORTS (5900-65535), HOSTLER_DB (sqlite in the state directory), BUILD (build),
HOSTLER_BUILD (BUILD/release), HOSTLER_GUEST (BUILD/guest).
"""
import base64
import glob
import json
import os
import pwd
import select
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
PROGRAMS = os.environ.get("HOSTLER_BUILD") or os.path.join(BUILD, "release")
GUEST = os.environ.get("HOSTLER_GUEST") or os.path.join(BUILD, "guest")
HOSTLERD = os.path.join(PROGRAMS, "manager/hostlerd")
AGENT = os.path.join(PROGRAMS, "agent/hostler-agent")
COMMAND = os.path.join(PROGRAMS, "cli/hostler")
LIBVIRTD = os.path.join(ROOT, "tools/private-libvirtd.sh")
DIR = os.path.realpath(os.environ.get("HOSTLER_DEMO_DIR") or "/var/lib/hostler-demo")
PORT = int(os.environ.get("HOSTLER_PORT") or 8443)
AGENT_PORT = int(os.environ.get("HOSTLER_AGENT_PORT") or 54321)
LISTEN = os.environ.get("HOSTLER_LISTEN") or "127.0.0.1"
VNC_PORTS = os.environ.get("HOSTLER_DEMO_VNC_PORTS")
MARKER = os.path.join(DIR, ".hostler-demo")
NAME = "demo"
BRIDGE = "ovirtmgmt"
GIB = 1 << 30


class DemoError(Exception):
    pass


def say(text):
    print(text, flush=True)


def place(*parts):
    return os.path.join(DIR, *parts)


def wait_for(condition, what, timeout=60, pause=0.1):
    end = time.monotonic() + timeout
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise DemoError(f"timeout after {timeout} s: {what}")
        time.sleep(pause)


# -- processes: each is remembered with its start time, so that a pid is never mistaken --------


def started_at(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def remembered():
    try:
        with open(place("processes.json")) as f:
            known = json.load(f)
    except (OSError, ValueError):
        return {}
    return {name: pid for name, (pid, start) in known.items() if start is not None and started_at(pid) == start}


def remember(name, pid):
    known = {n: (p, started_at(p)) for n, p in remembered().items()}
    known[name] = (pid, started_at(pid))
    with open(place("processes.json.new"), "w") as f:
        json.dump(known, f)
    os.replace(place("processes.json.new"), place("processes.json"))


def spawn(name, argv, **kwargs):
    """Start a program that ends with us at the latest; its output goes to DIR/log."""
    with open(place("log", name + ".log"), "ab") as log:
        child = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 cwd="/", start_new_session=True, **kwargs)
    remember(name, child.pid)
    return child


def end_process(pid, timeout=20):
    """Ask a process to end, then make it."""
    start = started_at(pid)
    for sig in signal.SIGTERM, signal.SIGKILL:
        if start is None or started_at(pid) != start:
            return
        os.kill(pid, sig)
        end = time.monotonic() + timeout
        while started_at(pid) == start and time.monotonic() < end:
            time.sleep(0.02)


def tail(name, size=1500):
    try:
        with open(place("log", name + ".log"), errors="replace") as f:
            return f.read()[-size:]
    except OSError:
        return ""


def call(*argv, **kwargs):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs)
    if done.returncode != 0:
        raise DemoError(f"{' '.join(argv)}: {done.stdout.strip()[-1500:]}")
    return done.stdout.strip()


def agent_user():
    """libvirt wants to know the name of who connects: where there is no user 36, the agent stays root."""
    try:
        pwd.getpwuid(36)
        return "36:36"
    except KeyError:
        return ""


def libvirt_uri():
    return call(LIBVIRTD, "uri", place("libvirt"))


# -- the REST API, as far as the demo needs it ---------------------------------------------------


class Fault(DemoError):
    def __init__(self, code, text):
        super().__init__(text)
        self.code = code


class Api:
    def __init__(self, password):
        self.base = f"https://localhost:{PORT}/ovirt-engine/api"
        self.tls = ssl.create_default_context(cafile=place("manager/pki/ca.pem"))
        self.basic = base64.b64encode(f"admin@internal:{password}".encode()).decode()

    def request(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, method=method, headers={
            "Authorization": "Basic " + self.basic, "Accept": "application/json", "Content-Type": "application/json", "Version": "4"})
        try:
            with urllib.request.urlopen(request, timeout=60, context=self.tls) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as e:
            text = e.read().decode(errors="replace")
            try:
                fault = json.loads(text)
                fault = fault.get("fault", fault)
                text = f"{fault.get('reason', '')} {fault.get('detail', '')}".strip()
            except (ValueError, AttributeError):
                pass
            raise Fault(e.code, f"{method} {path}: {e.code} {text}") from None
        except urllib.error.URLError as e:
            raise DemoError(f"{method} {path}: {e.reason}") from None

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body):
        return self.request("POST", path, body)

    def find(self, collection, item, name):
        """The entity of that name, or None."""
        found = self.get(f"/{collection}?search=" + urllib.parse.quote(f"name={name}")).get(item, [])
        return next((e for e in found if e.get("name") == name), None)

    def ensure(self, collection, item, name, body):
        return self.find(collection, item, name) or self.post(f"/{collection}", {"name": name, **body})

    def wait(self, path, status, what, timeout=60):
        """Until the entity at path has one of the states."""
        def there():
            entity = self.get(path)
            return entity if entity.get("status") in status else None
        return wait_for(there, f"{what} {' or '.join(status)}", timeout)


# -- the steps; each one looks whether its work is done already -----------------------------------


def prepare():
    if os.path.isdir(DIR) and os.listdir(DIR) and not os.path.exists(MARKER):
        raise DemoError(f"{DIR} is not empty and not a demo environment; set HOSTLER_DEMO_DIR")
    os.makedirs(DIR, exist_ok=True)
    os.chmod(DIR, 0o755)
    open(MARKER, "a").close()
    for name, owner, mode in ("log", 0, 0o700), ("manager", 0, 0o700), ("agent", 0, 0o700), ("images", 36, 0o755), \
            ("storage", 36, 0o755), ("run", 0, 0o755):
        os.makedirs(place(name), exist_ok=True)
        os.chown(place(name), owner, owner)
        os.chmod(place(name), mode)
    others = {name: pid for name, pid in remembered().items() if pid != os.getpid()}
    if "demo" in others:
        raise DemoError(f"it runs already (process {others['demo']})")
    for pid in others.values():  # left by a driver that was killed
        end_process(pid)
    remember("demo", os.getpid())


def has_bridge():
    return BRIDGE in (name for _, name in socket.if_nameindex())  # /sys would tell of another network namespace


def make_bridge():
    """A bridge of the name that the network has on every host, with nothing plugged in."""
    if has_bridge():
        return
    try:
        call("ip", "link", "add", BRIDGE, "type", "bridge", "forward_delay", "0")
        open(place("bridge"), "w").close()
        call("ip", "link", "set", BRIDGE, "up")
    except DemoError as e:
        say(f"No bridge for the VM's network card: {e}")


def start_manager():
    """Returns the process and the API."""
    state, listen = place("manager"), f"{LISTEN}:{PORT}"
    names = ["localhost", "127.0.0.1", os.uname().nodename]
    call(HOSTLERD, "init", "--state", state, "--listen", listen, *(w for n in dict.fromkeys(names) for w in ("--name", n)))
    portal = os.path.join(BUILD, "portal")
    portals = ["--portal", portal] if os.path.exists(os.path.join(portal, "index.html")) else []
    database = ["--db", os.environ["HOSTLER_DB"]] if os.environ.get("HOSTLER_DB") else []
    ready, report = os.pipe()
    child = spawn("manager", [HOSTLERD, "--state", state, "--listen", listen, "--ready-fd", str(report), *portals, *database], pass_fds=[report])
    os.close(report)
    with os.fdopen(ready, "rb") as stream:
        if not stream.readline():
            raise DemoError("the Manager did not start:\n" + tail("manager"))
    with open(place("manager/admin-password")) as f:
        password = f.read().strip()
    return child, Api(password), password


def start_agent():
    probe = [os.path.join(GUEST, n) for n in ("vmlinuz", "initrd-plain.gz")]
    return spawn("agent", [AGENT, "--user", agent_user(), "--state", place("agent"), "--port", str(AGENT_PORT),
                           "--listen", "127.0.0.1", "--libvirt", libvirt_uri(), "--storage-root", place("storage"), "--run-dir", place("run"),
                           "--serial-dir", place("run/serial"),
                           "--probe-kernel", probe[0], "--probe-initrd", probe[1]])


def enroll(api, cluster):
    """Register this machine with a one-time token, and approve it: as an administrator does with any host."""
    host = api.find("hosts", "host", "localhost")
    if host and os.path.exists(place("agent/pki/vdsmcert.pem")):
        return host
    token = call(HOSTLERD, "token", "--state", place("manager"))
    child = spawn("enroll", [AGENT, "enroll", f"https://localhost:{PORT}", "--user", agent_user(), "--state", place("agent"),
                             "--token", token, "--name", "localhost", "--address", "127.0.0.1", "--port", str(AGENT_PORT), "--ca", place("manager/pki/ca.pem")])

    def registered():
        if child.poll() not in (None, 0):
            raise DemoError("the host could not be enrolled:\n" + tail("enroll"))
        return api.find("hosts", "host", "localhost")
    host = wait_for(registered, "host registered")
    if host.get("status") == "pending_approval":
        api.post(f"/hosts/{host['id']}/approve", {"cluster": {"id": cluster["id"]}})
    if child.wait(60) != 0:
        raise DemoError("the host could not be enrolled:\n" + tail("enroll"))
    return host


def make_storage(api, center, host):
    storage = api.find("storagedomains", "storage_domain", "local")
    if not storage:
        storage = api.post("/storagedomains", {"name": "local", "type": "data", "host": {"id": host["id"]},
                                               "storage": {"type": "localfs", "path": place("images")}})
    attached = f"/datacenters/{center['id']}/storagedomains"
    if not any(s["id"] == storage["id"] for s in api.get(attached).get("storage_domain", [])):
        api.post(attached, {"id": storage["id"]})
    return api.wait(f"{attached}/{storage['id']}", ["active"], "storage domain")


def make_disk(api, storage, name, file, content_type="data"):
    """A raw disk with the content of one of the guest's images. Until disks can be uploaded, the demo writes into the
    new volume's file itself; it knows where a local storage domain keeps it."""
    disk = api.find("disks", "disk", name)
    done = place("disk-written" if name == NAME else name + "-written")
    if disk and os.path.exists(done):
        return disk
    image = os.path.join(GUEST, file)
    size = json.loads(call("qemu-img", "info", "--output=json", image))["virtual-size"]
    if not disk:
        disk = api.post("/disks", {"name": name, "format": "raw", "sparse": True, "content_type": content_type, "provisioned_size": size,
                                   "storage_domains": {"storage_domain": [{"id": storage["id"]}]}})
    disk = api.wait(f"/disks/{disk['id']}", ["ok"], "disk")
    found = glob.glob(place("images", storage["id"], "images", disk["id"], disk["image_id"]))
    if not found:
        raise DemoError(f"the volume of disk {disk['id']} is not below {place('images')}")
    call("qemu-img", "convert", "-n", "-O", "raw", image, found[0])
    open(done, "w").close()
    return disk


def make_vm(api, cluster, disk):
    vm = api.find("vms", "vm", NAME)
    if not vm:
        vm = api.post("/vms", {
            "name": NAME, "description": "Debian's kernel and busybox", "cluster": {"id": cluster["id"]}, "template": {"name": "Blank"},
            "memory": 256 << 20, "memory_policy": {"guaranteed": 128 << 20, "max": GIB}, "console": {"enabled": True},
            "os": {"type": "other_linux", "boot": {"devices": {"device": ["hd"]}}}})
    path = f"/vms/{vm['id']}"
    vm = api.wait(path, ["down", "up", "powering_up", "wait_for_launch", "paused", "suspended"], "VM")
    if not api.get(path + "/diskattachments").get("disk_attachment"):
        api.post(path + "/diskattachments", {"disk": {"id": disk["id"]}, "interface": "virtio", "bootable": True, "active": True})
    if has_bridge() and not api.get(path + "/nics").get("nic"):
        networks = [n["id"] for n in api.get(f"/clusters/{cluster['id']}/networks").get("network", []) if n["name"] == BRIDGE]
        profiles = [p for p in api.get("/vnicprofiles").get("vnic_profile", []) if p["network"]["id"] in networks]
        if profiles:
            api.post(path + "/nics", {"name": "nic1", "interface": "virtio", "vnic_profile": {"id": profiles[0]["id"]}})
    if vm["status"] in ("down", "suspended"):
        api.post(path + "/start", {})
    return api.wait(path, ["up"], "VM", 120)


def wait_for_prompt(timeout):
    """Until the VM's shell says its prompt on the serial console, by the command line that the user will have."""
    env = {**os.environ, "XDG_CONFIG_HOME": place("run"), "XDG_STATE_HOME": place("run")}
    call(COMMAND, "login", "--local", "--state", place("manager"), f"https://localhost:{PORT}", env=env)
    console = subprocess.Popen([COMMAND, "vm", "console", NAME, "--force"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    try:
        end, said = time.monotonic() + timeout, b""
        while b"guest# " not in said:
            if time.monotonic() > end or console.poll() is not None:
                raise DemoError(f"no prompt on the serial console of {NAME}, but: {said[-500:]!r}")
            console.stdin.write(b"\n")
            console.stdin.flush()
            if select.select([console.stdout], [], [], 1)[0]:
                said += os.read(console.stdout.fileno(), 65536)
            time.sleep(0.2)
    except BrokenPipeError:
        raise DemoError(f"the serial console of {NAME} is closed") from None
    finally:
        console.kill()
        console.communicate()
        call(COMMAND, "logout", env=env)


def set_up(api):
    center = api.ensure("datacenters", "data_center", NAME, {"local": True})
    cluster = api.ensure("clusters", "cluster", NAME, {"data_center": {"id": center["id"]},
                                                       "cpu": {"architecture": "x86_64", "type": "Intel Nehalem Family"}})
    host = enroll(api, cluster)
    agent = start_agent()
    try:
        host = api.wait(f"/hosts/{host['id']}", ["up"], "host", 90)
        say("Host localhost is up.")
        storage = make_storage(api, center, host)
        disk = make_disk(api, storage, NAME, "demo.qcow2")
        make_disk(api, storage, "demo.iso", "demo.iso", "iso")
        vm = make_vm(api, cluster, disk)
        wait_for_prompt(90)
        say("VM demo is at its shell prompt.")
    except BaseException:
        end_process(agent.pid)
        agent.wait()
        raise
    return agent, vm


def advise(password, vm, seconds):
    ca, api = place("manager/pki/ca.pem"), f"https://localhost:{PORT}/ovirt-engine/api"
    login = "login --local" if DIR == "/var/lib/hostler-demo" and PORT == 8443 else \
        f"login --local --state {place('manager')} https://localhost:{PORT}"
    say(f"""
Hostler is ready after {seconds:.0f} s.

  URL       https://localhost:{PORT}/ovirt-engine/          Administration Portal (API: .../ovirt-engine/api)
            https://localhost:{PORT}/ovirt-engine/web-ui/   VM Portal
  user      admin@internal
  password  {password}
  CA        {ca}   (import it into the browser, or accept its warning)
  logs      {place('log')}

To try next:
  # the VM as the API tells it
  curl --cacert {ca} -u 'admin@internal:{password}' {api}/vms/{vm['id']}
  # shut it down (and "start" in place of "shutdown" starts it again)
  curl --cacert {ca} -u 'admin@internal:{password}' \\
       -H 'Content-Type: application/xml' -d '<action/>' {api}/vms/{vm['id']}/shutdown
  # the command line: its serial console (Ctrl-] leaves), and another VM
  alias hostler={COMMAND}
  hostler {login}
  hostler vm console {NAME}
  hostler vm create demo2 --memory 256MiB --disk 1GiB --iso demo.iso --start --console

Ctrl-C stops the Manager and the agent. VMs keep running: make run finds them again, make stop-vms
shuts them down, make clean-run removes everything.""")


def start(once):
    begun = time.monotonic()
    for program in HOSTLERD, AGENT, COMMAND:
        if not os.path.exists(program):
            raise DemoError(f"{program} is not there (make build)")
    if not os.path.exists(os.path.join(GUEST, "demo.qcow2")):
        say("Making the demo VM's system from Debian's kernel and busybox.")
    call(os.path.join(ROOT, "tools/mkguest.sh"), GUEST)
    prepare()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    children = {}
    try:
        make_bridge()
        call(LIBVIRTD, "start", place("libvirt"), *(["--vnc-ports", VNC_PORTS] if VNC_PORTS else []))
        children["manager"], api, password = start_manager()
        say(f"The Manager answers on {api.base}.")
        children["agent"], vm = set_up(api)
        advise(password, vm, time.monotonic() - begun)
        while not once:
            for name, child in children.items():
                if child.poll() is not None:
                    raise DemoError(f"the {name} has ended ({child.returncode}):\n" + tail(name))
            time.sleep(0.5)
    except KeyboardInterrupt:
        pass
    finally:
        for sig in signal.SIGINT, signal.SIGTERM:
            signal.signal(sig, signal.SIG_IGN)
        say("\nStopping.")
        for name in "agent", "manager":
            if name in remembered():
                end_process(remembered()[name])
        subprocess.run([LIBVIRTD, "stop", place("libvirt")])
        running = call(LIBVIRTD, "vms", place("libvirt")).split("\n")
        if running != [""]:
            say(f"Still running: {', '.join(running)}. make run resumes, make stop-vms shuts them down, make clean-run removes all.")


def stop_vms():
    """Press every VM's power button, and pull the plug where that does not help."""
    names = [n for n in call(LIBVIRTD, "vms", place("libvirt")).split("\n") if n]
    if not names:
        say("No VM is running.")
        return
    was_running = subprocess.run([LIBVIRTD, "status", place("libvirt")], stdout=subprocess.DEVNULL).returncode == 0
    call(LIBVIRTD, "start", place("libvirt"))
    virsh = ["virsh", "-q", "-c", libvirt_uri()]
    for name in names:
        subprocess.run([*virsh, "shutdown", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 15
    while call(LIBVIRTD, "vms", place("libvirt")) and time.monotonic() < end:
        time.sleep(0.1)
    for name in filter(None, call(LIBVIRTD, "vms", place("libvirt")).split("\n")):
        subprocess.run([*virsh, "destroy", name], stdout=subprocess.DEVNULL)
    if not was_running:
        call(LIBVIRTD, "stop", place("libvirt"))
    say(f"Stopped: {', '.join(names)}.")


def mounts_below(directory):
    with open("/proc/self/mounts") as f:
        found = [line.split()[1].encode().decode("unicode_escape") for line in f]
    return [m for m in reversed(found) if m == directory or m.startswith(directory + "/")]


def clean():
    if not os.path.exists(MARKER):
        if os.path.isdir(DIR) and os.listdir(DIR):
            raise DemoError(f"{DIR} is not a demo environment")
        say("There is nothing to remove.")
        return
    for name, pid in sorted(remembered().items()):
        if pid != os.getpid():
            end_process(pid)
    call(LIBVIRTD, "remove", place("libvirt"))
    for mount in mounts_below(DIR):
        call("umount", mount)
    if os.path.exists(place("bridge")) and has_bridge():
        call("ip", "link", "del", BRIDGE)
    shutil.rmtree(DIR)
    say(f"Removed {DIR}, its processes and VMs.")


def status():
    running = remembered() if os.path.exists(MARKER) else {}
    say("\n".join(f"{name} runs, process {pid}" for name, pid in running.items()) or "Nothing runs.")
    if os.path.exists(MARKER):
        say("VMs: " + (call(LIBVIRTD, "vms", place("libvirt")).replace("\n", ", ") or "none"))


def main():
    actions = {"stop-vms": stop_vms, "clean": clean, "status": status}
    if len(sys.argv) < 2 or sys.argv[1] not in {"start", *actions}:
        sys.exit(__doc__)
    if os.geteuid() != 0:  # VMs, their network and their files need root
        kept = "BUILD,HOSTLER_DEMO_DIR,HOSTLER_PORT,HOSTLER_AGENT_PORT,HOSTLER_LISTEN,HOSTLER_DEMO_VNC_PORTS,HOSTLER_DB," \
            "HOSTLER_BUILD,HOSTLER_GUEST"
        os.execvp("sudo", ["sudo", f"--preserve-env={kept}", "/usr/bin/python3", os.path.realpath(__file__), *sys.argv[1:]])
    if sys.argv[1] == "start":
        start("--once" in sys.argv[2:])
    else:
        actions[sys.argv[1]]()


if __name__ == "__main__":
    try:
        main()
    except (DemoError, TimeoutError) as e:
        sys.exit(f"run: {e}")
