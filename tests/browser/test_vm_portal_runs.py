# SPDX-License-Identifier: Apache-2.0
"""VMs that run, as their users and owners have them in the VM Portal: a real agent and a real guest.

Each part goes on where the one before it ended. Shows T024, T033, T035, T039, T040 (a user) and T043, T047, T052 (a power user).
"""
import os
import re

import ovirtsdk4.types as types
import products
import pytest
import rest
from playwright.sync_api import expect
from products import wait_for
from serial_console import SerialConsole

PASSWORD = "a-good-one"
AWAY = "The connection to the Manager is lost."
USER_VERBS = {"Console", "Suspend", "Shut down", "Reboot", "Power off", "Reset"}


@pytest.fixture(scope="module")
def admin(lab, manager, guest):
    """A host with storage, a VM and a template that boot the small guest, and three people: one has the VM, one may make his own, and
    one has nothing yet."""
    agent = products.Agent(lab, 1, manager)
    admin = rest.Rest(manager)
    with manager.connect() as connection:
        system = connection.system_service()
        agent.cluster = products.make_cluster(system, "office")
        try:
            agent.enroll(connection, agent.cluster)
            domain = products.make_domain(system, agent, "store")
            service = products.make_bootable_vm(system, agent, domain, "desk", os.path.join(guest, "demo.qcow2"))
            admin.desk = service.get().id
            template = system.templates_service().add(types.Template(name="demo", description="Boots by itself", vm=types.Vm(id=admin.desk)))
            products.wait_status(system.templates_service().template_service(template.id), types.TemplateStatus.OK, 120)
            size = (os.path.getsize(os.path.join(guest, "demo.iso")) + 4095) // 4096 * 4096
            disc = products.make_disk(system, domain, "installer.iso", size=size, content_type=types.DiskContentType.ISO)
            products.fill_disk(agent, domain, disc, os.path.join(guest, "demo.iso"))
            admin.add("vms", name="unseen", cluster={"name": "office"}, template={"name": "Blank"})
            admin.users = {name: admin.add("users", user_name=name, password=PASSWORD, domain={"name": "internal-authz"})["id"]
                           for name in ("basic", "power", "friend")}
            for path, role, user in ((f"vms/{admin.desk}", "UserRole", "basic"), (f"datacenters/{domain.center}", "PowerUserRole", "power"),
                                     (f"templates/{template.id}", "UserTemplateBasedVm", "power"), (f"disks/{disc.id}", "UserRole", "power")):
                admin.add(f"{path}/permissions", role={"name": role}, user={"id": admin.users[user]})
            admin.agent = agent
            yield admin
        finally:
            agent.stop()


@pytest.fixture
def visit(manager, visitors):
    """visit("power"): that user before the VM Portal."""
    def made(name, **more):
        return visitors(manager, f"{name}@internal", PASSWORD, portal="web-ui", **more)
    return made


def card(visitor, name):
    return visitor.page.get_by_role("list", name="Virtual machines").get_by_role("listitem", name=name, exact=True)


def do(place, verb, name):
    """What can be done with a VM: a button, or in the menu beside the buttons."""
    button = place.get_by_role("button", name=f"{verb} {name}", exact=True)
    more = place.get_by_role("button", name=f"More actions on {name}", exact=True)
    expect(button.or_(more).first).to_be_visible()
    if button.count():
        return button.click()
    more.click()
    return place.page.get_by_role("menuitem", name=verb, exact=True).click()


def offered(place, name):
    """All that is offered to be done with a VM."""
    words = {b.get_attribute("aria-label").removesuffix(f" {name}") for b in place.locator(".v-verbs").get_by_role("button").all()
             if (b.get_attribute("aria-label") or "").endswith(f" {name}")} - {"More actions on"}
    words |= {b.inner_text() for b in place.locator(".v-verbs > button:not([aria-label])").all()}
    more = place.get_by_role("button", name=f"More actions on {name}", exact=True)
    if more.count():
        more.click()
        words |= set(place.page.get_by_role("menuitem").all_inner_texts())
        place.page.keyboard.press("Escape")
    return words


