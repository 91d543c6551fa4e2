# SPDX-License-Identifier: Apache-2.0
"""Texts that would like to be more than texts, tokens that are none, and links that were forged: nothing runs, nothing breaks."""
import json
import re

import pytest
import rest
from playwright.sync_api import expect

PASSWORD = "a-good-one"
EVIL = "<img src=x onerror=window.broken=1>"
LOUD = "\"'><script>window.broken=1</script><svg onload=window.broken=1>{{7*7}}${7*7}javascript:window.broken=1"
KINDS = ("datacenters", "clusters", "networks", "vnicprofiles", "vms", "tags", "bookmarks", "roles", "users", "groups", "macpools", "templates", "events", "jobs")


def evil_name(admin, collection, what, **more):
    """With the worst name that the Manager takes there."""
    for name in (EVIL, "<b onclick=alert(1)>", "\"><i>", "'", f"plain-{what}"):
        answer = admin.call("POST", f"/{collection}", {"name": name, "description": LOUD, "comment": EVIL, **more})
        if answer.status_code in (200, 201, 202):
            return answer.json()
    raise AssertionError((collection, answer.text))


@pytest.fixture(scope="module")
def admin(solo):
    """An inventory in which every text is hostile."""
    admin = rest.Rest(solo)
    center = evil_name(admin, "datacenters", "dc", local="false")
    cluster = evil_name(admin, "clusters", "cluster", data_center={"id": center["id"]})
    network = evil_name(admin, "networks", "net", data_center={"id": center["id"]})
    evil_name(admin, "vnicprofiles", "profile", network={"id": network["id"]})
    admin.evil_vm = evil_name(admin, "vms", "vm", cluster={"id": cluster["id"]}, template={"name": "Blank"}, custom_properties=None,
                              initialization={"custom_script": LOUD})
    evil_name(admin, "tags", "tag")
    evil_name(admin, "bookmarks", "bookmark", value="Vms: " + LOUD)
    evil_name(admin, "roles", "role", administrative="false", permits={"permit": [{"id": "1"}]})
    evil_name(admin, "groups", "group", domain={"name": "internal-authz"})
    admin.add("users", user_name="mallory", name=EVIL, last_name=LOUD, department=EVIL, password=PASSWORD, domain={"name": "internal-authz"})
    admin.add("events", description=EVIL + LOUD, origin=EVIL, custom_id=1, severity="alert")
    return admin


def unbroken(visitor, where):
    assert visitor.page.evaluate("[window.broken, document.querySelectorAll('main img[src=x], main script').length]") == [None, 0], where


def test_lists_and_details(solo, admin, visitors):
    visitor = visitors(solo, path="dashboard")
    visitor.settle()
    unbroken(visitor, "dashboard")
    for kind in KINDS:
        visitor.list(kind)
        unbroken(visitor, kind)
        items = admin.list(kind) if kind != "jobs" else []
        chosen = next((i for i in items if "onerror" in json.dumps(i)), None)
        if chosen:
            visitor.go(f"{kind}/{chosen['id']}")
            visitor.page.get_by_role("heading", level=1).first.wait_for()
            visitor.settle()
            unbroken(visitor, f"details of {kind}")
    visitor.list("users")
    expect(visitor.rows().filter(has_text=EVIL).first).to_be_visible()
    visitor.shot("hostile-list")


def test_drawers_dialogs_and_toasts(solo, admin, visitors):
    visitor = visitors(solo, path="tags")
    page = visitor.page
    for name in "Tasks", "Notifications", "Tags", "Bookmarks":
        page.get_by_role("button", name=re.compile(f"^{name}")).first.click()
        visitor.settle()
        unbroken(visitor, name)
    page.keyboard.press("Escape")
    visitor.list("tags").do("New")
    form = visitor.dialog("New tag")
    visitor.fill(form, name="<s onclick=window.broken=1>", description=LOUD)
    form.get_by_role("button", name="API and CLI").click()
    expect(form).to_contain_text("<s onclick=window.broken=1>")
    form.get_by_role("button", name="Create", exact=True).click()
    visitor.settle()
    unbroken(visitor, "form, toast or refusal")
    visitor.shot("hostile-dialog")
    if page.get_by_role("dialog").count():  # refused, in words
        expect(form.locator(".h-dialog-fault").or_(form.locator(".pf-m-error")).first).to_be_visible()
    visitor.open("vms")
    page.reload()
    visitor.rows().first.locator("td.h-cell").nth(1).click()
    visitor.do("Remove")
    expect(visitor.dialog("Remove")).to_be_visible()
    unbroken(visitor, "confirmation")


