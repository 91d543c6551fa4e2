# SPDX-License-Identifier: Apache-2.0
"""Consoles of real guests: with Remote Viewer, through WebSockets, over the serial port, and as pictures.

Shows T017 (console type of a VM is changed), T040 (description of a console), T041 (a ticket for each protocol opens a session),
T042 (the protocol chosen at creation is used), T815 (both reach the guest), P033 (Remote Viewer opens its file), X026 (a serial
console), X028 and X029 (picture, keyboard).
"""
import base64
import json
import os
import ssl
import struct
import subprocess
import time
import urllib.error
import urllib.request

import ovirtsdk4
import ovirtsdk4.types as types
import products
import pytest
from products import wait_for, wait_status
from vnc import Vnc, VncRefused
from websocket import Closed, Refused, WebSocket

VNC, SPICE = "766e63", "7370696365"


@pytest.fixture(scope="module")
def system(sdk):
    return sdk.system_service()


@pytest.fixture(scope="module")
def vm(system, agents, domains, guest):
    """A running VM with both protocols and a serial console that is shared."""
    service = products.make_bootable_vm(system, agents[0], domains[0], "screen1", os.path.join(guest, "demo.qcow2"))
    service.update(types.Vm(console=types.Console(enabled=True)))
    consoles = service.graphics_consoles_service()
    assert {c.protocol for c in consoles.list()} == {types.GraphicsType.VNC}
    consoles.add(types.GraphicsConsole(protocol=types.GraphicsType.SPICE))
    service.start()
    wait_status(service, types.VmStatus.UP)
    yield service
    products.stop_vm(service)


class Web:
    """HTTPS to the Manager beside the SDK."""

    def __init__(self, manager, token):
        self.manager, self.token = manager, token
        self.context = ssl.create_default_context(cafile=manager.ca)

    def ask(self, path, method="GET", headers=None, token=True):
        request = urllib.request.Request(f"https://{self.manager.address}:{self.manager.port}/ovirt-engine{path}", method=method,
                                         headers=dict(headers or {}))
        if token:
            request.add_header("Authorization", "Bearer " + self.token)
        try:
            with urllib.request.urlopen(request, context=self.context, timeout=30) as answer:
                return answer.status, answer.headers.get("Content-Type"), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("Content-Type"), error.read()

    def socket(self, path, *headers):
        return WebSocket(self.manager.address, self.manager.port, "/ovirt-engine" + path, self.manager.ca, headers)


@pytest.fixture(scope="module")
def web(manager, sdk):
    return Web(manager, sdk.authenticate())


class Relayed(Vnc):
    """A VNC client over a WebSocket."""

    def __init__(self, ws, password):
        self.socket = ws
        self._greet(password)


def password(vm, console=VNC, **more):
    return vm.graphics_consoles_service().console_service(console).ticket(ticket=types.Ticket(**more)).value


def proxy_ticket(vm, console=VNC):
    return vm.graphics_consoles_service().console_service(console).proxy_ticket().value


# -- what there is ----------------------------------------------------------------------------


def test_consoles_of_a_running_vm(system, vm, agents, lab):
    consoles = {c.id: c for c in vm.graphics_consoles_service().list()}
    assert set(consoles) == {VNC, SPICE}
    for one in consoles.values():
        assert one.address == lab.address(1) and (one.port or one.tls_port) >= 5900
        assert vm.graphics_consoles_service().console_service(one.id).get().protocol == one.protocol
    assert len(vm.graphics_consoles_service().list(current=True)) == 2
    with pytest.raises(ovirtsdk4.Error, match="VM is running"):
        vm.graphics_consoles_service().console_service(SPICE).remove()