def dialog(visitor, title):
    """The one that is called so; before the title of some stands that they warn."""
    return visitor.page.get_by_role("dialog", name=re.compile(re.escape(title)))


def sure(visitor, verb, name):
    """Yes, in the dialog that asks again."""
    visitor.submit(dialog(visitor, f"{verb}: {name}"), verb)


def see(place, word, timeout=90000):
    """The status, as it comes by itself."""
    expect(place.locator(".v-status").first).to_have_text(word, timeout=timeout)


def details(visitor, name, tab=None):
    """A VM's page from the list, and one of its tabs."""
    title = visitor.page.locator("h1 .v-name").get_by_text(name, exact=True)
    if not title.count():
        visitor.go("")
        card(visitor, name).get_by_role("heading").get_by_role("link").click()
        title.wait_for()
    if tab:
        visitor.page.get_by_role("tab", name=tab, exact=True).click()
        visitor.page.get_by_role("tab", name=tab, exact=True, selected=True).wait_for()
    visitor.settle()
    return visitor.page.locator("main")


def choose(place, label, option):
    """One of a few."""
    place.get_by_role("button", name=re.compile(f"^{label}:")).click()
    getattr(place, "page", place).get_by_role("option", name=re.compile("^" + re.escape(option))).first.click()
    expect(place.get_by_role("button", name=re.compile(f"^{label}: {re.escape(option)}"))).to_be_visible()


def flip(place, label):
    """A switch, by the keyboard."""
    box = place.get_by_role("switch", name=label)
    now = box.is_checked()
    box.press(" ")
    expect(box).to_be_checked(checked=not now)


def row(visitor, text):
    return visitor.page.locator("tbody").get_by_role("row").filter(has_text=text)


def in_row(visitor, text, action):
    row(visitor, text).get_by_role("button", name=re.compile("^More actions on ")).click()
    visitor.page.get_by_role("menuitem", name=action, exact=True).click()


def pixels(canvas):
    """How many colours there are on it, and a sum over all of its pixels."""
    return canvas.evaluate("""canvas => {
        const data = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
        return [new Set(data).size, data.reduce((sum, pixel, i) => (sum * 31 + pixel + i) % 1000000007, 0)];
    }""")


def boot_of(admin, vm_id):
    """What tells one start of the guest from another; once the guest is there."""
    with SerialConsole(admin.agent.lab.uri(1), vm_id) as console:
        console.prompt(120)
        return console.run("cat /proc/sys/kernel/random/boot_id")


def connected(console):
    expect(console.get_by_role("status").get_by_text("Connected", exact=True)).to_be_visible(timeout=60000)


# -- who was given a VM --------------------------------------------------------------------


def test_user_runs_his_vm(admin, visit):
    """T033, T035, T039: it is all that he sees, as card and in the table; it runs, and the page says so by itself."""
    visitor = visit("basic")
    page, desk = visitor.page, card(visitor, "desk")
    desk.wait_for()
    expect(page.get_by_role("list", name="Virtual machines").get_by_role("listitem")).to_have_count(1)
    page.get_by_role("button", name="Table").click()
    table = page.get_by_role("grid", name="Virtual machines").or_(page.get_by_role("table", name="Virtual machines"))
    expect(table.locator("tbody").get_by_role("row")).to_have_count(1)
    expect(table.locator("tbody")).to_contain_text("desk")
    page.get_by_role("button", name="Cards").click()
    see(desk, "Down")
    page.evaluate("window.stayed = true")
    wait_for(lambda: offered(desk, "desk"), what="what can be done")
    assert offered(desk, "desk") == {"Run"}
    do(desk, "Run", "desk")
    see(desk, "Up", 120000)
    expect(desk.get_by_role("button", name="Console desk")).to_be_visible()
    assert offered(desk, "desk") == USER_VERBS
    expect(desk.get_by_alt_text("Screen of desk")).to_be_visible(timeout=60000)
    visitor.shot("vm-portal-runs-card")
    main = details(visitor, "desk")
    assert offered(main, "desk") == USER_VERBS
    assert page.get_by_role("tab").all_inner_texts() == ["Overview", "Snapshots", "Network", "Disks", "Utilization", "Permissions", "Events"]
    for tab in "Snapshots", "Network", "Disks", "Permissions":
        details(visitor, "desk", tab)
        expect(main.get_by_role("tabpanel").get_by_role("button")).to_have_count(0)
    assert page.evaluate("window.stayed")


