# SPDX-License-Identifier: Apache-2.0
"""Dialogs of the Administration Portal about what is on storage, carried through: snapshots, disks that move and are copied, templates and
what is made of them, removal of VMs. A real agent, disks that hold something.

Each part goes on where the one before it ended.
"""
import os
import re

import ovirtsdk4.types as types
import products
import pytest
from playwright.sync_api import expect
from products import wait_for

MB = 2**20


@pytest.fixture(scope="module")
def system(manager):
    with manager.connect() as connection:
        yield connection.system_service()


@pytest.fixture(scope="module")
def agent(lab, manager, system):
    made = products.Agent(lab, 1, manager)
    cluster = products.make_cluster(system, "yard")
    with manager.connect() as connection:
        made.enroll(connection, cluster)
    made.cluster = cluster
    yield made
    made.stop()


@pytest.fixture(scope="module")
def domains(system, agent):
    return {name: products.make_domain(system, agent, name) for name in ("barn", "shed")}


@pytest.fixture(scope="module")
def cart(system, agent, domains):
    """A VM that is down, whose disk says where it comes from."""
    vms = system.vms_service()
    vm = vms.add(types.Vm(name="cart", cluster=types.Cluster(id=agent.cluster.id), template=types.Template(name="Blank"), memory=64 * MB,
                          memory_policy=types.MemoryPolicy(guaranteed=64 * MB, max=256 * MB)))
    disk = products.make_disk(system, domains["barn"], "cart-disk", 64 * MB)
    vms.vm_service(vm.id).disk_attachments_service().add(types.DiskAttachment(
        disk=types.Disk(id=disk.id), interface=types.DiskInterface.VIRTIO, bootable=True, active=True))
    return vms.vm_service(vm.id)


class Written:
    """What stands at the beginning of a disk."""

    def __init__(self, system, agent, domains):
        self.system, self.agent, self.domains = system, agent, list(domains.values())

    def volume(self, alias):
        disk = self.system.disks_service().list(search=f"alias={alias}")[0]
        domain = next(d for d in self.domains if d.id == disk.storage_domains[0].id)
        return domain, disk, f"{domain.path}/{domain.id}/images/{disk.id}/{disk.image_id}"

    def write(self, alias, byte):
        _, disk, path = self.volume(alias)
        form = "qcow2" if disk.format == types.DiskFormat.COW else "raw"
        self.agent.lab.run(self.agent.host, ["setpriv", "--reuid=36", "--regid=36", "--clear-groups", "qemu-io", "-f", form, "-c",
                                             f"write -P {byte} 0 64k", path])

    def read(self, alias):
        path = self.volume(alias)[2]
        return self.agent.lab.run(self.agent.host, ["sh", "-c", f"qemu-img convert -U -O raw {path} /tmp/written.raw && od -An -tu1 -N1 /tmp/written.raw"]).stdout.strip()


@pytest.fixture(scope="module")
def written(system, agent, domains):
    return Written(system, agent, domains)


def disk_of(system, name):
    """The id of a VM's only disk."""
    vm = system.vms_service().list(search=f"name={name}")[0]
    return system.vms_service().vm_service(vm.id).disk_attachments_service().list()[0].disk.id


def take(visitor, name):
    visitor.do("New", visitor.page.get_by_role("tabpanel"))
    form = visitor.dialog("Create a snapshot of cart")
    visitor.fill(form, description=name)
    visitor.submit(form, "Create snapshot")
    expect(snapshot(visitor, name).get_by_text("Ok", exact=True)).to_be_visible(timeout=60000)


def snapshot(visitor, name):
    return visitor.rows().filter(has_text=name)


def choose(visitor, name):
    row = snapshot(visitor, name)
    row.locator("td.h-cell").first.click()
    expect(row.get_by_role("checkbox")).to_be_checked()


def ask(visitor, command, shot=None):
    """A command on the selected part that asks first, and does it."""
    visitor.do(command, visitor.page.get_by_role("tabpanel"))
    form = visitor.dialog(command)
    if shot:
        visitor.look(shot)
    return form


