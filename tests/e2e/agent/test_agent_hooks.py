# SPDX-License-Identifier: Apache-2.0
"""Hooks of a host: scripts as their owners write them, and scripts that misbehave (P095)."""
import hashlib
import os
import shutil
import tempfile
import time

import products
import pytest
from agent_host import AgentHost, domain_xml, new_id
from products import wait_for
from vdsm_client import AgentError

PYTHON = os.path.join(products.ROOT, "agent/hooks/python")
NIC = ("<hotplug><devices><interface type='bridge'><mac address='{mac}'/><source bridge=';vdsmdummy;'/><model type='e1000e'/>"
       "<link state='up'/></interface></devices><metadata xmlns:ovirt-vm='http://ovirt.org/vm/1.0'><ovirt-vm:vm>"
       "<ovirt-vm:device mac_address='{mac}'><ovirt-vm:custom><ovirt-vm:queues>4</ovirt-vm:queues></ovirt-vm:custom>"
       "</ovirt-vm:device></ovirt-vm:vm></metadata></hotplug>")
CUSTOM = ("<ovirt-vm:custom><ovirt-vm:sap_agent>true</ovirt-vm:sap_agent><ovirt-vm:LD_PRELOAD>/evil.so</ovirt-vm:LD_PRELOAD>"
          "<ovirt-vm:smbios>{\"asset\": \"A1\"}</ovirt-vm:smbios></ovirt-vm:custom>")


class Hooks:
    """The folder of a host's scripts."""

    def __init__(self, directory):
        self.dir = os.path.join(directory, "hooks")
        self.log = os.path.join(directory, "hook.log")
        os.mkdir(self.dir, 0o755)
        with open(self.log, "w"):
            pass
        os.chmod(self.log, 0o666)

    def put(self, point, body, name="50_test", mode=0o755, shell="/bin/sh"):
        folder = os.path.join(self.dir, point)
        os.makedirs(folder, 0o755, exist_ok=True)
        path = os.path.join(folder, name)
        with open(path, "w") as f:
            f.write(f"#!{shell}\n{body}\n")
        os.chmod(path, mode)
        return path

    def python(self, point, body, name="50_test", **more):
        return self.put(point, "import os, sys\nimport hooking\n" + body, name, shell="/usr/bin/python3", **more)

    def note(self, *points):
        for point in points:
            self.put(point, f'echo "$HOOK_POINT vm=$vmId sap=$sap_agent queues=$queues user=$userName preload=$LD_PRELOAD" >>{self.log}',
                     "10_note")

    def noted(self):
        with open(self.log) as f:
            return [line.split() for line in f.read().splitlines()]

    def clear(self):
        for name in os.listdir(self.dir):
            shutil.rmtree(os.path.join(self.dir, name))
        with open(self.log, "w"):
            pass


@pytest.fixture(scope="module")
def host_hooks(lab):
    directory = tempfile.mkdtemp(prefix="hooks", dir=lab.dir)
    os.chmod(directory, 0o755)
    return Hooks(directory)


@pytest.fixture(scope="module")
def agent(lab, authority, host_hooks):
    made = AgentHost(lab, 1, authority, tempfile.mkdtemp(prefix="agent", dir=lab.dir))
    os.chmod(made.dir, 0o755)
    made.give_certificates()
    made.options += ["--hooks", host_hooks.dir, "--hooks-python", PYTHON, "--hooks-timeout", "3"]
    host_hooks.note("before_vdsm_start", "after_vdsm_stop")
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def hooks(host_hooks, agent):
    host_hooks.clear()
    yield host_hooks
    host_hooks.clear()


def xml_of(client, vm_id):
    return client.call("Host.dumpxmls", vmList=[vm_id])[vm_id]


def create(client, guest, until, **domain):
    vm_id = new_id()
    client.call("VM.create", vmID=vm_id, vmParams={"vmId": vm_id, "xml": domain_xml(vm_id, guest, **domain)})
    wait_for(lambda: client.call("VM.getStats", vmID=vm_id)[0]["status"] == until, 60, until)
    return vm_id, client.call("VM.getStats", vmID=vm_id)[0]


def test_service_points(agent, client, host_hooks):
    assert [line[0] for line in host_hooks.noted()] == ["before_vdsm_start"]
    agent.stop()
    assert [line[0] for line in host_hooks.noted()] == ["before_vdsm_start", "after_vdsm_stop"]
    agent.start()