def test_palette_and_search(solo, admin, visitors):
    """What is searched for is text too, in the field, in its completion, in what is wrong with it, and in links."""
    visitor = visitors(solo, path="vms")
    page = visitor.page
    field = page.get_by_role("combobox", name="Search")
    for text in (EVIL, LOUD, "name = " + EVIL, "name = '\"; drop table vms; --", "a" * 5000, "tag = <", "((((((((", "\u202e\u0000x".replace("\u0000", ""), "%00%0a"):
        field.fill(text)
        field.press("Escape")
        field.press("Enter")
        visitor.settle()
        unbroken(visitor, text)
        expect(page.get_by_role("heading", level=1)).to_have_text("Virtual machines")
        visitor.open("vms?search=" + text.replace("%", "%25").replace("&", "%26").replace("#", "%23")[:1500])
        visitor.settle()
        unbroken(visitor, "link with " + text)
    page.keyboard.press("Control+k")
    page.get_by_role("dialog").get_by_role("combobox").fill(EVIL)
    visitor.settle()
    unbroken(visitor, "palette")
    for path in ("vms/" + EVIL, "<script>", "vms/../../x", "%", "console/" + EVIL, "console/00000000-0000-0000-0000-00000000beef", "vms/" + "x" * 3000):
        visitor.open(path)
        visitor.settle()
        unbroken(visitor, path)
        expect(page.locator("body")).to_contain_text(re.compile("no such|not found|not there|could not", re.I))


def test_forged_token(solo, admin, visitors):
    """The page asks for the password, and shows nothing before."""
    for token in ("forged", "x" * 20000, "</script><script>window.broken=1</script>"):
        visitor = visitors(solo, login=False).open()
        visitor.password().wait_for()
        visitor.page.evaluate("token => { sessionStorage.setItem('hostler-token', token); sessionStorage.setItem('hostler-user', 'admin@internal'); }", token)
        visitor.forgive("status of 431|status of 413")
        visitor.page.goto(visitor.url("vms"))
        visitor.page.reload()
        if len(token) < 1000:
            expect(visitor.page.get_by_role("dialog", name="Log in again")).to_be_visible()
        expect(visitor.rows().filter(has=visitor.page.locator(".h-name"))).to_have_count(0)
        unbroken(visitor, token[:40])


def test_console_of_nobody(solo, admin, visitors):
    visitor = visitors(solo, path="console/00000000-0000-0000-0000-00000000beef?protocol=vnc")
    expect(visitor.page.get_by_text("There is no such virtual machine, or it is not yours to see.")).to_be_visible()


def test_too_long(solo, admin, visitors):
    """Said at the field before anything is sent."""
    visitor = visitors(solo, path="vms")
    visitor.do("New")
    form = visitor.dialog("New virtual machine")
    visitor.fill(form, name="n" * 300, description="d" * 100000)
    form.get_by_role("button", name="Create", exact=True).click()
    expect(form.get_by_text(re.compile("^At most [0-9]+ characters")).first).to_be_visible()
    visitor.shot("hostile-too-long")
    assert not [v for v in admin.list("vms") if v["name"].startswith("nnn")]


def test_export(solo, admin, visitors):
    """A sheet does not take a cell for a formula."""
    for n, text in enumerate(("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1", 'a"b,c')):
        admin.add("tags", name=f"cell{n}", description=text)
    visitor = visitors(solo, path="tags")
    visitor.row("cell0").wait_for()
    with visitor.page.expect_download() as got:
        visitor.page.get_by_role("button", name="Export as CSV").click()
    with open(got.value.path(), encoding="utf-8-sig") as f:
        text = f.read()
    assert "cell0" in text
    cells = re.findall(r'(?:^|[,\n])"?([=+@\t-][^,\n]*)', text)
    assert not [c for c in cells if re.match(r"[=+@\t-]\S", c)], cells


def test_vm_portal(solo, admin, visitors):
    visitor = visitors(solo, portal="web-ui")
    name = admin.evil_vm["name"]
    visitor.page.get_by_role("listitem", name=name).first.wait_for()
    visitor.settle()
    visitor.shot("hostile-cards")
    unbroken(visitor, "cards")
    visitor.go(f"vms/{admin.evil_vm['id']}")
    visitor.page.get_by_role("heading", level=1).first.wait_for()
    visitor.settle()
    unbroken(visitor, "details")
    visitor.shot("hostile-vm-portal")
