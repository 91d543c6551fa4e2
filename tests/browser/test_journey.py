# SPDX-License-Identifier: Apache-2.0
"""From nothing to a running VM, and what one does with it: a person before the Administration Portal, a real agent, a real guest.

Each part goes on where the one before it ended.
"""
import os
import re
import signal

import ovirtsdk4.types as types
import products
import pytest
from playwright.sync_api import expect
from products import wait_for

PATH = "/var/lib/images-journey"
IMAGE_SIZE = "64 MiB"


@pytest.fixture(scope="module")
def system(manager):
    with manager.connect() as connection:
        yield connection.system_service()


@pytest.fixture(scope="module")
def agent(lab, manager):
    """What is installed on the host; the portal's part is to let it in."""
    made = products.Agent(lab, 1, manager)
    lab.run(1, ["rm", "-rf", made.STATE])
    lab.run(1, ["install", "-d", "-o", "36", "-g", "36", PATH])
    yield made
    made.stop()


def find(service, name):
    return service.list(search=f"name={name}")[0]


def test_from_nothing_to_a_running_vm(manager, agent, system, guest, visitors):
    visitor = visitors(manager, path="dashboard")
    page = visitor.page
    visitor.settle()
    visitor.shot("journey-01-dashboard")

    visitor.list("datacenters").do("New")
    form = visitor.dialog("New data center")
    visitor.fill(form, name="east", description="Where the sun rises")
    visitor.shot("journey-02-data-center")
    visitor.submit(form, "Create")
    visitor.row("east").wait_for()

    visitor.list("clusters").do("New")
    form = visitor.dialog("New cluster")
    visitor.fill(form, name="east1")
    visitor.choose(form, "Data center", "east")
    visitor.shot("journey-03-cluster")
    visitor.submit(form, "Create")
    visitor.row("east1").wait_for()

    # the host enrolls by itself and appears in the open list
    visitor.list("hosts")
    with open(agent.log, "ab") as out:
        enrolling = agent.lab.popen(1, agent.enroll_command("--token", manager.token()), stdout=out, stderr=out)
    visitor.row("host1").wait_for(timeout=60000)
    visitor.see("host1", "Pending approval")
    visitor.select("host1").do("Approve")
    form = visitor.dialog("Approve")
    visitor.choose(form, "Cluster", "east1")
    visitor.shot("journey-04-approve")
    visitor.submit(form, "Approve")
    assert enrolling.wait(60) == 0, agent.tail()
    agent.start()
    visitor.see("host1", "Up", 90000)
    visitor.shot("journey-05-host-up")

    visitor.list("storagedomains").do("New")
    form = visitor.dialog("New storage domain")
    visitor.fill(form, name="data1", storage__path=PATH)
    expect(form.get_by_role("combobox", name="Host", exact=True)).to_have_value("host1")
    expect(form.get_by_role("combobox", name="Attach to data center")).to_have_value("east")
    visitor.shot("journey-06-storage-domain")
    visitor.submit(form, "Create", 180000)
    visitor.see("data1", "Active")

    visitor.list("vms").do("New")
    form = visitor.dialog("New virtual machine")
    visitor.fill(form, name="web1", description="Made by hand")
    visitor.choose(form, "Cluster", "east1")
    form.get_by_role("tab", name="System").click()
    visitor.fill(form, memory="128 MiB")
    form.get_by_role("tab", name="Disks").click()
    form.get_by_role("button", name="New disk").click()
    disk = form.get_by_role("group", name="Disk 1, new")
    disk.get_by_role("textbox", name=re.compile("^Size")).fill(IMAGE_SIZE)
    disk.get_by_label("Allocation").select_option("raw")
    expect(disk.get_by_role("combobox", name="Storage domain")).to_have_value("data1")
    visitor.shot("journey-07-vm-disk")
    form.get_by_role("tab", name="Network cards").click()
    expect(form.get_by_role("combobox", name="Network")).to_have_value("ovirtmgmt")
    visitor.submit(form, "Create", 120000)
    visitor.toast("Virtual machine web1 was created")
    visitor.see("web1", "Down")

    made = system.vms_service().vm_service(find(system.vms_service(), "web1").id)
    attached = made.disk_attachments_service().list()
    assert len(attached) == 1 and attached[0].bootable and len(made.nics_service().list()) == 1
    disk = products.wait_status(system.disks_service().disk_service(attached[0].disk.id), types.DiskStatus.OK)
    domain = find(system.storage_domains_service(), "data1")
    domain.path = PATH
    products.fill_disk(agent, domain, disk, os.path.join(guest, "demo.qcow2"))

    visitor.select("web1").do("Run")
    visitor.see("web1", "Up", 120000)
    visitor.shot("journey-08-running")
    page.get_by_role("button", name=re.compile("^Tasks")).click()
    tasks = page.get_by_role("region", name="Tasks")
    expect(tasks.get_by_text(re.compile("web1")).first).to_be_visible()
    visitor.shot("journey-09-tasks")