def test_snapshots(manager, system, cart, written, visitors):
    """Preview and undo, preview and commit, removal: states are seen as they come, and the disk holds what it should."""
    written.write("cart-disk", 1)
    visitor = visitors(manager, path=f"vms/{cart.get().id}/snapshots")
    page = visitor.page
    page.get_by_role("tab", name="Snapshots", selected=True).wait_for()
    take(visitor, "first")
    written.write("cart-disk", 2)

    choose(visitor, "first")
    form = ask(visitor, "Preview", "dialogs-20-preview")
    expect(form).to_contain_text("The virtual machine is shown as it was.")
    visitor.submit(form, "Preview")
    expect(snapshot(visitor, "first").get_by_text("In preview")).to_be_visible(timeout=60000)
    wait_for(lambda: written.read("cart-disk") == "1", 30, "the disk as it was")
    expect(page.get_by_text("Shown as it was at the snapshot first")).to_be_visible()
    visitor.settle()
    visitor.shot("dialogs-21-in-preview")
    choose(visitor, "first")
    form = ask(visitor, "Undo preview")
    visitor.submit(form, "Undo preview")
    expect(snapshot(visitor, "first").get_by_text("Ok", exact=True)).to_be_visible(timeout=60000)
    expect(page.get_by_text("Shown as it was at the snapshot first")).to_have_count(0)
    assert written.read("cart-disk") == "2"

    choose(visitor, "first")
    visitor.submit(ask(visitor, "Preview"), "Preview")
    expect(snapshot(visitor, "first").get_by_text("In preview")).to_be_visible(timeout=60000)
    choose(visitor, "first")
    form = ask(visitor, "Commit", "dialogs-22-commit")
    visitor.submit(form, "Commit")
    expect(snapshot(visitor, "first").get_by_text("Ok", exact=True)).to_be_visible(timeout=60000)
    assert written.read("cart-disk") == "1"

    take(visitor, "second")
    expect(visitor.rows()).to_have_count(3)
    choose(visitor, "first")
    visitor.do("Remove", page.get_by_role("tabpanel"))
    form = visitor.dialog("Remove snapshot")
    expect(form).to_contain_text("first")
    visitor.look("dialogs-23-remove-snapshot")
    visitor.submit(form, "Remove")
    expect(snapshot(visitor, "first")).to_have_count(0, timeout=60000)
    expect(snapshot(visitor, "second").get_by_text("Ok", exact=True)).to_be_visible(timeout=60000)
    choose(visitor, "second")
    visitor.do("Remove", page.get_by_role("tabpanel"))
    visitor.submit(visitor.dialog("Remove snapshot"), "Remove")
    expect(visitor.rows()).to_have_count(1, timeout=60000)
    assert written.read("cart-disk") == "1"
    choose(visitor, "Active")
    visitor.page.get_by_role("tabpanel").get_by_role("button", name="More actions").click()
    entry = page.get_by_role("menuitem", name="Remove", exact=True)
    expect(entry).to_have_attribute("aria-disabled", "true")
    entry.hover()
    expect(page.get_by_role("tooltip")).to_have_text("This is the virtual machine as it is now.")


def test_disks_move_and_are_copied(manager, system, cart, written, domains, visitors):
    """With the VM off; the job is seen in the tasks, and the disk where it went."""
    visitor = visitors(manager, path="disks")
    page = visitor.page
    page.get_by_role("button", name=re.compile("^Tasks")).click()
    tasks = page.get_by_role("region", name="Tasks")
    visitor.select("cart-disk").do("Move")
    form = visitor.dialog("Move a disk")
    expect(form.get_by_role("combobox", name="To storage domain")).to_have_value("shed")  # there is no other
    visitor.look("dialogs-24-move")
    visitor.submit(form, "Move")
    moved = tasks.get_by_role("listitem").filter(has_text=re.compile("^Moving Disk cart-disk")).first
    expect(moved).to_be_visible()
    expect(moved.get_by_label("Finished").first).to_be_visible(timeout=90000)
    visitor.see("cart-disk", "shed")
    visitor.see("cart-disk", "Ok")
    visitor.shot("dialogs-25-moved")
    domain, disk, _ = written.volume("cart-disk")
    assert domain.id == domains["shed"].id and written.read("cart-disk") == "1"
    barn = domains["barn"]
    assert str(disk.id) not in written.agent.lab.run(written.agent.host, ["ls", f"{barn.path}/{barn.id}/images"]).stdout

    visitor.select("cart-disk").do("Copy")
    form = visitor.dialog("Copy a disk")
    expect(form.get_by_role("combobox", name="To storage domain")).to_have_value("shed")  # beside what it is a copy of
    visitor.choose(form, "To storage domain", "barn")
    visitor.fill(form, **{"-alias": "spare"})
    visitor.look("dialogs-26-copy")
    visitor.submit(form, "Copy")
    visitor.see("spare", "Ok", 90000)
    visitor.see("spare", "barn")
    assert written.volume("spare")[0].id == barn.id and written.read("spare") == "1"
    page.keyboard.press("Escape")