def test_user_at_the_console(admin, visit):
    """T040: the screen in a window of its own; it shows what is typed."""
    visitor = visit("basic")
    with visitor.context.expect_page() as opened:
        do(card(visitor, "desk"), "Console", "desk")
    screen = opened.value
    connected(screen)
    canvas = screen.locator("canvas")
    wait_for(lambda: pixels(canvas)[0] > 1, 90, "something on the guest's screen")
    before = pixels(canvas)[1]
    canvas.click()
    screen.keyboard.type("date\n", delay=100)
    wait_for(lambda: pixels(canvas)[1] != before, 60, "the guest's screen shows what was typed")
    screen.screenshot(path=os.path.join(visitor.screenshots, "vm-portal-runs-console.png"))


def test_user_suspends_and_resumes(admin, visit):
    visitor = visit("basic")
    main = details(visitor, "desk")
    do(main, "Suspend", "desk")
    visitor.shot("vm-portal-runs-suspend")
    sure(visitor, "Suspend", "desk")
    see(main, "Suspended")
    visitor.settle()
    visitor.shot("vm-portal-runs-suspended")
    assert offered(main, "desk") == {"Resume", "Power off"}
    do(main, "Resume", "desk")
    see(main, "Up")


def test_user_reboots_and_shuts_down(admin, visit):
    """T024, T039: what the guest is asked for, it does; what he may not do, the Manager refuses, too."""
    visitor = visit("basic")
    main = details(visitor, "desk", "Events")
    before = boot_of(admin, admin.desk)
    do(main, "Reboot", "desk")
    sure(visitor, "Reboot", "desk")
    expect(row(visitor, re.compile("reboot", re.I)).first).to_be_visible()
    wait_for(lambda: boot_of(admin, admin.desk) != before, 120, "the guest started anew")
    see(main, "Up")
    do(main, "Shut down", "desk")
    sure(visitor, "Shut down", "desk")
    see(main, "Down", 120000)
    do(main, "Run", "desk")
    see(main, "Up", 120000)
    do(main, "Power off", "desk")
    sure(visitor, "Power off", "desk")
    see(main, "Down")
    mine = rest.Rest(visitor.manager, "basic@internal", PASSWORD)
    for method, path, body in (("PUT", f"/vms/{admin.desk}", {"description": "mine"}), ("POST", f"/vms/{admin.desk}/snapshots", {"description": "no"}),
                               ("DELETE", f"/vms/{admin.desk}", None), ("POST", "/vms", {"name": "n", "cluster": {"name": "office"}, "template": {"name": "Blank"}})):
        assert mine.call(method, path, body).status_code in (403, 404), (method, path)


# -- who makes his own ---------------------------------------------------------------------


