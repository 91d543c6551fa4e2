# SPDX-License-Identifier: Apache-2.0
"""As much of a VNC client (RFC 6143) as a test of consoles and their tickets needs."""
import socket
import struct
import subprocess

NO_PASSWORD, WITH_PASSWORD = 1, 2


class VncRefused(Exception):
    """The server said no: wrong or expired password, or a way of authentication that we do not have."""


def answer_challenge(challenge, password):
    """DES of the challenge; each byte of the key has its bits the other way round."""
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode()[:8].ljust(8, b"\0"))
    done = subprocess.run(["openssl", "enc", "-des-ecb", "-nopad", "-K", key.hex(), "-provider", "legacy", "-provider", "default"],
                          input=challenge, stdout=subprocess.PIPE, check=True)
    return done.stdout


class Vnc:
    """with Vnc("10.77.0.11", 5900, "ticket") as vnc: ..."""

    def __init__(self, host, port, password=None, timeout=10):
        self.socket = socket.create_connection((host, int(port)), timeout)
        try:
            self._greet(password)
        except BaseException:
            self.close()
            raise

    def _read(self, size):
        data = b""
        while len(data) < size:
            more = self.socket.recv(size - len(data))
            if not more:
                raise VncRefused("connection closed")
            data += more
        return data

    def _reason(self):
        return self._read(struct.unpack(">I", self._read(4))[0]).decode(errors="replace")

    def _greet(self, password):
        if not self._read(12).startswith(b"RFB 003."):
            raise VncRefused("not a VNC server")
        self.socket.sendall(b"RFB 003.008\n")
        count = self._read(1)[0]
        if count == 0:
            raise VncRefused(self._reason())
        self.offered = list(self._read(count))
        kind = NO_PASSWORD if password is None else WITH_PASSWORD
        if kind not in self.offered:
            raise VncRefused(f"ways to authenticate: {self.offered}")
        self.socket.sendall(bytes([kind]))
        if kind == WITH_PASSWORD:
            self.socket.sendall(answer_challenge(self._read(16), password))
        if struct.unpack(">I", self._read(4))[0] != 0:
            raise VncRefused(self._reason())
        self.socket.sendall(b"\1")  # others may stay
        self.width, self.height = struct.unpack(">HH", self._read(4))
        self._read(16)
        self.name = self._reason()

    def picture(self):
        """The screen: 4 bytes for each pixel."""
        true_colour = struct.pack(">BBBBHHHBBBxxx", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
        self.socket.sendall(b"\0\0\0\0" + true_colour)
        self.socket.sendall(struct.pack(">BxHi", 2, 1, 0))  # raw is the only encoding we know
        self.socket.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, self.width, self.height))
        screen = bytearray(self.width * self.height * 4)
        while True:
            message = self._read(1)[0]
            if message == 2:  # bell
                continue
            if message == 3:  # clipboard
                self._read(3)
                self._reason()
                continue
            if message != 0:
                raise VncRefused(f"message {message}")
            return bytes(self._update(screen))

    def _update(self, screen):
        for _ in range(struct.unpack(">xH", self._read(3))[0]):
            x, y, width, height, encoding = struct.unpack(">HHHHi", self._read(12))
            if encoding != 0:
                raise VncRefused(f"encoding {encoding}")
            for row in range(height):
                start = ((y + row) * self.width + x) * 4
                screen[start:start + width * 4] = self._read(width * 4)
        return screen

    def key(self, symbol):
        """Press and release; letters are their own symbols, 0xff0d is return."""
        for down in 1, 0:
            self.socket.sendall(struct.pack(">BBxxI", 4, down, symbol))

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
