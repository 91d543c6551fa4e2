# SPDX-License-Identifier: Apache-2.0
"""What `make install` puts into place."""
import os
import shutil
import subprocess

import products
import pytest


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The build, installed below a folder."""
    made = tmp_path_factory.mktemp("root")
    subprocess.run(["meson", "install", "--no-rebuild", "--quiet", "-C", products.BUILD], check=True, timeout=120,
                   env={**os.environ, "DESTDIR": str(made)}, stdin=subprocess.DEVNULL)
    return str(made)


def find(root, name):
    for place, _, files in os.walk(root):
        if name in files:
            return os.path.join(place, name)
    raise AssertionError(f"{name} is not installed")


def test_programs(root):
    for name in "hostlerd", "hostler-agent", "hostler":
        path = find(root, name) if name != "hostler" else os.path.join(os.path.dirname(find(root, "hostlerd")), "hostler")
        assert os.access(path, os.X_OK)
        assert subprocess.run([path, "--version"], stdout=subprocess.PIPE, timeout=10).stdout
    assert os.listdir(os.path.join(os.path.dirname(os.path.dirname(find(root, "hostlerd"))), "share/man/man1"))


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze")
@pytest.mark.parametrize("unit, worst", [("hostlerd.service", 2.0), ("hostler-agent.service", 5.5)])
def test_units(root, tmp_path, unit, worst):
    """Units are right, and as exposed as they must be (0: not at all, 10: all doors open)."""
    text = open(find(root, unit)).read()
    program = next(line for line in text.splitlines() if line.startswith("ExecStart=")).split("=", 1)[1].split()[0]
    path = tmp_path / unit
    path.write_text(text.replace(program, root + program))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60)
    assert done.returncode == 0 and unit not in done.stdout, done.stdout
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={int(worst * 10)}", str(path)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-300:]


@pytest.mark.skipif(not shutil.which("systemd-sysusers"), reason="no systemd-sysusers")
def test_users_and_folders(root, tmp_path):
    (tmp_path / "etc").mkdir()
    users = [os.path.join(p, f) for p, _, files in os.walk(root) for f in files if "sysusers.d" in p]
    out = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", *users], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, timeout=30)
    assert out.returncode == 0, out.stdout
    assert "\nvdsm:x:36:" in (tmp_path / "etc/passwd").read_text()
    folders = [os.path.join(p, f) for p, _, files in os.walk(root) for f in files if "tmpfiles.d" in p]
    subprocess.run(["systemd-tmpfiles", f"--root={tmp_path}", "--create", *folders], check=True, timeout=30)
    assert os.stat(tmp_path / "rhev/data-center/mnt").st_uid == 36
