# SPDX-License-Identifier: Apache-2.0
"""Every call that oVirt's own VM portal makes, as it makes it: JSON, `Filter: true`, its parameters; by people who are no administrators.

The Manager answers each as itself; what this version does not do says so (501, with the operation's name).
"""
import os

import products
import pytest
import rest
from products import wait_for

PASSWORD = "a-good-one"
ZERO = "00000000-0000-0000-0000-000000000000"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1h4zHk7l3x4Y6mZ8n2vQ0a9b8c7d6e5f4g3h2i1j0k jane"
FOLLOW = "cdroms,sessions,disk_attachments.disk,graphics_consoles,nics.reported_devices,snapshots,permissions,statistics"


@pytest.fixture(scope="module")
def admin(manager):
    return rest.Rest(manager)


@pytest.fixture(scope="module")
def scene(manager, admin, sdk, agents, domains, guest):
    """Jane uses one VM (UserRole) and makes others (PowerUserRole on the data center and what is in it)."""
    service = products.make_bootable_vm(sdk.system_service(), agents[0], domains[0], "given", os.path.join(guest, "demo.qcow2"))
    user = admin.add("users", user_name="jane-portal", password=PASSWORD, domain={"name": "internal-authz"})
    cluster = agents[0].cluster
    for place, role in (("vms/" + service.get().id, "UserRole"), ("clusters/" + cluster.id, "PowerUserRole"),
                        ("storagedomains/" + domains[0].id, "DiskCreator")):
        admin.add(place + "/permissions", role={"name": role}, user={"id": user["id"]})
    jane = rest.Rest(manager, "jane-portal@internal", PASSWORD)
    return {"jane": jane, "user": user["id"], "given": service.get().id, "cluster": cluster.id, "domain": domains[0].id,
            "center": domains[0].center}


def ask(scene, method, path, body=None, expect=(200,), **headers):
    """As the portal does; path may have parameters of both kinds."""
    if body is not None and not isinstance(body, str):
        headers.setdefault("Content-Type", "application/json")
    headers = {"Accept": "application/json", "Filter": "true", "Accept-Language": "en_US", **headers}
    answer = scene["jane"].call(method, path, body, headers=headers, timeout=120)
    assert answer.status_code in expect, (method, path, answer.status_code, answer.text[:600])
    if answer.status_code == 501:
        assert "not implemented" in answer.text
    return answer.json() if answer.content and "json" in answer.headers["Content-Type"] else answer.text


def test_start_of_the_portal(scene):
    api = ask(scene, "GET", "/")
    assert api["product_info"]["version"]["major"] == "4" and api["authenticated_user"]["id"] == scene["user"]
    assert ask(scene, "GET", "/permissions", expect=(403,), Filter="false")["reason"]
    me = ask(scene, "GET", "/users/" + scene["user"])
    assert me["user_name"] == "jane-portal@internal-authz"
    for name in ("MaxNumOfVmSockets", "MaxNumOfCpuPerSocket", "MaxNumOfThreadsPerCpu", "MaxNumOfVmCpus", "UserSessionTimeOutInterval",
                 "DefaultGeneralTimeZone", "DefaultWindowsTimeZone", "WebSocketProxy", "SpiceUsbAutoShare"):
        assert ask(scene, "GET", "/options/" + name)["values"]["system_option_value"], name
    assert any(o["name"] == "rhel_8x64" or "rhel" in o["name"] for o in ask(scene, "GET", "/operatingsystems")["operating_system"])
    icon = ask(scene, "GET", "/operatingsystems")["operating_system"][0]["small_icon"]["id"]
    assert ask(scene, "GET", "/icons/" + icon)["data"]