def pixels(canvas):
    """How many colours there are on it, and a sum over all of its pixels."""
    return canvas.evaluate("""canvas => {
        const data = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
        return [new Set(data).size, data.reduce((sum, pixel, i) => (sum * 31 + pixel + i) % 1000000007, 0)];
    }""")


def test_consoles(manager, system, visitors):
    """The screen in a window of its own, and the serial port, both of the same guest: what is typed at the screen's keyboard is read by
    a program of the guest."""
    vm = find(system.vms_service(), "web1")
    visitor = visitors(manager, path="vms")
    visitor.select("web1")
    with visitor.context.expect_page() as opened:
        visitor.do("Console")
    screen = opened.value
    expect(screen.get_by_role("status").get_by_text("Connected", exact=True)).to_be_visible(timeout=60000)
    expect(screen).to_have_title(re.compile("web1"))
    canvas = screen.locator("canvas")
    wait_for(lambda: pixels(canvas)[0] > 1, 90, "something on the guest's screen")
    screen.screenshot(path=os.path.join(visitor.screenshots, "journey-10-console.png"))

    cut_off = []  # others, who look at the same screen
    screen.on("request", lambda r: cut_off.append(r.url) if r.url.endswith("/disconnect") else None)
    with screen.expect_websocket():
        screen.get_by_role("button", name="Reconnect").click()
    expect(screen.get_by_role("status").get_by_text("Connected", exact=True)).to_be_visible(timeout=60000)
    wait_for(lambda: pixels(canvas)[0] > 1, 90, "the guest's screen again")
    assert not cut_off

    port = visitor.go(f"console/{vm.id}?protocol=serial").page
    expect(port.get_by_role("status").get_by_text("Connected", exact=True)).to_be_visible(timeout=60000)
    text = port.get_by_role("group", name="Serial console of web1").locator(".xterm-accessibility")
    port.get_by_role("group", name="Serial console of web1").click()
    port.keyboard.press("Enter")  # what the guest said before we came is gone
    expect(text).to_contain_text("guest#", timeout=120000)
    _, before = pixels(canvas)
    screen.bring_to_front()
    canvas.click()
    screen.keyboard.type("tee /dev/tty", delay=100)  # there is a shell on the screen, too; it says something to the port
    screen.keyboard.press("Shift+S", delay=100)
    screen.keyboard.type("0\nhostler\n", delay=100)
    expect(text).to_contain_text("hostler", timeout=60000)
    wait_for(lambda: pixels(canvas)[1] != before, 60, "the guest's screen shows what was typed")
    screen.screenshot(path=os.path.join(visitor.screenshots, "journey-11-console-typed.png"))
    screen.keyboard.press("Shift+F12")
    expect(screen.locator(".h-console-bar button").first).to_be_focused()
    port.screenshot(path=os.path.join(visitor.screenshots, "journey-12-serial.png"))


