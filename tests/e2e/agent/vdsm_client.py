# SPDX-License-Identifier: Apache-2.0
"""A small client of the agent's protocol: JSON-RPC in STOMP in TLS, as Managers speak it."""
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
import uuid


class AgentError(Exception):
    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class Client:
    """One connection. call() waits for the answer; events gathers what the agent tells by itself."""

    def __init__(self, host, port, ca=None, cert=None, key=None, timeout=30):
        self.timeout = timeout
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
        if ca:
            context.load_verify_locations(ca)
        if cert:
            context.load_cert_chain(cert, key)
        self.sock = context.wrap_socket(socket.create_connection((host, port), timeout=10))
        self.sock.settimeout(None)
        self.events = []
        self.answers = {}
        self.changed = threading.Condition()
        self.closed = False
        self.queue = str(uuid.uuid4())
        self._send("CONNECT", {"accept-version": "1.2", "heart-beat": "0,0"})
        self._send("SUBSCRIBE", {"destination": self.queue, "id": "1", "ack": "auto"})
        self._send("SUBSCRIBE", {"destination": "jms.queue.events", "id": "2", "ack": "auto"})
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self.closed = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(10)  # or it would read from whatever gets the descriptor next
        self.sock.close()

    def _send(self, command, headers, body=b""):
        head = "".join(f"{k}:{v}\n" for k, v in headers.items())
        self.sock.sendall(f"{command}\n{head}\n".encode() + body + b"\0")

    def _read(self):
        buf = b""
        try:
            while True:
                while buf.startswith(b"\n"):
                    buf = buf[1:]
                head, found, rest = buf.partition(b"\n\n")
                if found:
                    lines = head.decode().split("\n")
                    headers = dict(line.split(":", 1) for line in lines[1:])
                    size = int(headers.get("content-length", -1))
                    if size < 0 and b"\0" in rest:
                        size = rest.index(b"\0")
                    if 0 <= size < len(rest):
                        self._take(lines[0], rest[:size])
                        buf = rest[size + 1:]
                        continue
                data = self.sock.recv(65536)
                if not data:
                    break
                buf += data
        except (OSError, ValueError):
            pass
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def _take(self, command, body):
        if command != "MESSAGE":
            return
        message = json.loads(body)
        with self.changed:
            if message.get("id") is not None and "method" not in message:
                self.answers[message["id"]] = message
            else:
                self.events.append(message)
            self.changed.notify_all()

    def send(self, method, params=None, correlation=None):
        number = str(uuid.uuid4())
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params or {}, "id": number}).encode()
        headers = {"destination": "jms.topic.vdsm_requests", "content-type": "application/json",
                   "reply-to": self.queue, "content-length": len(body)}
        if correlation:
            headers["ovirtCorrelationId"] = correlation
        self._send("SEND", headers, body)
        return number

    def wait(self, number, timeout=None):
        end = time.monotonic() + (timeout or self.timeout)
        with self.changed:
            while number not in self.answers:
                left = end - time.monotonic()
                if left <= 0 or self.closed:
                    raise TimeoutError("no answer" if not self.closed else "connection closed")
                self.changed.wait(left)
            message = self.answers.pop(number)
        if "error" in message:
            raise AgentError(message["error"]["code"], message["error"]["message"])
        return message["result"]

    def call(self, method, _timeout=None, **params):
        return self.wait(self.send(method, params), _timeout)

    def is_ready(self):
        """All machines are found again."""
        try:
            self.call("Host.getAllVmStats")
            return True
        except AgentError as e:
            if e.code != 99:
                raise
            return False

    def wait_event(self, match, timeout=20):
        """The first event, old or new, for which match(method, params) holds; it is taken out."""
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                for event in self.events:
                    if match(event["method"], event.get("params", {})):
                        self.events.remove(event)
                        return event
                left = end - time.monotonic()
                if left <= 0 or self.closed:
                    raise TimeoutError("no such event")
                self.changed.wait(left)


def proof(code, what, about):
    return hmac.new(code.replace("-", "").encode(), (what + about).encode(), hashlib.sha256).hexdigest()