def make(visitor, name, fill=lambda page: None, nics=0, disks=(), picture=None):
    """With the wizard; fill: more at its first step. Until the VM's page is there."""
    page = visitor.page
    visitor.go("")
    page.get_by_role("link", name="Create virtual machine").first.click()
    page.get_by_role("heading", level=1, name="Create virtual machine").wait_for()
    visitor.settle()
    page.locator("#new-name").fill(name)
    fill(page)

    def step(word):
        visitor.settle()
        if picture:
            visitor.shot(f"{picture}-{word}")
            assert not visitor.findings(), word
        page.get_by_role("button", name="Next", exact=True).click()
    step("basics")
    for _ in range(nics):
        page.get_by_role("button", name="Add network card").click()
    step("network")
    for i, size in enumerate(disks):
        page.get_by_role("button", name="Add disk").click()
        page.locator(f"#disk-{i}-size").fill(size)
    step("disks")
    if picture:
        visitor.shot(f"{picture}-review")
    page.locator(".pf-v6-c-wizard__footer").get_by_role("button", name="Create virtual machine").click()
    page.locator("h1 .v-name").get_by_text(name, exact=True).wait_for(timeout=180000)


def of_template(page):
    choose(page, "Template", "demo")
    expect(page.locator("#new-memory")).to_have_value("128 MiB")
    flip(page, "Run it when it is made")


def test_power_user_makes_a_vm(admin, visit):
    """From a template, with a network card and one more disk; it runs when the wizard is done."""
    visitor = visit("power")
    expect(visitor.page.get_by_text("No virtual machines yet")).to_be_visible()
    make(visitor, "mine", of_template, nics=1, disks=["16 MiB"], picture="vm-portal-runs-wizard")
    main = details(visitor, "mine")
    see(main, "Up", 120000)
    mine = admin.one("vms", "mine")["id"]
    assert len(admin.list(f"vms/{mine}/nics")) == 1 and len(admin.list(f"vms/{mine}/diskattachments")) == 2
    assert boot_of(admin, mine)
    assert {"Console", "Suspend", "Shut down", "Reboot", "Edit", "Clone"} <= offered(main, "mine")


def test_power_user_edits_while_it_runs(admin, visit):
    """What applies now does; what does not waits for the next start, and is said to."""
    visitor = visit("power")
    page, main = visitor.page, details(visitor, "mine")
    main.get_by_role("button", name="Edit", exact=True).click()
    form = dialog(visitor, "Edit mine")
    form.locator("#v-description").fill("Changed while it runs")
    expect(form.get_by_text("All of it applies now")).to_be_visible()
    flip(form, "Boot menu")
    expect(form.get_by_text("Some of it waits for the next start")).to_be_visible()
    visitor.settle()
    visitor.shot("vm-portal-runs-edit")
    assert not visitor.findings()
    visitor.submit(form, "Save")
    expect(main).to_contain_text("Changed while it runs")
    expect(page.get_by_text("Some changes wait for the next start")).to_be_visible()
    mine = admin.one("vms", "mine")
    assert mine["description"] == "Changed while it runs" and mine["bios"]["boot_menu"]["enabled"] == "false"
    do(main, "Power off", "mine")
    sure(visitor, "Power off", "mine")
    see(main, "Down")
    expect(page.get_by_text("Some changes wait for the next start")).to_have_count(0)
    assert admin.one("vms", "mine")["bios"]["boot_menu"]["enabled"] == "true"


