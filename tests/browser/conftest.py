# SPDX-License-Identifier: Apache-2.0
"""What browser tests stand on: Chromium, driven by Playwright, before a real Manager.

Environment: as for tests/e2e, and HOSTLER_PORTAL (build/portal), HOSTLER_SCREENSHOTS (build/screenshots).
"""
import importlib.util
import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tests/lab"), os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests/e2e"), os.path.join(ROOT, "tests/browser")]


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, os.path.join(ROOT, path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


e2e = load("e2e_fixtures", "tests/e2e/conftest.py")
guest, lab, postgres = e2e.guest, e2e.lab, e2e.postgres
pytest_sessionstart = e2e.pytest_sessionstart

import portals  # noqa: E402
import products  # noqa: E402
import rest  # noqa: E402


@pytest.fixture(scope="session")
def chromium(lab):
    """In the lab's network, in which this process is from then on, and so are all Managers."""
    products.wait_for(lambda: not subprocess.run(["ip", "-6", "address", "show", "tentative"], stdout=subprocess.PIPE, check=True).stdout,
                      what="addresses that are settled: Chromium drops what it loads when they change")
    with portals.chromium() as made:
        yield made


@pytest.fixture(scope="module")
def solo(lab, tmp_path_factory):
    """A Manager on loopback with the portals, without hosts."""
    made = rest.solo(tmp_path_factory.mktemp("manager"))
    made.options += ["--portal", portals.BUILT]
    with made:
        yield made


@pytest.fixture(scope="module")
def manager(lab, postgres, tmp_path_factory):
    """A Manager with the portals in the lab's network, where hosts are."""
    made = products.Manager(tmp_path_factory.mktemp("manager"), lab.address(0), postgres)
    made.options += ["--portal", portals.BUILT]
    with made:
        yield made


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.has_failed = outcome.get_result().failed


@pytest.fixture
def visitors(chromium, request):
    """visitors(manager, user=..., password=...) is a portals.Visitor; all of them are looked at in the end: no script that failed,
    nothing that the browser refused, no request that left the Manager."""
    made = portals.Visitors(chromium)
    yield made
    made.leave(f"failed-{request.node.name}" if getattr(request.node, "has_failed", True) else None)
