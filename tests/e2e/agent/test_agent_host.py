# SPDX-License-Identifier: Apache-2.0
"""The host's own verbs, its networks, and how it gets its certificates."""
import hashlib
import http.server
import json
import os
import tempfile
import re
import signal
import socket
import ssl
import threading

import pytest
from agent_host import PORT, AgentHost, openssl
from products import AGENT, wait_for
from vdsm_client import AgentError, Client, proof


def test_capabilities(agent, client):
    caps = client.call("Host.getCapabilities")
    assert caps["kvmEnabled"] == "false" and caps["kvmReason"] == "set by the administrator"
    assert "model_qemu64" in caps["cpuFlags"].split(",") and "q35" in caps["emulatedMachines"]
    assert int(caps["cpuThreads"]) == len(caps["cpuTopology"]) and int(caps["memSize"]) > 1000
    assert "ovirtmgmt" in caps["bridges"] and "eth0" in caps["nics"] and caps["lastClientIface"] == "ovirtmgmt"
    assert agent.address + "/24" in caps["bridges"]["ovirtmgmt"]["ipv4addrs"]
    assert caps["clusterLevels"] and caps["operatingSystem"]["name"] and re.fullmatch("[0-9a-f-]{36}", caps["uuid"])
    assert caps["packages2"]["libvirt"]["version"].count(".") == 2 and caps["hooks"] == {}
    assert client.call("Host.getHardwareInfo")["systemUUID"] == caps["uuid"]
    assert "computer" in client.call("Host.hostdevListByCaps")


def test_statistics(client):
    stats = client.call("Host.getStats")
    for key in "cpuUser", "cpuSys", "cpuIdle", "memUsed":
        assert 0 <= float(stats[key]) <= 100, key
    assert stats["memFree"] > 0 and stats["network"]["eth0"]["state"] == "up" and stats["vmCount"] == 0
    assert stats["momStatus"] == "active" and isinstance(stats["storageDomains"], dict)
    client.call("Host.setMOMPolicyParameters", key_value_store={"balloonEnabled": True})


def test_small_verbs_and_bad_calls(agent, client):
    assert client.call("Host.ping") is True and client.call("Host.ping2") is True
    assert client.call("Host.echo", message="ä") == "ä"
    for method, params, code in [("Host.nothing", {}, -32601), ("VM.migrate", {}, -32601), ("Host.echo", {}, -32602),
                                 ("Host.echo", {"message": {}}, -32602), ("VM.getStats", {"vmID": "x"}, -32602),
                                 ("VM.getStats", {"vmID": "1" * 8 + "-1111" * 3 + "-" + "1" * 12}, 1),
                                 ("Host.getAllVmStats", {"vmList": 3}, -32602)]:
        with pytest.raises(AgentError) as e:
            client.call(method, **params)
        assert e.value.code == code, method
    with pytest.raises((ssl.SSLError, OSError, TimeoutError)):  # nobody gets in without a certificate
        Client(agent.address, PORT, agent.authority.ca).call("Host.ping2", _timeout=3)
    with socket.create_connection((agent.address, PORT)) as s:
        s.sendall(b"\x16\x03" + bytes(range(256)) * 40)
    assert client.call("Host.ping2") is True


