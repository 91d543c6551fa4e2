# SPDX-License-Identifier: Apache-2.0
"""Searches, tags and bookmarks of the Administration Portal.

Shows S050, S056, S060, S061.
"""
import re

import pytest
import rest
from playwright.sync_api import expect


@pytest.fixture(scope="module")
def ask(solo):
    """europe > berlin > mitte, and a VM with each."""
    ask = rest.Rest(solo)
    above = None
    for tag, vm in (("europe", "Web1"), ("berlin", "web2"), ("mitte", "mail3")):
        made = ask.add("vms", name=vm, cluster={"name": "Default"}, template={"name": "Blank"})
        above = ask.add("tags", name=tag, **({"parent": {"id": above}} if above else {}))["id"]
        ask.add(f"vms/{made['id']}/tags", id=above)
    ask.add("vms", name="untagged", cluster={"name": "Default"}, template={"name": "Blank"})
    return ask


def search(visitor, text):
    field = visitor.page.get_by_role("combobox", name="Search")
    field.fill(text)
    field.press("Escape")
    field.press("Enter")
    return field


def names(visitor, *wanted):
    """Just these rows, in any order."""
    expect(visitor.rows()).to_have_count(len(wanted))
    for name in wanted:
        expect(visitor.row(name)).to_be_visible()


@pytest.mark.parametrize("text, found", [("name = WEB*", ("Web1", "web2")), ("WEB", ("Web1", "web2")), ("name = web1", ("Web1",)),
                                         ("tag = Berlin", ("web2", "mail3")), ("cluster = DEFAULT and not", ())])
def test_capitals(ask, solo, visitors, text, found):
    """They do not matter, neither for rows nor for how many there are."""
    visitor = visitors(solo, path="vms")
    search(visitor, text)
    if found:
        names(visitor, *found)
        expect(visitor.page.get_by_role("status").filter(has_text=re.compile(rf"^{len(found)} item"))).to_be_visible()
    else:
        expect(visitor.rows()).to_have_count(0)


def test_query_that_says_what_it_is_about(ask, solo, visitors):
    """As it stands in a bookmark: the list of the other kind is opened, and mistakes are pointed at."""
    visitor = visitors(solo, path="vms")
    field = search(visitor, "Clusters: name = DEF*")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Clusters")
    expect(field).to_have_value("name = DEF*")
    names(visitor, "Default")
    search(visitor, "Vms: name = mail*")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Virtual machines")
    names(visitor, "mail3")
    field = visitor.page.get_by_role("combobox", name="Search")
    field.fill("Hosts: nmae = x")
    field.press("Escape")
    expect(visitor.page.get_by_role("alert").locator("mark")).to_have_text("nmae")
    field.fill("Hosts: cpu_u")
    expect(visitor.page.get_by_role("option", name=re.compile("^cpu_usage"))).to_be_visible()


@pytest.mark.parametrize("path, other", [("vms", "memory"), ("hosts", "load")])
def test_utilization_is_offered(ask, solo, visitors, path, other):
    """"All servers with more than 85 % utilization" is found by typing."""
    visitor = visitors(solo, path=path)
    field = visitor.page.get_by_role("combobox", name="Search")
    field.press_sequentially("cpu")
    visitor.page.get_by_role("option", name=re.compile("^cpu_usage")).click()
    visitor.page.get_by_role("option", name=re.compile("^> ?operator")).first.click()
    field.press_sequentially("85 or mem")
    visitor.page.get_by_role("option", name=re.compile("^mem_usage")).click()
    field.press_sequentially("> 85")
    field.press("Escape")
    field.press("Enter")
    expect(field).to_have_value(re.compile(r"cpu_usage +> +85 or mem_usage +> 85"))
    expect(visitor.page.get_by_text("Nothing matches").or_(visitor.page.get_by_role("heading", name=re.compile("Nothing|No ")))).to_be_visible()


def test_tags_of_one(ask, solo, visitors):
    """Shown on its page, put on and taken off there; the list follows."""
    vm = ask.one("vms", "untagged")["id"]
    visitor = visitors(solo, path=f"vms/{vm}/tags")
    visitor.do("Assign tags", visitor.page.get_by_role("tabpanel"))
    form = visitor.dialog("Assign tags")
    form.get_by_role("checkbox", name="berlin").check()
    visitor.shot("finding-assign-tags")
    visitor.submit(form, "Save")
    row = visitor.rows().filter(has_text="berlin")
    row.wait_for()
    assert [t["name"] for t in ask.list(f"vms/{vm}/tags")] == ["berlin"]
    visitor.shot("finding-tags-of-one")
    row.get_by_role("checkbox").check()
    visitor.do("Take off", visitor.page.get_by_role("tabpanel"))
    visitor.submit(visitor.dialog("Take off"), "Take off")
    expect(row).to_have_count(0)
    assert ask.list(f"vms/{vm}/tags") == []


def test_tags_filter_a_list(ask, solo, visitors):
    """A tag brings those below it; several are joined by "or"; made, moved and removed in the pane."""
    visitor = visitors(solo, path="vms")
    page = visitor.page
    page.get_by_role("button", name="Tags", exact=True).click()
    pane = page.get_by_role("region", name="Tags")
    pane.get_by_role("checkbox", name="berlin").check()
    names(visitor, "web2", "mail3")
    visitor.shot("finding-tags")
    pane.get_by_role("checkbox", name="berlin").uncheck()
    pane.get_by_role("checkbox", name="europe").check()
    names(visitor, "Web1", "web2", "mail3")
    pane.get_by_role("button", name=re.compile("mitte")).click()
    page.get_by_role("menuitem", name="Rename or move").click()
    form = visitor.dialog("Edit tag mitte")
    form.get_by_label("Below").select_option(label="europe")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    rest.wait(lambda: ask.one("tags", "mitte")["parent"]["id"] == ask.one("tags", "europe")["id"])
    pane.get_by_role("checkbox", name="europe").uncheck()
    pane.get_by_role("checkbox", name="berlin").check()
    names(visitor, "web2")
    pane.get_by_role("button", name=re.compile("berlin")).click()
    page.get_by_role("menuitem", name="Remove").click()
    visitor.submit(visitor.dialog(), "Remove")
    expect(pane.get_by_role("checkbox", name="berlin")).to_have_count(0)


def test_bookmarks(ask, solo, visitors):
    """Made, refused under a name that there is, followed, changed, removed."""
    visitor = visitors(solo, path="bookmarks")
    for attempt in range(2):
        visitor.do("New")
        form = visitor.dialog("New bookmark")
        visitor.fill(form, name="all webs", value="Vms: name = web*")
        if attempt == 0:
            visitor.submit(form, "Create")
        else:
            form.get_by_role("button", name="Create", exact=True).click()
            expect(form).to_contain_text(re.compile("already in use|exists"))
            form.get_by_role("button", name="Cancel").click()
            discard = visitor.page.get_by_role("button", name=re.compile("^(Discard|Throw)"))
            if discard.count():
                discard.click()
    names(visitor, "all webs")
    visitor.select("all webs").do("Edit")
    form = visitor.dialog("Edit")
    visitor.fill(form, value="Vms: name = mail*")
    visitor.submit(form, "Save")
    visitor.see("all webs", "mail*")
    visitor.row("all webs").get_by_role("link", name="all webs").click()
    names(visitor, "mail3")
    visitor.list("bookmarks").select("all webs").do("Remove")
    visitor.submit(visitor.dialog("Remove"), "Remove")
    expect(visitor.row("all webs")).to_have_count(0)
    assert not [b for b in ask.list("bookmarks") if b["name"] == "all webs"]