def test_edit_while_it_runs(manager, system, visitors):
    vm = find(system.vms_service(), "web1")
    visitor = visitors(manager, path=f"vms/{vm.id}")
    visitor.page.get_by_role("heading", level=1, name="web1").wait_for()
    visitor.do("Edit")
    form = visitor.dialog("Edit virtual machine web1")
    visitor.fill(form, description="Changed while it runs")
    expect(form.get_by_text("All of it applies now")).to_be_visible()
    form.get_by_role("tab", name="Boot options").click()
    form.get_by_label("Show a boot menu").check()
    expect(form.get_by_text("Some of it waits for the next start")).to_be_visible()
    visitor.shot("journey-13-edit-running")
    visitor.submit(form, "Save")
    expect(visitor.page.get_by_role("region", name="General")).to_contain_text("Changed while it runs")
    expect(visitor.page.get_by_role("img", name="Changes take effect at the next start").first).to_be_visible()
    visitor.settle()
    visitor.shot("journey-14-next-run")
    assert find(system.vms_service(), "web1").description == "Changed while it runs"


def test_snapshot(manager, system, visitors):
    vm = find(system.vms_service(), "web1")
    visitor = visitors(manager, path=f"vms/{vm.id}/snapshots")
    visitor.page.get_by_role("tab", name="Snapshots", selected=True).wait_for()
    visitor.do("Create snapshot")
    form = visitor.dialog("Create a snapshot of web1")
    visitor.fill(form, description="before the change")
    visitor.shot("journey-15-snapshot")
    visitor.submit(form, "Create snapshot")
    row = visitor.rows().filter(has_text="before the change")
    expect(row.get_by_text("Ok", exact=True)).to_be_visible(timeout=120000)
    visitor.shot("journey-16-snapshots")


def test_tasks_as_they_run(manager, agent, system, visitors):
    """A job that waits for its host is seen at work, and then at its end."""
    visitor = visitors(manager, path="disks")
    page = visitor.page
    page.get_by_role("button", name=re.compile("^Tasks")).click()
    pane = page.get_by_role("region", name="Tasks")
    agent.process.send_signal(signal.SIGSTOP)
    try:
        domain = find(system.storage_domains_service(), "data1")
        disk = system.disks_service().add(types.Disk(name="waits", provisioned_size=2**20, format=types.DiskFormat.RAW,
                                                     storage_domains=[types.StorageDomain(id=domain.id)]))
        item = pane.get_by_role("listitem").filter(has_text="Adding Disk waits").first
        expect(item.get_by_label("Running").first).to_be_visible()
        expect(page.get_by_role("button", name="Tasks, 1 running")).to_be_visible()
        visitor.see("waits", "Locked")
        visitor.shot("journey-17-task-runs")
    finally:
        agent.process.send_signal(signal.SIGCONT)
        os.kill(agent.process.pid, signal.SIGCONT)  # what waits for it outside the host has stopped with it
    expect(item.get_by_label("Finished").first).to_be_visible(timeout=60000)
    visitor.see("waits", "Ok")
    system.disks_service().disk_service(disk.id).remove()
    expect(visitor.row("waits")).to_have_count(0, timeout=60000)