@pytest.mark.parametrize("path, member", [
    ("/vms;max=20?detail=current_graphics_consoles&current&search=SORTBY%20NAME%20ASC%20page%201&follow=" + FOLLOW, "vm"),
    ("/vms/;max=20?search=SORTBY NAME ASC page 1", "vm"),
    ("/templates?follow=nics,disk_attachments.disk,permissions", "template"),
    ("/clusters?follow=networks,permissions", "cluster"),
    ("/datacenters?follow=storage_domains", "data_center"),
    ("/datacenters?follow=permissions,storage_domains", "data_center"),
    ("/storagedomains?follow=permissions", "storage_domain"),
    ("/vnicprofiles?follow=network,permissions", "vnic_profile"),
    ("/networks", "network"),
    ("/roles?follow=permits", "role"),
    ("/hosts", None), ("/groups", None), ("/users/{user}/groups", None),
    ("/vmpools;max=20?search=SORTBY%20NAME%20ASC%20page%201&follow=vm", None),
    ("/events?search=severity%3Derror", None),
    ("/disks?search=disk_type%3Dimage%20and%20disk_content_type%3Diso", None), ("/disks", "disk"),
    ("/storagedomains/{domain}/files", None), ("/permissions", None),
])
def test_lists(scene, path, member):
    got = ask(scene, "GET", path.format(**scene))
    if member:
        assert got.get(member), (path, got)
    if "follow=permits" in path:
        assert all(r["permits"]["permit"][0]["name"] for r in got["role"] if r["name"] != "empty")
    if path.startswith("/vms"):
        assert [v["id"] for v in got["vm"]] == [scene["given"]]
    if path.startswith("/vms;"):
        vm = got["vm"][0]
        assert vm["disk_attachments"]["disk_attachment"][0]["disk"]["provisioned_size"] and vm["permissions"]["permission"]
    if path.startswith("/datacenters"):
        assert scene["domain"] in str(got), "the storage domain in which disks may be made"


@pytest.mark.parametrize("path", ["", "?follow=" + FOLLOW + "&current", "/snapshots", "/nics?follow=reporteddevices", "/diskattachments", "/sessions",
                                  "/permissions?follow=role.permits", "/graphicsconsoles", f"/cdroms/{ZERO}?current=true",
                                  f"/cdroms/{ZERO}?current=false"])
def test_own_vm(scene, path):
    ask(scene, "GET", f"/vms/{scene['given']}{path}")


def test_what_a_user_may_not(scene):
    vm = "/vms/" + scene["given"]
    for method, path, body in (("PUT", vm, {"description": "x"}), ("DELETE", vm, None), ("POST", vm + "/nics", {"name": "n"}),
                               ("POST", vm + "/snapshots", {"description": "s"}),
                               ("POST", vm + "/diskattachments", {"interface": "virtio", "disk": {"provisioned_size": 1 << 20, "format": "cow"}})):
        ask(scene, method, path, body, expect=(403,))
    ask(scene, "DELETE", "/events/1", expect=(403, 404))
    ask(scene, "POST", f"/vmpools/{ZERO}/allocatevm", "<action />", expect=(404, 501), **{"Content-Type": "application/xml"})
    ask(scene, "GET", f"/vmpools/{ZERO}", expect=(404, 501))


def test_profile(scene):
    keys, options = (f"/users/{scene['user']}/{n}" for n in ("sshpublickeys", "options"))
    made = ask(scene, "POST", keys, {"content": KEY}, expect=(201,))
    assert ask(scene, "GET", keys)["ssh_public_key"][0]["content"] == KEY
    assert ask(scene, "PUT", f"{keys}/{made['id']}", {"content": KEY + "2"})["content"] == KEY + "2"
    ask(scene, "DELETE", f"{keys}/{made['id']}")
    assert not ask(scene, "GET", keys).get("ssh_public_key")
    option = ask(scene, "POST", options, {"name": "webUi.language", "content": '"de"'}, expect=(201,))
    assert ask(scene, "GET", options)["user_option"][0]["content"] == '"de"'
    ask(scene, "DELETE", f"{options}/{option['id']}")


def status(scene, path, wanted, timeout=90):
    wait_for(lambda: ask(scene, "GET", path)["status"] == wanted, timeout, f"{path} {wanted}")


def test_run(scene):
    """Start, look at consoles, stop: the VM that was given."""
    vm = "/vms/" + scene["given"]
    disk = "/disks/" + ask(scene, "GET", vm + "/diskattachments")["disk_attachment"][0]["id"]
    read = [scene["jane"].call("GET", path).headers["ETag"][:17] for path in (vm, disk)]
    ask(scene, "POST", vm + "/start", "{}", **{"Content-Type": "application/json"})
    status(scene, vm, "up")
    # nobody has edited them: what was read before can still be saved
    assert [scene["jane"].call("GET", path).headers["ETag"][:17] for path in (vm, disk)] == read
    console = ask(scene, "GET", vm + "/graphicsconsoles?current=true")["graphics_console"][0]["id"]
    viewer = ask(scene, "GET", f"{vm}/graphicsconsoles/{console}", Accept="application/x-virt-viewer")
    assert viewer.startswith("[virt-viewer]") and "password=" in viewer
    assert ask(scene, "POST", f"{vm}/graphicsconsoles/{console}/ticket", {"async": False})["ticket"]["value"]
    assert ask(scene, "POST", f"{vm}/graphicsconsoles/{console}/proxyticket", {"async": False})["proxy_ticket"]["value"]
    ask(scene, "POST", vm + "/logon", "{}", expect=(200, 409), **{"Content-Type": "application/json"})
    ask(scene, "PUT", f"{vm}/cdroms/{ZERO}?current=true", {"file": {"id": ""}})
    ask(scene, "POST", vm + "/reboot", "{}", **{"Content-Type": "application/json"})
    ask(scene, "POST", vm + "/shutdown", "{}", expect=(200, 409), **{"Content-Type": "application/json"})
    ask(scene, "POST", vm + "/stop", "{}", expect=(200, 409), **{"Content-Type": "application/json"})
    status(scene, vm, "down")


