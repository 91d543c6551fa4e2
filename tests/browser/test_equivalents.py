# SPDX-License-Identifier: Apache-2.0
"""The API call and the command that each page and each form shows beside itself: taken off the page, and run."""
import json
import os
import shutil
import subprocess

import portals
import products
import pytest
import rest
from playwright.sync_api import expect

HOSTLER = os.path.join(products.BUILD, "cli/hostler")
BESIDE = ("dashboard", "sessions")  # pages that are not collections of the API
ODD = "it's \"odd\" & <b>"


@pytest.fixture(scope="module")
def ask(solo):
    ask = rest.Rest(solo)
    ask.add("vms", name="web1", description=ODD, comment="-x", cluster={"name": "Default"}, template={"name": "Blank"})
    ask.add("tags", name="shop", description=ODD)
    ask.add("bookmarks", name="all webs", value="Vms: name = web*")
    ask.add("users", user_name="jane", password="Secret-123456", domain={"name": "internal-authz"})
    ask.add("groups", name="operators", domain={"name": "internal-authz"})
    ask.add("roles", name="starter", administrative="false", permits={"permit": [{"name": "run_vm"}]})
    ask.add(f"vms/{ask.one('vms', 'web1')['id']}/tags", name="shop")
    return ask


@pytest.fixture(scope="module")
def shell(solo, ask, tmp_path_factory):
    """A terminal of somebody who has logged in, with the CA's certificate beside it."""
    folder = str(tmp_path_factory.mktemp("shell"))
    shutil.copy(solo.ca, folder + "/ca.pem")
    env = {"PATH": os.path.dirname(HOSTLER) + ":" + os.environ["PATH"], "HOME": folder, "LC_ALL": "C.UTF-8", "TOKEN": ask.token}
    origin = f"https://{solo.address}:{solo.port}"
    subprocess.run([HOSTLER, "login", origin, "--password-file", os.path.join(solo.state, "admin-password"), "--ca-file", "ca.pem"],
                   cwd=folder, env=env, check=True, capture_output=True, timeout=60)

    def run(line):
        return subprocess.run(["bash", "-c", line], cwd=folder, env=env, capture_output=True, text=True, timeout=60)

    return run


def texts(place):
    """What stands under "Command line" and "API call"."""
    return [place.get_by_role("region", name=label).locator("pre").inner_text() for label in ("Command line", "API call")]


def call(shell, line):
    """Status and document; -g and the like are not there to help: as it stands."""
    assert line.startswith("curl "), line
    done = shell(line.replace("curl ", "curl -sS -w '\\n%{http_code}' ", 1))
    assert done.returncode == 0, (line, done.stderr)
    text, _, status = done.stdout.rpartition("\n")
    return int(status), text


def runs(shell, place, where):
    """Both do what they say: the same document, and the command ends well."""
    command, request = texts(place)
    done = shell(command)
    assert done.returncode == 0, (where, command, done.stderr)
    status, document = call(shell, request)
    assert status == 200, (where, request, document)
    return command, done.stdout, json.loads(document)


def open_panel(page):
    page.get_by_role("button", name="API and CLI").first.click()
    return page.locator("main")


@pytest.fixture(scope="module")
def links(ask, solo, chromium):
    visitor = portals.Visitor(chromium, solo).login()
    menu = visitor.page.get_by_role("navigation", name="Navigation")
    menu.get_by_role("link").first.wait_for()
    while menu.get_by_role("button", expanded=False).count():
        menu.get_by_role("button", expanded=False).first.click()
    found = [a.get_attribute("href") for a in menu.get_by_role("link").all()]
    visitor.close()
    return [f[2:] for f in found if f and f.startswith("#/")]


def test_lists(links, ask, shell, solo, visitors):
    """Every page of the menu, the dashboard too."""
    visitor = visitors(solo)
    for path in links:
        visitor.list(path)
        command, out, document = runs(shell, open_panel(visitor.page), path)
        if path in BESIDE:
            assert document and type(json.loads(out)) is type(document)
        else:
            assert " list" in command, (path, command)
            count = len(next(iter(document.values()), []))
            assert count == len(ask.list(path)), path


