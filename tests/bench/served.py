# SPDX-License-Identifier: Apache-2.0
"""A Manager to be measured, and how figures are printed."""
import http.client
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
BUILD = os.environ.get("HOSTLER_BUILD") or os.path.join(ROOT, "build/release")
SMOKE = "--smoke" in sys.argv
API = "/ovirt-engine/api"


def figure(name, value, aim=""):
    print(f"{name:<62} {value:>22}  {('aim: ' + aim) if aim else ''}", flush=True)


class Manager:
    def __init__(self, directory):
        self.dir, self.state = directory, os.path.join(directory, "state")
        self.process = None
        subprocess.run([self.program, "init", "--state", self.state], check=True)
        with open(os.path.join(self.state, "admin-password")) as f:
            self.password = f.read().strip()

    @property
    def program(self):
        return os.path.join(BUILD, "manager/hostlerd")

    def start(self):
        """Seconds from start to the first answer."""
        begin = time.monotonic()
        r, w = os.pipe()
        self.log = open(os.path.join(self.dir, "hostlerd.log"), "a")
        self.process = subprocess.Popen([self.program, "--state", self.state, "--listen", "127.0.0.1:0", "--ready-fd", str(w)],
                                        pass_fds=[w], stderr=self.log, stdout=self.log)
        os.close(w)
        with os.fdopen(r) as f:
            line = f.readline()
        if not line.startswith("READY"):
            raise SystemExit("hostlerd did not start: " + open(self.log.name).read())
        self.port = int(line.split()[1])
        self.login()
        self.request("GET", API)
        return time.monotonic() - begin

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=60)
            self.process = None

    def connect(self):
        context = ssl.create_default_context(cafile=os.path.join(self.state, "pki/ca.pem"))
        return http.client.HTTPSConnection("localhost", self.port, context=context, timeout=60)

    def login(self):
        self.connection = self.connect()
        body = f"grant_type=password&scope=ovirt-app-api&username=admin%40internal&password={self.password}"
        self.connection.request("POST", "/ovirt-engine/sso/oauth/token", body,
                                {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"})
        self.token = json.load(self.connection.getresponse())["access_token"]

    def headers(self, accept="application/json"):
        return {"Authorization": "Bearer " + self.token, "Accept": accept, "Content-Type": "application/json"}

    def request(self, method, path, body=None, accept="application/json", connection=None):
        c = connection or self.connection
        c.request(method, path, json.dumps(body) if body is not None else None, self.headers(accept))
        answer = c.getresponse()
        data = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:500]}")
        return data

    def rss_mb(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) / 1024

    def wrk(self, path, seconds, connections=64, script=None, accept="application/xml"):
        argv = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H", "Authorization: Bearer " + self.token,
                "-H", "Accept: " + accept]
        if script:
            argv += ["-s", script, "-H", "Content-Type: application/xml"]
        return subprocess.run(argv + [f"https://localhost:{self.port}{path}"], check=True, capture_output=True, text=True).stdout
