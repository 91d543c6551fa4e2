#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A private PostgreSQL for tests: its own cluster in a directory, stopped and removed afterwards.

    tests/lab/pg.py [--dir DIR] run CMD...   run CMD with HOSTLER_TEST_PG set to the URL of an empty database

or as a module:  with Postgres() as pg: url = pg.database("one")

The server runs as the user postgres (as root it refuses to), listens on a socket in its directory
and on a loopback port, and dies with this program.
"""
import argparse
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


class PostgresError(Exception):
    pass


def bin_dir():
    places = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
    if not places:
        raise PostgresError("PostgreSQL is not installed (tools/setup.sh test)")
    return places[-1]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Postgres:
    def __init__(self, directory=None, fsync=True):
        """fsync=False: for tests that do not care what a power failure leaves."""
        self.dir = os.path.realpath(directory or tempfile.mkdtemp(prefix="pg-", dir=os.environ.get("HOSTLER_TEST_TMP", "/tmp")))
        self.fsync, self.port, self.server = fsync, free_port(), None
        self.as_user = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            self.as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
            os.makedirs(self.dir, exist_ok=True)
            os.chown(self.dir, user.pw_uid, user.pw_gid)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *exc):
        self.stop()

    def _run(self, *argv):
        done = subprocess.run([*self.as_user, *argv], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            raise PostgresError(f"{' '.join(argv)}: {done.stdout}")
        return done.stdout

    def start(self):
        data = os.path.join(self.dir, "data")
        if not os.path.exists(os.path.join(data, "PG_VERSION")):
            self._run(os.path.join(bin_dir(), "initdb"), "-D", data, "-U", "hostler", "-A", "trust", "-E", "UTF8",
                      "--locale=C.UTF-8", "--no-sync")
        options = ["-c", f"port={self.port}", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={self.dir}",
                   "-c", f"fsync={'on' if self.fsync else 'off'}", "-c", "max_connections=50", "-c", "shared_buffers=32MB"]
        with open(os.path.join(self.dir, "server.log"), "a") as log:
            self.server = subprocess.Popen([*(self.as_user or ["setpriv"]), "--pdeathsig", "INT",
                                            os.path.join(bin_dir(), "postgres"), "-D", data, *options],
                                           cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 30
        while True:
            try:
                self.sql("SELECT 1")
                return self
            except PostgresError as e:
                if self.server.poll() is not None or time.monotonic() > end:
                    raise PostgresError(open(os.path.join(self.dir, "server.log")).read()[-2000:] or str(e)) from None
                time.sleep(0.05)

    def sql(self, text, database="postgres"):
        return self._run(os.path.join(bin_dir(), "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                         "-d", self.url(database), "-c", text)

    def url(self, database):
        """Reaches the server from every network namespace, since it names the socket."""
        return f"postgresql://hostler@/{database}?host={self.dir}&port={self.port}"

    def tcp_url(self, database):
        return f"postgresql://hostler@127.0.0.1:{self.port}/{database}"

    def database(self, name):
        """The URL of a new, empty database."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self.sql(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def stop(self):
        if self.server:
            self.server.send_signal(signal.SIGINT)  # PostgreSQL's word for: now, but properly
            try:
                self.server.wait(20)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
            self.server = None
        shutil.rmtree(self.dir, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir")
    parser.add_argument("command", choices=["run"])
    parser.add_argument("argv", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if not args.argv:
        parser.error("which command?")
    with Postgres(args.dir) as pg:
        return subprocess.call(args.argv, env={**os.environ, "HOSTLER_TEST_PG": pg.database("test")})


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PostgresError as e:
        sys.exit(f"pg: {e}")
    except KeyboardInterrupt:
        sys.exit(130)