def test_power_user_cards_and_disks(admin, visit):
    """T047: added, changed, taken away; and a disk that was taken out is put in again."""
    visitor = visit("power")
    details(visitor, "mine", "Network")
    page = visitor.page
    page.get_by_role("button", name="Add network card").click()
    form = dialog(visitor, "Add a network card to mine")
    form.locator("#v-name").fill("spare")
    visitor.submit(form, "Add network card")
    in_row(visitor, "spare", "Edit")
    form = dialog(visitor, "Edit spare")
    flip(form, "Link is up")
    visitor.submit(form, "Save")
    expect(row(visitor, "spare")).to_contain_text("Link down")
    in_row(visitor, "spare", "Remove")
    visitor.submit(dialog(visitor, "Remove spare"), "Remove")
    expect(row(visitor, "spare")).to_have_count(0)
    details(visitor, "mine", "Disks")
    in_row(visitor, "mine_disk2", "Edit")
    form = dialog(visitor, "Edit mine_disk2")
    form.locator("#v-size").fill("24 MiB")
    visitor.submit(form, "Save")
    expect(row(visitor, "mine_disk2")).to_contain_text("24 MiB", timeout=25000)
    visitor.shot("vm-portal-runs-disks")
    in_row(visitor, "mine_disk2", "Remove")
    form = dialog(visitor, "Remove mine_disk2")
    flip(form, "Only detach it")
    visitor.submit(form, "Remove")
    expect(row(visitor, "mine_disk2")).to_have_count(0)
    page.get_by_role("button", name="Attach disk").click()
    form = dialog(visitor, "Attach a disk to mine")
    choose(form, "Disk", "mine_disk2")
    visitor.submit(form, "Attach disk")
    expect(row(visitor, "mine_disk2")).to_be_visible()
    in_row(visitor, "mine_disk2", "Remove")
    visitor.submit(dialog(visitor, "Remove mine_disk2"), "Remove")
    expect(row(visitor, "mine_disk2")).to_have_count(0)
    wait_for(lambda: not [d for d in admin.list("disks") if d["name"] == "mine_disk2"], 60, "the disk is gone from storage")


def test_power_user_snapshots(admin, visit):
    """T052: taken, looked at and left again, gone back to, removed."""
    visitor = visit("power")
    page = visitor.page
    details(visitor, "mine", "Snapshots")
    page.get_by_role("button", name="Create snapshot").click()
    form = dialog(visitor, "Create a snapshot of mine")
    form.locator("#v-description").fill("first")
    visitor.submit(form, "Create snapshot")
    expect(row(visitor, "first")).to_contain_text("Ok", timeout=90000)

    def resize(size):
        page.locator("main").get_by_role("button", name="Edit", exact=True).click()
        form = dialog(visitor, "Edit mine")
        form.locator("#v-memory").fill(size)
        visitor.submit(form, "Save")

    def memory():
        return int(admin.one("vms", "mine")["memory"]) // 2**20
    resize("160 MiB")
    assert memory() == 160
    in_row(visitor, "first", "Preview")
    visitor.submit(dialog(visitor, "Preview first"), "Preview")
    expect(page.get_by_text("You are looking at a snapshot")).to_be_visible(timeout=60000)
    wait_for(lambda: memory() == 128, 60, "the VM as it was")
    visitor.settle()
    visitor.shot("vm-portal-runs-preview")
    assert not visitor.findings()
    page.get_by_role("button", name="Go back to now").click()
    visitor.submit(dialog(visitor, "Go back to now"), "Go back to now")
    expect(page.get_by_text("You are looking at a snapshot")).to_have_count(0, timeout=60000)
    wait_for(lambda: memory() == 160, 60, "the VM as it is")
    in_row(visitor, "first", "Preview")
    visitor.submit(dialog(visitor, "Preview first"), "Preview")
    page.get_by_role("button", name="Keep this state").click()
    visitor.submit(dialog(visitor, "Keep this state"), "Keep this state")
    expect(page.get_by_text("You are looking at a snapshot")).to_have_count(0, timeout=60000)
    wait_for(lambda: memory() == 128, 60, "the VM as it was")
    in_row(visitor, "first", "Remove")
    visitor.submit(dialog(visitor, "Remove the snapshot first"), "Remove")
    expect(row(visitor, "first")).to_have_count(0, timeout=120000)


