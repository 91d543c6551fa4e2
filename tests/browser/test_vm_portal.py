# SPDX-License-Identifier: Apache-2.0
"""The VM Portal of people who have little, and of those who may make more. VMs run elsewhere; here it is about
what is shown and offered, and to whom."""
import re

import pytest
import rest
from playwright.sync_api import expect

PASSWORD = "a-good-one"


@pytest.fixture(scope="module")
def admin(solo):
    """One VM for a basic user, one that nobody was given, and a cluster where a power user may make his own."""
    admin = rest.Rest(solo)
    admin.vms = {name: admin.add("vms", name=name, description=f"The {name}", cluster={"name": "Default"}, template={"name": "Blank"})["id"]
                 for name in ("hers", "nobodys")}
    users = {name: admin.add("users", user_name=name, password=PASSWORD, domain={"name": "internal-authz"})["id"] for name in ("basic", "power")}
    admin.add(f"vms/{admin.vms['hers']}/permissions", role={"name": "UserRole"}, user={"id": users["basic"]})
    center = admin.one("datacenters", "Default")["id"]
    admin.add(f"datacenters/{center}/permissions", role={"name": "PowerUserRole"}, user={"id": users["power"]})
    return admin


def card(visitor, name):
    return visitor.page.get_by_role("list", name="Virtual machines").get_by_role("listitem", name=name, exact=True)


@pytest.mark.parametrize("width, dark", [(1400, False), (390, False), (1400, True)], ids=["wide", "telephone", "dark"])
def test_basic_user(solo, admin, visitors, width, dark):
    """Sees what he was given and nothing else, and is offered no more than he may do with it."""
    visitor = visitors(solo, "basic@internal", PASSWORD, portal="web-ui", width=width, dark=dark)
    page, look = visitor.page, f"{width}{'-dark' if dark else ''}"
    card(visitor, "hers").wait_for()
    visitor.settle()
    visitor.shot(f"vm-portal-cards-{look}")
    expect(page.get_by_text("nobodys")).to_have_count(0)
    expect(page.get_by_role("link", name="Create virtual machine")).to_have_count(0)
    expect(page.get_by_role("link", name="Administration Portal")).to_have_count(0)
    expect(page.get_by_role("button", name="Run hers")).to_be_visible()
    assert not visitor.findings()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    card(visitor, "hers").get_by_role("heading").get_by_role("link").click()
    page.get_by_role("heading", level=1, name="hers").wait_for()
    visitor.settle()
    for i in range(page.get_by_role("tab").count()):
        tab = page.get_by_role("tab").nth(i)
        name = tab.inner_text()
        tab.click()
        visitor.settle()
        visitor.shot(f"vm-portal-{name.lower().replace(' ', '-')}-{look}")
        assert not visitor.findings(), name
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name
    for word in "Edit", "Clone", "Create snapshot", "Give access":
        expect(page.get_by_role("button", name=word, exact=True)).to_have_count(0)
    visitor.go(f"vms/{admin.vms['nobodys']}")
    expect(page.get_by_text("There is no such virtual machine")).to_be_visible()
    visitor.go("new")
    expect(page.get_by_text("You do not have the permission to create virtual machines.")).to_be_visible()
    for path in "settings", "templates":
        visitor.go(path)
        visitor.settle()
        visitor.shot(f"vm-portal-{path}-{look}")
        assert not visitor.findings(), path


def test_administrator_finds_the_other_portal(solo, admin, visitors):
    visitor = visitors(solo, portal="web-ui")
    card(visitor, "nobodys").wait_for()
    expect(visitor.page.get_by_role("link", name=re.compile("^Administration")).first).to_have_attribute("href", "/ovirt-engine/webadmin/")


def test_power_user(solo, admin, visitors):
    """Makes a VM with the wizard, adds a network card, gives it to somebody else, and removes it."""
    visitor = visitors(solo, "power@internal", PASSWORD, portal="web-ui")
    page = visitor.page
    page.get_by_role("link", name="Create virtual machine").first.click()
    page.get_by_role("heading", level=1, name="Create virtual machine").wait_for()
    page.get_by_label(re.compile("^Name")).first.fill("mine")
    visitor.settle()
    visitor.shot("vm-portal-wizard")
    assert not visitor.findings()
    page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_role("button", name="Add network card").click()
    visitor.shot("vm-portal-wizard-nics")
    page.get_by_role("button", name="Next", exact=True).click()
    visitor.settle()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_label("Review").first).to_contain_text("mine")
    visitor.shot("vm-portal-wizard-review")
    page.locator("footer, .pf-v6-c-wizard__footer").get_by_role("button", name="Create virtual machine").click()
    page.get_by_role("heading", level=1, name="mine").wait_for(timeout=60000)
    mine = admin.one("vms", "mine")
    assert [n["name"] for n in admin.list(f"vms/{mine['id']}/nics")] == ["nic1"]
    page.get_by_role("tab", name="Network").click()
    page.get_by_role("button", name="Add network card").click()
    dialog = visitor.dialog("Add a network card to mine")
    dialog.get_by_label(re.compile("^Name")).fill("nic2")
    visitor.submit(dialog, "Add network card")
    expect(page.get_by_role("row").filter(has_text="nic2")).to_be_visible()
    page.get_by_role("tab", name="Permissions").click()
    page.get_by_role("button", name="Give access").click()
    dialog = visitor.dialog("Give access to mine")
    visitor.shot("vm-portal-give")
    assert not visitor.findings()
    dialog.get_by_role("button", name="Cancel").click()
    visitor.go("")
    page.get_by_role("button", name="More actions on mine").click()
    page.get_by_role("menuitem", name="Remove").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("mine is removed")
    visitor.submit(question, "Remove")
    expect(card(visitor, "mine")).to_have_count(0)
    expect(page.get_by_text("nobodys")).to_have_count(0)