def test_protocols_of_a_vm_that_is_down(system, agents, cluster):
    made = system.vms_service().add(types.Vm(name="plain", cluster=types.Cluster(id=cluster.id), template=types.Template(name="Blank"),
                                             memory=64 * 2**20, display=types.Display(type=types.DisplayType.SPICE)))
    service = system.vms_service().vm_service(made.id)
    wait_status(service, types.VmStatus.DOWN)
    consoles = service.graphics_consoles_service()
    assert [c.id for c in consoles.list()] == [SPICE]
    consoles.add(types.GraphicsConsole(protocol=types.GraphicsType.VNC))
    assert {c.id for c in consoles.list()} == {VNC, SPICE}
    with pytest.raises(ovirtsdk4.Error, match="already"):
        consoles.add(types.GraphicsConsole(protocol=types.GraphicsType.VNC))
    consoles.console_service(SPICE).remove()
    assert [c.id for c in consoles.list()] == [VNC] and service.get().display.type == types.DisplayType.VNC
    consoles.console_service(VNC).remove()
    assert consoles.list() == [] and consoles.list(current=True) == []
    with pytest.raises(ovirtsdk4.NotFoundError):
        consoles.console_service(VNC).get()
    with pytest.raises(ovirtsdk4.Error, match="not running"):
        service.ticket()
    service.remove()


# -- passwords ----------------------------------------------------------------------------------


def test_password_and_its_end(vm, lab):
    console = vm.graphics_consoles_service().console_service(VNC).get()
    secret = password(vm, expiry=120)
    with Vnc(console.address, console.port, secret) as vnc:
        assert vnc.width > 0
    password(vm, value="other123", expiry=2)
    with pytest.raises(VncRefused):
        Vnc(console.address, console.port, secret)
    with Vnc(console.address, console.port, "other123"):
        pass
    time.sleep(3)
    with pytest.raises(VncRefused):
        Vnc(console.address, console.port, "other123")


def test_file_for_remote_viewer(vm, web, manager):
    status, kind, text = web.ask(f"/api/vms/{vm.get().id}/graphicsconsoles/{SPICE}", headers={"Accept": "application/x-virt-viewer"})
    assert (status, kind) == (200, "application/x-virt-viewer")
    lines = text.decode().splitlines()
    assert "type=spice" in lines and "[ovirt]" in lines and f"vm-guid={vm.get().id}" in lines and "delete-this-file=1" in lines
    text = vm.graphics_consoles_service().console_service(VNC).remote_viewer_connection_file()
    assert "type=vnc" in text and "password=" in text and "secure-attention=ctrl+alt+end" in text


# -- Remote Viewer ---------------------------------------------------------------------------------