def test_power_user_makes_a_template(admin, visit):
    """From his VM; he makes another VM of it, and removes both."""
    visitor = visit("power")
    page, main = visitor.page, details(visitor, "mine")
    main.get_by_role("button", name="Make template").click()
    form = dialog(visitor, "Make a template of mine")
    form.locator("#v-name").fill("golden")
    visitor.submit(form, "Make template")
    visitor.go("templates")
    expect(row(visitor, "golden")).to_contain_text("Ok", timeout=120000)
    visitor.settle()
    visitor.shot("vm-portal-runs-templates")
    make(visitor, "second", lambda page: choose(page, "Template", "golden"))
    main = details(visitor, "second")
    see(main, "Down")
    do(main, "Remove", "second")
    sure(visitor, "Remove", "second")
    expect(card(visitor, "mine")).to_be_visible()
    expect(card(visitor, "second")).to_have_count(0, timeout=60000)
    visitor.go("templates")
    in_row(visitor, "golden", "Remove")
    visitor.submit(dialog(visitor, "Remove the template golden"), "Remove")
    expect(row(visitor, "golden")).to_have_count(0, timeout=60000)


def test_power_user_clones(admin, visit):
    visitor = visit("power")
    main = details(visitor, "mine")
    main.get_by_role("button", name="Clone", exact=True).click()
    form = dialog(visitor, "Clone mine")
    visitor.submit(form, "Clone")
    visitor.go("")
    see(card(visitor, "mine-copy"), "Down", 120000)
    do(card(visitor, "mine-copy"), "Remove", "mine-copy")
    sure(visitor, "Remove", "mine-copy")
    expect(card(visitor, "mine-copy")).to_have_count(0, timeout=60000)


KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1h4zHk7l3x4Y6mZ8n2vQ0a9b8c7d6e5f4g3h2i1j0k power@desk"


def test_power_user_keeps_his_key(admin, visit):
    """New VMs that cloud-init sets up are offered it."""
    visitor = visit("power", path="settings")
    page = visitor.page

    def add(text):
        page.get_by_role("button", name="Add SSH key").click()
        form = dialog(visitor, "Add SSH key")
        form.locator("#v-content").fill(text)
        return form
    form = add("-----BEGIN OPENSSH PRIVATE KEY-----")
    form.get_by_role("button", name="Add SSH key").click()
    expect(form.get_by_text("One public key in one line is wanted")).to_be_visible()
    form.locator("#v-content").fill(KEY)
    visitor.settle()
    assert not visitor.findings()
    visitor.submit(form, "Add SSH key")
    expect(row(visitor, "power@desk")).to_contain_text("ssh-ed25519")
    visitor.shot("vm-portal-runs-key")
    assert not visitor.findings()
    visitor.go("new")
    flip(page, "Set up by cloud-init")
    expect(page.locator("#new-authorized_ssh_keys")).to_have_value(KEY)
    visitor.go("settings")
    in_row(visitor, "power@desk", "Remove")
    visitor.submit(dialog(visitor, "Remove the key power@desk"), "Remove")
    expect(row(visitor, "power@desk")).to_have_count(0)


def test_power_user_boots_from_a_cd(admin, visit):
    """A VM from scratch, with a CD and no disk, and with both kinds of screen; the CD is taken out while it runs."""
    visitor = visit("power")
    page = visitor.page

    def from_scratch(page):
        page.locator("#new-memory").fill("128 MiB")
        choose(page, "CD", "installer.iso")
    make(visitor, "disc", from_scratch)
    main = details(visitor, "disc")
    expect(main).to_contain_text("installer.iso")
    main.get_by_role("button", name="Edit", exact=True).click()
    form = dialog(visitor, "Edit disc")
    choose(form, "Screen", "VNC and SPICE")
    visitor.submit(form, "Save")
    do(main, "Run", "disc")
    see(main, "Up", 120000)
    vm = admin.one("vms", "disc")["id"]
    assert boot_of(admin, vm)
    with visitor.context.expect_page() as opened:
        main.get_by_role("group", name="Consoles").get_by_role("button", name="SPICE", exact=True).click()
    connected(opened.value)
    opened.value.close()
    main.get_by_role("button", name="Change", exact=True).click()
    form = dialog(visitor, "CD of disc")
    expect(form).to_contain_text("The CD is changed in the running virtual machine.")
    choose(form, "CD", "Empty")
    visitor.submit(form, "Save")
    expect(main.get_by_text("installer.iso")).to_have_count(0)
    with SerialConsole(admin.agent.lab.uri(1), vm) as console:
        console.prompt()
        wait_for(lambda: "isolinux" not in console.run("mkdir -p /mnt; mount -o ro /dev/sr0 /mnt; ls /mnt"), 30, "no disc in the guest's drive")
    do(main, "Power off", "disc")
    sure(visitor, "Power off", "disc")
    see(main, "Down")
    do(main, "Remove", "disc")
    sure(visitor, "Remove", "disc")
    expect(card(visitor, "mine")).to_be_visible()
    expect(card(visitor, "disc")).to_have_count(0, timeout=60000)