def test_as_another_user(agent, host_hooks):
    """An agent that stays root has its scripts run by their own user, who owns the file that is to be changed."""
    host_hooks.clear()
    host_hooks.put("after_get_stats", f'echo "$(id -un) $(stat -c %U $_hook_json)" >>{host_hooks.log}')
    agent.stop()
    agent.start("--user", "", "--hooks-user", "nobody")
    try:
        with agent.client() as c:
            wait_for(c.is_ready, what="the agent to be ready")
            assert "memUsed" in c.call("Host.getStats")
        assert host_hooks.noted()[-1] == ["nobody", "nobody"]
    finally:
        host_hooks.clear()
        agent.stop()
        agent.start()


def test_life_with_properties(client, hooks, make_vm):
    """P095: custom properties reach the scripts, of the machine and of the device."""
    hooks.note("before_vm_start", "after_vm_start", "before_vm_pause", "after_vm_pause", "before_vm_cont", "after_vm_cont",
               "before_vm_set_ticket", "after_vm_set_ticket", "before_nic_hotplug", "after_nic_hotplug", "before_nic_hotunplug",
               "after_nic_hotunplug", "before_update_device", "after_update_device", "after_update_device_fail",
               "before_set_num_of_cpus", "after_set_num_of_cpus", "before_device_destroy", "after_device_destroy",
               "before_vm_destroy", "after_vm_destroy")
    vm_id = make_vm(meta=CUSTOM)
    wait_for(lambda: len(hooks.noted()) == 2)
    client.call("VM.pause", vmID=vm_id)
    client.call("VM.cont", vmID=vm_id)
    client.call("VM.updateDevice", vmID=vm_id, params={"deviceType": "graphics", "graphicsType": "vnc", "ttl": 60, "password": "x",
                                                       "params": {"userName": "anna"}})
    mac = "52:54:00:bb:00:01"
    client.call("VM.hotplugNic", vmID=vm_id, params={"vmId": vm_id, "xml": NIC.format(mac=mac)})
    wait_for(lambda: "alias name='net0'" in xml_of(client, vm_id))
    client.call("VM.updateDevice", vmID=vm_id, params={"deviceType": "interface", "alias": "net0", "linkActive": False})
    client.call("VM.setNumberOfCpus", vmID=vm_id, numberOfCpus=2)
    wait_for(lambda: client.call("VM.getStats", vmID=vm_id)[0].get("guestName") == "hostler-guest", 90)
    client.call("VM.hotunplugNic", vmID=vm_id, params={"vmId": vm_id, "xml": NIC.format(mac=mac)})
    client.call("VM.destroy", vmID=vm_id)
    got = hooks.noted()
    assert [line[0] for line in got] == [
        "before_vm_start", "after_vm_start", "before_vm_pause", "after_vm_pause", "before_vm_cont", "after_vm_cont",
        "before_vm_set_ticket", "after_vm_set_ticket", "before_nic_hotplug", "after_nic_hotplug", "before_update_device",
        "after_update_device", "before_set_num_of_cpus", "after_set_num_of_cpus", "before_nic_hotunplug", "after_nic_hotunplug",
        "before_vm_destroy", "after_vm_destroy"]
    for point, vm, sap, queues, user, preload in got:
        assert (vm, sap, preload) == ("vm=" + vm_id, "sap=true", "preload=")
        assert queues == ("queues=4" if "nic" in point or "update_device" in point else "queues=")
        assert user == ("user=anna" if "ticket" in point else "user=")


def test_scripts_change_the_domain(agent, client, hooks, make_vm):
    """In the style of the well-known ones: SMBIOS, another disk, QEMU's command line, flags of the start."""
    hooks.python("before_vm_start", """
import json
dom = hooking.read_domxml()
want = json.loads(os.environ["smbios"])
system = dom.getElementsByTagName("sysinfo")[0].getElementsByTagName("system")[0]
entry = dom.createElement("entry")
entry.setAttribute("name", "sku")
entry.appendChild(dom.createTextNode(want["asset"]))
system.appendChild(entry)
hooking.write_domxml(dom)
""", "10_smbios")
    disk = os.path.join(os.path.dirname(hooks.log), "extra.img")
    hooks.python("before_vm_start", f"""
rc, out, err = hooking.execCmd(["truncate", "-s", "1M", {disk!r}])
if rc != 0:
    hooking.exit_hook("cannot make the disk: %s" % err)
dom = hooking.read_domxml()
disk = hooking.minidom.parseString(\"\"\"<disk type='file' device='disk'><driver name='qemu' type='raw'/>
<source file='{disk}'/><target dev='vdx' bus='virtio'/></disk>\"\"\").documentElement
dom.getElementsByTagName("devices")[0].appendChild(disk)
hooking.write_domxml(dom)
""", "20_disk")
    with open(disk, "wb") as f:
        f.truncate(2**20)
    os.chmod(disk, 0o666)
    hooks.put("before_vm_start", """
from vdsm.hook import hooking
dom = hooking.read_domxml()
root = dom.documentElement
root.setAttribute("xmlns:qemu", "http://libvirt.org/schemas/domain/qemu/1.0")
line = dom.createElement("qemu:commandline")
for word in "-global", "virtio-balloon-pci.disable-modern=off":
    arg = dom.createElement("qemu:arg")
    arg.setAttribute("value", word)
    line.appendChild(arg)
root.appendChild(line)
hooking.write_domxml(dom)
import os
flags = hooking.load_vm_launch_flags_from_file(os.environ["vmId"])
hooking.dump_vm_launch_flags_to_file(os.environ["vmId"], flags | 1)
""", "30_qemucmdline", shell="/usr/bin/python3")
    vm_id = make_vm(until="Paused", meta=CUSTOM)
    xml = xml_of(client, vm_id)
    assert "<entry name='sku'>A1</entry>" in xml and "dev='vdx'" in xml and "disable-modern=off" in xml
    client.call("VM.cont", vmID=vm_id)


