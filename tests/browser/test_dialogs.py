# SPDX-License-Identifier: Apache-2.0
"""Dialogs of the Administration Portal about hosts and running VMs, carried through: pairing, run once, changes of what runs, files for
Remote Viewer, several at once, maintenance. A real agent, a real guest.

Each part goes on where the one before it ended.
"""
import configparser
import os
import re

import ovirtsdk4.types as types
import products
import pytest
from playwright.sync_api import expect
from products import wait_for, wait_status

MB = 2**20


@pytest.fixture(scope="module")
def system(manager):
    with manager.connect() as connection:
        yield connection.system_service()


@pytest.fixture(scope="module")
def agent(lab, manager, system):
    """An agent without certificates, which shows a pairing code."""
    made = products.Agent(lab, 1, manager)
    made.cluster = products.make_cluster(system, "hall")
    lab.run(1, ["rm", "-rf", made.STATE])
    lab.run(1, ["mkdir", "-p", made.STATE])
    made.start()
    yield made
    made.stop()


def code_of(agent):
    """What the agent shows, as soon as it waits for a certificate."""
    said = wait_for(lambda: agent.lab.run(agent.host, [products.AGENT, "pairing-code", "--state", agent.STATE], check=False).stdout.split(),
                    20, "pairing code")
    wait_for(lambda: "waiting for certificates" in agent.tail(), 20, "the agent listens")
    return said[-1]


def find(service, name):
    return service.list(search=f"name={name}")[0]


def of(system, name):
    return system.vms_service().vm_service(find(system.vms_service(), name).id)


def test_pairing(manager, agent, system, visitors):
    """A code with an error in it is told in the form, which keeps the rest; the right one brings the host in."""
    code = code_of(agent)
    visitor = visitors(manager, path="hosts")
    page = visitor.page
    visitor.do("New")
    form = visitor.dialog("New host")
    visitor.fill(form, name="hall1", address=agent.lab.address(1), description="By the door", root_password="ABC")
    visitor.choose(form, "Cluster", "hall")
    form.get_by_role("button", name="Add host").click()
    expect(form.get_by_text("A code looks like ABCDE-FGHIJ.")).to_be_visible()
    visitor.look("dialogs-01-host-code")

    visitor.fill(form, root_password="AAAAA-AAAAA")
    form.get_by_role("button", name="Add host").click()
    expect(form.get_by_text("Pairing with the host.")).to_be_visible()
    visitor.shot("dialogs-02-host-pairs")
    expect(form).to_contain_text("this is not the pairing code that the host shows", timeout=60000)
    visitor.look("dialogs-03-host-refused")
    for member, value in ("name", "hall1"), ("address", agent.lab.address(1)), ("description", "By the door"), ("port", "54321"):
        expect(form.locator(f"#f-{member}")).to_have_value(value)
    expect(form.get_by_role("combobox", name="Cluster", exact=True)).to_have_value("hall")
    assert find(system.hosts_service(), "hall1").status == types.HostStatus.INSTALL_FAILED

    visitor.fill(form, name="hall-1", root_password=code.replace("-", " ").lower())  # as one types what one reads
    visitor.submit(form, "Add host", 60000)
    visitor.toast("Done: Installing Host hall-1")
    visitor.see("hall-1", "Up", 90000)
    assert len(system.hosts_service().list()) == 1
    page.get_by_role("link", name="hall-1", exact=True).click()
    expect(page.get_by_role("region", name="General")).to_contain_text("By the door")
    visitor.settle()
    visitor.shot("dialogs-04-host-up")


@pytest.fixture(scope="module")
def domain(system, agent):
    agent.id = find(system.hosts_service(), "hall-1").id
    return products.make_domain(system, agent, "hall-data")