def test_networks(agent, client):
    def set_up(networks, **options):
        return client.call("Host.setupNetworks", networks=networks, bondings={}, options={"connectivityCheck": False, **options})

    def names():
        return set(client.call("Host.getNetworkCapabilities")["networks"])

    set_up({"blue": {"bridged": True, "mtu": 1400}, "red": {"nic": "eth1", "bridged": "true", "stp": "no"}})
    caps = client.call("Host.getNetworkCapabilities")
    assert caps["networks"]["red"]["ports"] == ["eth1"] and caps["networks"]["blue"]["mtu"] == "1400"
    assert client.call("Host.getStats")["netConfigDirty"] == "True"
    client.call("Host.setSafeNetworkConfig")
    assert client.call("Host.getStats")["netConfigDirty"] == "False"
    for networks, code in [({"x" * 16: {}}, 27), ({"green": {"vlan": 3, "nic": "eth1"}}, 26), ({"green": {"nic": "eth9"}}, 23),
                           ({"green": {"nic": "eth1"}}, 24), ({"green": {"bootproto": "dhcp"}}, 21), ({"a;b": {}}, 27),
                           ({"none": {"remove": True}}, 27), ({"green": []}, 21)]:
        with pytest.raises(AgentError) as e:
            set_up(networks)
        assert e.value.code == code, networks
    # nobody confirms: it is taken back
    with pytest.raises(AgentError) as e:
        set_up({"green": {}}, connectivityCheck=True, connectivityTimeout=1)
    assert e.value.code == 10 and names() == {"blue", "red"}
    slow = client.send("Host.setupNetworks", {"networks": {"green": {}}, "bondings": {}, "options": {"connectivityTimeout": 20}})
    wait_for(lambda: "green" in client.call("Host.getNetworkCapabilities")["bridges"], 5)
    client.call("Host.confirmConnectivity")
    assert client.wait(slow) is True and "green" in names()
    # the bridge that was there before is used as it is, and survives
    set_up({"ovirtmgmt": {"nic": "eth0", "bootproto": "none", "ipaddr": agent.address, "netmask": "255.255.255.0"}})
    set_up({"ovirtmgmt": {"remove": True}})
    set_up({"ovirtmgmt": {"bridged": True}})
    assert client.call("Host.getNetworkCapabilities")["networks"]["ovirtmgmt"]["addr"] == agent.address
    set_up({"ovirtmgmt": {"remove": True}})
    assert client.call("Host.ping2") is True
    # after a restart everything is known; after a reboot (bridges gone) what is safe comes back
    agent.stop()
    agent.lab.run(1, ["sh", "-c", "for b in blue red green; do ip link del $b; done"])
    agent.start()
    with agent.client() as c:
        assert {"blue", "red"} <= set(c.call("Host.getNetworkCapabilities")["networks"])
        c.call("Host.setupNetworks", networks={n: {"remove": True} for n in ("blue", "red", "green")}, bondings={},
               options={"connectivityCheck": False, "commitOnSuccess": True})
        assert not c.call("Host.getNetworkCapabilities")["networks"]


def fingerprint(pem_path):
    return openssl("x509", "-in", pem_path, "-noout", "-fingerprint", "-sha256").decode().strip().split("=")[1].replace(":", "").lower()


@pytest.fixture
def bare(lab, authority):
    """An agent without certificates, on the other host."""
    made = AgentHost(lab, 2, authority, tempfile.mkdtemp(prefix="bare", dir=lab.dir))
    os.chmod(made.dir, 0o755)
    yield made
    made.stop()


def test_pairing(bare, authority, tmp_path):
    bare.start()
    code = bare.lab.run(2, [AGENT, "pairing-code", "--state", bare.state]).stdout.strip()
    assert re.fullmatch("[A-Z2-7]{5}-[A-Z2-7]{5}", code)
    own = str(tmp_path / "seen.pem")
    with open(own, "w") as f:
        f.write(ssl.get_server_certificate((bare.address, PORT)))
    with Client(bare.address, PORT) as c:
        assert c.call("Host.ping2") is True
        for method in "Host.getCapabilities", "VM.create":
            with pytest.raises(AgentError):
                c.call(method)
        with pytest.raises(AgentError):
            c.call("Host.pairRequest", proof="0" * 64)
        answer = c.call("Host.pairRequest", proof=proof(code, "manager", fingerprint(own)))
        assert answer["proof"] == proof(code, "agent", hashlib.sha256(answer["csr"].encode()).hexdigest())
        csr, cert = str(tmp_path / "a.csr"), str(tmp_path / "a.pem")
        with open(csr, "w") as f:
            f.write(answer["csr"])
        authority.sign(csr, cert)
        with open(cert) as f, open(authority.ca) as g:
            pem, ca = f.read(), g.read()
        with pytest.raises(AgentError):
            c.call("Host.pairInstall", certificate=pem, ca=ca, proof="0" * 64)
        with pytest.raises(AgentError):  # a certificate of somebody else
            c.call("Host.pairInstall", certificate=ca, ca=ca, proof=proof(code, "install", hashlib.sha256(ca.encode()).hexdigest()))
        assert c.call("Host.pairInstall", certificate=pem, ca=ca, proof=proof(code, "install", hashlib.sha256(pem.encode()).hexdigest())) is True

    def mutual():
        try:
            with bare.client(timeout=2) as c:
                return c.call("Host.getCapabilities")["uuid"]
        except (OSError, TimeoutError, AgentError):
            return None

    wait_for(mutual, 20, "mutual TLS: " + bare.tail())
    assert bare.lab.run(2, [AGENT, "pairing-code", "--state", bare.state], check=False).returncode == 1


