# SPDX-License-Identifier: Apache-2.0
"""As much of a WebSocket client (RFC 6455) as tests of consoles need."""
import base64
import os
import socket
import ssl
import struct
import time


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Closed(Exception):
    def __init__(self, code, reason=""):
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class WebSocket:
    """ws = WebSocket("10.77.0.1", 8443, "/path", ca); bytes in send() and recv()"""

    def __init__(self, host, port, path, ca, headers=(), timeout=15):
        raw = socket.create_connection((host, port), timeout)
        self.socket = ssl.create_default_context(cafile=ca).wrap_socket(raw, server_hostname=host)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.buffer, self.stream = b"", b""
        while b"\r\n\r\n" not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                raise Refused(0, "closed")
            self.buffer += more
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        status = int(head.split()[1])
        if status != 101:
            self.close()
            raise Refused(status, self.buffer.decode(errors="replace"))

    def _read(self, size):
        while len(self.buffer) < size:
            more = self.socket.recv(65536)
            if not more:
                raise Closed(1006)
            self.buffer += more
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def frame(self, first, data):
        size = len(data)
        head = bytes([first, 0x80 | size]) if size < 126 else struct.pack(">BBH", first, 0xfe, size) if size < 65536 else \
            struct.pack(">BBQ", first, 0xff, size)
        mask = os.urandom(4)
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

    def send(self, data):
        self.frame(0x82, data)

    sendall = send

    def next(self):
        """Payload of the next message; pings are answered on the way. No longer than the socket's time limit."""
        end = time.monotonic() + (self.socket.gettimeout() or 60)
        while True:
            if time.monotonic() > end:
                raise TimeoutError
            first, size = self._read(2)
            if size == 126:
                size = struct.unpack(">H", self._read(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self._read(8))[0]
            data = self._read(size)
            if first & 15 == 9:
                self.frame(0x8a, data)
            elif first & 15 == 8:
                code = struct.unpack(">H", data[:2])[0] if size >= 2 else 1005
                try:
                    self.frame(0x88, data[:2])
                except OSError:
                    pass
                raise Closed(code, data[2:].decode())
            elif first & 15 in (0, 1, 2):
                return data

    def recv(self, size):
        """As of a socket: some bytes of the stream."""
        if not self.stream:
            self.stream = self.next()
        data, self.stream = self.stream[:size], self.stream[size:]
        return data

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