def test_templates(manager, system, cart, written, visitors):
    """A template of a VM, and a VM of the template."""
    visitor = visitors(manager, path="vms")
    page = visitor.page
    visitor.select("cart").do("Make template")
    form = visitor.dialog("Make a template of cart")
    expect(form.locator("#f-name")).to_have_value("cart-template")
    visitor.fill(form, name="wagon", description="For carts")
    visitor.look("dialogs-27-template")
    visitor.submit(form, "Make template")
    visitor.list("templates")
    visitor.see("wagon", "Ok", 90000)
    visitor.select("wagon").do("New virtual machine")
    form = visitor.dialog("New virtual machine")
    expect(form.get_by_role("combobox", name="Template", exact=True)).to_have_value("wagon")
    visitor.fill(form, name="cart2")
    form.get_by_role("tab", name="Disks").click()
    visitor.look("dialogs-28-from-template-disks")
    form.get_by_role("tab", name="General").click()
    visitor.look("dialogs-29-from-template")
    visitor.submit(form, "Create", 90000)
    visitor.list("vms")
    visitor.see("cart2", "Down", 90000)
    made = system.vms_service().list(search="name=cart2")[0]
    attached = system.vms_service().vm_service(made.id).disk_attachments_service().list()
    assert len(attached) == 1 and attached[0].bootable and made.memory == 64 * MB
    assert system.templates_service().template_service(made.template.id).get().name == "wagon"

    visitor.list("templates").select("wagon")
    visitor.do("Remove")
    form = visitor.dialog("Remove template")
    expect(form).to_contain_text("Refused while virtual machines or versions stand on it.")
    form.get_by_role("button", name="Remove", exact=True).click()
    expect(form.get_by_text("It was refused")).to_be_visible()
    expect(form).to_contain_text("cart2")
    visitor.look("dialogs-30-template-used")


def test_removal(manager, system, written, visitors):
    """Protected: it says how that is taken off. With its disks kept they float; otherwise they go with it."""
    kept, owned = (disk_of(system, name) for name in ("cart", "cart2"))
    visitor = visitors(manager, path="vms")
    page = visitor.page
    visitor.select("cart").do("Edit")
    form = visitor.dialog("Edit virtual machine cart")
    form.get_by_label("Delete protected").check()
    visitor.submit(form, "Save")
    expect(visitor.row("cart").get_by_role("img", name="Protected against deletion")).to_be_visible()
    visitor.select("cart")
    page.get_by_role("button", name="More actions").click()
    entry = page.get_by_role("menuitem", name="Remove", exact=True)
    expect(entry).to_have_attribute("aria-disabled", "true")
    entry.hover()
    expect(page.get_by_role("tooltip")).to_have_text("It is protected against removal. Edit it to take that off.")
    visitor.shot("dialogs-31-protected")
    page.keyboard.press("Escape")
    visitor.do("Edit")
    form = visitor.dialog("Edit virtual machine cart")
    form.get_by_label("Delete protected").uncheck()
    visitor.submit(form, "Save")
    expect(visitor.row("cart").get_by_role("img", name="Protected against deletion")).to_have_count(0)

    visitor.select("cart").do("Remove")
    form = visitor.dialog("Remove virtual machine")
    form.get_by_label("Keep them").check()
    visitor.look("dialogs-32-remove")
    visitor.submit(form, "Remove")
    expect(visitor.row("cart")).to_have_count(0, timeout=60000)
    visitor.select("cart2").do("Remove")
    form = visitor.dialog("Remove virtual machine")
    expect(form.get_by_label("Delete them")).to_be_checked()
    visitor.submit(form, "Remove")
    expect(visitor.row("cart2")).to_have_count(0, timeout=60000)
    visitor.list("disks")
    expect(visitor.rows()).to_have_count(3, timeout=60000)  # kept, the template's, and the copy
    expect(visitor.rows().get_by_role("img", name="Belongs to a template")).to_have_count(1)
    expect(page.get_by_role("heading", level=1, name="Disks")).to_be_in_viewport()  # nothing has scrolled the page aside
    visitor.settle()
    visitor.shot("dialogs-33-disks-left")
    disks = system.disks_service().list()
    assert sorted(d.name for d in disks) == ["cart-disk", "cart-disk", "spare"] and kept in {d.id for d in disks}
    assert owned not in {d.id for d in disks}