def test_search_and_bookmark(manager, visitors):
    visitor = visitors(manager, path="vms")
    page = visitor.page
    field = page.get_by_role("combobox", name="Search")
    field.press_sequentially("sta")
    page.get_by_role("option", name=re.compile("^status")).first.click()
    expect(field).to_have_value("status ")
    field.press_sequentially("= u")
    page.get_by_role("option", name=re.compile("^up")).first.wait_for()
    visitor.shot("journey-17-completion")
    field.fill("name = web* and status = running")
    field.press("Escape")
    wrong = page.get_by_role("alert").filter(has=page.locator("mark"))
    expect(wrong.locator("mark")).to_have_text("running")
    visitor.shot("journey-18-wrong")
    expect(page.get_by_role("button", name="Save this search as a bookmark")).to_be_disabled()
    field.fill("name = web* and status = up")
    field.press("Enter")
    expect(page.get_by_role("status").filter(has_text="1 item")).to_be_visible()
    expect(visitor.rows()).to_have_count(1)

    page.get_by_role("button", name="Save this search as a bookmark").click()
    form = visitor.dialog("Save search")
    form.get_by_role("textbox").fill("running web")
    form.get_by_role("button", name="Save", exact=True).click()
    visitor.toast("The search was saved as running web.")
    visitor.list("hosts")
    page.get_by_role("button", name="Bookmarks").click()
    visitor.shot("journey-19-bookmark")
    page.get_by_role("menuitem", name=re.compile("running web")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Virtual machines")
    expect(page.get_by_role("combobox", name="Search")).to_have_value("name = web* and status = up")
    expect(visitor.row("web1")).to_be_visible()


@pytest.fixture(scope="module")
def bulk(system, agent):
    """Three VMs with empty disks: they run, and find nothing to boot from."""
    domain = find(system.storage_domains_service(), "data1")
    for name in ("bulk1", "bulk2", "bulk3"):
        vm = system.vms_service().add(types.Vm(
            name=name, cluster=types.Cluster(name="east1"), template=types.Template(name="Blank"), memory=64 * 2**20,
            memory_policy=types.MemoryPolicy(guaranteed=64 * 2**20, max=256 * 2**20)))
        disk = products.make_disk(system, domain, name + "-disk", 2**20)
        system.vms_service().vm_service(vm.id).disk_attachments_service().add(types.DiskAttachment(
            disk=types.Disk(id=disk.id), interface=types.DiskInterface.VIRTIO, bootable=True, active=True))


def test_several_at_once(manager, system, bulk, visitors):
    visitor = visitors(manager, path="vms?search=name+%3D+bulk*")
    page = visitor.page
    expect(visitor.rows()).to_have_count(3)
    page.get_by_role("checkbox", name="Select all").click()
    expect(page.get_by_role("status").filter(has_text="3 selected")).to_be_visible()
    visitor.do("Run")
    visitor.toast("Run: bulk1, bulk2, bulk3")
    for name in ("bulk1", "bulk2", "bulk3"):
        visitor.see(name, "Up", 120000)
    visitor.shot("journey-20-three-run")

    visitor.do("Power off")
    question = visitor.dialog("Power off")
    expect(question).to_contain_text("3 running virtual machines will be powered off. What is not saved on them is lost.")
    for name in ("bulk1", "bulk2", "bulk3"):
        expect(question.get_by_role("listitem").filter(has_text=name)).to_be_visible()
    visitor.shot("journey-21-power-off")
    visitor.submit(question, "Power off")
    for name in ("bulk1", "bulk2", "bulk3"):
        visitor.see(name, "Down", 120000)

    visitor.do("Remove")
    question = visitor.dialog("Remove virtual machines")
    expect(question).to_contain_text("What is removed cannot be brought back.")
    visitor.shot("journey-22-remove")
    visitor.submit(question, "Remove")
    page.get_by_role("heading", name="Nothing matches this search").wait_for(timeout=120000)
    assert not system.vms_service().list(search="name=bulk*")
    assert not system.disks_service().list(search="name=bulk*")


def test_stop_and_remove(manager, system, visitors):
    """What is running cannot be removed, and the portal says why; then it is stopped, and goes."""
    visitor = visitors(manager, path="vms")
    visitor.select("web1")
    visitor.page.get_by_role("button", name="More actions").click()
    expect(visitor.page.get_by_role("menuitem", name="Remove", exact=True)).to_have_attribute("aria-disabled", "true")
    visitor.page.get_by_role("menuitem", name="Remove", exact=True).hover()
    expect(visitor.page.get_by_role("tooltip")).to_have_text("Not while it is up.")
    visitor.page.get_by_role("menuitem", name="Power off", exact=True).click()
    visitor.submit(visitor.dialog("Power off"), "Power off")
    visitor.see("web1", "Down")
    visitor.do("Remove")
    visitor.submit(visitor.dialog("Remove virtual machine"), "Remove")
    expect(visitor.row("web1")).to_have_count(0, timeout=60000)
    assert not system.vms_service().list(search="name=web1")
