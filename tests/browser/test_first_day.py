# SPDX-License-Identifier: Apache-2.0
"""What an administrator sees on the first day: lists that fit the window, who may do something and why, searches with a slip, texts of any length,
a Manager whose disk is full. T021, S052."""
import os
import re
import subprocess

import portals
import pytest
import rest
from playwright.sync_api import expect

LONG = "L" + "o" * 254


@pytest.fixture(scope="module")
def admin(solo):
    admin = rest.Rest(solo)
    center = admin.add("datacenters", name="dc0", local="false")
    cluster = admin.add("clusters", name="cluster0", data_center={"id": center["id"]})
    network = admin.add("networks", name="blue", data_center={"id": center["id"]})
    admin.add(f"clusters/{cluster['id']}/networks", id=network["id"], required="false")
    profile = next(p for p in admin.list("vnicprofiles") if p["network"]["id"] == network["id"])
    vm = admin.add("vms", name="vm0", cluster={"id": cluster["id"]}, template={"name": "Blank"})
    admin.add(f"vms/{vm['id']}/nics", name="nic1", vnic_profile={"id": profile["id"]})
    admin.add("vms", name=LONG, description="\u202e" + "W" * 500, cluster={"id": cluster["id"]}, template={"name": "Blank"})
    user = admin.add("users", user_name="alice", password="a-good-one", domain={"name": "internal-authz"})
    for place, role in ((f"vms/{vm['id']}", "UserRole"), (f"clusters/{cluster['id']}", "PowerUserRole"), (f"datacenters/{center['id']}", "DataCenterAdmin")):
        admin.add(f"{place}/permissions", role={"name": role}, user={"id": user["id"]})
    admin.vm = vm
    return admin


def test_columns_fit(solo, admin, visitors):
    """No heading is cut, and none is behind the edge where there is room for all."""
    visitor = visitors(solo, width=1280, height=800)
    for path in "clusters", "datacenters", "users", "networks", "vnicprofiles", "macpools", "bookmarks":
        visitor.list(path)
        cut = visitor.page.evaluate("""() => [...document.querySelectorAll('.h-grid th .h-cut')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.innerText)""")
        assert cut == [], path
        if visitor.page.locator(".h-table").count():
            assert visitor.page.evaluate("() => { const e = document.querySelector('.h-table'); return e.scrollWidth <= e.clientWidth; }"), path
    visitor.list("vms")
    shown = visitor.page.evaluate("() => { const edge = document.querySelector('.h-table').getBoundingClientRect().right; "
                                  "return [...document.querySelectorAll('.h-grid th')].filter(e => e.getBoundingClientRect().right <= edge).map(e => e.innerText.trim()); }")
    assert {"Status", "Name", "Host", "Cluster", "CPU %"} <= set(shown), shown


def test_dragged_width_stays(solo, admin, visitors):
    """Who drags a line between two headings finds all others where they were, also after a reload."""
    visitor = visitors(solo, path="clusters")
    page = visitor.page
    visitor.row("cluster0").wait_for()
    widths = "() => [...document.querySelectorAll('.h-grid th')].map(e => Math.round(e.getBoundingClientRect().width))"
    before = page.evaluate(widths)
    box = page.locator(".h-handle").first.bounding_box()
    page.mouse.move(box["x"] + 3, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] - 37, box["y"] + 5, steps=4)
    page.mouse.up()
    after = page.evaluate(widths)
    assert abs(after[1] - (before[1] - 40)) <= 2, (before, after)
    assert all(abs(a - b) <= 2 for a, b in zip(after[2:-2], before[2:-2])), (before, after)
    page.reload()
    visitor.row("cluster0").wait_for()
    assert page.evaluate(widths)[1] == after[1]


def test_inherited_permissions(solo, admin, visitors):
    """Those from further up are listed with where they come from, and are not taken away here."""
    visitor = visitors(solo, path=f"vms/{admin.vm['id']}/permissions")
    rows = visitor.rows()
    for role, place in (("PowerUserRole", "Cluster cluster0"), ("DataCenterAdmin", "Data center dc0"), ("SuperUser", "System")):
        expect(rows.filter(has_text=role)).to_contain_text(place)
    expect(rows.filter(has_text="UserRole").first).to_be_visible()
    remove = visitor.page.locator("main").get_by_role("button", name="Remove", exact=True)
    rows.filter(has_text="PowerUserRole").get_by_role("checkbox").click()
    expect(remove).to_have_attribute("aria-disabled", "true")
    visitor.shot("permissions-inherited")


def test_network_of_a_card(solo, admin, visitors):
    visitor = visitors(solo, path=f"vms/{admin.vm['id']}/nics")
    expect(visitor.rows().filter(has_text="nic1").get_by_role("link", name="blue")).to_have_count(2)  # the network and its profile