# -- two people ----------------------------------------------------------------------------


def test_gives_it_to_somebody_else(admin, visit):
    """The other one has it without loading anything anew, runs it, sees what the owner does; and has it no more when it is taken back."""
    owner, friend = visit("power"), visit("friend")
    friend.page.evaluate("window.stayed = true")
    expect(friend.page.get_by_text("Nobody has given you a virtual machine so far")).to_be_visible()
    main = details(owner, "mine", "Permissions")
    if "Power off" in offered(main, "mine"):
        do(main, "Power off", "mine")
        sure(owner, "Power off", "mine")
        see(main, "Down")
    owner.page.get_by_role("button", name="Give access").click()
    form = dialog(owner, "Give access to mine")
    choose(form, "User or group", "friend")
    choose(form, "Role", "UserRole")
    owner.settle()
    owner.shot("vm-portal-runs-give")
    assert not owner.findings()
    owner.submit(form, "Give access")
    expect(row(owner, "friend")).to_contain_text("UserRole")
    owner.shot("vm-portal-runs-permissions")
    theirs = card(friend, "mine")
    expect(theirs).to_be_visible(timeout=60000)
    wait_for(lambda: offered(theirs, "mine"), what="what can be done")
    assert offered(theirs, "mine") == {"Run"}
    do(theirs, "Run", "mine")
    see(theirs, "Up", 120000)
    see(main, "Up")
    with friend.context.expect_page() as opened:
        do(theirs, "Console", "mine")
    connected(opened.value)
    do(main, "Power off", "mine")
    sure(owner, "Power off", "mine")
    see(theirs, "Down")
    see(main, "Down")
    do(main, "Run", "mine")
    see(theirs, "Up", 120000)
    connected(opened.value)
    in_row(owner, "friend", "Take away")
    owner.submit(dialog(owner, "Take access away from friend"), "Take away")
    expect(row(owner, "friend")).to_have_count(0)
    expect(theirs).to_have_count(0, timeout=60000)
    expect(opened.value.get_by_role("status").get_by_text("Connected", exact=True)).to_have_count(0, timeout=60000)
    opened.value.screenshot(path=os.path.join(friend.screenshots, "vm-portal-runs-taken-away.png"))
    expect(friend.page.get_by_text("Nobody has given you a virtual machine so far")).to_be_visible()
    assert friend.page.evaluate("window.stayed")


