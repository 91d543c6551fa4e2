# SPDX-License-Identifier: Apache-2.0
"""The command line against a real Manager, with real VMs, terminals and shells: transcripts in tests/data/cli, wrong input, what goes
wrong outside, and the way from login to a running VM's console. (S065)"""
import glob
import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import time

import ovirtsdk4.types as types
import products
import pytest

DATA = os.path.join(products.ROOT, "tests/data/cli")
HOSTLER = os.environ.get("HOSTLER_CLI") or os.path.join(products.BUILD, "cli/hostler")
FILES = {
    "change.yaml": "# a change\ndescription: from a file\nmemory: 1073741824\nos:\n  boot:\n    devices:\n      device: [hd]\n",
    "change.xml": "<vm><description>from XML</description></vm>",
    "bad.yaml": "name: [a, b\n",
    "bad.json": '{"name": ',
    "bad.xml": "<vm><nothing/></vm>",
}


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, argv, **kwargs):
        self.fd, slave = pty.openpty()
        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0), **kwargs)
        os.close(slave)
        self.text = ""

    def expect(self, pattern, timeout=30, nudge=None):
        end, pressed = time.monotonic() + timeout, time.monotonic()
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < end, f"no '{pattern}' in {self.text[-1500:]!r}"
            if nudge and time.monotonic() - pressed > 1:
                pressed = time.monotonic()
                self.write(nudge)
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    assert re.search(pattern, self.text), f"it ended: {self.text[-1500:]!r}"
        self.text = self.text[found.end():]
        return found

    def write(self, text):
        os.write(self.fd, text.encode())

    def wait(self, timeout=20):
        end = time.monotonic() + timeout
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it does not end: {self.text[-500:]!r}"
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.text += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    pass
        while select.select([self.fd], [], [], 0.1)[0]:
            try:
                self.text += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                break
        os.close(self.fd)
        return self.process.returncode