def test_misspelt_search(solo, admin, visitors):
    """In few words, with what was likely meant."""
    visitor = visitors(solo, path="vms")
    field = visitor.page.get_by_role("combobox", name="Search")
    field.fill("nam = x")
    expect(visitor.page.get_by_role("alert").filter(has_text="Did you mean")).to_contain_text("name")
    field.press("Escape")
    field.press("Enter")
    wrong = visitor.page.locator("main .pf-v6-c-empty-state__body")
    expect(wrong).to_contain_text("Did you mean name")
    field.fill("qqqqqqqqqqqqqqq = x")
    field.press("Escape")
    field.press("Enter")
    expect(wrong).to_contain_text(re.compile("and [0-9]+ more"))
    assert len(wrong.inner_text()) < 300


def test_profile_of_a_cluster(solo, admin, visitors):
    """From the list of all: it asks for the cluster."""
    visitor = visitors(solo, path="cpuprofiles")
    visitor.do("New")
    form = visitor.dialog("New")
    visitor.fill(form, name="gold")
    visitor.choose(form, "Cluster", "cluster0")
    visitor.submit(form, "Create")
    expect(visitor.row("gold")).to_contain_text("cluster0")


def test_drawers_close(solo, admin, visitors):
    visitor = visitors(solo, path="vms")
    page = visitor.page
    for name in "Tasks", "Notifications", "Tags":
        page.get_by_role("button", name=re.compile(f"^{name}")).first.click()
        drawer = page.locator(".pf-v6-c-notification-drawer")
        expect(drawer).to_be_visible()
        page.keyboard.press("Escape")
        expect(drawer).to_have_count(0)


def test_very_long_name(solo, admin, visitors):
    """Nothing pushes the page wider than the window."""
    visitor = visitors(solo, width=1280, height=800)
    vm = admin.one("vms", LONG)
    for path in "vms", f"vms/{vm['id']}", f"vms/{vm['id']}/permissions", "dashboard", "events":
        visitor.go(path)
        visitor.page.get_by_role("heading", level=1).first.wait_for()
        visitor.settle()
        outside = visitor.page.evaluate("""() => { const edge = document.querySelector('#main').getBoundingClientRect().right;
            return [...document.querySelectorAll('#main h1, #main li, #main dd')].filter(e => e.getBoundingClientRect().right > edge + 1).map(e => e.innerText.slice(0, 40)); }""")
        assert outside == [], path
    visitor.go(f"vms/{vm['id']}")
    visitor.do("Remove", visitor.page.locator("main"))
    form = visitor.dialog("Remove")
    assert form.evaluate("e => e.scrollWidth <= e.clientWidth")
    visitor.shot("very-long-name")


def test_messages_leave_dialogs_free(solo, admin, visitors):
    """What failed meanwhile does not cover what one writes, nor the way out."""
    visitor = visitors(solo, width=1280, height=800, path="vms")
    page = visitor.page
    visitor.select("vm0").do("Run")
    message = page.locator(".pf-v6-c-alert-group.pf-m-toast > li").first  # behind a dialog it has no role
    expect(message).to_contain_text("vm0")
    visitor.do("New")
    form = visitor.dialog("New virtual machine")
    box = message.bounding_box()
    for what in form.locator("#f-name"), form.locator("#f-description"), form.get_by_role("button", name="Close"), form.get_by_role("button", name="Create", exact=True):
        other = what.bounding_box()
        assert box["x"] >= other["x"] + other["width"] or box["x"] + box["width"] <= other["x"] or box["y"] >= other["y"] + other["height"] \
            or box["y"] + box["height"] <= other["y"], (box, other)
    visitor.shot("message-over-dialog")


def full(path):
    """Nothing more can be written below path; returns what to remove again."""
    filler = os.path.join(path, "filler")
    fd = os.open(filler, os.O_CREAT | os.O_WRONLY)
    try:
        while True:
            os.write(fd, b"x" * 4096)
    except OSError:
        return filler
    finally:
        os.close(fd)


def test_disk_is_full(chromium, visitors, tmp_path):
    """What was typed stays in the form, which says what is wrong; saved once there is room, and there after a crash."""
    room = tmp_path / "room"
    room.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", room], check=True)
    try:
        manager = rest.solo(room)
        manager.log = str(tmp_path / "hostlerd.log")
        manager.options += ["--portal", portals.BUILT]
        with manager:
            ask = rest.Rest(manager)
            center = ask.add("datacenters", name="dc0", local="false")
            ask.add("clusters", name="cluster0", data_center={"id": center["id"]})
            ask.add("vms", name="vm0", cluster={"name": "cluster0"}, template={"name": "Blank"})
            visitor = visitors(manager, path="vms")
            visitor.forgive("status of 507")
            visitor.select("vm0").do("Edit")
            form = visitor.dialog("Edit virtual machine")
            visitor.fill(form, description="typed with care")
            filler = full(room)
            form.get_by_role("button", name="Save", exact=True).click()
            expect(form).to_contain_text("no room left")
            visitor.shot("disk-is-full")
            expect(form.locator("#f-description")).to_have_value("typed with care")
            assert not ask.one("vms", "vm0").get("description")
            os.unlink(filler)
            visitor.submit(form, "Save")
            manager.restart(9)
            assert rest.Rest(manager).one("vms", "vm0")["description"] == "typed with care"
            visitor.close()
    finally:
        subprocess.run(["umount", "-l", room], check=True)
