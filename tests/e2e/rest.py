# SPDX-License-Identifier: Apache-2.0
"""The API as bytes: requests that no SDK would send, and looks at all that the Manager holds."""
import json
import re
import socket
import ssl
import time

import requests

import products

XML = {"Content-Type": "application/xml"}
JSON = {"Content-Type": "application/json", "Accept": "application/json"}
COLLECTIONS = ("datacenters", "clusters", "networks", "vnicprofiles", "cpuprofiles", "diskprofiles", "tags", "bookmarks", "hosts",
               "vms", "templates", "disks", "storagedomains", "users", "groups", "roles", "permissions", "macpools", "instancetypes")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def solo(directory, postgres=None):
    """A Manager on loopback, without hosts."""
    return products.Manager(directory, "127.0.0.1", postgres, free_port())


class Rest:
    def __init__(self, manager, user="admin@internal", password=None):
        self.manager, self.user, self.password = manager, user, password or manager.password
        self.root = f"https://{manager.address}:{manager.port}/ovirt-engine"
        self.session = requests.Session()
        self.session.verify, self.session.trust_env = manager.ca, False  # the environment may name other CAs and proxies
        self.token = None

    def login(self, **form):
        fields = {"grant_type": "password", "scope": "ovirt-app-api", "username": self.user, "password": self.password, **form}
        answer = self.session.post(self.root + "/sso/oauth/token", data=fields, headers={"Accept": "application/json"}, timeout=60)
        if answer.status_code == 200:
            self.token = answer.json()["access_token"]
        return answer

    def call(self, method, path, body=None, headers=None, token=True, timeout=60, **more):
        """path below /ovirt-engine/api, or absolute; the answer as it is. Logs in when there is no token yet."""
        if token is True and not self.token:
            assert self.login().status_code == 200
        given = {"Authorization": "Bearer " + (self.token if token is True else token)} if token else {}
        url = path if path.startswith("https:") else self.root[:-len("/ovirt-engine")] + path if path.startswith("/ovirt-engine") \
            else self.root + "/api" + path
        if isinstance(body, (dict, list)):
            body, headers = json.dumps(body), {**JSON, **(headers or {})}
        elif isinstance(body, str) and headers is None:
            headers = XML
        if isinstance(body, str):
            body = body.encode()
        headers = {k: v for k, v in {**given, **(headers or {})}.items() if v is not None}
        return self.session.request(method, url, data=body, headers=headers, timeout=timeout, **more)

    def get(self, path, **headers):
        answer = self.call("GET", path, headers={"Accept": "application/json", **headers})
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    def list(self, collection):
        """Items of a collection, whatever they are called."""
        found = self.get("/" + collection)
        return next(iter(found.values())) if found else []

    def one(self, collection, name):
        return next(item for item in self.list(collection) if item.get("name") == name)

    def add(self, collection, **members):
        answer = self.call("POST", "/" + collection, members)
        assert answer.status_code in (200, 201, 202), (answer.status_code, answer.text)
        return answer.json()

    def remove(self, collection, an_id):
        answer = self.call("DELETE", f"/{collection}/{an_id}")
        assert answer.status_code == 200, answer.text

    def everything(self):
        """What the Manager holds, apart from jobs and events: to be compared before and after."""
        return {name: sorted((json.dumps(item, sort_keys=True) for item in self.list(name))) for name in COLLECTIONS}

    # -- below HTTP ----------------------------------------------------------------------

    def connect(self, timeout=30):
        context = ssl.create_default_context(cafile=self.manager.ca)
        plain = socket.create_connection((self.manager.address, self.manager.port), timeout=timeout)
        return context.wrap_socket(plain, server_hostname="localhost")

    def raw(self, text, timeout=30):
        """Send bytes, give back all that comes until the Manager closes or nothing comes any more."""
        with self.connect(timeout) as s:
            try:
                s.sendall(text.encode() if isinstance(text, str) else text)
            except (ConnectionError, ssl.SSLError): # the Manager had read enough; what it answered is still to be read
                pass
            return read_answer(s)

    def request_bytes(self, method, path, body=b"", **headers):
        head = {"Host": "localhost", "Authorization": "Bearer " + (self.token or ""), "Connection": "close", **headers}
        return (f"{method} /ovirt-engine/api{path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in head.items())
                + "\r\n").encode() + body


def read_answer(s):
    data = b""
    try:
        while True:
            part = s.recv(65536)
            if not part:
                break
            data += part
    except (TimeoutError, ConnectionResetError, ssl.SSLError):
        pass
    return data


def status(data):
    """Status of the first answer that is not an interim one; 0: none."""
    for found in re.finditer(rb"HTTP/1\.[01] (\d{3})", data):
        if not found.group(1).startswith(b"1"):
            return int(found.group(1))
    return 0


def fault(answer):
    """Reason and detail of a fault, in whichever form it came, also inside an action."""
    text = answer.text
    if answer.headers["Content-Type"].startswith("application/json"):
        found = answer.json()
        found = found.get("fault", found)
        return found.get("reason", ""), found.get("detail", "")
    pick = {name: re.search(f"<{name}>(.*?)</{name}>", text, re.S) for name in ("reason", "detail")}
    return tuple(unescape(pick[name].group(1)) if pick[name] else "" for name in ("reason", "detail"))


def unescape(text):
    for name, char in ("lt", "<"), ("gt", ">"), ("quot", '"'), ("apos", "'"), ("amp", "&"):
        text = text.replace(f"&{name};", char)
    return text


def wait(condition, timeout=30):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def log_of(manager):
    with open(manager.log, errors="replace") as f:
        return f.read()


def memory_kib(manager):
    with open(f"/proc/{manager.process.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))