def test_pairing_is_locked(bare):
    bare.start()
    with Client(bare.address, PORT) as c:
        for _ in range(5):
            with pytest.raises(AgentError) as e:
                c.call("Host.pairRequest", proof="0" * 64)
            assert "not the pairing code" in e.value.message
        with pytest.raises(AgentError) as e:
            c.call("Host.pairRequest", proof="0" * 64)
        assert "locked" in e.value.message


class Registrar:
    """The Manager's end of enrolment, as small as it can be."""

    def __init__(self, authority, address, directory):
        self.authority, self.dir, self.requests, self.approved = authority, str(directory), {}, False
        key, csr, cert = (os.path.join(self.dir, "web." + x) for x in ("key", "csr", "pem"))
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", csr, "-subj", "/CN=" + address)
        ext = os.path.join(self.dir, "ext")
        with open(ext, "w") as f:
            f.write(f"subjectAltName=IP:{address}\n")
        openssl("x509", "-req", "-in", csr, "-CA", authority.ca, "-CAkey", authority.ca_key, "-CAcreateserial", "-days", "2",
                "-extfile", ext, "-out", cert)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *unused):
                pass

            def answer(self, status, body):
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self):
                if "command=get-pki-trust" in self.path:
                    with open(authority.ca, "rb") as f:
                        return self.answer(200, f.read())
                if "command=get-version" in self.path:
                    return self.answer(200, b"1")
                nonce = re.search("nonce=([0-9a-f]{64})", self.path).group(1)
                request = outer.requests[nonce]
                if not outer.approved:
                    return self.answer(200, {"status": "pending"})
                csr_path, cert_path = os.path.join(outer.dir, "e.csr"), os.path.join(outer.dir, "e.pem")
                with open(csr_path, "w") as f:
                    f.write(request["csr"])
                authority.sign(csr_path, cert_path)
                with open(cert_path) as f, open(authority.ca) as g:
                    self.answer(200, {"status": "approved", "certificate": f.read(), "ca": g.read()})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if body["secret"] not in ("", "onetime"):
                    return self.answer(403, {"detail": "unknown token"})
                outer.requests[body["nonce"]] = body
                self.answer(200, {"id": "11111111-2222-3333-4444-555555555555", "status": "pending"})

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://{address}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def test_enrolment(bare, authority, lab, tmp_path):
    registrar = Registrar(authority, lab.address(0), tmp_path)
    print_of_ca = fingerprint(authority.ca)

    def enroll(*more):
        return lab.run(2, [AGENT, "enroll", registrar.url, "--state", bare.state, *more], check=False)

    bare.start()
    done = enroll()
    assert done.returncode == 1 and print_of_ca in done.stderr
    assert "another Manager" in enroll("--fingerprint", "0" * 64).stderr
    assert "token" in enroll("--token", "abc").stderr
    assert "unknown token" in enroll("--token", "wrong." + print_of_ca).stderr
    done = enroll("--token", "onetime." + print_of_ca, "--no-wait", "--name", "second")
    assert done.returncode == 0, done.stderr
    (nonce, request), = registrar.requests.items()
    assert request["name"] == "second" and request["address"] == bare.address and request["secret"] == "onetime"
    registrar.approved = True
    done = enroll("--fingerprint", print_of_ca.upper())
    assert done.returncode == 0 and list(registrar.requests) == [nonce], done.stderr
    # where the CA is known, nothing is fetched without trust
    again = lab.run(2, [AGENT, "enroll", registrar.url, "--state", bare.state + "2", "--ca", authority.ca, "--no-wait"], check=False)
    assert again.returncode == 0 and bare.address in again.stdout, again.stderr
    assert os.stat(os.path.join(bare.state, "pki/vdsmkey.pem")).st_mode & 0o777 == 0o600

    def mutual():
        try:
            with bare.client(timeout=2) as c:
                return c.call("Host.getCapabilities")["uuid"] == request["uniqueId"]
        except (OSError, TimeoutError, AgentError):
            return None

    wait_for(mutual, 20, "mutual TLS: " + bare.tail())


def test_probe_without_kvm(bare):
    """The lab's hosts have no /dev/kvm: the probe says so, and what it found is kept."""
    bare.give_certificates()
    bare.options = []
    bare.start()
    with bare.client() as c:
        wait_for(lambda: c.call("Host.getCapabilities")["kvmReason"] == "there is no /dev/kvm", 10)
    with open(os.path.join(bare.state, "accel.json")) as f:
        assert json.load(f)["kvm"] is False
    bare.signal(signal.SIGTERM)
    assert bare.process.returncode == 0
