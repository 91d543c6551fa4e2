# SPDX-License-Identifier: Apache-2.0
"""What portals ask about a person: who it is, and what he may do where. The same truth as calls are judged by."""
import pytest
import rest

PASSWORD = "a-good-one"


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    with rest.solo(tmp_path_factory.mktemp("me")) as made:
        yield made


@pytest.fixture(scope="module")
def admin(manager):
    return rest.Rest(manager)


def person(manager, admin, name):
    user = admin.add("users", user_name=name, name="Jane", last_name="Doe", password=PASSWORD, domain={"name": "internal-authz"})
    who = rest.Rest(manager, name + "@internal", PASSWORD)
    who.id = user["id"]
    return who


def give(admin, place, user, role):
    return admin.add(place + "/permissions" if place else "permissions", role={"name": role}, user={"id": user.id})


def allowed(who, path):
    answer = who.call("GET", "/ovirt-engine/hostler/allowed", params={"path": path})
    return set(answer.json()) if answer.status_code == 200 else answer.status_code


@pytest.fixture(scope="module")
def vms(admin):
    return [admin.add("vms", name=f"vm{i}", cluster={"name": "Default"}, template={"name": "Blank"})["id"] for i in range(2)]


def test_me(manager, admin):
    me = admin.get("/ovirt-engine/hostler/me")
    assert me["user_name"] == "admin@internal-authz" and me["is_admin"] and me["can_change_password"]
    assert me["domain"] == "internal-authz" and me["session_expires"] > 0
    jane = person(manager, admin, "jane-me")
    me = jane.get("/ovirt-engine/hostler/me")
    assert (me["id"], me["name"], me["last_name"], me["is_admin"]) == (jane.id, "Jane", "Doe", False)
    assert me["password_expires"] > me["session_expires"]
    for page in ("me", "allowed"):
        answer = jane.call("GET", "/ovirt-engine/hostler/" + page, token=False)
        assert answer.status_code == 401 and answer.json()["reason"] == "Not authenticated"


def test_administrator(admin, vms):
    assert allowed(admin, "vms") == {"vms.list", "vms.add"}
    of_vm = allowed(admin, "/vms/" + vms[0])
    assert {"vm.get", "vm.update", "vm.start", "vm.clone", "vm_nics.add", "vm_nics.list", "assigned_permissions.add"} <= of_vm
    assert {"vms.add", "clusters.add", "users.add", "roles.add"} <= allowed(admin, "")
    assert allowed(admin, f"vms/{vms[0]}/nics") >= {"vm_nics.list", "vm_nics.add", "vm_nic.update", "vm_nic.remove"}


def test_user_of_one(manager, admin, vms):
    jane = person(manager, admin, "jane-vm")
    assert allowed(jane, "vms") == {"vms.list"} and allowed(jane, "vms/" + vms[0]) == 404
    give(admin, "vms/" + vms[0], jane, "UserRole")
    mine = allowed(jane, "vms/" + vms[0])
    assert {"vm.get", "vm.start", "vm.stop"} <= mine
    assert not mine & {"vm.update", "vm.remove", "vm_nics.add", "vm.clone", "assigned_permissions.add"}
    assert allowed(jane, "vms/" + vms[1]) == 404 == allowed(jane, f"vms/{vms[1]}/nics")
    assert allowed(jane, "clusters") == {"clusters.list"}
    give(admin, "vms/" + vms[0], jane, "UserVmManager")
    assert {"vm.update", "vm.remove", "vm_nics.add", "assigned_permissions.add"} <= allowed(jane, "vms/" + vms[0])


def test_creator(manager, admin):
    jane = person(manager, admin, "jane-power")
    cluster = admin.one("clusters", "Default")["id"]
    assert "vms.add" not in allowed(jane, "vms")
    give(admin, "clusters/" + cluster, jane, "VmCreator")
    assert "vms.add" in allowed(jane, "vms") and "disks.add" not in allowed(jane, "disks")


@pytest.mark.parametrize("role", ["UserRole", "UserVmManager", "PowerUserRole", "ClusterAdmin", "ReadOnlyAdmin"])
def test_same_truth(manager, admin, vms, role):
    """What is said to be refused is refused, and what is said to be allowed is not refused for want of a permit."""
    jane = person(manager, admin, "jane-" + role.lower())
    give(admin, "vms/" + vms[0], jane, role)
    may = allowed(jane, "vms/" + vms[0])
    for name, method, path, body in (("vm.start", "POST", "/start", {"pause": "x"}), ("vm.shutdown", "POST", "/shutdown", {}),
                                     ("vm.update", "PUT", "", {"memory": "many"}), ("vm_nics.add", "POST", "/nics", {}),
                                     ("snapshots.add", "POST", "/snapshots", {"date": "x"}), ("vm.migrate", "POST", "/migrate", {}),
                                     ("disk_attachments.add", "POST", "/diskattachments", {}),
                                     ("assigned_permissions.add", "POST", "/permissions", {"role": {"name": "no-such"}, "user": {"id": jane.id}})):
        answer = jane.call(method, f"/vms/{vms[0]}{path}", body)
        if answer.status_code != 501:
            assert (answer.status_code == 403) == (name not in may), (role, name, answer.status_code, answer.text)


@pytest.mark.parametrize("path", ["nothing", "vms/none", "vms/00000000-0000-0000-0000-000000000000", "vms/%", "../..", "vms//x;y", "a" * 3000])
def test_nonsense(admin, path):
    assert allowed(admin, path) in (404, 400, 414, 431)