# -- looks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("width, dark", [(1400, False), (390, False), (1400, True), (390, True)], ids=["wide", "telephone", "dark", "dark-telephone"])
def test_looks_of_what_runs(admin, visit, width, dark):
    visitor = visit("power", width=width, dark=dark)
    page, look = visitor.page, f"{width}{'-dark' if dark else ''}"
    wait_for(lambda: offered(card(visitor, "mine"), "mine"), what="what can be done")
    if "Run" in offered(card(visitor, "mine"), "mine"):
        do(card(visitor, "mine"), "Run", "mine")
    see(card(visitor, "mine"), "Up", 120000)
    expect(card(visitor, "mine").get_by_alt_text("Screen of mine")).to_be_visible(timeout=60000)
    visitor.settle()
    visitor.shot(f"vm-portal-runs-list-{look}")
    page.get_by_role("button", name="Table").click()
    expect(row(visitor, "mine").get_by_text(re.compile("^[0-9]+ %$")).first).to_be_visible(timeout=60000)
    visitor.settle()
    visitor.shot(f"vm-portal-runs-table-{look}")
    assert not visitor.findings()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("button", name="Cards").click()
    visitor.go("events")
    expect(page.get_by_role("switch", name="Warnings and errors only")).to_be_checked()
    expect(row(visitor, "VM mine was started")).to_have_count(0)
    flip(page, "Warnings and errors only")
    expect(row(visitor, "VM mine was started").first.get_by_role("link", name="mine")).to_be_visible()
    visitor.settle()
    visitor.shot(f"vm-portal-runs-all-events-{look}")
    assert not visitor.findings()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    visitor.go("")
    details(visitor, "mine")
    for i in range(page.get_by_role("tab").count()):
        tab = page.get_by_role("tab").nth(i)
        name = tab.inner_text()
        tab.click()
        visitor.settle()
        visitor.shot(f"vm-portal-runs-{name.lower()}-{look}")
        assert not visitor.findings(), name
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name


# -- the Manager goes, and the session ------------------------------------------------------


def log_in_again(visitor):
    again = visitor.page.get_by_role("dialog", name="Log in again")
    expect(again).to_be_visible(timeout=60000)
    again.get_by_label(re.compile("^Password")).fill(PASSWORD)
    again.get_by_role("button", name="Log in", exact=True).click()
    expect(again).to_have_count(0)


def test_session_ends(admin, visit):
    """The login lies over the page, and what was typed is there afterwards."""
    visitor = visit("power")
    main = details(visitor, "mine")
    main.get_by_role("button", name="Edit", exact=True).click()
    form = dialog(visitor, "Edit mine")
    form.locator("#v-description").fill("typed before the session ended")
    page = "/ovirt-engine/hostler/sessions"
    ended = [admin.call("DELETE", f"{page}/{s['id']}").status_code for s in admin.get(page) if s["user_id"] == admin.users["power"]]
    assert ended == [200] * len(ended) and ended
    expect(visitor.page.get_by_role("dialog", name="Log in again")).to_be_visible(timeout=60000)
    visitor.shot("vm-portal-runs-session-over")
    log_in_again(visitor)
    visitor.submit(form, "Save")
    expect(main).to_contain_text("typed before the session ended")


def test_manager_restarts(admin, manager, visit):
    """Under a page and a console: the page says so, asks for the password, and is live again; the guest never stopped."""
    visitor = visit("power")
    visitor.forgive("net::ERR_|Failed to fetch|WebSocket connection")
    page = visitor.page
    page.evaluate("window.stayed = true")
    main = details(visitor, "mine")
    see(main, "Up")
    mine = admin.one("vms", "mine")["id"]
    boot = boot_of(admin, mine)
    manager.stop()
    try:
        expect(page.get_by_text(AWAY)).to_be_visible(timeout=60000)
        expect(main.locator("h1 .v-name")).to_have_text("mine")
        visitor.shot("vm-portal-runs-manager-away")
        assert not visitor.findings()
    finally:
        manager.start()
        admin.token = None
    log_in_again(visitor)
    expect(page.get_by_text(AWAY)).to_have_count(0, timeout=60000)
    see(main, "Up")
    assert boot_of(admin, mine) == boot
    do(main, "Power off", "mine")
    sure(visitor, "Power off", "mine")
    see(main, "Down")
    do(main, "Remove", "mine")
    sure(visitor, "Remove", "mine")
    expect(page.get_by_text("No virtual machines yet")).to_be_visible(timeout=60000)
    assert page.evaluate("window.stayed")