@pytest.fixture(scope="module")
def lamp(system, agent, domain, guest):
    """A VM that boots, and a disc to boot from; down."""
    service = products.make_bootable_vm(system, agent, domain, "lamp", os.path.join(guest, "demo.qcow2"))
    size = os.path.getsize(os.path.join(guest, "demo.iso"))
    disc = products.make_disk(system, domain, "rescue.iso", -(-size // MB) * MB, content_type=types.DiskContentType.ISO)
    products.fill_disk(agent, domain, disc, os.path.join(guest, "demo.iso"))
    return service


def test_run_once(manager, agent, system, lamp, visitors):
    """From a disc and paused, for this run only; the page says so, and after the run nothing is left of it."""
    visitor = visitors(manager, path=f"vms/{lamp.get().id}")
    page = visitor.page
    page.get_by_role("heading", level=1, name="lamp").wait_for()
    visitor.do("Run once")
    form = visitor.dialog("Run lamp once")
    form.get_by_label("First boot device").select_option("cdrom")
    expect(form.get_by_label("Second boot device")).to_be_visible()
    visitor.choose(form, "Disc", "rescue.iso")
    form.get_by_label("Start paused").check()
    visitor.look("dialogs-05-run-once")
    visitor.submit(form, "Run")
    expect(page.locator(".h-title")).to_contain_text("Paused", timeout=120000)
    expect(page.get_by_text("Runs with settings that are for this run only.")).to_be_visible()
    expect(page.get_by_role("img", name="Started once with other settings").first).to_be_visible()
    visitor.settle()
    visitor.shot("dialogs-06-runs-once")
    xml = agent.lab.run(agent.host, ["virsh", "-q", "dumpxml", lamp.get().id]).stdout
    assert re.search(r"<disk type='file' device='cdrom'>(?:(?!</disk>).)*<source file", xml, re.S), xml
    assert re.search(r"device='cdrom'>(?:(?!</disk>).)*<boot order='1'", xml, re.S), xml
    visitor.do("Power off")
    visitor.submit(visitor.dialog("Power off"), "Power off")
    expect(page.locator(".h-title")).to_contain_text("Down", timeout=60000)
    expect(page.get_by_text("Runs with settings that are for this run only.")).to_have_count(0)
    visitor.do("Run")
    expect(page.locator(".h-title")).to_contain_text("Up", timeout=120000)
    expect(page.get_by_role("img", name="Started once with other settings")).to_have_count(0)
    xml = agent.lab.run(agent.host, ["virsh", "-q", "dumpxml", lamp.get().id]).stdout
    assert not re.search(r"device='cdrom'>(?:(?!</disk>).)*<source file", xml, re.S), xml


def test_changes_of_what_runs(manager, system, lamp, visitors):
    """What applies now and what waits is told member by member; each can be kept for later; what waits is shown on the page."""
    visitor = visitors(manager, path=f"vms/{lamp.get().id}")
    page = visitor.page
    page.get_by_role("heading", level=1, name="lamp").wait_for()
    visitor.do("Edit")
    form = visitor.dialog("Edit virtual machine lamp")
    visitor.fill(form, description="Lit")
    form.get_by_role("tab", name="System").click()
    visitor.fill(form, memory="192 MiB")
    expect(form.get_by_text("Some of it waits for the next start")).to_be_visible()
    expect(form.locator(".h-dry-run")).to_contain_text("Applies now: Description, Guaranteed memory")
    expect(form.locator(".h-dry-run")).to_contain_text(re.compile("At the next start: Memory"))
    visitor.look("dialogs-07-edit-running")
    visitor.submit(form, "Save")
    assert (lamp.get().description, lamp.get().memory) == ("Lit", 128 * MB)
    expect(page.get_by_role("img", name="Changes take effect at the next start").first).to_be_visible()
    page.get_by_role("button", name="Show them").click()
    waits = page.get_by_role("row").filter(has_text="Memory").first
    expect(waits).to_contain_text("128 MiB")
    expect(waits).to_contain_text("192 MiB")
    visitor.settle()
    visitor.shot("dialogs-08-what-waits")

    visitor.do("Edit")
    form = visitor.dialog("Edit virtual machine lamp")
    expect(form.locator("#f-description")).to_have_value("Lit")
    visitor.fill(form, description="Dim", comment="On the left")
    keep = form.get_by_role("group", name="Keep for the next start:")
    keep.get_by_label("Description").check()
    expect(form.locator(".h-dry-run")).to_contain_text("Applies now: Comment.")
    expect(form.locator(".h-dry-run")).to_contain_text("At the next start: Description.")
    visitor.look("dialogs-09-edit-later")
    visitor.submit(form, "Save")
    expect(page.get_by_role("row").filter(has_text="Description")).to_contain_text("Dim")
    assert (lamp.get().description, lamp.get().comment) == ("Lit", "On the left")
    lamp.update(types.Vm(comment="On the right"))
    assert (lamp.get().description, lamp.get().comment) == ("Lit", "On the right")  # what waits goes on waiting


def test_file_for_remote_viewer(manager, agent, lamp, visitors):
    """By one click; what comes is what Remote Viewer reads: where, and with which password."""
    visitor = visitors(manager, path="vms")
    visitor.select("lamp")
    with visitor.page.expect_download() as got:
        visitor.do("Remote Viewer file")
    assert got.value.suggested_filename == "lamp.vv"
    ini = configparser.ConfigParser(interpolation=None)
    with open(got.value.path(), encoding="utf-8") as f:
        ini.read_string(f.read())
    viewer = ini["virt-viewer"]
    assert viewer["type"] in ("vnc", "spice") and viewer["host"] == agent.lab.address(1) and viewer["password"]
    assert 5900 <= int(viewer.get("port") or viewer["tls-port"]) < 65536
    assert viewer["delete-this-file"] == "1" and viewer["title"].startswith("lamp")


def wing(system, agent, domain, name):
    """A VM with an empty disk: it runs, and finds nothing to boot from."""
    vm = system.vms_service().add(types.Vm(name=name, cluster=types.Cluster(id=agent.cluster.id), template=types.Template(name="Blank"), memory=64 * MB,
                                           memory_policy=types.MemoryPolicy(guaranteed=64 * MB, max=256 * MB)))
    disk = products.make_disk(system, domain, name + "-disk", MB)
    system.vms_service().vm_service(vm.id).disk_attachments_service().add(types.DiskAttachment(
        disk=types.Disk(id=disk.id), interface=types.DiskInterface.VIRTIO, bootable=True, active=True))


def test_several_at_once(manager, system, agent, domain, lamp, visitors):
    """One of three is down already: the question says who is left out and why. A guest that does not listen is powered off when one wants it."""
    for name in ("east", "west"):
        wing(system, agent, domain, name)
    of(system, "east").start(pause=True)
    wait_status(of(system, "east"), types.VmStatus.PAUSED)
    visitor = visitors(manager, path="vms")
    page = visitor.page
    visitor.see("east", "Paused")
    visitor.select("lamp", "east", "west")
    visitor.do("Shut down")
    form = visitor.dialog("Shut down")
    expect(form).to_contain_text("2 guests are asked to shut down.")
    expect(form).to_contain_text("One of the selected is left out")
    expect(form.get_by_role("listitem").filter(has_text="west")).to_contain_text("Not while it is down.")
    visitor.look("dialogs-10-shut-down")
    form.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    visitor.do("Power off")
    form = visitor.dialog("Power off")
    expect(form).to_contain_text("2 running virtual machines will be powered off.")
    visitor.fill(form, reason="The wing is closed")
    visitor.look("dialogs-11-power-off")
    visitor.submit(form, "Power off")
    for name in ("lamp", "east"):
        visitor.see(name, "Down")
    assert of(system, "east").get().stop_reason == "The wing is closed"
    assert (lamp.get().description, lamp.get().memory) == ("Dim", 192 * MB)  # what waited is there
    visitor.do("Run")
    for name in ("lamp", "east", "west"):
        visitor.see(name, "Up", 120000)
    with open(os.path.join(manager.state, "options"), "a", encoding="utf-8") as f:
        f.write("VmGracefulShutdownTimeout=2\n")
    visitor.do("Shut down")
    form = visitor.dialog("Shut down")
    expect(form).to_contain_text("3 guests are asked to shut down.")
    form.get_by_label("Power off when the guest does not shut down").check()
    visitor.submit(form, "Shut down")
    for name in ("lamp", "east", "west"):
        visitor.see(name, "Down", 60000)
    lamp.start()
    visitor.see("lamp", "Up")


def test_maintenance(manager, system, lamp, visitors):
    """With a VM on it: the question says how many, the page why it is not there yet; once the VM is down it is."""
    visitor = visitors(manager, path="hosts")
    page = visitor.page
    visitor.select("hall-1")
    page.get_by_role("button", name="More actions").click()
    page.get_by_role("menuitem", name="Reinstall", exact=True).wait_for()
    visitor.settle()
    visitor.shot("dialogs-12-host-menu")
    for entry, why in ("Reinstall", "Not while it is up."), ("Remove", "Not while it is up."):
        item = page.get_by_role("menuitem", name=entry, exact=True)
        expect(item).to_have_attribute("aria-disabled", "true")
        item.hover()
        expect(page.get_by_role("tooltip")).to_have_text(why)
    page.keyboard.press("Escape")
    visitor.do("Maintenance")
    form = visitor.dialog("Maintenance")
    expect(form).to_contain_text("One virtual machine runs there. The host prepares for maintenance until it is down.")
    visitor.fill(form, reason="New fans")
    visitor.look("dialogs-13-maintenance")
    visitor.submit(form, "Maintenance")
    visitor.see("hall-1", "Preparing for maintenance")
    page.get_by_role("link", name="hall-1", exact=True).click()
    expect(page.get_by_text("1 virtual machine is still running on it.")).to_be_visible(timeout=30000)
    visitor.settle()
    visitor.shot("dialogs-14-host-waits")
    products.stop_vm(lamp)
    expect(page.locator(".h-title")).to_contain_text("Maintenance", timeout=60000)
    expect(page.get_by_text("still running on it")).to_have_count(0)
    expect(page.locator(".h-note")).to_contain_text("New fans")

    visitor.do("Reinstall")
    form = visitor.dialog("Reinstall")
    visitor.look("dialogs-15-reinstall")
    visitor.submit(form, "Reinstall")
    expect(page.locator(".h-title")).to_contain_text("Up", timeout=90000)
    visitor.do("Maintenance")
    form = visitor.dialog("Maintenance")
    expect(form.get_by_text("prepares for maintenance until")).to_have_count(0)
    visitor.submit(form, "Maintenance")
    expect(page.locator(".h-title")).to_contain_text("Maintenance", timeout=60000)
    visitor.do("Activate")
    expect(page.locator(".h-title")).to_contain_text("Up", timeout=60000)