class Cli:
    def __init__(self, directory, manager):
        self.dir, self.manager, self.url = str(directory), manager, manager.url.removesuffix("/ovirt-engine/api")
        self.env = {"PATH": os.path.dirname(HOSTLER) + ":" + os.environ["PATH"], "HOME": self.dir, "LC_ALL": "C.UTF-8", "TZ": "UTC",
                    "XDG_CONFIG_HOME": self.dir + "/config", "XDG_STATE_HOME": self.dir + "/state", "TERM": "xterm",
                    "ASAN_OPTIONS": "detect_leaks=1"}
        for name, text in FILES.items():
            with open(os.path.join(self.dir, name), "w") as f:
                f.write(text)

    def run(self, *argv, code=0, env=None, **kwargs):
        """What it prints on its two streams."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([HOSTLER, *argv], capture_output=True, text=True, timeout=120, env={**self.env, **(env or {})}, cwd=self.dir,
                              start_new_session=True, **kwargs)
        assert "Sanitizer" not in done.stderr, done.stderr
        assert code is None or done.returncode == code, (argv, done.returncode, done.stdout, done.stderr)
        return done

    def out(self, *argv, **kwargs):
        return self.run(*argv, **kwargs).stdout.strip()

    def terminal(self, *argv, env=None):
        return Terminal([HOSTLER, *argv], env={**self.env, **(env or {})}, cwd=self.dir)

    def popen(self, *argv):
        return subprocess.Popen([HOSTLER, *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.env, cwd=self.dir)

    def login(self):
        self.run("login", self.url, "--password-file", os.path.join(self.manager.state, "admin-password"), "--ca-file", self.manager.ca)
        return self


@pytest.fixture(scope="module")
def cli(manager, tmp_path_factory):
    return Cli(tmp_path_factory.mktemp("cli"), manager).login()


@pytest.fixture
def fresh(manager, tmp_path):
    """Somebody who never logged in."""
    return Cli(tmp_path, manager)


# -- transcripts --------------------------------------------------------------------------------


def masked(text, cli):
    text = text.replace(cli.url, "<URL>").replace(cli.url.removeprefix("https://"), "<URL>")
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<ID>", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<TIME>", text)
    return re.sub(r"[ \t\r]+$", "", text, flags=re.M)


@pytest.mark.parametrize("path", sorted(glob.glob(os.path.join(DATA, "*.txt"))), ids=os.path.basename)
def test_transcripts(path, cli, tmp_path):
    with open(path) as f:
        expected = f.read()
    lines = []
    for command in re.findall(r"^\$ hostler ?(.*)$", expected, re.M):
        done = cli.run(*shlex.split(command), code=None)
        lines.append(f"$ hostler {command}".rstrip() + "\n" + masked(done.stdout, cli) + masked(done.stderr, cli) +
                     (f"[{done.returncode}]\n" if done.returncode else ""))
    if os.environ.get("HOSTLER_UPDATE"):
        with open(path, "w") as f:
            f.write("".join(lines))
    assert "".join(lines) == expected


# -- login ----------------------------------------------------------------------------------------


def test_login_asks_for_trust_and_password(fresh):
    t = fresh.terminal("login", fresh.url)
    fingerprint = t.expect(r"SHA-256: ([0-9A-F:]{95})")[1]
    t.expect(r"Trust it from now on\? \[y/N\]")
    t.write("yes\n")
    t.expect("Password of admin@internal: ")
    t.write(fresh.manager.password + "\n")
    t.expect("Logged in to")
    assert fresh.manager.password not in t.text
    assert t.wait() == 0
    assert "Default" in fresh.out("cluster", "list")
    for file in glob.glob(fresh.dir + "/*/hostler/*"):
        assert os.stat(file).st_mode & 0o777 == 0o600, file
    assert fresh.out("whoami").startswith("admin@internal at " + fresh.url)
    # the fingerprint that was shown serves elsewhere; another one does not
    again = ["login", fresh.url, "--context", "b", "--password-file", os.path.join(fresh.manager.state, "admin-password"), "--fingerprint"]
    assert "another one" in fresh.run(*again, fingerprint.replace(fingerprint[:2], "00"), code=5).stderr
    fresh.run(*again, fingerprint)
    assert re.search(r"^\* +b ", fresh.out("context", "list"), re.M)
    fresh.run("context", "use", "b")
    fresh.run("logout")
    assert "not logged in" in fresh.run("vm", "list", code=4).stderr
    fresh.run("context", "remove", "b")
    assert " b " not in fresh.out("context", "list")


def test_login_refuses(fresh):
    assert "not logged in" in fresh.run("vm", "list", code=4).stderr
    stranger = fresh.run("login", fresh.url, "--password-file", "change.xml", code=5).stderr
    assert "SHA-256" in stranger and "--fingerprint" in stranger
    assert "password" in fresh.run("login", fresh.url, "--ca-file", fresh.manager.ca, "--password-file", "change.xml", code=4).stderr
    assert "No password" in fresh.run("login", fresh.url, "--ca-file", fresh.manager.ca, code=2).stderr
    assert "Warning" in fresh.run("login", fresh.url, "--insecure", "--password-file", "change.xml", code=4).stderr
    assert "https://" in fresh.run("login", "http://x", code=2).stderr
    t = fresh.terminal("login", fresh.url)
    t.expect(r"\[y/N\]")
    t.write("\n")
    assert t.wait() == 7
    t = fresh.terminal("login", fresh.url, "--ca-file", fresh.manager.ca)
    t.expect("Password of")
    t.write("\x03")
    assert t.wait() == 130
    assert not glob.glob(fresh.dir + "/*/hostler/*.token")


def test_login_local_and_environment(fresh):
    fresh.run("login", fresh.url, "--local", "--state", fresh.manager.state)
    assert "Default" in fresh.out("cluster", "list")
    with open(glob.glob(fresh.dir + "/state/hostler/*.token")[0]) as f:
        token = re.search(r'"token":"([^"]+)"', f.read())[1]
    shutil.rmtree(fresh.dir + "/config")
    assert "not logged in" in fresh.run("vm", "list", code=4).stderr
    env = {"HOSTLER_URL": fresh.url, "HOSTLER_TOKEN": token, "HOSTLER_CA_FILE": fresh.manager.ca}
    assert "Default" in fresh.out("cluster", "list", env=env)
    assert "cannot be trusted" in fresh.run("vm", "list", env={**env, "HOSTLER_CA_FILE": ""}, code=5).stderr
    assert "Warning" in fresh.run("vm", "list", env={**env, "HOSTLER_CA_FILE": "", "HOSTLER_INSECURE": "1"}).stderr
    missing = fresh.run("login", fresh.url, "--local", "--state", "/nonexistent", code=4).stderr
    assert "/nonexistent" in missing


def test_full_disk(fresh):
    fresh.login()
    state = fresh.dir + "/full"
    os.mkdir(state)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=8", "tmpfs", state], check=True)
    try:
        os.mkdir(state + "/hostler")
        with open(state + "/fill", "wb") as f, pytest.raises(OSError):
            f.write(b"x" * 65536)
            f.flush()
        failed = fresh.run("login", fresh.url, "--ca-file", fresh.manager.ca, "--password-file",
                           os.path.join(fresh.manager.state, "admin-password"), env={"XDG_STATE_HOME": state}, code=1).stderr
        assert "cannot be kept" in failed and "space" in failed
        assert not os.listdir(state + "/hostler")
    finally:
        subprocess.run(["umount", state], check=True)
    with open("/dev/full", "w") as full:
        done = subprocess.run([HOSTLER, "cluster", "list"], env=fresh.env, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "space" in done.stderr


# -- what goes wrong outside ------------------------------------------------------------------------


def test_token_that_is_revoked(fresh):
    fresh.login()
    copy = fresh.dir + "/copy"
    shutil.copytree(fresh.dir + "/state", copy)
    fresh.run("logout")
    gone = fresh.run("vm", "list", env={"XDG_STATE_HOME": copy}, code=4).stderr
    assert f"hostler login {fresh.url}" in gone
    assert fresh.run("whoami", env={"XDG_STATE_HOME": copy}, code=4)


def test_manager_is_gone(cli):
    cli.manager.stop()
    try:
        assert "cannot be reached" in cli.run("vm", "list", code=5).stderr
    finally:
        cli.manager.start()
    cli.login()


def test_nobody_reads(cli):
    for _ in range(3):
        done = subprocess.run(f"{HOSTLER} event list | head -1", shell=True, env=cli.env, capture_output=True, text=True, timeout=60)
        assert done.stderr == "" and done.stdout.startswith("TIME")


def test_hostile_names(cli, sdk):
    """What others wrote cannot steer the terminal."""
    sdk.system_service().tags_service().add(types.Tag(name="evil", description="\u202eabc\u009b31m wide: \u6f22\u5b57 \u00e9"))
    t = cli.terminal("tag", "list")
    t.expect("evil")
    assert t.wait() == 0
    assert "\u202e" not in t.text and "\u009b" not in t.text and "\\u202eabc\\x9b31m wide: \u6f22\u5b57 \u00e9" in t.text
    cli.run("tag", "remove", "evil", "--yes")


def test_colours_and_questions_on_a_terminal(cli):
    cli.run("vm", "create", "colour", "--cluster", "Default", "--wait")
    t = cli.terminal("vm", "list", "--search", "name=colour")
    t.expect("\033\\[2mdown")
    assert t.wait() == 0
    t = cli.terminal("vm", "list", "--search", "name=colour", env={"NO_COLOR": "1"})
    assert t.wait() == 0 and "\033" not in t.text and "down" in t.text
    t = cli.terminal("vm", "remove", "colour")
    t.expect(r"Remove vm colour\? \[y/N\]")
    t.write("n\n")
    assert t.wait() == 7
    t = cli.terminal("vm", "remove", "colour")
    t.expect(r"\[y/N\]")
    t.write("y\n")
    assert t.wait() == 0


def test_formats(cli):
    """The same list in each format."""
    assert cli.out("cluster", "list", "-o", "xml").startswith("<?xml") and "<clusters>" in cli.out("cluster", "list", "-o", "xml").replace("\n", "")
    assert "<cluster " in cli.out("cluster", "show", "Default", "-o", "xml")
    whole = json.loads(cli.out("cluster", "list", "-o", "json"))
    assert "Default" in [c["name"] for c in whole] and "link" not in whole[0]
    assert json.loads(cli.out("cluster", "show", "Default", "-o", "json"))["version"]["major"] == "4"
    assert cli.out("cluster", "show", "Default", "-o", "id") in cli.out("cluster", "list", "-o", "id").split()
    assert json.loads(cli.out("vm", "list", "-o", "json", "--search", "name=none")) == []
    assert json.loads(cli.out("cluster", "show", "Default", "--links", "data_center", "-o", "json"))["data_center"]["name"] == "Default"
    wide = cli.out("cluster", "list", "-o", "wide").split("\n")[0].split()
    assert wide[:2] == ["NAME", "DATA_CENTER"] and "ID" in wide
    doc = cli.out("cluster", "show", "Default", "-o", "yaml")
    cli.run("cluster", "update", "Default", "--from-file", "-", stdin=None, input=doc.replace("comment: \"\"", "comment: again"))
    assert "again" in cli.out("cluster", "show", "Default", "--columns", "comment")
    cli.run("cluster", "update", "Default", "--comment", "")


def test_follow_events(cli):
    follower = cli.popen("event", "list", "--follow", "--max", "1")
    try:
        time.sleep(1)
        cli.run("vm", "create", "followed", "--cluster", "Default")
        end, text = time.monotonic() + 20, ""
        while "VM followed was created" not in text and time.monotonic() < end:
            if select.select([follower.stdout], [], [], 0.5)[0]:
                text += os.read(follower.stdout.fileno(), 65536).decode()
        assert "VM followed was created" in text
    finally:
        follower.send_signal(signal.SIGINT)
        assert follower.wait(20) == 0
    cli.run("vm", "remove", "followed", "--yes", "--wait")


# -- shells and manuals -------------------------------------------------------------------------------


def test_completion_in_bash(cli):
    script = """source <(hostler completion bash)
