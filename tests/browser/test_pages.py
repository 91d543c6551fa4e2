# SPDX-License-Identifier: Apache-2.0
"""Every page of the Administration Portal: there is a picture of it, nothing fails in it, and axe finds nothing serious.

The names are what somebody would type to break out of them. T022, T054, T055, T057, S049, S050, S051, S052, S054, S055, S061, S062, S064, S069.
"""
import pytest
import rest

EVIL = "<img src=x onerror=window.broken=1>"
QUOTES = "\"><script>window.broken=1</script>'"


@pytest.fixture(scope="module")
def ask(solo):
    """An inventory in which texts are hostile."""
    ask = rest.Rest(solo)
    for i in range(3):
        ask.add("datacenters", name=f"dc{i}", description=EVIL + QUOTES, comment=QUOTES, local="true" if i else "false")
    dc = ask.one("datacenters", "dc0")["id"]
    ask.add("clusters", name="cluster0", description=EVIL, data_center={"id": dc}, cpu={"architecture": "x86_64", "type": "Secure Intel Nehalem Family"})
    ask.add("networks", name="net0", description=EVIL, data_center={"id": dc}, comment=QUOTES)
    ask.add("tags", name=EVIL[:40], description=QUOTES)
    ask.add("bookmarks", name=EVIL[:40], value="Vms: name = x*")
    ask.add("roles", name="role0", description=EVIL, administrative="false", permits={"permit": [{"id": "1"}]})
    ask.add("users", user_name="eve", name=EVIL, last_name=QUOTES, domain={"name": "internal-authz"}, password="Secret-123456")
    for i in range(30):
        ask.add("vms", name=f"vm{i:02}", description=EVIL + QUOTES if i % 2 else "", comment="x" * 200, cluster={"name": "cluster0"}, template={"name": "Blank"})
    return ask


@pytest.fixture(scope="module")
def links(ask, solo, chromium):
    """What the main menu leads to."""
    import portals
    visitor = portals.Visitor(chromium, solo).login()
    menu = visitor.page.get_by_role("navigation", name="Navigation")
    menu.get_by_role("link").first.wait_for()
    while menu.get_by_role("button", expanded=False).count():
        menu.get_by_role("button", expanded=False).first.click()
    found = [a.get_attribute("href") for a in menu.get_by_role("link").all()]
    visitor.close()
    return ["dashboard"] + [f[2:] for f in found if f and f.startswith("#/") and f != "#/dashboard"]


def check(visitor, where):
    assert visitor.page.evaluate("window.broken") is None, where
    findings = visitor.findings()
    assert not findings, (where, findings)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_lists(links, ask, solo, visitors, dark):
    assert {"dashboard", "vms", "hosts", "clusters", "datacenters", "storagedomains", "disks", "networks", "users"} <= set(links), links
    # what the Manager lists for its clients' sake only is no page; it becomes one when there can be some
    assert ("vmpools" in links) == ("vm_pool.get" in ask.get("/ovirt-engine/hostler/operations"))
    visitor = visitors(solo, dark=dark)
    for path in links:
        visitor.go(path)
        visitor.page.get_by_role("heading", level=1).first.wait_for()
        visitor.settle()
        visitor.shot(f"list-{path.replace('/', '-')}{'-dark' if dark else ''}")
        check(visitor, path)


def test_details(links, ask, solo, visitors):
    """The first of each kind, and each of its tabs, in a window that has room for all of them."""
    visitor = visitors(solo, width=2560)
    for path in links:
        if path in ("dashboard", "sessions"): # not collections of the API
            continue
        items = ask.list(path)
        if not items or "id" not in items[0]:
            continue
        chosen = next((i for i in items if EVIL in i.get("description", "")), items[0])
        visitor.go(f"{path}/{chosen['id']}")
        visitor.page.get_by_role("heading", level=1).first.wait_for()
        visitor.settle()
        visitor.shot(f"details-{path}")
        check(visitor, path)
        for i in range(visitor.page.get_by_role("tab").count()):
            tab = visitor.page.get_by_role("tab").nth(i)
            name = tab.inner_text()
            tab.click()
            visitor.settle()
            visitor.shot(f"details-{path}-{name.lower().replace(' ', '-')[:24]}")
            check(visitor, f"{path} {name}")


def test_narrow(solo, ask, visitors):
    """A window as wide as a tablet, and one as wide as a telephone."""
    for width in (1024, 390):
        visitor = visitors(solo, width=width, height=800)
        visitor.go("vms")
        visitor.page.get_by_role("heading", level=1).first.wait_for()
        visitor.settle()
        visitor.shot(f"narrow-{width}")
        assert visitor.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