class Desk:
    """An X server without a screen, with Remote Viewer on it."""

    def __init__(self, number, home):
        self.display, self.home, self.viewer = f":{number}", home, None
        self.env = dict(os.environ, DISPLAY=self.display, HOME=home, XDG_RUNTIME_DIR=home, NO_AT_BRIDGE="1", GDK_BACKEND="x11",
                        SPICE_NOGRAB="1", DBUS_SESSION_BUS_ADDRESS="disabled:", GSETTINGS_BACKEND="memory")
        self.server = subprocess.Popen(["Xvfb", self.display, "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(f"/tmp/.X11-unix/X{number}"), 20, "X server")

    def run(self, *command, **more):
        return subprocess.run(command, env=self.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30, **more).stdout

    def open(self, text):
        path = os.path.join(self.home, "console.vv")
        with open(path, "w") as f:
            f.write(text)
        self.log = open(os.path.join(self.home, "viewer.log"), "wb")
        self.viewer = subprocess.Popen(["remote-viewer", "--debug", path], env=self.env, stdout=self.log, stderr=self.log)
        return path

    def colours(self):
        """How many colours the root window shows."""
        text = self.run("sh", "-c", "import -window root png:- | identify -format %k png:-")
        return int(text or 0)

    def shot(self):
        return self.run("sh", "-c", "import -window root -depth 8 rgb:-")

    def type(self, text):
        window = self.run("xdotool", "search", "--onlyvisible", "--name", "screen1").split()
        if window:
            self.run("xdotool", "windowfocus", window[-1].decode())
        self.run("xdotool", "mousemove", "640", "500", "click", "1")
        self.run("xdotool", "type", "--delay", "120", text)
        self.run("xdotool", "key", "Return")

    def close(self):
        for process in self.viewer, self.server:
            if process:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


@pytest.fixture
def desk(tmp_path):
    made = Desk(90 + os.getpid() % 900, str(tmp_path))
    yield made
    made.close()


def serial(web, vm, *headers, query=""):
    return web.socket(f"/hostler/vms/{vm.get().id}/serial{query}", "Authorization: Bearer " + web.token, *headers)


def read_until(ws, word, timeout=60):
    text, end = b"", time.monotonic() + timeout
    while word not in text:
        assert time.monotonic() < end, text[-500:]
        ws.socket.settimeout(max(end - time.monotonic(), 0.1))
        try:
            text += ws.next()
        except TimeoutError:
            pass
    return text


def serial_prompt(ws, timeout=90):
    """Press return until the guest's shell answers."""
    end = time.monotonic() + timeout
    while True:
        ws.send(b"\n")
        ws.socket.settimeout(2)
        try:
            return read_until(ws, b"guest# ", 3)
        except (TimeoutError, AssertionError) as error:
            assert time.monotonic() < end, error


@pytest.mark.parametrize("console", [VNC, SPICE])
def test_remote_viewer_shows_the_guest(vm, web, desk, console):
    path = desk.open(vm.graphics_consoles_service().console_service(console).remote_viewer_connection_file())
    wait_for(lambda: vm.sessions_service().list(), 60, "console in use")
    assert not os.path.exists(path)  # delete-this-file
    session = [s for s in vm.sessions_service().list() if s.console_user][0]
    assert session.user.user_name.startswith("admin@internal")
    wait_for(lambda: desk.colours() > 3, 60, "a picture")
    with serial(web, vm) as tty:  # what is typed at the screen arrives in the guest
        serial_prompt(tty)
        desk.type(f"touch /tmp/typed-{console}")  # there is a shell at the screen
        end = time.monotonic() + 60
        tty.send(b"until [ -e /tmp/typed-%s ]; do sleep 1; done; echo it''s there\n" % console.encode())
        assert b"its there" in read_until(tty, b"its there", end - time.monotonic())


# -- WebSockets --------------------------------------------------------------------------------------


def test_vnc_through_a_websocket(vm, web):
    secret = password(vm)
    with Relayed(web.socket("/hostler/console/" + proxy_ticket(vm), "Sec-WebSocket-Protocol: binary"), secret) as vnc:
        assert any(vnc.picture())
        direct = vm.graphics_consoles_service().console_service(VNC).get()
        with Vnc(direct.address, direct.port, secret) as other:
            assert (other.width, other.height) == (vnc.width, vnc.height)


def test_spice_through_a_websocket(vm, web):
    ticket = proxy_ticket(vm, SPICE)
    link = b"REDQ" + struct.pack("<IIII", 2, 2, 18, 0) + struct.pack("<BBIII", 1, 0, 0, 0, 18)[:2]
    for _ in range(3):  # a SPICE session has several channels
        with web.socket("/hostler/console/" + ticket) as ws:
            message = struct.pack("<IBBIII", 0, 1, 0, 0, 0, 18)
            ws.send(b"REDQ" + struct.pack("<III", 2, 2, len(message)) + message)
            assert ws.next().startswith(b"REDQ"), link


def test_tickets_are_for_once(vm, web):
    ticket = proxy_ticket(vm)
    web.socket("/hostler/console/" + ticket).close()
    for wrong in ticket, "", "A" * 40, ticket[:-1] + "~", "../x":
        with pytest.raises(Refused) as refused:
            web.socket("/hostler/console/" + wrong)
        assert refused.value.status in (401, 404)
    with pytest.raises(Refused) as refused:
        web.socket("/hostler/console/" + proxy_ticket(vm), "Origin: https://elsewhere")
    assert refused.value.status == 403
    own = f"Origin: https://{web.manager.address}:{web.manager.port}"
    web.socket("/hostler/console/" + proxy_ticket(vm), own).close()
    assert web.ask("/hostler/console/" + proxy_ticket(vm))[0] == 426


def test_logout_ends_consoles(vm, manager, web):
    connection = manager.connect()
    other = connection.system_service().vms_service().vm_service(vm.get().id)
    with web.socket("/hostler/console/" + proxy_ticket(other)) as ws:
        assert ws.next().startswith(b"RFB ")
        connection.close()  # logs out
        with pytest.raises(Closed) as closed:
            while True:
                ws.next()
        assert closed.value.code == 1008


def test_events_of_consoles(system, vm, web):
    newest = max(int(e.id) for e in system.events_service().list(max=5))
    secret = password(vm)
    with Relayed(web.socket("/hostler/console/" + proxy_ticket(vm)), secret) as vnc:
        vnc.picture()
        wait_for(lambda: [e for e in system.events_service().list(from_=newest) if e.code == 167], 30, "event of coming")
    wait_for(lambda: [e for e in system.events_service().list(from_=newest) if e.code == 168], 30, "event of going")


def test_several_people(system, vm, manager, web):
    users = system.users_service()
    user = users.add(types.User(user_name="carl@internal-authz", password="a-good-one", domain=types.Domain(name="internal-authz")))
    allowed = vm.permissions_service().add(types.Permission(role=types.Role(name="UserRole"), user=types.User(id=user.id)))
    carl = manager.connect("carl@internal", "a-good-one")
    his = carl.system_service().vms_service().vm_service(vm.get().id)
    with Relayed(web.socket("/hostler/console/" + proxy_ticket(vm)), password(vm)) as vnc:
        vnc.picture()
        wait_for(lambda: vm.sessions_service().list(), 30, "console in use")
        with pytest.raises(ovirtsdk4.Error, match="in use by admin@internal"):
            password(his)
        status, _, body = web.ask(f"/hostler/vms/{vm.get().id}/disconnect", "POST")
        assert status == 200 and json.loads(body) == {"disconnected": 1}
        with pytest.raises(Closed) as closed:
            while True:
                vnc.socket.next()
        assert closed.value.code == 1008
    wait_for(lambda: not vm.sessions_service().list(), 30, "console free")
    with Relayed(web.socket("/hostler/console/" + proxy_ticket(his)), password(his)) as vnc:
        vnc.picture()
        wait_for(lambda: vm.sessions_service().list(), 30, "console in use")
        assert vm.sessions_service().list()[0].user.user_name.startswith("carl@internal")
        vm.permissions_service().permission_service(allowed.id).remove()
        with pytest.raises(Closed) as closed:
            while True:
                vnc.socket.next()
        assert closed.value.code == 1008 and "permission" in closed.value.reason
    with pytest.raises(ovirtsdk4.Error):
        proxy_ticket(his)
    carl.close()
    users.user_service(user.id).remove()


# -- the serial console ----------------------------------------------------------------------------------


def test_serial_console(vm, web):
    with serial(web, vm) as tty:
        serial_prompt(tty)
        tty.send(b"echo $((6*7))abc\n")
        assert b"42abc" in read_until(tty, b"42abc\r\n")
        with serial(web, vm) as second:
            with pytest.raises(Closed) as closed:
                second.next()
            assert closed.value.code == 4409
        with serial(web, vm, query="?force=true") as third:
            assert b"42abc" in read_until(third, b"42abc\r\n")  # what was said before
            with pytest.raises(Closed) as closed:
                while True:
                    tty.next()
            assert closed.value.code == 1000
            third.send(b"echo third\n")
            read_until(third, b"third\r\n")


def test_serial_ticket(vm, web):
    path = f"/hostler/vms/{vm.get().id}"
    status, _, body = web.ask(path + "/serialticket", "POST")
    answer = json.loads(body)
    assert status == 200 and answer["expires_in"] == 120
    with web.socket(f"{path}/serial?ticket={answer['ticket']}&force=true&history=false") as tty:
        serial_prompt(tty)
    for query, wanted in (f"?ticket={answer['ticket']}", 401), ("?ticket=", 401), ("", 401):
        with pytest.raises(Refused) as refused:
            web.socket(path + "/serial" + query)
        assert refused.value.status == wanted
    assert web.ask(path + "/serialticket", "POST", token=False)[0] == 401
    assert web.ask("/hostler/vms/no-uuid/serial")[0] == 404
    basic = base64.b64encode(f"admin@internal:{web.manager.password}".encode()).decode()
    assert web.ask(path + "/serialticket", "POST", {"Authorization": "Basic " + basic}, token=False)[0] == 200


def test_serial_survives_a_reset(vm, web):
    with serial(web, vm, query="?force=true&history=false") as tty:
        serial_prompt(tty)
        tty.send(b"touch /tmp/mark\n")
        read_until(tty, b"guest# ")
        vm.reset()
        end = time.monotonic() + 90
        while True:
            serial_prompt(tty)
            tty.send(b"[ -e /tmp/mark ] || echo gone$((1+1))\n")
            try:
                read_until(tty, b"gone2", 3)
                break
            except (TimeoutError, AssertionError):
                assert time.monotonic() < end


# -- pictures -----------------------------------------------------------------------------------------------


def test_picture_of_the_screen(vm, web):
    status, kind, png = web.ask(f"/hostler/vms/{vm.get().id}/screenshot")
    assert (status, kind) == (200, "image/png") and png.startswith(b"\x89PNG\r\n")
    width, height = struct.unpack(">II", png[16:24])
    done = subprocess.run(["identify", "-format", "%w %h", "png:-"], input=png, stdout=subprocess.PIPE, check=True)
    assert done.stdout.split() == [b"%d" % width, b"%d" % height] and width >= 320


# -- encrypted consoles ------------------------------------------------------------------------------------------


RESTART_LIBVIRTD = "kill $(cat /run/libvirtd.pid); while [ -e /run/libvirtd.pid ]; do sleep 0.1; done; libvirtd -d"


@pytest.fixture(scope="module")
def secure_vm(system, vm, agents, lab):
    """The VM, started again on a host whose libvirt insists on TLS for consoles, with the agent's certificates."""
    products.stop_vm(vm)
    lab.run(1, ["sh", "-ec", f"""
        for kind in vnc spice; do
            mkdir -p /etc/pki/libvirt-$kind; cd /etc/pki/libvirt-$kind
            cp {agents[0].STATE}/pki/cacert.pem ca-cert.pem
            cp {agents[0].STATE}/pki/vdsmcert.pem server-cert.pem
            cp {agents[0].STATE}/pki/vdsmkey.pem server-key.pem
            chown 36:36 *; chmod 600 server-key.pem
            echo "${{kind}}_tls = 1"; echo "${{kind}}_tls_x509_cert_dir = \\"/etc/pki/libvirt-$kind\\""
        done >>/etc/libvirt/qemu.conf
        {RESTART_LIBVIRTD}"""])
    agents[0].restart()
    host = system.hosts_service().host_service(agents[0].id)

    def refreshed():
        try:
            host.refresh()
        except ovirtsdk4.Error:  # not connected yet
            return False
        return host.get().status == types.HostStatus.UP

    wait_for(refreshed, 60, "host up again")
    time.sleep(2)
    vm.start()
    wait_status(vm, types.VmStatus.UP)
    yield vm
    lab.run(1, ["sh", "-ec", f"sed -i '/_tls/d' /etc/libvirt/qemu.conf; {RESTART_LIBVIRTD}"])  # the host is others', too


def test_encrypted_vnc_through_a_websocket(secure_vm, web):
    secret = password(secure_vm)
    direct = secure_vm.graphics_consoles_service().console_service(VNC).get()
    with pytest.raises(VncRefused, match="19"):  # VeNCrypt is all that the host offers
        Vnc(direct.address, direct.port, secret)
    with Relayed(web.socket("/hostler/console/" + proxy_ticket(secure_vm)), secret) as vnc:
        assert vnc.offered == [2] and any(vnc.picture())
    with pytest.raises(VncRefused):
        Relayed(web.socket("/hostler/console/" + proxy_ticket(secure_vm)), "wrong")


@pytest.mark.parametrize("console", [VNC, SPICE])
def test_remote_viewer_over_tls(secure_vm, manager, desk, console):
    os.makedirs(desk.home + "/.pki/CA")
    with open(manager.ca) as f, open(desk.home + "/.pki/CA/cacert.pem", "w") as out:
        out.write(f.read())
    text = secure_vm.graphics_consoles_service().console_service(console).remote_viewer_connection_file()
    if console == SPICE:
        assert "tls-port=" in text and "host-subject=O=hostler,CN=" in text
    desk.open(text)
    wait_for(lambda: desk.colours() > 3, 60, "a picture")


# -- the end ---------------------------------------------------------------------------------------------------


def test_consoles_end_with_the_vm(vm, web):
    with web.socket("/hostler/console/" + proxy_ticket(vm)) as screen, serial(web, vm, query="?force=true") as tty:
        vm.stop()
        for ws in screen, tty:
            with pytest.raises(Closed) as closed:
                while True:
                    ws.next()
            assert closed.value.code == 1000
    wait_status(vm, types.VmStatus.DOWN)
    with pytest.raises(Refused) as refused:
        serial(web, vm)
    assert refused.value.status == 409
    assert web.ask(f"/hostler/vms/{vm.get().id}/screenshot")[0] == 409