def test_search(ask, shell, solo, visitors):
    """What is found is the same, whatever the letters."""
    visitor = visitors(solo, path="vms?search=name%20%3D%20WEB*")
    visitor.row("web1").wait_for()
    command, out, document = runs(shell, open_panel(visitor.page), "search")
    assert [vm["name"] for vm in document["vm"]] == ["web1"] and "web1" in out, (command, out)


def test_details(links, ask, shell, solo, visitors):
    """The first of each kind, on each of its tabs."""
    visitor, ran = visitors(solo, width=2560), 0
    for path in links:
        items = [] if path in BESIDE else ask.list(path)
        if not items or "id" not in items[0] or path == "events":
            continue
        visitor.list(f"{path}/{items[0]['id']}")
        place, tabs = open_panel(visitor.page), visitor.page.get_by_role("tab")
        for i in range(tabs.count()):
            tabs.nth(i).click()
            visitor.settle()
            runs(shell, place.locator(".h-panel").first, f"{path} {tabs.nth(i).inner_text()}")
            ran += 1
    assert ran > 40


def form_texts(form):
    form.get_by_role("button", name="API and CLI").click()
    return texts(form)


@pytest.mark.parametrize("path, title, values, member", [
    ("vms", "New virtual machine", {"name": "made", "description": ODD, "memory": "256 MiB"}, "name"),
    ("datacenters", "New data center", {"name": "made", "description": ODD}, "name"),
    ("clusters", "New cluster", {"name": "made"}, "name"),
    ("networks", "New network", {"name": "made", "description": ODD}, "name"),
    ("tags", "New tag", {"name": "made", "description": ODD}, "name"),
    ("bookmarks", "New bookmark", {"name": "made", "value": "Vms: name = \"a b\""}, "name"),
    ("macpools", "New MAC", {"name": "made"}, "name"),
])
def test_new(ask, shell, solo, visitors, path, title, values, member):
    """A form that was filled in: made by the command, made by the call; what was typed arrives as it was typed."""
    visitor = visitors(solo)
    visitor.list(path).do("New")
    form = visitor.dialog(title)
    if "memory" in values:
        expect(form.get_by_role("combobox", name="Cluster", exact=True)).to_have_value("Default")
        visitor.fill(form, **{k: v for k, v in values.items() if k != "memory"})
        form.get_by_role("tab", name="System").click()
        visitor.fill(form, memory=values["memory"])
    else:
        visitor.fill(form, **values)
    if path == "macpools":
        form.get_by_label("From").first.fill("02:00:00:00:00:01")
        form.get_by_label("To").first.fill("02:00:00:00:00:ff")
    for line, is_call in zip(form_texts(form), (False, True)):
        if is_call:
            status, document = call(shell, line)
            assert status in (200, 201, 202), (line, document)
        else:
            done = shell(line)
            assert done.returncode == 0, (line, done.stderr)
        made = ask.one(path, "made")
        for name, value in values.items():
            if name != "memory":
                assert made[name] == value, (line, made)
        if "memory" in values:
            assert int(made["memory"]) == 256 << 20
        ask.remove(path, made["id"])


def test_edit_and_remove(ask, shell, solo, visitors):
    vm = ask.one("vms", "web1")
    visitor = visitors(solo, path="vms")
    visitor.select("web1").do("Edit")
    form = visitor.dialog("Edit")
    visitor.fill(form, description=ODD + " twice")
    command, request = form_texts(form)
    done = shell(command)
    assert done.returncode == 0, (command, done.stderr)
    assert ask.get(f"/vms/{vm['id']}")["description"] == ODD + " twice"
    status, document = call(shell, request)
    assert status == 200, (request, document)
    visitor = visitors(solo, path="vms")
    visitor.select("web1").do("Remove")
    command, request = form_texts(visitor.dialog("Remove"))
    assert "-X DELETE" in request
    done = shell(command + " --yes")
    assert done.returncode == 0, (command, done.stderr)
    assert not [v for v in ask.list("vms") if v["name"] == "web1"]


def test_secrets(ask, solo, visitors):
    """A password is not shown to whoever looks over one's shoulder."""
    visitor = visitors(solo)
    visitor.list("users").do("New")
    form = visitor.dialog("New user")
    visitor.fill(form, user_name="john", password="Secret-654321")
    for text in form_texts(form):
        assert "Secret-654321" not in text and "john" in text and "********" in text, text