def test_devices_are_changed(client, hooks, make_vm):
    hooks.python("before_nic_hotplug", """
dom = hooking.read_domxml()
assert os.environ["queues"] == "4"
dom.getElementsByTagName("model")[0].setAttribute("type", "virtio")
hooking.write_domxml(dom)
""")
    hooks.python("before_device_create", """
dom = hooking.read_domxml()
dom.getElementsByTagName("model")[0].setAttribute("type", os.environ["card"])
hooking.write_domxml(dom)
""")
    meta = ("<ovirt-vm:device mac_address='52:54:00:bb:00:02'><ovirt-vm:custom><ovirt-vm:card>e1000</ovirt-vm:card></ovirt-vm:custom>"
            "</ovirt-vm:device>")
    vm_id = make_vm(nics=[("52:54:00:bb:00:02", ";vdsmdummy;"), ("52:54:00:bb:00:03", ";vdsmdummy;")], meta=meta)
    client.call("VM.hotplugNic", vmID=vm_id, params={"vmId": vm_id, "xml": NIC.format(mac="52:54:00:bb:00:04")})
    xml = wait_for(lambda: "00:04" in xml_of(client, vm_id) and xml_of(client, vm_id))
    models = {part.split("'")[1]: part.split("<model type='")[1].split("'")[0] for part in xml.split("<mac address=")[1:]}
    assert models == {"52:54:00:bb:00:02": "e1000", "52:54:00:bb:00:03": "virtio", "52:54:00:bb:00:04": "virtio"}


@pytest.mark.parametrize("point, body, text", [
    ("before_vm_start", "echo no licence >&2; exit 2", "no licence"),
    ("before_vm_start", "echo not quite >&2; exit 1", "not quite"),
    ("before_vm_start", "echo '<domain' >$_hook_domxml", "no valid XML"),
    ("before_vm_start", "echo '<network/>' >$_hook_domxml", "no <domain>"),
    ("before_vm_start", "sed -i s/uuid/guid/g $_hook_domxml", "changed the <uuid>"),
    ("before_vm_start", ": >$_hook_domxml", "no valid XML"),
    ("before_vm_start", "kill -SEGV $$", "signal 11"),
    ("before_vm_start", "head -c 100000000 /dev/zero >&2; exit 2", "failed"),
    ("before_vm_start", "sleep 100", "did not end within 3 s"),
])
def test_a_start_is_stopped(client, hooks, guest, point, body, text):
    """The machine goes Down with the script's words, and nothing of it stays."""
    hooks.put(point, body)
    began = time.monotonic()
    vm_id, stats = create(client, guest, "Down")
    assert stats["exitCode"] == 1 and text in stats["exitMessage"] and time.monotonic() - began < 15
    client.call("VM.destroy", vmID=vm_id)
    assert vm_id not in client.call("Host.getVMList")


def test_untrusted_scripts_do_not_run(agent, client, hooks, guest):
    hooks.put("before_vm_start", "exit 2", "10_writable", mode=0o777)
    hooks.put("before_vm_start", "exit 2", "20_plain", mode=0o644)
    vm_id, _ = create(client, guest, "Up")
    client.call("VM.destroy", vmID=vm_id)
    assert "10_writable is not used" in agent.tail() and agent.tail().count("10_writable is not used") == 1
    assert client.call("Host.getCapabilities")["hooks"] == {}


