# SPDX-License-Identifier: Apache-2.0
"""A VM's serial console, as a person at `virsh console` would have it."""
import os
import pty
import re
import select
import subprocess
import time


class SerialConsole:
    def __init__(self, uri, domain):
        self.uri, self.domain = uri, domain
        self.text, self.process, self.fd = "", None, None

    def _open(self):
        if self.process and self.process.poll() is None:
            return
        self.close()
        self.fd, slave = pty.openpty()  # virsh insists on a terminal
        self.process = subprocess.Popen(["virsh", "-q", "-c", self.uri, "console", self.domain, "--force"], stdin=slave,
                                        stdout=slave, stderr=slave, start_new_session=True)
        os.close(slave)

    def _read(self, seconds):
        if not select.select([self.fd], [], [], seconds)[0]:
            return
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # virsh has ended
            time.sleep(min(seconds, 0.3))
            return
        self.text += data.decode(errors="replace").replace("\r", "")

    def write(self, text):
        self._open()
        os.write(self.fd, text.encode())

    def expect(self, pattern, timeout=60, nudge=False):
        """Wait until the pattern appears; returns the match and forgets the text up to its end.
        nudge: press return now and then, since what was printed before we came is lost."""
        end, pressed = time.monotonic() + timeout, time.monotonic()
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            if time.monotonic() > end:
                raise TimeoutError(f"{self.domain}: no '{pattern}' on the serial console, but: {self.text[-500:]!r}")
            self._open()
            self._read(0.2)
            if nudge and time.monotonic() - pressed > 1:
                pressed = time.monotonic()
                self.write("\n")

    def prompt(self, timeout=60):
        self.expect(r"guest# ", timeout, nudge=True)

    def run(self, command, timeout=20):
        """Run a command in the guest's shell, return what it printed."""
        typed = "echo end-of-'command'\n"
        self.write(f"\n{command}; {typed}")
        self.expect(re.escape(typed), timeout)
        said = self.expect(r"(?s)(.*?)end-of-command", timeout).group(1)
        return said.rpartition(typed)[2].strip()  # what is typed ahead is seen twice: by the terminal, then by the shell

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