ask() { COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _hostler; echo "${COMPREPLY[@]}"; }
ask hostler cl; ask hostler vm sta; ask hostler cluster show De; ask hostler vm create x --display.type ''; ask hostler vm create x --cpu.topology.c
ask hostler vm create x --cluster De; complete -p hostler"""
    done = subprocess.run(["bash", "-c", script], env=cli.env, capture_output=True, text=True, timeout=120)
    assert done.stdout.split("\n")[:6] == ["cluster-level cluster", "start statistic", "Default", "vnc spice", "--cpu.topology.cores", "Default"], \
        (done.stdout, done.stderr)
    assert "complete -F _hostler hostler" in done.stdout


def test_completion_in_fish(cli):
    script = 'hostler completion fish | source; complete -C "hostler cluster show De"; complete -C "hostler vm sta"'
    done = subprocess.run(["fish", "-c", script], env=cli.env, capture_output=True, text=True, timeout=120)
    assert [line.split("\t")[0] for line in done.stdout.strip().split("\n")] == ["Default", "start", "statistic"], done


def test_completion_in_zsh(cli):
    """In a real line editor: zsh on a terminal, and the tabulator."""
    rc = os.path.join(cli.dir, ".zshrc")
    with open(rc, "w") as f:
        f.write("PS1='ready> '\nautoload -U compinit; compinit -u -D\nsource <(hostler completion zsh)\n")
    t = Terminal(["zsh", "-i"], env={**cli.env, "ZDOTDIR": cli.dir}, cwd=cli.dir)
    t.expect("ready> ")
    t.write("hostler cluster show De\t")
    t.expect("Default", timeout=30)
    t.process.kill()
    t.wait()


def test_manuals(tmp_path, cli):
    cli.run("__man", str(tmp_path))
    pages = sorted(glob.glob(str(tmp_path) + "/*.1"))
    assert len(pages) > 35
    for page in (str(tmp_path / "hostler.1"), str(tmp_path / "hostler-vm.1")):
        done = subprocess.run(["man", "--warnings", "-l", page], capture_output=True, text=True, timeout=60, env={**cli.env, "MANWIDTH": "120"})
        assert done.returncode == 0 and not done.stderr and "hostler" in done.stdout, done.stderr


def test_help_of_everything(cli):
    words = re.findall(r"[a-z][a-z-]+", cli.out("help").split("Types (hostler TYPE --help):")[1].split("Flags:")[0])
    assert len(words) > 38
    for word in words:
        assert f"hostler {word}" in cli.out(word, "--help"), word
    assert "--memory SIZE" in cli.out("vm", "create", "--help")
    assert "previewsnapshot" in cli.out("vm", "preview-snapshot", "--help").replace("-", "")


# -- a real VM ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def iso(cli, agents, domains, guest):
    """An ISO disk with the guest on it."""
    cli.run("disk", "create", "guest.iso", "--provisioned-size", "32MiB", "--format", "raw", "--content-type", "iso", "--storage-domains",
            domains[0].name, "--wait")
    disk = cli.manager.connect().system_service().disks_service().list(search="alias=guest.iso")[0]
    products.fill_disk(agents[0], domains[0], disk, os.path.join(guest, "demo.iso"))
    return "guest.iso"


def test_from_nothing_to_a_console(cli, iso):
    """One command: a VM with a disk and a CD, started, and its console."""
    t = cli.terminal("vm", "create", "demo2", "--cluster", "e2e", "--memory", "128MiB", "--memory-policy.guaranteed", "64MiB",
                     "--memory-policy.max", "256MiB", "--disk", "64MiB", "--iso", iso, "--start", "--console")
    t.expect("Connected; Ctrl-] leaves", timeout=90)
    t.expect("guest# ", timeout=90, nudge="\r")
    t.write("echo $((6*7))\r")
    t.expect("\n42")
    t.write("\x1d")
    assert t.wait() == 0
    assert cli.out("vm", "show", "demo2", "-o", "csv", "--no-headers", "--columns", "status") == "up"
    assert [line.split()[0] for line in cli.out("vm", "disk", "list", "demo2", "--no-headers").split("\n")] == ["demo2-disk1"]


def test_create_with_a_card(cli, domains):
    """Not started; what became of it is printed as -o says."""
    made = json.loads(cli.out("vm", "create", "carded", "--cluster", "e2e", "--network", "ovirtmgmt", "--disk", "8M", "--storage", domains[0].name,
                              "-o", "json", "--columns", "name,status,memory"))
    assert made == {"name": "carded", "status": "down", "memory": str(2**30)}
    assert re.search(r"^nic1 +virtio +[0-9a-f:]{17} +ovirtmgmt", cli.out("vm", "nic", "list", "carded"), re.M)
    assert "vNIC profile" in cli.run("vm", "create", "carded2", "--cluster", "e2e", "--network", "nowhere", code=3).stderr
    assert "Which cluster" in cli.run("vm", "create", "carded3", code=2).stderr
    cli.run("vm", "remove", "carded", "carded2", "--yes", "--wait")
    assert "carded" not in cli.out("disk", "list") and "carded" not in cli.out("vm", "list")


def test_follow_jobs(cli, iso):
    follower = cli.popen("job", "list", "--follow")
    try:
        time.sleep(0.5)
        cli.run("vm", "start", "demo2", code=None)
        end, text = time.monotonic() + 20, ""
        while "demo2" not in text and time.monotonic() < end:
            if select.select([follower.stdout], [], [], 0.5)[0]:
                text += os.read(follower.stdout.fileno(), 65536).decode()
        assert "demo2" in text
    finally:
        follower.send_signal(signal.SIGINT)
        assert follower.wait(20) == 0


def test_console_in_a_pipe_and_taken_over(cli, iso):
    first = cli.terminal("vm", "console", "demo2")
    first.expect("Connected")
    first.expect("guest# ", timeout=60, nudge="\r")
    assert "in use" in cli.run("vm", "console", "demo2", code=1).stderr
    said = cli.run("vm", "console", "demo2", "--force", "--no-history", stdin=None, input="\recho piped-$((3*5))\r").stdout
    assert "piped-15" in said
    first.wait()
    assert "isconnected" in first.text or "closed" in first.text


def test_console_is_interrupted(cli, iso):
    p = subprocess.Popen([HOSTLER, "vm", "console", "demo2"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                         env=cli.env, text=True)
    time.sleep(1.5)
    p.send_signal(signal.SIGINT)
    assert p.wait(20) == 130


def test_screen(cli, iso):
    cli.run("vm", "screenshot", "demo2", "screen.png")
    with open(os.path.join(cli.dir, "screen.png"), "rb") as f:
        assert f.read(8) == b"\x89PNG\r\n\x1a\n"
    vv = cli.out("vm", "console", "demo2", "--vnc", "--file", "-")
    assert "[virt-viewer]" in vv and "type=vnc" in vv
    assert "no SPICE console" in cli.run("vm", "console", "demo2", "--spice", "--file", "-", code=3).stderr
    assert "no display" in cli.run("vm", "console", "demo2", "--vnc", code=1).stderr


def test_attach_snapshot_stop(cli, domains, iso):
    cli.run("disk", "create", "data1", "--provisioned-size", "16MiB", "--format", "cow", "--storage-domains", domains[0].name, "--wait")
    waited = cli.run("vm", "stop", "demo2", "--wait", "--timeout", "60s")
    assert "demo2: " in waited.stderr or waited.stderr == ""
    cli.run("vm", "disk", "attach", "demo2", "data1", "--interface", "virtio_scsi")
    rows = cli.out("vm", "disk", "list", "demo2", "--columns", "disk,interface", "--no-headers")
    assert re.search(r"^data1 +virtio_scsi$", rows, re.M)
    cli.run("vm", "disk", "detach", "demo2", "data1", "--detach-only", "--yes")
    assert "data1" not in cli.out("vm", "disk", "list", "demo2")
    cli.run("vm", "snapshot", "create", "demo2", "before", "--wait")
    assert "before" in cli.out("vm", "snapshot", "list", "demo2")
    assert cli.out("vm", "snapshot", "show", "demo2", "before", "-o", "csv", "--columns", "snapshot_status", "--no-headers") == "ok"


def test_ambiguous(cli, domains):
    for _ in range(2):
        cli.run("disk", "create", "twin", "--provisioned-size", "1MiB", "--format", "raw", "--storage-domains", domains[0].name, "--wait")
    told = cli.run("disk", "show", "twin", code=1).stderr
    ids = re.findall(r"[0-9a-f-]{36}", told)
    assert "2 of disks" in told and len(set(ids)) == 2
    cli.run("disk", "remove", *ids, "--yes", "--wait")
    assert "no disk" in cli.run("disk", "show", "twin", code=3).stderr


def test_wait_is_late_or_interrupted(cli, iso):
    cli.run("vm", "stop", "demo2", "--wait", code=None)
    cli.run("vm", "start", "demo2")
    late = cli.run("vm", "shutdown", "demo2", "--wait", "--timeout", "10ms", code=None)
    assert late.returncode in (0, 6) and (late.returncode == 0 or "goes on in the Manager" in late.stderr)
    cli.run("vm", "stop", "demo2", "--wait")
    t = cli.popen("vm", "start", "demo2", "--wait")
    time.sleep(0.25)
    t.send_signal(signal.SIGINT)
    assert t.wait(20) in (130, 0, -2)
    cli.run("vm", "stop", "demo2", "--wait", code=None)


def test_wait_for_one_that_is_started_paused(cli, iso):
    """It is done when it is paused, not when it is up."""
    cli.run("vm", "stop", "demo2", "--wait", code=None)
    cli.run("vm", "start", "demo2", "--pause", "--wait", "--timeout", "60s")
    assert cli.out("vm", "show", "demo2", "-o", "csv", "--no-headers", "--columns", "status") == "paused"
    cli.run("vm", "stop", "demo2", "--wait")


def test_job_is_followed(cli, iso):
    cli.run("vm", "stop", "demo2", "--wait", code=None)
    cli.run("vm", "start", "demo2", "--wait")
    job = cli.out("job", "list", "-o", "id").split("\n")[0]
    done = cli.run("job", "show", job, "--follow", code=None)
    assert "finished" in done.stdout and done.returncode == 0
    cli.run("vm", "stop", "demo2", "--wait")


def test_logs_of_a_host(cli, agents):
    assert cli.out("host", "logs", agents[0].name, "--lines", "5").count("\n") <= 5
    assert "source" in cli.run("host", "logs", agents[0].name, "--source", "nonsense", code=1).stderr