def test_a_stop_is_stopped(client, hooks, make_vm):
    vm_id = make_vm()
    hooks.put("before_vm_pause", "echo never >&2; exit 2")
    hooks.put("before_set_num_of_cpus", "exit 1")
    hooks.put("before_nic_hotplug", "echo '<disk/>' >$_hook_domxml")
    hooks.note("after_nic_hotplug_fail")
    for verb, more, text in (("VM.pause", {}, "never"), ("VM.setNumberOfCpus", {"numberOfCpus": 2}, "failed"),
                             ("VM.hotplugNic", {"params": {"vmId": vm_id, "xml": NIC.format(mac="52:54:00:bb:00:05")}},
                              "something else than a <interface>")):
        with pytest.raises(AgentError) as e:
            client.call(verb, vmID=vm_id, **more)
        assert e.value.code == 1500 and text in e.value.message, e.value
    assert client.call("VM.getStats", vmID=vm_id)[0]["status"] == "Up" and "bb:00:05" not in xml_of(client, vm_id)


def test_a_hanging_hook_holds_up_nobody_else(client, agent, hooks, make_vm):
    vm_id = make_vm()
    hooks.put("after_vm_pause", "sleep 100 & sleep 100")
    with agent.client() as other:
        began = time.monotonic()
        number = client.send("VM.pause", {"vmID": vm_id})
        for _ in range(10):
            assert any(s["vmId"] == vm_id for s in other.call("Host.getAllVmStats"))
        assert time.monotonic() - began < 2
    client.wait(number, 20)
    assert time.monotonic() - began > 2.5


def test_answers_are_changed(client, hooks):
    """JSON points: statistics, capabilities."""
    hooks.python("after_get_caps", "d = hooking.read_json()\nd['packages2']['ours'] = {'version': '7'}\nhooking.write_json(d)")
    hooks.python("after_get_stats", "d = hooking.read_json()\nd['room_temperature'] = 21\nhooking.write_json(d)")
    caps = client.call("Host.getCapabilities")
    assert caps["packages2"]["ours"] == {"version": "7"}
    assert client.call("Host.getStats")["room_temperature"] == 21
    path = hooks.put("after_get_stats", "echo garbage >$_hook_json")
    assert "memUsed" in client.call("Host.getStats")
    path = hooks.put("after_get_stats", "echo '[]' >$_hook_json")
    assert "memUsed" in client.call("Host.getStats")
    path = hooks.put("before_get_all_vm_stats", "echo ill >&2; exit 1")
    with pytest.raises(AgentError) as e:
        client.call("Host.getAllVmStats")
    assert e.value.code == 78 and "ill" in e.value.message
    with open(path, "rb") as f:
        text = f.read()
    listed = client.call("Host.getCapabilities")["hooks"]
    assert listed["before_get_all_vm_stats"]["50_test"] == {
        "checksum": hashlib.sha256(text).hexdigest(), "md5": hashlib.md5(text).hexdigest()}
    assert set(listed) == {"after_get_caps", "after_get_stats", "before_get_all_vm_stats"}


def test_network_set_up(client, hooks):
    hooks.note("after_network_setup", "after_network_setup_fail")
    hooks.python("before_network_setup", """
d = hooking.read_json()
for net in d["request"]["networks"].values():
    net["stp"] = True
hooking.write_json(d)
""")
    client.call("Host.setupNetworks", networks={"hooked": {"bridged": True}}, bondings={},
                options={"connectivityCheck": False, "commitOnSuccess": False})
    try:
        assert client.call("Host.getCapabilities")["networks"]["hooked"]["stp"] in ("on", True)
        hooks.put("before_network_setup", "echo forbidden >&2; exit 2")
        with pytest.raises(AgentError) as e:
            client.call("Host.setupNetworks", networks={"other": {"bridged": True}}, bondings={}, options={"connectivityCheck": False})
        assert e.value.code == 1500 and "forbidden" in e.value.message
    finally:
        hooks.clear()
        client.call("Host.setupNetworks", networks={"hooked": {"remove": True}}, bondings={}, options={"connectivityCheck": False})


def test_module_helpers():
    """What scripts import, by itself."""
    import importlib.util
    spec = importlib.util.spec_from_file_location("hooking", os.path.join(PYTHON, "hooking.py"))
    hooking = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooking)
    for text in "true", "True", "1", "yes", "ON", 1, True:
        assert hooking.tobool(text) is True, text
    for text in None, "", "false", "0", "no", "perhaps", 0:
        assert hooking.tobool(text) is False, text
    assert hooking.execCmd(["printf", "a\\nb"]) == (0, [b"a", b"b"], [])
    assert hooking.execCmd("printf ab", raw=True)[1] == b"ab"
    assert hooking.execCmd(["cat"], data="x", raw=True)[1] == b"x"
    assert hooking.execCmd(["/no/such/program"])[0] == 127
    with pytest.raises(RuntimeError):
        hooking.read_domxml()
    with pytest.raises(SystemExit) as e:
        hooking.exit_hook("bye")
    assert e.value.code == 2