def test_power_user(scene):
    """Makes a VM with disk, card and snapshot, changes them, and takes all away."""
    made = ask(scene, "POST", "/vms?clone=false", {
        "name": "of-jane", "cluster": {"id": scene["cluster"]}, "template": {"id": ZERO}, "memory": 64 << 20,
        "memory_policy": {"guaranteed": 64 << 20, "max": 256 << 20}, "type": "server"}, expect=(201, 202))
    vm = "/vms/" + made["id"]
    status(scene, vm, "down")
    roles = [p["role"]["id"] for p in ask(scene, "GET", vm + "/permissions")["permission"] if p.get("user", {}).get("id") == scene["user"]]
    assert roles == ["def00006-0000-0000-0000-def000000006"]
    assert ask(scene, "PUT", vm, {"id": made["id"], "description": "mine"})["description"] == "mine"
    ask(scene, "PUT", vm + "?next_run=true", {"memory": 128 << 20})
    nic = ask(scene, "POST", vm + "/nics", {"name": "nic1", "interface": "virtio"}, expect=(201,))
    ask(scene, "PUT", f"{vm}/nics/{nic['id']}", {"name": "nic2"})
    attached = ask(scene, "POST", vm + "/diskattachments", {
        "interface": "virtio_scsi", "active": True, "bootable": False,
        "disk": {"alias": "of-jane-1", "provisioned_size": 1 << 20, "format": "cow", "storage_domains": {"storage_domain": [{"id": scene["domain"]}]}}},
        expect=(201, 202))
    disk = "/disks/" + attached["id"]
    status(scene, disk, "ok")
    assert any(p["role"]["id"] == "def0000a-0000-0000-0000-def00000000b" for p in ask(scene, "GET", disk + "/permissions?follow=role.permits")["permission"])
    assert ask(scene, "GET", f"{vm}/diskattachments/{attached['id']}?follow=disk")["disk"]["name"] == "of-jane-1"
    ask(scene, "PUT", f"{vm}/diskattachments/{attached['id']}", {"bootable": True, "disk": {"alias": "of-jane-2"}}, expect=(200, 202))
    status(scene, disk, "ok")
    snapshot = ask(scene, "POST", vm + "/snapshots", {"description": "before"}, expect=(201, 202))
    path = f"{vm}/snapshots/{snapshot['id']}"
    wait_for(lambda: ask(scene, "GET", path)["snapshot_status"] == "ok", 90, "snapshot ok")
    assert ask(scene, "GET", path + "/disks")["disk"] and "nic" in ask(scene, "GET", path + "/nics")
    jobs = scene["jane"].get("/jobs").get("job", [])
    assert jobs and ask(scene, "GET", "/jobs/" + jobs[0]["id"])["id"]
    ask(scene, "POST", path + "/restore", "<action />", **{"Content-Type": "application/xml"})
    wait_for(lambda: all(s["snapshot_status"] == "ok" for s in ask(scene, "GET", vm + "/snapshots")["snapshot"]), 90, "restored")
    status(scene, vm, "down")
    ask(scene, "DELETE", path + "?async=true")
    wait_for(lambda: len(ask(scene, "GET", vm + "/snapshots")["snapshot"]) == 1, 90, "snapshot gone")
    ask(scene, "POST", vm + "/suspend", "{}", expect=(409,), **{"Content-Type": "application/json"})
    ask(scene, "DELETE", f"{vm}/nics/{nic['id']}")
    ask(scene, "DELETE", disk + "?async=true", expect=(200, 409))
    ask(scene, "DELETE", vm + ";detach_only=true", expect=(200,))
    wait_for(lambda: ask(scene, "GET", vm, expect=(200, 404)) == "", 60, "VM gone")
